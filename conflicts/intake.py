"""What the engine tells the inbox: items open, are refreshed with newer values, and close.

Called inside the engine's fenced transactions, in bulk. One live item a record: a record that conflicts again
refreshes its item and never adds a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import prefetch_related_objects

from syncadmin.core import plan as core
from syncadmin.core.side import Side
from syncadmin.models import EventKind, bulk, events

from . import listing
from .models import (
    Answer,
    Conflict,
    ConflictField,
    ConflictState,
    Decision,
    SecondLook,
    SecondLookState,
)
from .models.listing import drop

LABEL = 200
REPLACING = "replacing"  # in a snapshot: by number, changes that a lost write may replace, with its rule
_REFRESHED = (
    "link",
    "key",
    "kind",
    "side",
    "state",
    "revision",
    "label",
    "reason",
    "said",
    "candidates",
    "twins",
    "snapshot",
    "seqs",
    "moved",
    "decision",
    "changed_at",
    "snoozed_until",
    "second_look",
    "impact",
    "value",
    "search",
)


NEVER = (None, "")  # revision and second look of an item that is gone
_REOPENED = ("seqs", "state", "revision", "changed_at", "decision", "moved", "closed_at", "closed_how")


@dataclass(slots=True)
class Report:
    """One item as the engine sees it now.

    `waiting` are the changes that wait for this item: by (side, field), where field '' is the record itself,
    the number in the journal and the new value. `live` is the item that is there. `keys` are the record's
    keys, by which it is found. `times` and `who` are of the records' last changes, as their systems say it.
    """

    conflict: core.Conflict
    link_id: int | None
    side: Side | None
    key: str
    label: str
    snapshot: Mapping[str, Any]
    times: Mapping[Side, datetime | None] = field(default_factory=dict)
    who: Mapping[Side, str] = field(default_factory=dict)
    waiting: Mapping[tuple[Side, str], tuple[int, Any]] = field(default_factory=dict)
    said: str = ""
    keys: Sequence[str] = ()
    live: Conflict | None = None


@dataclass(frozen=True, slots=True)
class Reopened:
    """A field that an undo has brought back: `values` by side, and the numbers of the changes that wait."""

    field: str
    values: Mapping[Side, Any]
    ancestor: tuple[Any, Any] | None
    seqs: Mapping[Side, int]
    reason: str
    decision: int


_DECIDED = "mapping_id = %s AND state = 'decided'"
DECIDED = f"SELECT 1 FROM conflicts_conflict WHERE {_DECIDED}"
"""A mapping's decisions that wait to be carried out."""


def any_decided(mapping_id: int) -> bool:
    """Whether some decision waits to be carried out."""
    return bulk.any_row(Conflict, _DECIDED, [mapping_id])


def any_of_records(mapping_id: int, keys: Iterable[str]) -> bool:
    """Whether there is a live item of an unlinked record, of whichever side, with one of these keys."""
    where, params = bulk.one_of("key", list(keys))
    live = "state IN ('open', 'decided') AND link_id IS NULL AND mapping_id = %s"
    return bulk.any_row(Conflict, f"{live} AND {where}", [mapping_id, *params])


def live_by_link(link_ids: Iterable[int]) -> dict[int, Conflict]:
    """Live items of links, with their fields."""
    found = _live("link_id", list(link_ids), "int8")
    return {item.link_id: item for item in found if item.link_id is not None}


def live_by_record(mapping_id: int, side: Side, keys: Iterable[str]) -> dict[str, Conflict]:
    """Live items of unlinked records of one side, by key."""
    of_side = "AND mapping_id = %s AND link_id IS NULL AND side = %s"
    return {item.key: item for item in _live("key", list(keys), "text", of_side, [mapping_id, side.value])}


def _live(
    column: str, values: Sequence[Any], kind: str, also: str = "", given: Sequence[Any] = ()
) -> list[Conflict]:
    """Live items with their fields and who decided. Mostly there are none, and then it is one small query."""
    if not values:
        return []
    where, params = bulk.one_of(column, values, kind)
    items = bulk.some(Conflict, f"state IN ('open', 'decided') AND {where} {also}", [*params, *given])
    prefetch_related_objects(items, "fields")
    prefetch_related_objects([item for item in items if item.decided_by_id is not None], "decided_by")
    return items


def receive(mapping_id: int, reports: Sequence[Report], now: datetime) -> int:
    """Open or refresh the items; one that says the same as before is left alone. Returns how many opened.

    Afterwards each report's `live` is its item.
    """
    if not reports:
        return 0
    yard = listing.Yardstick.of(mapping_id)
    opened: list[tuple[Conflict, list[ConflictField]]] = []
    refreshed: list[tuple[Conflict, list[ConflictField]]] = []
    known = [report.live.pk for report in reports if report.live is not None]
    stored = Conflict.objects.filter(pk__in=known).values_list("pk", "revision", "second_look")
    as_stored = {pk: (revision, second_look) for pk, revision, second_look in stored}
    taken_up = _taken_up(mapping_id, [report for report in reports if report.live is None])
    for report in reports:
        if report.live is None and id(report) in taken_up:
            report.live = taken_up[id(report)]
            _carry(report.live, report)
            continue
        stale = report.live is not None and as_stored.get(report.live.pk, NEVER)[0] != report.live.revision
        if report.live is None or (stale and _was_alone(report)):
            report.live = _new(mapping_id, report, now)
            opened.append((report.live, _fields(report.live, report)))
            listing.measure(yard, *opened[-1], report.keys)
            continue
        report.live.second_look = as_stored.get(report.live.pk, NEVER)[1]
        if stale:
            # a person has decided since it was read: the record is dirty again and comes back
            _carry(report.live, report)
        else:
            rows = _refresh(yard, report.live, report, now)
            refreshed += [(report.live, rows)] if rows is not None else []
    Conflict.objects.bulk_create([item for item, _ in opened])
    changed = [item.pk for item, _ in refreshed]
    if changed:
        ConflictField.objects.filter(conflict_id__in=changed).delete()
        drop(changed)
    ConflictField.objects.bulk_create([row for _, rows in (*opened, *refreshed) for row in rows])
    listing.enlist(mapping_id, [*opened, *refreshed])
    if opened:
        ids = [item.pk for item, _ in opened]
        events.tell(EventKind.OPENED, now, mapping_id=mapping_id, conflicts=ids)
    return len(opened)


def _was_alone(report: Report) -> bool:
    """Whether the item is still about one record alone that is a pair by now: what it asked is no more."""
    return report.live is not None and report.live.link_id is None and report.link_id is not None


def _taken_up(mapping_id: int, reports: Sequence[Report]) -> dict[int, Conflict]:
    """By id of the report: items that a person has taken up again, to undo a decision, since it was read."""
    if not reports or not any_decided(mapping_id):
        return {}
    links = live_by_link({r.link_id for r in reports if r.link_id is not None})
    found = {id(r): links[r.link_id] for r in reports if r.link_id is not None and r.link_id in links}
    for side in Side:
        mine = {r.key: r for r in reports if r.link_id is None and r.side is side}
        found |= {id(mine[key]): item for key, item in live_by_record(mapping_id, side, list(mine)).items()}
    return found


def _carry(item: Conflict, report: Report) -> None:
    """The item is to be left as it is now, but for the changes that are journaled as waiting for it.

    What may replace these is kept with them.
    """
    content = _content(report)
    seqs = item.seqs | content["seqs"]
    kept = {name: content["snapshot"][name] for name in (REPLACING,) if name in content["snapshot"]}
    if (seqs, item.snapshot | kept) != (item.seqs, item.snapshot):
        item.seqs, item.snapshot = seqs, item.snapshot | kept
        item.save(update_fields=["seqs", "snapshot"])


def _new(mapping_id: int, report: Report, now: datetime) -> Conflict:
    return Conflict(
        mapping_id=mapping_id,
        link_id=report.link_id,
        key=report.key,
        opened_at=now,
        changed_at=now,
        **_content(report),
    )


def _content(report: Report) -> dict[str, Any]:
    about = report.side or report.conflict.side
    return {
        "kind": report.conflict.kind.value,
        "side": about.value if about else "",
        "label": report.label[:LABEL],
        "reason": report.conflict.reason,
        "said": report.said,
        "candidates": list(report.conflict.candidates),
        "twins": list(report.conflict.twins),
        "snapshot": dict(report.snapshot),
        "seqs": {f"{side}/{name}": list(change) for (side, name), change in report.waiting.items()},
        "moved": report.conflict.moved or any(f.moved for f in report.conflict.fields),
    }


def _fields(item: Conflict, report: Report) -> list[ConflictField]:
    return [
        ConflictField(
            conflict=item,
            field=f.field,
            has_base=f.base is not None,
            base_left=f.base[0] if f.base else None,
            base_right=f.base[1] if f.base else None,
            left=f.left,
            right=f.right,
            left_time=report.times.get(Side.LEFT),
            right_time=report.times.get(Side.RIGHT),
            left_who=report.who.get(Side.LEFT, ""),
            right_who=report.who.get(Side.RIGHT, ""),
            left_seq=report.waiting.get((Side.LEFT, f.field), (None,))[0],
            right_seq=report.waiting.get((Side.RIGHT, f.field), (None,))[0],
            reason=f.reason,
        )
        for f in report.conflict.fields
    ]


def _signature(
    kind: str, fields: Iterable[Any], candidates: Any, twins: Any, said: str, snapshot: Mapping[str, Any]
) -> Any:
    """What a person is asked: the fields in question, or the record where it is asked as a whole."""
    values = sorted((f.field, repr(f.left), repr(f.right)) for f in fields)
    records = [snapshot.get(side) for side in Side]
    return kind, values or records, sorted(candidates), sorted(twins), said


def _refresh(
    yard: listing.Yardstick, item: Conflict, report: Report, now: datetime
) -> list[ConflictField] | None:
    """Bring an item up to date; if what it asks has changed, its revision grows and picks on it are void.

    Returns the fields that take the place of those it has, None if it stays as it is.
    """
    before = _signature(item.kind, item.fields.all(), item.candidates, item.twins, item.said, item.snapshot)
    after = _signature(
        report.conflict.kind.value,
        report.conflict.fields,
        report.conflict.candidates,
        report.conflict.twins,
        report.said,
        report.snapshot,
    )
    content = _content(report)
    if before == after and not content["moved"] and item.state == ConflictState.OPEN:
        if (item.snapshot, item.seqs) != (content["snapshot"], content["seqs"]):
            item.snapshot, item.seqs = content["snapshot"], content["seqs"]
            item.save(update_fields=["snapshot", "seqs"])
        return None
    for name, value in content.items():
        setattr(item, name, value)
    item.link_id, item.key = report.link_id, report.key  # an unlinked record may be a pair by now
    if before != after or content["moved"]:
        item.revision += 1
        item.snoozed_until = None
    if before != after or content["moved"] or item.state == ConflictState.DECIDED:
        _void(item)
    item.state = ConflictState.OPEN
    item.decision = None
    item.changed_at = now
    picked = {row.field: row.pick for row in item.fields.all() if row.pick} if item.moved else {}
    rows = _fields(item, report)
    for row in rows:
        row.pick = picked.get(row.field)  # void, but it tells what the person saw
    listing.measure(yard, item, rows, report.keys)
    item.save(update_fields=_REFRESHED)
    return rows


def _void(item: Conflict) -> None:
    """What was proposed for an item is no longer about what it asks."""
    if item.second_look == SecondLookState.PROPOSED:
        SecondLook.objects.filter(conflict=item, answer="").update(answer=Answer.VOID)
        item.second_look = ""


def close(items: Mapping[int, str], now: datetime) -> None:
    """Close live items by id, each with how it ended, in words for people.

    What waited for a second person at an open one is void.
    """
    if not items:
        return
    by_reason: dict[str, list[int]] = {}
    for pk, how in items.items():
        by_reason.setdefault(how, []).append(pk)
    unanswered = SecondLook.objects.filter(conflict__in=list(items), answer="")
    # of a decided item it is the undo that is proposed, and that stays
    asked = unanswered.filter(conflict__state=ConflictState.OPEN).values_list("conflict", flat=True)
    if asked := list(asked):
        SecondLook.objects.filter(conflict__in=asked, answer="").update(answer=Answer.VOID)
        Conflict.objects.filter(pk__in=asked).update(second_look="")
    for how, ids in by_reason.items():
        Conflict.objects.live().filter(pk__in=ids).update(
            state=ConflictState.CLOSED, closed_at=now, changed_at=now, closed_how=how
        )


def forget(item: Conflict, seqs: Iterable[int]) -> None:
    """Changes (by number) that have their disposition no longer wait for the item."""
    over = set(seqs)
    left = {place: change for place, change in item.seqs.items() if change[0] not in over}
    if left != item.seqs:
        item.seqs = left
        item.save(update_fields=["seqs"])
        for side in Side:
            item.fields.filter(**{f"{side}_seq__in": over}).update(**{f"{side}_seq": None})


def undisturbed(items: Iterable[Conflict]) -> set[int]:
    """The ids of those decided items that nobody has taken back or changed since they were read."""
    read = {item.pk: item.revision for item in items}
    found = Conflict.objects.filter(pk__in=list(read), state=ConflictState.DECIDED)
    return {pk for pk, revision in found.values_list("pk", "revision") if read[pk] == revision}


def reopen(item: Conflict, fields: Sequence[Reopened], now: datetime) -> None:
    """An undo was carried out: the item is open again, for these fields too."""
    for back in fields:
        item.seqs |= {f"{side}/{back.field}": [seq, back.values[side]] for side, seq in back.seqs.items()}
    item.state, item.revision, item.changed_at = ConflictState.OPEN, item.revision + 1, now
    item.decision, item.moved, item.closed_at, item.closed_how = None, False, None, ""
    item.save(update_fields=_REOPENED)
    item.fields.filter(field__in=[back.field for back in fields]).delete()
    ConflictField.objects.bulk_create(
        ConflictField(
            conflict=item,
            field=back.field,
            has_base=back.ancestor is not None,
            base_left=back.ancestor[0] if back.ancestor else None,
            base_right=back.ancestor[1] if back.ancestor else None,
            left=back.values[Side.LEFT],
            right=back.values[Side.RIGHT],
            left_seq=back.seqs.get(Side.LEFT),
            right_seq=back.seqs.get(Side.RIGHT),
            reason=back.reason,
        )
        for back in fields
    )
    listing.relist_items(item.mapping_id, [item.pk])
    Decision.objects.filter(pk__in=[back.decision for back in fields]).update(undone_at=now)
