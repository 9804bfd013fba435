"""Versions of a mapping's configuration: noting what runs, proposing what shall run, and making it so.

A mapping that has linked or changed anything is never changed directly by what could write: such a change
becomes a proposed version. Who may approve it is asked by the callers.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError

from syncadmin.models import (
    Comparing,
    FieldMapping,
    MappingState,
    MappingVersion,
    Resource,
    RowRule,
    VersionState,
)
from syncadmin.models import Mapping as MappingRow

from .convert import Document, field_values, mapping_document, mapping_values
from .differences import RUNNING, KeyChange, differences, harmless, renamed
from .schema import MappingSpec


class Overtaken(Exception):
    """Something else was changed meanwhile that a proposal changes too, or it no longer waits. Says what."""


def document_of(row: MappingRow) -> Document:
    """A mapping as it is stored, as a version keeps it."""
    return {key: value for key, value in mapping_document(row).items() if key != RUNNING}


def spec_of(document: Document) -> MappingSpec:
    """A version's document, checked in itself. Raises pydantic.ValidationError."""
    return MappingSpec.model_validate(document)


def ensure_readable(version: MappingVersion) -> MappingSpec:
    """A version that shall be proposed again. Raises Overtaken if the format has left it behind."""
    try:
        return spec_of(version.document)
    except ValidationError as error:
        words = _("Version %(number)s is no longer understood: %(why)s")
        first = error.errors()[0]
        why = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise Overtaken(words % {"number": version.number, "why": why}) from None


def as_mapping(row: MappingRow, spec: MappingSpec) -> MappingRow:
    """The mapping as it would be by `spec`: to plan with, never to save."""
    resources = {(r.system.name, r.name): r for r in Resource.objects.select_related("system")}
    values = mapping_values(spec, resources)
    made = MappingRow(pk=row.pk, name=row.name, **values)
    made.enabled = row.enabled
    targets = {m.name: m for m in MappingRow.objects.all()}
    fields = [
        FieldMapping(
            mapping=made, position=n, name=name, target=targets.get(one.mapping or ""), **field_values(one)
        )
        for n, (name, one) in enumerate(spec.fields.items())
    ]
    rules = [
        RowRule(mapping=made, position=n, when=rule.when, owner=rule.owner.value)
        for n, rule in enumerate(spec.rows)
    ]
    for name, rows in (("fields", fields), ("row_rules", rules)):
        known = getattr(made, name).all()
        known._result_cache = rows
        made.__dict__.setdefault("_prefetched_objects_cache", {})[name] = known
    return made


def current(row: MappingRow, *, user: Any = None, name: str = "", how: str = "") -> MappingVersion:
    """The version that runs; noted first if the stored mapping is not what the last noted one says."""
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping_id=row.pk)
        document = document_of(MappingRow.objects.get(pk=row.pk))
        active = row.versions.filter(state=VersionState.ACTIVE).first()
        if active is not None and active.document == document:
            return active
        now = timezone.now()
        _close(active, VersionState.REPLACED, "")
        return MappingVersion.objects.create(
            mapping_id=row.pk,
            number=_next(row),
            state=VersionState.ACTIVE,
            document=document,
            base=active,
            how=how,
            made_by=user,
            made_name=_name(user, name),
            made_at=now,
            active_at=now,
        )


def changes_to(row: MappingRow, spec: MappingSpec) -> list[KeyChange]:
    """What `spec` would change of a stored mapping. Raises differences.Unchangeable."""
    return differences(spec_of(document_of(row)), spec)


def must_wait(row: MappingRow, spec: MappingSpec) -> bool:
    """Whether `spec` has to be approved before it may run. Raises differences.Unchangeable."""
    if not row.in_use:
        return False
    try:
        return not harmless(changes_to(row, spec))
    except ValidationError:  # what is stored is wrong in itself, so nothing of it can be compared
        return False


def propose(
    row: MappingRow, spec: MappingSpec, *, user: Any = None, name: str = "", how: str = ""
) -> MappingVersion:
    """Propose that the mapping be `spec`; takes the place of what was proposed before.

    What says the same as what is proposed already is that proposal. Raises differences.Unchangeable.
    """
    with transaction.atomic():
        active = current(row)
        document = _document(row, spec)
        before = row.versions.filter(state=VersionState.PROPOSED).first()
        if before is not None and before.document == document:
            return before
        number = _next(row)
        _close(before, VersionState.WITHDRAWN, f"version {number} took its place")
        differences(spec_of(active.document), spec)  # may raise
        now = timezone.now()
        return MappingVersion.objects.create(
            mapping_id=row.pk,
            number=number,
            state=VersionState.PROPOSED,
            document=document,
            renamed=renamed(spec_of(active.document), spec),
            base=active,
            how=how[:200],
            made_by=user,
            made_name=_name(user, name),
            made_at=now,
            comparing=Comparing.WAITING,
            beat_at=now,
        )


def withdraw(version_id: int, user: Any) -> MappingVersion:
    """Take a proposal back. Raises Overtaken if it no longer waits."""
    with transaction.atomic():
        version = locked(version_id)
        _close(version, VersionState.WITHDRAWN, f"withdrawn by {_name(user, '')}")
    return version


def locked(version_id: int) -> MappingVersion:
    """A proposal that waits, under its mapping's lock. In a transaction. Raises Overtaken."""
    found = MappingVersion.objects.get(pk=version_id)
    MappingState.objects.select_for_update().get_or_create(mapping_id=found.mapping_id)
    found.refresh_from_db()
    if found.state != VersionState.PROPOSED:
        raise Overtaken(_("Version %(number)s no longer waits for an approval.") % {"number": found.number})
    return found


def on_top(version: MappingVersion) -> MappingVersion:
    """The proposal on top of what runs now: what was changed meanwhile is kept. In a transaction.

    Raises Overtaken if both changed the same.
    """
    row = MappingRow.objects.get(pk=version.mapping_id)
    active = current(row)
    if version.base_id == active.pk:
        return version
    base = version.base.document if version.base is not None else {}
    document = _merged(base, version.document, active.document, ())
    spec = spec_of(document)
    version.document, version.base = _document(row, spec), active
    version.renamed = renamed(spec_of(active.document), spec)
    version.save(update_fields=["document", "base", "renamed"])
    return version


def _merged(base: Any, wanted: Any, now: Any, path: tuple[str, ...]) -> Any:
    """What a proposal wants on top of what is there now; both began at `base`."""
    if wanted in (base, now):
        return now
    if now == base:
        return wanted
    if not (isinstance(wanted, dict) and isinstance(now, dict)):
        words = _("“%(key)s” was changed meanwhile: propose your change again.")
        raise Overtaken(words % {"key": ".".join(path)})
    known = base if isinstance(base, dict) else {}
    keys = list(dict.fromkeys([*now, *wanted]))
    merged = {k: _merged(known.get(k), wanted.get(k), now.get(k), (*path, k)) for k in keys}
    return {key: value for key, value in merged.items() if value is not None}


def _document(row: MappingRow, spec: MappingSpec) -> Document:
    """What a stored mapping of this spec would say of itself."""
    made = as_mapping(row, spec)
    return {key: value for key, value in mapping_document(made).items() if key != RUNNING}


def _close(version: MappingVersion | None, state: str, how: str) -> None:
    if version is None:
        return
    version.state, version.closed_at, version.closed_how = state, timezone.now(), how
    version.comparing = "" if version.comparing != Comparing.DONE else version.comparing
    version.save(update_fields=["state", "closed_at", "closed_how", "comparing"])


def _next(row: MappingRow) -> int:
    last = row.versions.order_by("-number").values_list("number", flat=True).first()
    return (last or 0) + 1


def _name(user: Any, name: str) -> str:
    return (user.get_username() if user is not None else name)[:150]
