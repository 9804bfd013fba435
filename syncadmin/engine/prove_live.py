"""What both systems hold, against what the hub believes that they hold. Nothing is written anywhere.

Both sides are scanned into temporary tables, and SQL finds what differs from its shadow, is gone, or is not
known. Passes and people go on working meanwhile, so each such record is read again by its key and compared
with what the hub knows by then; only what differs every time is a finding. What its system could have told
and did not is a finding at once; what it can't tell (a delete, or any change) is one when a comparison is
overdue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import msgspec
from django.db import connection
from django.utils import timezone

from conflicts.models import Conflict
from connectors.base import ChangeMode, ConnectorError, Gap
from connectors.surroundings import Purpose
from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value, decode, empty, same
from syncadmin.models import Cursor, Intent, Mapping, MappingState, Mark, Unlinked

from . import links, stage
from .binding import Binding, Translated, bind
from .lease import NoLease
from .links import LinkRow
from .prove_report import Finding, Live, Proof

CHUNK = 1000
ROUNDS = 3
GRACE = timedelta(minutes=5)  # a comparison that has been due for longer is overdue
Report = Callable[[str, int, int], None]
Place = tuple[Side, str]


@dataclass(slots=True)
class _Waiting:
    """What explains a difference: marks, edits not read yet, open writes, questions to people.

    `uncompared` and `undeleted` are sides whose systems tell no changes, or no deletes, before the comparison
    that is due next; `being_made` are the values of creates on their way.
    """

    marked: set[Place]
    unread: set[Place]
    uncompared: set[Side]
    undeleted: set[Side]
    being_written: set[int]
    being_made: dict[Side, list[dict[str, Value]]]
    conflicts: dict[int, Conflict]
    asked: dict[Place, Conflict]
    unlinked: set[Place]


def compare(mapping: Mapping, proof: Proof, report: Report) -> Live:
    """Compare both systems with the hub; adds findings to `proof`."""
    live = Live()
    try:
        with bind(mapping, Purpose.VERIFY) as binding:
            suspects = _scan(binding, live, report)
            for rounds_left in reversed(range(ROUNDS)):
                if not suspects:
                    break
                again, findings, explained = _look_again(binding, suspects, report)
                for reason in explained:
                    live.explained[reason] = live.explained.get(reason, 0) + 1
                suspects = again
                for finding in findings if not rounds_left else ():
                    proof.found(finding)
    except ConnectorError as error:
        proof.found(Finding("live", f"the systems could not be compared: {error}"))
    return live


def _scan(binding: Binding, live: Live, report: Report) -> list[Place]:
    """The records that do not look as the hub believes, by one whole reading of both sides."""
    lease = NoLease(binding.id, 0, timezone.now)
    try:
        for side in SIDES:
            stage.open_stage(side)
            total = stage.fill(binding, side, lease, lambda n: report("reading", n, 0))
            live.records[side.value] = total
        stage.duplicated_keys(binding)
        live.links = _count_links(binding.id)
        return [place for side in SIDES for place in _suspects(binding.id, side)]
    finally:
        for side in SIDES:
            stage.close_stage(side)


def _count_links(mapping_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM syncadmin_link WHERE mapping_id = %s AND NOT status = 'closed'",
            [mapping_id],
        )
        return int(cursor.fetchone()[0])


def _suspects(mapping_id: int, side: Side) -> list[Place]:
    shadow = "k.left_shadow" if side is Side.LEFT else "COALESCE(k.right_shadow, k.left_shadow)"
    linked = f"k.mapping_id = %s AND NOT k.status = 'closed' AND k.{side}_key"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.key FROM stage_{side} s JOIN syncadmin_link k ON {linked} = s.key "
            f"WHERE s.vals <> {shadow} "
            f"UNION ALL SELECT k.{side}_key FROM syncadmin_link k "
            "WHERE k.mapping_id = %s AND NOT k.status = 'closed' "
            f"AND NOT EXISTS (SELECT 1 FROM stage_{side} s WHERE s.key = k.{side}_key) "
            f"UNION ALL SELECT s.key FROM stage_{side} s WHERE s.in_scope "
            f"AND NOT EXISTS (SELECT 1 FROM syncadmin_link k WHERE {linked} = s.key) "
            "AND NOT EXISTS (SELECT 1 FROM syncadmin_unlinked u "
            "WHERE u.mapping_id = %s AND u.side = %s AND u.key = s.key)",
            [mapping_id, mapping_id, mapping_id, mapping_id, side.value],
        )
        return [(side, row[0]) for row in cursor.fetchall()]


# ---------------------------------------------------------------- looking again


def _look_again(
    binding: Binding, suspects: list[Place], report: Report
) -> tuple[list[Place], list[Finding], list[str]]:
    """Records that still differ without an explanation, what differs, and the explanations of the others."""
    again: list[Place] = []
    findings: list[Finding] = []
    explained: list[str] = []
    for batch in _batches(suspects):
        known = _links(binding.id, batch)
        places = {*batch, *((side, link.key(side)) for link in known.values() for side in SIDES)}
        seen, unanswered = _read(binding, places)
        known = _links(binding.id, batch)  # as it is now: a pass may have worked on it since
        waiting = _waiting(binding, batch, known)
        for place in batch:
            link = known.get(place)
            if place in unanswered:
                outcome: list[Finding] | str = [_finding(place, "its system does not answer for this record")]
            elif link is None:
                outcome = _judge_unlinked(place, seen.get(place), waiting)
            else:
                outcome = _judge(place[0], link, seen, waiting, binding.policy.by_name)
            if isinstance(outcome, str):
                explained += [outcome] if outcome else []
            elif outcome:
                again.append(place)
                findings += outcome
        report("comparing", len(batch), len(suspects))
    return again, findings, explained


def _batches(places: Iterable[Place]) -> Iterator[list[Place]]:
    rest = iter(places)
    while batch := list(islice(rest, CHUNK)):
        yield batch


def _links(mapping_id: int, places: Iterable[Place]) -> dict[Place, LinkRow]:
    places = list(places)
    return {
        (side, key): link
        for side in SIDES
        for key, link in links.by_key(mapping_id, side, [key for s, key in places if s is side]).items()
    }


def _read(binding: Binding, places: Iterable[Place]) -> tuple[dict[Place, Translated], set[Place]]:
    """The records as they are now; those that are in neither are proven absent."""
    seen: dict[Place, Translated] = {}
    unanswered: set[Place] = set()
    for side in SIDES:
        bound = binding.sides[side]
        keys = [key for s, key in places if s is side and not links.is_buried(key)]
        fetched = bound.connector.fetch(bound.resource, keys, fields=bound.wanted) if keys else None
        if fetched is not None:
            for t in bound.translate(list(fetched.found.values())):
                seen[side, t.record.key] = t
            unanswered |= {
                (side, key) for key in keys if key not in fetched.found and key not in fetched.absent
            }
    return seen, unanswered


def _waiting(binding: Binding, batch: list[Place], known: dict[Place, LinkRow]) -> _Waiting:
    ids = {link.id for link in known.values() if link.id is not None}
    keys = [key for _, key in batch]
    mapping_id = binding.id
    live = Conflict.objects.live().filter(mapping_id=mapping_id).prefetch_related("fields")

    def of(model: Any) -> set[Place]:
        rows = model.objects.filter(mapping_id=mapping_id, key__in=keys)
        return {(Side(side), key) for side, key in rows.values_list("side", "key")}

    intents = Intent.objects.filter(mapping_id=mapping_id, link_id__in=ids)
    creates = Intent.objects.filter(mapping_id=mapping_id, op=core.Op.CREATE).values_list("side", "body")
    unread, unknown = _unread(binding)
    uncompared, undeleted = _not_told(binding, unknown)
    return _Waiting(
        marked=of(Mark),
        unread=unread,
        uncompared=uncompared,
        undeleted=undeleted,
        being_made={s: [decode(bytes(body))["values"] for side, body in creates if side == s] for s in SIDES},
        being_written=set(intents.values_list("link_id", flat=True)),
        conflicts={c.link_id: c for c in live.filter(link_id__in=ids) if c.link_id is not None},
        asked={(Side(c.side), c.key): c for c in live.filter(link=None, key__in=keys) if c.side},
        unlinked=of(Unlinked),
    )


def _not_told(binding: Binding, unknown: set[Side]) -> tuple[set[Side], set[Side]]:
    """The sides of which changes, and deletes, only show when all is compared, if that is about to happen.

    `unknown` are sides that can't tell any more what has changed.
    """
    state = MappingState.objects.get(mapping_id=binding.id)
    latest = timezone.now() - GRACE
    soon = {due for due, at in (("pass", state.next_due), ("whole", state.next_reconcile)) if at >= latest}
    if state.stopped:
        soon = set()
    scanned = {
        side for side, bound in binding.sides.items() if bound.can.changes is ChangeMode.SCAN
    } | unknown
    mute = {side for side, bound in binding.sides.items() if not bound.can.tombstones} - scanned
    uncompared = scanned if "pass" in soon else set()
    return uncompared, uncompared | (mute if "whole" in soon else set())


def _unread(binding: Binding) -> tuple[set[Place], set[Side]]:
    """What the sides report as changed since they were read last, which the next pass will handle.

    And the sides that can't tell it any more: the next pass will compare all of them.
    """
    found: set[Place] = set()
    unknown: set[Side] = set()
    for side, bound in binding.sides.items():
        row = Cursor.objects.filter(mapping_id=binding.id, side=side.value).first()
        if row is None or bound.can.changes is ChangeMode.SCAN:
            continue
        pages = bound.connector.changes(bound.resource, row.value, fields=bound.wanted, limit=stage.PAGE)
        try:
            for page in pages:
                found |= {(side, record.key) for record in page.records} | {(side, key) for key in page.gone}
        except Gap:
            unknown.add(side)
    return found, unknown


# ---------------------------------------------------------------- judging


def _finding(place: Place, text: str, **more: Any) -> Finding:
    return Finding("live", text, place[0].value, place[1], **more)


def _on_its_way(place: Place, waiting: _Waiting) -> str:
    if place in waiting.marked:
        return "marked: a pass will handle it"
    unread = place in waiting.unread or place[0] in waiting.uncompared
    return "changed since it was last read" if unread else ""


def _judge_unlinked(place: Place, seen: Translated | None, waiting: _Waiting) -> list[Finding] | str:
    if seen is None or not seen.in_scope or place in waiting.unlinked:
        return ""
    if place in waiting.asked:
        return "waits in the inbox"
    held = seen.record.values
    made = waiting.being_made[place[0]]
    if any(all(alike(held.get(name), value) for name, value in sent.items()) for sent in made):
        return "is being written"
    return _on_its_way(place, waiting) or [_finding(place, "the hub does not know this record")]


def _judge(
    side: Side, link: LinkRow, seen: dict[Place, Translated], waiting: _Waiting, names: Iterable[str]
) -> list[Finding] | str:
    """What of one side of a pair differs from its shadow and is not explained ('' if nothing differs)."""
    place, found = (side, link.key(side)), seen.get((side, link.key(side)))
    conflict = waiting.conflicts.get(link.id or 0)
    fields, whole = link.left_alone()
    if found is not None and not found.in_scope:
        return "out of the row filter"
    if found is None:
        other = seen.get((side.other, link.key(side.other)))
        if whole is not None and side in whole and whole[side] is None:
            return "left as it is"
        if conflict is not None and conflict.kind != core.ConflictKind.FIELD:
            return "waits in the inbox"
        if other is not None and not other.in_scope:
            return "out of the row filter"
        if link.id in waiting.being_written:
            return "is being written"
        if side in waiting.undeleted:
            return "gone since it was last compared"
        text = "this record is linked, and its system no longer has it"
        return _on_its_way(place, waiting) or [_finding(place, text, link=link.id)]
    try:
        differing = _differing(found, link.shadow(side), names)
    except msgspec.DecodeError as error:
        return [_finding(place, f"what the hub remembers of it can't be read: {error}", link=link.id)]
    if not differing:
        return ""
    if link.id in waiting.being_written:
        return "is being written"
    left = [n for n in differing if not _is_alone(n, differing[n][1], side, fields, whole)]
    if not left:
        return "left as it is"
    shown = [n for n in left if conflict is None or not _is_asked(conflict, side, n, differing[n][1])]
    if not shown:
        return "waits in the inbox"
    if way := _on_its_way(place, waiting):
        return way
    return [
        _finding(
            place,
            found.problems.get(name) or "the system holds another value than the hub believes",
            field=name,
            link=link.id,
            expected=differing[name][0],
            found=differing[name][1],
        )
        for name in shown
    ]


def _differing(
    found: Translated, shadow: dict[str, Value], names: Iterable[str]
) -> dict[str, tuple[Value, Value]]:
    """(shadow, live value) by field. A field not delivered, or whose reference waits, tells nothing."""
    values, differing = found.record.values, {}
    for name in names:
        if name in values:
            if name in shadow and same(values[name], shadow[name]):
                continue
            if name not in shadow and empty(values[name]):
                continue
            differing[name] = (shadow.get(name), values[name])
        elif name in found.problems:
            differing[name] = (shadow.get(name), None)
    return differing


def _is_alone(
    name: str,
    value: Value,
    side: Side,
    fields: dict[str, tuple[Value, Value]],
    whole: core.AloneRecord | None,
) -> bool:
    """Whether a person or a policy chose to leave exactly this value."""
    if name in fields and same(fields[name][0 if side is Side.LEFT else 1], value):
        return True
    kept = whole.get(side) if whole is not None else None
    return kept is not None and name in kept and same(kept[name], value)


def _is_asked(conflict: Conflict, side: Side, name: str, value: Value) -> bool:
    """Whether the open item of the inbox is about exactly this value."""
    if conflict.kind == core.ConflictKind.REJECTED and value is None:
        return True  # a value that can't be read
    waits = conflict.seqs.get(f"{side}/{name}")
    if waits is not None and same(waits[1], value):
        return True
    return any(f.field == name and same(getattr(f, side.value), value) for f in conflict.fields.all())
