"""History of the configuration: who changed what, when, and from what to what.

One timeline for an object and all that belongs to it (a mapping with its field mappings and row rules, a
system with its resources). Built from the rows that django-simple-history keeps; secrets are not among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from syncadmin.models import FieldMapping, Resource, RowRule, System
from syncadmin.models import Mapping as MappingRow

from .convert import FIELD_KEYS, GUARD_SHARES, MAPPING_KEYS
from .export import as_yaml
from .units import format_duration, format_share

DURATIONS = ("clock_tolerance", "schedule", "reconcile_every", "due", "escalate_after")
# values that the file writes in another way than the tables keep them
WRITTEN = {
    **dict.fromkeys(DURATIONS, format_duration),
    **dict.fromkeys(GUARD_SHARES, format_share),
}
ACTIONS = {"+": "created", "~": "changed", "-": "removed"}
INTERNAL = {"id", "position", "mapping"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One key with its old and new value as text; None where there was or is nothing."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of one object."""

    at: datetime
    who: str
    what: str
    name: str
    action: str
    reason: str
    differences: tuple[Difference, ...]


def revisions(row: MappingRow | System, limit: int = 200) -> list[Revision]:
    """The newest changes of a mapping or a system and its parts, newest first."""
    if isinstance(row, MappingRow):
        parts = [
            _of("mapping", row.history.all(), {a: k for k, a in MAPPING_KEYS.items()}, limit),
            _of(
                "field mapping",
                FieldMapping.history.filter(mapping_id=row.pk),
                {a: k for k, a in FIELD_KEYS.items()},
                limit,
            ),
            _of("row rule", RowRule.history.filter(mapping_id=row.pk), {}, limit),
        ]
    else:
        parts = [
            _of("system", row.history.all(), {}, limit),
            _of("resource", Resource.history.filter(system_id=row.pk), {}, limit),
        ]
    merged = sorted((revision for part in parts for revision in part), key=lambda r: r.at, reverse=True)
    return merged[:limit]


def _of(what: str, records: models.QuerySet, names: dict[str, str], limit: int) -> Iterable[Revision]:
    """Revisions of one model. A record's predecessor is the next older one of the same object."""
    found = list(records.select_related("history_user").order_by("-history_date", "-history_id")[: limit * 2])
    foreign = _names_of_foreign(found)
    for position, record in enumerate(found[:limit]):
        older = next((r for r in found[position + 1 :] if r.id == record.id), None)
        yield Revision(
            at=record.history_date,
            who=str(record.history_user or ""),
            what=what,
            name=str(getattr(record, "name", "") or getattr(record, "when", "")),
            action=ACTIONS[record.history_type],
            reason=record.history_change_reason or "",
            differences=tuple(_differences(record, older, names, foreign)),
        )


def _differences(
    record: Any, older: Any, names: dict[str, str], foreign: dict[Any, str]
) -> Iterable[Difference]:
    if record.history_type == "-":
        return
    for tracked in record.tracked_fields:
        if tracked.name in INTERNAL or tracked.name == "system":
            continue
        new = _value(record, tracked, foreign)
        old = _value(older, tracked, foreign) if older else None
        key = names.get(tracked.name, tracked.name)
        if isinstance(new, dict) and tracked.name == "config":
            before = old or {}
            for part in dict.fromkeys([*before, *new]):
                if before.get(part) != new.get(part):
                    yield Difference(part, _text(before.get(part)), _text(new.get(part)))
        elif record.history_type == "~" and older and old != new:
            yield Difference(key, _text(old), _text(new))


def _value(record: Any, tracked: Any, foreign: dict[Any, str]) -> Any:
    value = getattr(record, tracked.attname)
    if tracked.is_relation and value is not None:
        return foreign.get((tracked.related_model, value), f"#{value} (removed since)")
    return WRITTEN[tracked.name](value) if tracked.name in WRITTEN and value is not None else value


def _names_of_foreign(records: list[Any]) -> dict[Any, str]:
    """What related rows are called now, in one query a model."""
    wanted: dict[Any, set[Any]] = {}
    for record in records:
        for tracked in record.tracked_fields:
            value = getattr(record, tracked.attname)
            if tracked.is_relation and value is not None and tracked.name in ("left", "right", "target"):
                wanted.setdefault(tracked.related_model, set()).add(value)
    names: dict[Any, str] = {}
    for model, keys in wanted.items():
        rows = model.objects.filter(pk__in=keys)
        rows = rows.select_related("system") if model is Resource else rows
        names |= {(model, row.pk): str(row) if model is Resource else row.name for row in rows}
    return names


def _text(value: Any) -> str | None:
    if value in (None, "", [], {}):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_yaml(value).strip() if isinstance(value, dict | list) else str(value)
