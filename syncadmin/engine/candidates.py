"""Finding the partner of an unlinked record by match values: in links, unlinked records, the other system.

A partner is only proposed here; whether it is one is decided by the core. Twins (records of the same side
with the same match values) are found too, because they make a match a person's decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value
from syncadmin.models import Unlinked, bulk

from . import doubts, links
from .binding import Binding, BoundSide, Translated
from .collect import Cache
from .effort import Item
from .stage import encode_match


def find_candidates(binding: Binding, items: Sequence[Item], cache: Cache) -> None:
    """Give each unlinked item what the other side holds for it. Raises ConnectorError."""
    for side in SIDES:
        own = [i for i in items if i.side is side]
        if own:
            _find(binding, side, own, cache)


def _find(binding: Binding, side: Side, items: Sequence[Item], cache: Cache) -> None:
    for item in items:
        seen = item.seen[side]
        item.match = _match(binding, seen) if seen is not None else None
    matches = {i.match for i in items if i.match is not None}
    linked = _linked(binding, side.other, matches)
    unlinked = _unlinked(binding.id, matches)
    found = _search(binding, side, items, cache)
    paired = links.by_key(binding.id, side.other, found)
    partners = {key for s, _, key in unlinked if s is side.other} | (found.keys() - paired.keys())
    doubted = {key for item in items for key in item.doubts}
    doubted -= links.by_key(binding.id, side.other, sorted(doubted)).keys()
    partners |= doubted
    records, mute = _records(binding, side.other, partners - linked.keys(), found, cache)
    claimed = doubts.others(binding.id, side.other, sorted(records))
    unknown = {match for s, match, key in unlinked if s is side.other and key in mute}
    # a pair is known by what it agreed on, and by what its record holds now: a user may just have edited it
    taken = {key: shadow for key, (_, shadow) in linked.items()} | {key: found[key].record for key in paired}
    agreed = [(match, key) for key, (match, _) in linked.items()]
    agreeing = _by_match([*agreed, *((_match(binding, found[key]), key) for key in paired)])
    matching = _by_match((_match(binding, record), key) for key, record in records.items())
    own = _by_match((match, key) for s, match, key in unlinked if s is side)
    for item in items:
        item.unanswered = item.unanswered or item.match in unknown or bool(item.doubts & mute)
        candidates: dict[str, core.Candidate] = {}
        twins: list[str] = []
        if item.match is not None:
            for key in agreeing.get(item.match, ()):
                candidates[key] = core.Candidate(taken[key], linked=True)
            for key in matching.get(item.match, ()):
                item.partners[key] = records[key]
                candidates[key] = core.Candidate(
                    records[key].record,
                    linked=False,
                    in_scope=records[key].in_scope,
                    claimed=bool(claimed.get(key, frozenset()) - {item.key}),
                )
            twins = [key for key in own.get(item.match, ()) if key != item.key]
        for key in item.doubts & records.keys():
            item.partners[key] = records[key]
            candidates[key] = core.Candidate(
                records[key].record, linked=False, in_scope=records[key].in_scope, sure=False
            )
        denied = candidates.keys() & item.distinct
        for key in denied:
            del candidates[key]
        vanished = (item.doubts & doubted) - records.keys() - mute - item.distinct
        item.observations[side.other] = core.Matches(
            tuple(candidates.values()), tuple(sorted(twins)), tuple(sorted(denied)), tuple(sorted(vanished))
        )


def _by_match(pairs: Iterable[tuple[bytes | None, str]]) -> dict[bytes | None, list[str]]:
    """Keys by the match values that their records have."""
    found: dict[bytes | None, list[str]] = {}
    for match, key in pairs:
        found.setdefault(match, []).append(key)
    return found


def find_created(
    binding: Binding, writes: Sequence[core.Write]
) -> tuple[dict[int, list[Translated]], set[int]]:
    """By id of each create among `writes`: unlinked records that it may have made. Raises ConnectorError.

    They have the match values that were sent; where there were none to be found by, they are alike in every
    field. Besides, the ids of the creates of which a record that they may have made gave no answer.
    """
    found: dict[int, list[Translated]] = {}
    untold: set[int] = set()
    for side in SIDES:
        creates = [w for w in writes if w.op is core.Op.CREATE and w.side is side]
        if not creates:
            continue
        bound = binding.sides[side]
        matches = {id(w): binding.match_of(w.values) for w in creates}
        unlinked = Unlinked.objects.filter(mapping_id=binding.id, side=side.value)
        wanted = {encode_match(m) for m in matches.values() if m is not None}
        keys: dict[str, bytes | None] = {key: m for s, m, key in _unlinked(binding.id, wanted) if s is side}
        if None in matches.values():
            nameless = unlinked.filter(match=None, ignored=False)
            keys |= dict.fromkeys(nameless.values_list("key", flat=True))
        records = {t.record.key: t for t in _find_values(binding, bound, [m for m in matches.values() if m])}
        missing = sorted(keys.keys() - records.keys())
        mute: set[bytes | None] = set()
        if missing:
            fetched = bound.connector.fetch(bound.resource, missing, fields=bound.wanted)
            records.update({t.record.key: t for t in bound.translate(list(fetched.found.values()))})
            mute = {keys[key] for key in set(missing) - records.keys() - fetched.absent}
        linked = links.by_key(binding.id, side, records)
        free = [t for key, t in records.items() if key not in linked]
        for w in creates:
            match = matches[id(w)]
            found[id(w)] = [t for t in free if _may_be(binding, t, w, match)]
            if (None if match is None else encode_match(match)) in mute:
                untold.add(id(w))
    return found, untold


def _may_be(binding: Binding, found: Translated, sent: core.Write, match: tuple[Value, ...] | None) -> bool:
    if match is not None:
        return binding.match_of(found.record.values) == match
    return all(alike(found.record.values.get(name), value) for name, value in sent.values.items())


def _find_values(
    binding: Binding, bound: BoundSide, matches: Sequence[tuple[Value, ...]]
) -> list[Translated]:
    """Records of a side by the first match value, where its system can be asked."""
    if not binding.policy.match or not bound.can.finds or not matches:
        return []
    f = next(f for f in bound.fields if f.name == binding.policy.match[0])
    if f.target_id is not None:
        return []
    values = [f.write(match[0]) for match in matches]
    return bound.translate(bound.connector.find(bound.resource, f.source, values, fields=bound.wanted))


def _linked(binding: Binding, side: Side, matches: set[bytes]) -> dict[str, tuple[bytes, core.Record]]:
    """Linked records of `side` by key, with the match values their link agreed on."""
    found = links.by_match(binding.id, matches)
    return {row.key(side): (match, core.Record(row.key(side), row.shadow(side))) for match, row in found}


def _unlinked(mapping_id: int, matches: set[bytes]) -> list[tuple[Side, bytes, str]]:
    """(side, match, key) of the unlinked records that the hub has seen."""
    if not matches:
        return []
    where, params = bulk.one_of("match", list(matches), "bytea")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT side, match, key FROM syncadmin_unlinked "
            f"WHERE mapping_id = %s AND NOT ignored AND {where}",
            [mapping_id, *params],
        )
        return [(Side(s), bytes(match), key) for s, match, key in cursor.fetchall()]


def _search(binding: Binding, side: Side, items: Sequence[Item], cache: Cache) -> dict[str, Translated]:
    """Records by key, linked or not, that the other system itself has for the items' match values.

    It may hold one we have not read, and a linked one may have been edited since its pair agreed.
    """
    if cache.matching is not None:
        return {t.record.key: t for t in cache.matching[side.other]}
    other = binding.sides[side.other]
    matches = [
        match
        for i in items
        if i.match is not None
        and (seen := i.seen[side]) is not None
        and (match := binding.match_of(seen.record.values)) is not None
    ]
    return {t.record.key: t for t in _find_values(binding, other, matches)}


def _records(
    binding: Binding, side: Side, keys: set[str], found: dict[str, Translated], cache: Cache
) -> tuple[dict[str, Translated], set[str]]:
    """The candidates' records, from what was just read or read now, and the keys that got no answer.

    A record that its system neither gave nor said to be absent may well be the partner.
    """
    records = {key: found[key] for key in keys if key in found}
    missing = []
    for key in keys - records.keys():
        cached = cache.records.get((side, key))
        if cached is not None:
            records[key] = cached
        else:
            missing.append(key)
    mute: set[str] = set()
    if missing:
        bound = binding.sides[side]
        fetched = bound.connector.fetch(bound.resource, missing, fields=bound.wanted)
        records.update({t.record.key: t for t in bound.translate(list(fetched.found.values()))})
        mute = set(missing) - records.keys() - fetched.absent
    return records, mute


def _match(binding: Binding, record: Translated) -> bytes | None:
    match = binding.match_of(record.record.values)
    return None if match is None else encode_match(match)
