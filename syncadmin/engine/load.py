"""From dirty marks to items that can be decided: links, fresh records, conflicts, open intents, candidates.

Everything is looked up in bulk. A side that has no mark is taken to equal its shadow, because every write
says what it expects there; it is read where that would not do (a held link, a delete, an intent in doubt).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from conflicts import intake
from connectors.base import Guarantee
from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side
from syncadmin.models import bulk, marks
from syncadmin.models.marks import Due

from . import distinct, doubts, links
from .binding import Binding, Translated
from .candidates import find_candidates
from .collect import Cache
from .effort import Item, efforts_of, open_intents
from .stage import encode_match

BATCH = 5000


def due_marks(mapping_id: int, now: datetime, after: int = 0) -> list[Due]:
    """Marks that may be handled now, oldest first; with `after`, those beyond that id."""
    return marks.due(mapping_id, now, after=after, limit=BATCH)


def load(
    binding: Binding, batch: Sequence[Due], cache: Cache, again: frozenset[tuple[Side, str]]
) -> list[Item]:
    """Items for these marks, ready to be decided. Raises ConnectorError.

    Records in `again` are read on both sides, whatever is known of them.
    """
    items = _paired(binding, batch)
    for item in items:
        item.fresh = item.as_of is not None or any(place in again for place in item.places())
    decided, intents = _any(binding.id)
    _attach_conflicts(binding, items, decided)
    if intents:
        _attach_intents(binding, items)
    _read(binding, items, cache)
    find_candidates(binding, [i for i in items if i.link is None and i.seen.get(i.side)], cache)
    for item in items:
        _observe(item)
    return items


def _paired(binding: Binding, batch: Sequence[Due]) -> list[Item]:
    """One item a link or unlinked record, with all its marks."""
    by_place: dict[tuple[Side, str], list[Due]] = {}
    for m in batch:
        by_place.setdefault((m.side, m.key), []).append(m)
    found: dict[object, Item] = {}
    for side in SIDES:
        known = links.by_key(binding.id, side, [key for s, key in by_place if s is side])
        for (s, key), of_record in by_place.items():
            if s is not side:
                continue
            link = known.get(key)
            item = found.setdefault((side, key) if link is None else link.id, Item(side, key, link))
            item.marked.add(side)
            item.marks += [(m.id, m.generation) for m in of_record]
            item.tries = max(item.tries, *(m.attempts for m in of_record))
            item.as_of = min((m.as_of for m in of_record if m.as_of is not None), default=item.as_of)
    return list(found.values())


def _any(mapping_id: int) -> tuple[bool, bool]:
    """Whether some decision waits to be carried out, and whether there are open intents."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS ({intake.DECIDED}), "
            "EXISTS (SELECT 1 FROM syncadmin_intent WHERE mapping_id = %s)",
            [mapping_id, mapping_id],
        )
        decided, intents = cursor.fetchone()
    return bool(decided), bool(intents)


def _attach_conflicts(binding: Binding, items: Sequence[Item], decided: bool) -> None:
    linked = [i for i in items if i.link is not None and i.link.id is not None]
    # with `decided`: an item that a person has taken up again, to undo a decision, is not noted with its link
    held = {i.link.id: i for i in linked if i.link is not None and i.link.id and (i.link.held or decided)}
    for link_id, conflict in intake.live_by_link(held).items():
        held[link_id].conflict = conflict
    for side in SIDES:
        alone = {i.key: i for i in items if i.link is None and i.side is side}
        for key, conflict in intake.live_by_record(binding.id, side, alone).items():
            alone[key].conflict = conflict
        for key, said in distinct.others(binding.id, side, list(alone)).items():
            alone[key].distinct = said
        for key, may_be in doubts.others(binding.id, side, list(alone)).items():
            alone[key].doubts = may_be
        for key, ignored, left_alone in _decided_before(binding.id, side, list(alone)):
            alone[key].ignored, alone[key].alone = ignored, left_alone
    for item in items:
        if item.conflict is None:
            continue
        for place, (seq, value) in item.conflict.seqs.items():
            side, _, name = place.partition("/")
            item.pending[Side(side), name] = (seq, value)


def _decided_before(mapping_id: int, side: Side, keys: Sequence[str]) -> list[tuple[str, bool, bytes | None]]:
    """(key, ignored, left alone) of the unlinked records among `keys` that a person decided on."""
    if not keys:
        return []
    where, params = bulk.one_of("key", keys)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, ignored, alone FROM syncadmin_unlinked "
            f"WHERE mapping_id = %s AND side = %s AND (ignored OR alone IS NOT NULL) AND {where}",
            [mapping_id, side.value, *params],
        )
        return [(key, bool(ignored), alone and bytes(alone)) for key, ignored, alone in cursor.fetchall()]


def _attach_intents(binding: Binding, items: Sequence[Item]) -> None:
    """Intents that an earlier pass or round left open, with the changes they were to propagate."""
    by_link = {i.link.id: i for i in items if i.link is not None}
    by_place = {place: i for i in items for place in i.places()}
    for intent in open_intents(binding.id):
        if intent.link_id is not None:
            item = by_link.get(intent.link_id)
        else:
            item = by_place.get((Side(intent.side).other, intent.key or ""))
        if item is not None:
            item.intents.append(intent)
    for item in items:
        if item.intents:
            item.fresh = True
            for change in (c for e in efforts_of(item.intents, item.link) for c in e.changes if c.seq):
                item.pending.setdefault((change.side, change.field), (change.seq, change.new))
                item.planned[change.side, change.field] = change


def _read(binding: Binding, items: Sequence[Item], cache: Cache) -> None:
    """Read what has to be read: first the marked sides, then the other side where a shadow will not do."""
    _fetch(binding, items, cache, lambda item, side: side in item.marked)
    _fetch(
        binding,
        items,
        cache,
        lambda item, side: item.link is not None and not _may_assume(binding, item, side),
    )


def _may_assume(binding: Binding, item: Item, side: Side) -> bool:
    """Whether the unmarked side may be taken to equal its shadow."""
    link = item.link
    if link is None or item.fresh or link.held or link.alone is not None or item.conflict is not None:
        return False
    if binding.sides[side].can.update is Guarantee.BLIND:
        return False
    return not any(t is None or not t.in_scope or t.problems for t in item.seen.values())


def _fetch(binding: Binding, items: Sequence[Item], cache: Cache, wants: object) -> None:
    for side in SIDES:
        bound = binding.sides[side]
        needed: dict[str, Item] = {}
        for item in items:
            if side in item.seen or not wants(item, side):  # type: ignore[operator]
                continue
            key = item.key if item.link is None else item.link.key(side)
            cached = None if item.fresh else cache.take(side, key)
            if cached is not None:
                item.seen[side], item.listed = cached, True
            elif links.is_buried(key):
                item.seen[side] = None
            else:
                needed[key] = item
        if not needed:
            continue
        fetched = bound.connector.fetch(bound.resource, list(needed), fields=bound.wanted)
        for record in bound.translate(list(fetched.found.values())):
            needed[record.record.key].seen[side] = record
        for key, item in needed.items():
            if side not in item.seen:
                if key in fetched.absent:
                    item.seen[side] = None
                else:
                    item.unanswered = True


def _observe(item: Item) -> None:
    """Say what is known of each side in the core's terms (candidates are already there)."""
    if item.link is None:
        own = item.seen.get(item.side)
        if own is not None:
            item.observations[item.side] = core.Present(own.record, own.in_scope)
        return
    for side in SIDES:
        if side in item.seen:
            seen = item.seen[side]
            item.observations[side] = _present(seen) if seen is not None else core.Absent(item.link.key(side))
        else:
            shadow = item.link.shadow(side)
            item.observations[side] = core.Present(
                core.Record(item.link.key(side), shadow, item.link.version(side))
            )


def _present(seen: Translated) -> core.Present:
    return core.Present(seen.record, seen.in_scope)


def match_bytes(binding: Binding, values: core.Values) -> bytes | None:
    """Encoded match values of canonical values, None if there are none to match by."""
    match = binding.match_of(values)
    return None if match is None else encode_match(match)


def keys_of(items: Iterable[Item]) -> frozenset[tuple[Side, str]]:
    """All records (side, key) that these items are about."""
    return frozenset(place for item in items for place in item.places())
