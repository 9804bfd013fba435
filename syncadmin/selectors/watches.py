"""What watches have seen, for pages, commands, assessments and the risk of a mapping that never ran."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Sum

from syncadmin import watches
from syncadmin.core import risk
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Mapping as MappingRow
from syncadmin.models import Resource, Watch, WatchDay, WatchState
from syncadmin.models.watches import CREATED, DELETED

LEAST = 3600.0  # seconds of watching before a figure is made of it
A_DAY_AT_LEAST = risk.DAY  # before it tells who edits what: a quiet hour of one side says nothing


@dataclass(slots=True)
class FieldSeen:
    """Edits of one field by side; of them, those that met one of the other side, and entered the same."""

    name: str
    left: str = ""
    right: str = ""
    edits: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    met: int = 0
    equal: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        edits = {side.value: count for side, count in self.edits.items()}
        return {"left": self.left, "right": self.right, "edits": edits, "met": self.met, "equal": self.equal}


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a watch has seen. Where one of so many records was kept, counts are estimates."""

    watch: Watch
    fields: list[FieldSeen]
    created: FieldSeen
    deleted: FieldSeen
    both_edited: int
    one_of: int
    near: float

    @property
    def days(self) -> float:
        """How long it has watched."""
        return self.watch.seconds / risk.DAY

    @property
    def edits(self) -> int:
        """All edits of fields."""
        return sum(count for one in self.fields for count in one.edits.values())

    def a_day(self, count: int) -> float | None:
        """So many a day, None before an hour of watching."""
        return count / self.days if self.watch.seconds >= LEAST else None

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for a command."""
        watch = self.watch
        times = ("created_at", "started_at", "last_at", "ended_at", "failed_since")
        return {
            "watch": watch.pk,
            "left": str(watch.left),
            "right": str(watch.right),
            "state": watch.state,
            "every_seconds": watch.every,
            "days": watch.days,
            **{name: moment.isoformat() if (moment := getattr(watch, name)) else None for name in times},
            "message": watch.message,
            "ended_how": watch.ended_how,
            "watched_days": round(self.days, 3),
            "looks": watch.looks,
            "read": watch.read,
            "requests": watch.requests,
            "one_of": self.one_of,
            "near_seconds": self.near,
            "fields": {one.name: one.as_dict() for one in self.fields},
            "created": self.created.as_dict()["edits"],
            "deleted": self.deleted.as_dict()["edits"],
            "records_edited_by_both": self.both_edited,
        }


def newest(left: Resource | int, right: Resource | int) -> Watch | None:
    """The watch of two resources that is at work, else the one that was begun last."""
    of_two = Watch.objects.filter(left=left, right=right).select_related("left__system", "right__system")
    found = list(of_two[: watches.KEPT + 1])
    return next((one for one in found if one.state == WatchState.WATCHING), found[0] if found else None)


def seen(watch: Watch) -> Seen:
    """What a watch has counted so far."""
    document = watch.document["fields"]
    by_name = {
        name: FieldSeen(name, document[name]["left"], document[name]["right"]) for name in watch.names
    } | {name: FieldSeen(name) for name in (CREATED, DELETED)}
    sums = watch.counted.values("field", "side").annotate(
        edited=Sum("edits"), meetings=Sum("met"), alike=Sum("equal")
    )
    for row in sums.order_by():
        one = by_name[row["field"]]
        one.edits[Side(row["side"])] += row["edited"]
        one.met += row["meetings"]
        one.equal += row["alike"]
    both = watches.edited_by_both(watch)
    created, deleted = by_name.pop(CREATED), by_name.pop(DELETED)
    return Seen(
        watch, list(by_name.values()), created, deleted, both, 1 << watch.halvings, risk.near_of(watch.every)
    )


def edits_of(mapping: MappingRow) -> dict[str, dict[Side, int]]:
    """Edits that the newest watch of a mapping's resources has seen, by field mapping and side.

    Nothing before it has watched for a day.
    """
    watch = _useful(mapping)
    if watch is None or watch.seconds < A_DAY_AT_LEAST:
        return {}
    by_sources = {(one.left, one.right): one.edits for one in seen(watch).fields}
    rows = {row.name: by_sources.get((row.left, row.right), {}) for row in mapping.fields.all()}
    return {name: dict(edits) for name, edits in rows.items() if any(edits.values())}


def observed(mapping: MappingRow, shared: Collection[str]) -> risk.Observed | None:
    """What was watched of a mapping's shared fields. None: nothing, too little, or not all of them."""
    watch = _useful(mapping)
    if watch is None or watch.seconds < LEAST:
        return None
    document = watch.document["fields"]
    by_sources = {(one["left"], one["right"]): name for name, one in document.items()}
    wanted = {
        row.name: by_sources.get((row.left, row.right)) for row in mapping.fields.all() if row.name in shared
    }
    if not wanted or None in wanted.values():
        return None
    names = [*wanted.values(), DELETED]
    met: dict[str, int] = defaultdict(int)
    edits = dict.fromkeys(SIDES, 0)
    one_of = 1 << watch.halvings
    for row in WatchDay.objects.filter(watch=watch, field__in=names):
        met[row.day.isoformat()] += row.met // one_of
        edits[Side(row.side)] += row.edits
    days: Mapping[str, float] = watch.spans
    spans = risk.Watch(list(days.values()), [met[day] for day in days], risk.near_of(watch.every))
    return risk.Observed(spans, edits, one_of)


def _useful(mapping: MappingRow) -> Watch | None:
    """The newest watch of a mapping's resources that has begun to count."""
    counted = Watch.objects.filter(left=mapping.left_id, right=mapping.right_id).exclude(spans={})
    return counted.first()
