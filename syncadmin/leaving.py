"""Pausing, resuming and taking out of service.

Who takes a mapping out of service stops its schedule, has both sides compared once more, sees what is open,
and gets links and history as files. Until that is confirmed it can be given up; then it is for good: no pass
runs any more, and nothing that was linked or journaled is thrown away. Callers check permissions.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from conflicts import intake
from conflicts.models import Conflict, ConflictState
from syncadmin.config.convert import mapping_document
from syncadmin.config.export import as_yaml
from syncadmin.core.plan import Disposition
from syncadmin.core.side import SIDES
from syncadmin.core.values import decode
from syncadmin.exports import csv_lines, json_lines
from syncadmin.models import (
    Entry,
    EntryKind,
    GuardStop,
    Intent,
    Leaving,
    Link,
    LinkStatus,
    Mapping,
    MappingState,
    Mark,
    Pass,
    PassKind,
    PassState,
    Unlinked,
    VersionState,
    ledger,
)

OUT = "the mapping is out of service: both sides keep what they hold"


class Impossible(ValueError):
    """It can't be done as things stand. Says why, in words for a person."""


def pause(mapping: Mapping, user: Any) -> None:
    """No passes run until somebody resumes it; what is marked, asked and decided stays."""
    _ensure_in_service(mapping)
    _switch(mapping, running=False, said="paused", user=user)


def resume(mapping: Mapping, user: Any) -> None:
    """Passes run again, the first at once. Raises Impossible if it is on its way out of service."""
    _ensure_in_service(mapping)
    if current(mapping) is not None:
        raise Impossible(_("It is being taken out of service: give that up first."))
    _switch(mapping, running=True, said="resumed", user=user)


def current(mapping: Mapping) -> Leaving | None:
    """The way out that was begun and neither confirmed nor given up."""
    return mapping.leavings.filter(ended_at=None).first()


def begin(mapping: Mapping, user: Any) -> Leaving:
    """Stop the schedule, so that both sides can be compared a last time; callers ask for that pass."""
    with transaction.atomic():
        _ensure_in_service(mapping)
        if (found := current(mapping)) is not None:
            return found
        name = user.get_username()
        made = Leaving.objects.create(
            mapping=mapping, ran=mapping.enabled, begun_at=timezone.now(), begun_name=name
        )
        _switch(mapping, running=False, said="being taken out of service", user=user)
    return made


def give_up(mapping: Mapping, user: Any) -> None:
    """Let it go on as before. Raises Impossible if it is not on its way out."""
    with transaction.atomic():
        leaving = _locked(mapping)
        _end(leaving, user, confirmed=False)
        if leaving.ran:
            _switch(mapping, running=True, said="stays in service", user=user)


def confirm(mapping: Mapping, user: Any, *, anyway: bool = False) -> Leaving:
    """Out of service for good. What is open is closed: both sides keep what they hold.

    Raises Impossible if it is not on its way out, or if something is open and not taken out `anyway`.
    """
    with transaction.atomic():
        leaving = _locked(mapping)
        found = standing(mapping)
        if not found["clean"] and not anyway:
            raise Impossible(_("Something is open still: settle it, or say that it may stay as it is."))
        now = timezone.now()
        leaving.report = found
        _end(leaving, user, confirmed=True)
        _close_what_is_open(mapping, now)
        state = {"retired_at": now, "stopped": "", "message": ""}
        MappingState.objects.filter(mapping=mapping).update(**state)
        text = "out of service for good" + ("" if found["clean"] else ", with something open")
        ledger.append(mapping.pk, [ledger.Row(EntryKind.DECISION, rule=text, actor=user.get_username())], now)
    return leaving


def standing(mapping: Mapping) -> dict[str, Any]:
    """How consistent both sides are, and what is open, as plain data."""
    leaving = current(mapping)
    passes = Pass.objects.filter(mapping=mapping).exclude(kind=PassKind.INCREMENTAL)
    if leaving is not None:
        passes = passes.filter(started_at__gte=leaving.begun_at)
    last = passes.first()
    alone = {side.value: Unlinked.objects.filter(mapping=mapping, side=side).count() for side in SIDES}
    told: dict[str, Any] = {
        "compared": last is not None and last.state == PassState.DONE,
        "comparing": last is not None and last.state == PassState.RUNNING,
        "compared_at": last.finished_at.isoformat() if last is not None and last.finished_at else None,
        "message": last.message if last is not None else "",
        "links": Link.objects.filter(mapping=mapping, status=LinkStatus.OPEN).count(),
        "questions": Conflict.objects.filter(mapping=mapping, state=ConflictState.OPEN).count(),
        "decisions": Conflict.objects.filter(mapping=mapping, state=ConflictState.DECIDED).count(),
        "marks": Mark.objects.filter(mapping=mapping).count(),
        "writes": Intent.objects.filter(mapping=mapping).count(),
        "alone": alone,
        "entries": Entry.objects.filter(mapping=mapping).count(),
    }
    open_ = ("questions", "decisions", "marks", "writes")
    return {**told, "clean": told["compared"] and not any(told[name] for name in open_)}


def _close_what_is_open(mapping: Mapping, now: Any) -> None:
    """Questions are closed, each change that waited with them is accounted for; nothing is due any more."""
    live = list(Conflict.objects.live().filter(mapping=mapping).select_related("link"))
    rows = []
    for item in live:
        for place, (seq, value) in item.seqs.items():
            side, _slash, name = place.partition("/")
            key = getattr(item.link, f"{side}_key") if item.link is not None else item.key
            rows.append(
                ledger.Row(
                    EntryKind.DISPOSITION,
                    side,
                    key,
                    name,
                    new=value,
                    disposition=str(Disposition.OVERRIDDEN),
                    rule=OUT,
                    of=seq,
                    link_id=item.link_id,
                )
            )
    ledger.append(mapping.pk, rows, now)
    intake.close({item.pk: "the mapping is out of service" for item in live}, now)
    Link.objects.filter(mapping=mapping, held=True).update(held=False)
    Mark.objects.filter(mapping=mapping).delete()
    GuardStop.objects.filter(mapping=mapping, closed_at=None).update(closed_at=now, closed_how="replaced")
    mapping.versions.filter(state=VersionState.PROPOSED).update(
        state=VersionState.WITHDRAWN, closed_at=now, closed_how="the mapping is out of service"
    )


def _locked(mapping: Mapping) -> Leaving:
    MappingState.objects.select_for_update().get_or_create(mapping=mapping)
    leaving = current(mapping)
    if leaving is None:
        raise Impossible(_("It is not on its way out of service."))
    return leaving


def _end(leaving: Leaving, user: Any, *, confirmed: bool) -> None:
    leaving.ended_at, leaving.ended_by, leaving.confirmed = timezone.now(), user, confirmed
    leaving.ended_name = user.get_username()
    leaving.save()


def _ensure_in_service(mapping: Mapping) -> None:
    if mapping.retired:
        raise Impossible(_("It is out of service for good."))


def _switch(mapping: Mapping, *, running: bool, said: str, user: Any) -> None:
    """Change whether passes run; as after any change, the next one compares everything."""
    now, name = timezone.now(), user.get_username()
    with transaction.atomic():
        row = Mapping.objects.get(pk=mapping.pk)
        if row.enabled != running:
            row.enabled = running
            row._change_reason = f"{said} by {name}"[:100]
            row.save()
        mapping.enabled = running
        if running:
            MappingState.objects.filter(mapping=mapping, next_due__gt=now).update(next_due=now)
        ledger.append(mapping.pk, [ledger.Row(EntryKind.DECISION, rule=said, actor=name)], now)


# ---------------------------------------------------------------- files


def export(mapping: Mapping, file: IO[bytes]) -> None:
    """All that the hub knows of a mapping as a zip: configuration, links, history, and how it stands."""
    entries = Entry.objects.filter(mapping=mapping).defer("hash").select_related("mapping").order_by("seq")
    document = {"version": 1, "mappings": {mapping.name: mapping_document(mapping)}}
    parts: dict[str, Iterable[str]] = {
        "mapping.yaml": [as_yaml(document)],
        "standing.json": [json.dumps(standing(mapping), indent=2)],
        "links.jsonl": _links(mapping),
        "history.csv": csv_lines(entries.iterator(chunk_size=2000)),
        "history.jsonl": json_lines(entries.iterator(chunk_size=2000)),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, texts in parts.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for text in texts:
                    member.write(text.encode())


def _links(mapping: Mapping) -> Iterator[str]:
    """The links that are not closed, each with what both sides last agreed on."""
    rows = Link.objects.filter(mapping=mapping).exclude(status=LinkStatus.CLOSED).order_by("pk")
    for link in rows.iterator(chunk_size=2000):
        left = decode(link.left_shadow)
        right = left if link.right_shadow is None else decode(link.right_shadow)
        told = {"left_key": link.left_key, "right_key": link.right_key, "left": left, "right": right}
        yield json.dumps(told, ensure_ascii=False) + "\n"
