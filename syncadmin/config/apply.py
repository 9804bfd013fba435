"""Applying a checked configuration: one transaction, idempotent, and a line for everything that changes.

What a file does not name is kept: systems, resources and mappings are never removed by leaving them out. The
field mappings and row rules of a mapping that the file does name are exactly those of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError

from syncadmin.models import FieldMapping, MappingState, Resource, RowRule, System
from syncadmin.models import Mapping as MappingRow

from . import secrets, versions
from .convert import FIELD_KEYS, MAPPING_KEYS, field_values, mapping_values, stored_world
from .differences import Unchangeable
from .load import Known, Loaded, load
from .problems import BadConfig, Problem
from .schema import MappingSpec, SystemSpec

CONFIGURATION = "configuration"  # MappingState.stopped, when a pass found the configuration wanting


class Action(StrEnum):
    """What became of one object."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    KEPT = "not in file (kept)"
    PROPOSED = "waits for an approval"


@dataclass
class ObjectChange:
    """One object and its differences: key -> (old, new), as the file writes them."""

    what: str
    name: str
    action: Action
    details: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    version: int | None = None

    def line(self) -> str:
        """As it is printed: `changed field mapping customers.phone (merge: review -> newest)`."""
        told = ", ".join(f"{key}: {_shown(old)} -> {_shown(new)}" for key, (old, new) in self.details.items())
        name = self.name if self.version is None else f"{self.name}, version {self.version}"
        return f"{self.action}: {self.what} {name}" + (f" ({told})" if told else "")

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        details = {key: {"old": old, "new": new} for key, (old, new) in self.details.items()}
        told = {"what": self.what, "name": self.name, "action": self.action.value, "changes": details}
        return told if self.version is None else {**told, "version": self.version}


def read(text: str, source: str = "", environment: Mapping[str, str] | None = None) -> Loaded:
    """A file's content, checked against itself, what is stored and the environment. Raises BadConfig."""
    systems = {system.name: system for system in System.objects.all()}
    stored = {name: secrets.values_of(system) for name, system in systems.items()}
    settings = {name: system.config for name, system in systems.items()}
    given = os.environ if environment is None else environment
    return load(text, Known(stored_world(), stored, settings, given), source)


def apply(loaded: Loaded, *, dry_run: bool = False, by: str = "", reason: str = "") -> list[ObjectChange]:
    """Make the stored configuration what the file says; answers every object. A dry run stores nothing."""
    work = _Work(by=by, reason=reason or f"apply {loaded.source}".strip()[:100])
    _ensure_changeable(loaded)
    with transaction.atomic():
        for name, system in loaded.systems.items():
            work.system(name, system, loaded.secrets.get(name, {}))
        waiting = work.proposals(loaded.mappings)
        rows = work.mappings({name: spec for name, spec in loaded.mappings.items() if name not in waiting})
        for name, row in rows.items():
            work.fields(row, loaded.mappings[name])
            work.rules(row, loaded.mappings[name])
        work.kept(loaded)
        work.note_versions(rows)
        activate(rows[name] for name in rows if name in work.touched_mappings())
        if dry_run:
            transaction.set_rollback(True)
    return work.changes


def _ensure_changeable(loaded: Loaded) -> None:
    """Raise BadConfig if a mapping is out of service for good, or would pair other resources while in use."""
    problems = []
    for row in MappingRow.objects.filter(name__in=loaded.mappings):
        path = ("mappings", row.name)
        if not row.in_use:
            continue
        try:
            changes = versions.changes_to(row, loaded.mappings[row.name])
        except Unchangeable as error:
            problems.append(Problem(path, str(error)))
            continue
        except ValidationError:
            continue
        if row.retired and (changes or loaded.mappings[row.name].enabled):
            problems.append(Problem(path, _("is out of service for good: its links and history are kept")))
    if problems:
        raise BadConfig(problems, loaded.source)


def put(row: MappingRow, spec: MappingSpec, *, renamed: Mapping[str, str], by: str, reason: str) -> None:
    """Make a stored mapping what an approved version says, but for whether passes run. In a transaction."""
    work = _Work(by=by, reason=reason)
    running = spec.model_copy(update={versions.RUNNING: row.enabled})
    (stored,) = work.mappings({row.name: running}).values()
    work.fields(stored, running, renamed)
    work.rules(stored, running)
    stored.compare_soon()
    activate([stored])


def activate(rows: Iterable[MappingRow]) -> None:
    """Mappings that a wrong configuration had stopped may run again, now that it is another one."""
    stopped = MappingState.objects.filter(mapping__in=list(rows), stopped=CONFIGURATION)
    stopped.update(stopped="", message="", next_due=timezone.now())


class _Work:
    """Collects the changes of one `apply`; each method takes one kind of object to what the file says."""

    def __init__(self, *, by: str, reason: str) -> None:
        self.changes: list[ObjectChange] = []
        self._by = by
        self._reason = reason

    def touched_mappings(self) -> set[str]:
        """Names of mappings that changed, or whose systems did."""
        changed = [c for c in self.changes if c.action in (Action.CREATED, Action.CHANGED, Action.REMOVED)]
        named = {
            c.name.partition(".")[0] for c in changed if c.what in ("mapping", "field mapping", "row rules")
        }
        systems = {c.name.partition(".")[0] for c in changed if c.what in ("system", "resource")}
        rows = MappingRow.objects.filter(
            models.Q(left__system__name__in=systems) | models.Q(right__system__name__in=systems)
        )
        return named | set(rows.values_list("name", flat=True))

    def system(self, name: str, spec: SystemSpec, given: Mapping[str, str]) -> None:
        """The system with its secrets and its resources."""
        row = System.objects.filter(name=name).first() or System(name=name)
        wanted = {key: getattr(spec, key) for key in ("connector", "label", "record_url")}
        details = _config_details(row.config, spec.config)
        newly = []
        for secret, value in given.items():
            known = secret in (row.secrets or {})
            if secrets.put(row, secret, value, by=self._by):
                newly.append(secret)
                details[f"secret {secret}"] = ("set" if known else None, "set anew" if known else "set")
        reason = secrets.reason(newly, self._reason)
        self._take("system", name, row, {**wanted, "config": spec.config}, details=details, reason=reason)
        stored = {resource.name: resource for resource in row.resources.all()} if row.pk else {}
        for resource, one in spec.resources.items():
            found = stored.get(resource) or Resource(system=row, name=resource)
            details = _config_details(found.config, one.config)
            attributes = {"link": one.link, "changed_by": one.changed_by, "config": one.config}
            self._take("resource", f"{name}.{resource}", found, attributes, details=details)

    def proposals(self, specs: Mapping[str, MappingSpec]) -> set[str]:
        """Propose what must be approved first. Returns the names of the mappings that stay as they are.

        Whether passes run is taken over all the same.
        """
        waiting = set()
        for row in MappingRow.objects.filter(name__in=specs):
            spec = specs[row.name]
            if not versions.must_wait(row, spec):
                continue
            waiting.add(row.name)
            details = {change.key: (change.old, change.new) for change in versions.changes_to(row, spec)}
            made = versions.propose(row, spec, name=self._by, how=self._reason)
            self.changes.append(
                ObjectChange("mapping", row.name, Action.PROPOSED, details, version=made.number)
            )
            if row.enabled != spec.enabled:
                self._take("mapping", row.name, row, {"enabled": spec.enabled})
        return waiting

    def note_versions(self, rows: Mapping[str, MappingRow]) -> None:
        """Mappings in use that were changed directly, by what is harmless, have another version now."""
        changed = {c.name.partition(".")[0] for c in self.changes if c.action is Action.CHANGED}
        for name in changed & rows.keys():
            if rows[name].in_use:
                versions.current(rows[name], name=self._by, how=self._reason)

    def mappings(self, specs: Mapping[str, MappingSpec]) -> dict[str, MappingRow]:
        """The mappings themselves."""
        rows = {}
        resources = {(r.system.name, r.name): r for r in Resource.objects.select_related("system")}
        for name, spec in specs.items():
            row = MappingRow.objects.select_related("left__system", "right__system").filter(name=name).first()
            row = row or MappingRow(name=name)
            attributes = {attribute: key for key, attribute in MAPPING_KEYS.items()}
            self._take("mapping", name, row, mapping_values(spec, resources), attributes)
            rows[name] = row
        return rows

    def fields(self, row: MappingRow, spec: MappingSpec, renamed: Mapping[str, str] | None = None) -> None:
        """The field mappings of one mapping, in the file's order. `renamed`: new name -> stored name."""
        stored = {f.name: f for f in row.fields.select_related("target")}
        targets = {m.name: m for m in MappingRow.objects.all()}
        attributes = {attribute: key for key, attribute in FIELD_KEYS.items()}
        for position, (name, one) in enumerate(spec.fields.items()):
            found = stored.pop((renamed or {}).get(name, name), None) or FieldMapping(mapping=row)
            target = targets[one.mapping] if one.mapping else None
            wanted = {"name": name, **field_values(one), "target": target, "position": position}
            self._take("field mapping", f"{row.name}.{name}", found, wanted, attributes)
        for name, gone in stored.items():
            gone._change_reason = self._reason
            gone.delete()
            self.changes.append(ObjectChange("field mapping", f"{row.name}.{name}", Action.REMOVED))

    def rules(self, row: MappingRow, spec: MappingSpec) -> None:
        """The row rules of one mapping; they have no names, so they are compared as a whole."""
        stored = list(row.row_rules.all())
        old = [{"when": r.when, "owner": r.owner} for r in stored]
        new = [rule.model_dump(mode="json") for rule in spec.rows]
        if old == new:
            return
        for position, wanted in enumerate(new):
            rule = stored[position] if position < len(stored) else RowRule(mapping=row)
            rule.position, rule.when, rule.owner = position, wanted["when"], wanted["owner"]
            rule._change_reason = self._reason
            rule.save()
        for gone in stored[len(new) :]:
            gone.delete()
        action = Action.CHANGED if old else Action.CREATED
        self.changes.append(ObjectChange("row rules", row.name, action, {"rows": (old, new)} if old else {}))

    def kept(self, loaded: Loaded) -> None:
        """What is stored and the file does not name."""
        for row in System.objects.prefetch_related("resources"):
            spec = loaded.systems.get(row.name)
            if spec is None:
                self.changes.append(ObjectChange("system", row.name, Action.KEPT))
                continue
            for resource in row.resources.all():
                if resource.name not in spec.resources:
                    self.changes.append(ObjectChange("resource", str(resource), Action.KEPT))
        for name in MappingRow.objects.exclude(name__in=loaded.mappings).values_list("name", flat=True):
            self.changes.append(ObjectChange("mapping", name, Action.KEPT))

    def _take(
        self,
        what: str,
        name: str,
        row: models.Model,
        wanted: Mapping[str, Any],
        attributes: Mapping[str, str] | None = None,
        details: dict[str, tuple[Any, Any]] | None = None,
        reason: str = "",
    ) -> None:
        """Give the row these attributes; save and tell only if that changes anything."""
        created = row.pk is None
        found = dict(details or {})
        for attribute, value in wanted.items():
            old = None if created and attribute in ("left", "right", "target") else getattr(row, attribute)
            if old != value:
                if attribute != "config":
                    found[(attributes or {}).get(attribute, attribute)] = (_plain(old), _plain(value))
                setattr(row, attribute, value)
        if created or found:
            row._change_reason = reason or self._reason  # type: ignore[attr-defined]
            row.save()
        action = Action.CREATED if created else Action.CHANGED if found else Action.UNCHANGED
        self.changes.append(ObjectChange(what, name, action, {} if created else found))


def _config_details(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Differences of connector settings by key; they hold secrets as `${NAME}` only."""
    keys = dict.fromkeys([*old, *new])
    return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)}


def _plain(value: Any) -> Any:
    if isinstance(value, Resource):
        return str(value)
    return value.name if isinstance(value, MappingRow) else value


def _shown(value: Any) -> str:
    return "none" if value in (None, "", [], {}) else str(value)
