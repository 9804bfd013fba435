"""Finding the partner of an unlinked record by match values: in links, unlinked records, the other system.

A partner is only proposed here; whether it is one is decided by the core. Twins (records of the same side
with the same match values) are found too, because they make a match a person's decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side
from syncadmin.models import bulk

from . import links
from .binding import Binding, Translated
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
    found = _search(binding, side, items)
    partners = {key for s, _, key in unlinked if s is side.other} | set(found)
    records = _records(binding, side.other, partners - linked.keys(), found, cache)
    for item in items:
        candidates: dict[str, core.Candidate] = {}
        twins: list[str] = []
        if item.match is not None:
            for key, (agreed, shadow) in linked.items():
                if agreed == item.match:
                    candidates[key] = core.Candidate(shadow, linked=True)
            for key, found_record in records.items():
                if _match(binding, found_record) == item.match:
                    item.partners[key] = found_record
                    candidates.setdefault(
                        key, core.Candidate(found_record.record, linked=False, in_scope=found_record.in_scope)
                    )
            twins = [
                key for s, match, key in unlinked if s is side and match == item.match and key != item.key
            ]
        item.observations[side.other] = core.Matches(tuple(candidates.values()), tuple(sorted(twins)))


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


def _search(binding: Binding, side: Side, items: Sequence[Item]) -> dict[str, Translated]:
    """Ask the other system itself for records with the match value: it may hold one we have not read."""
    other = binding.sides[side.other]
    if not binding.policy.match or not other.can.finds:
        return {}
    f = next(f for f in other.fields if f.name == binding.policy.match[0])
    if f.target_id is not None:
        return {}
    values = [f.write(s.record.values[f.name]) for i in items if i.match is not None and (s := i.seen[side])]
    if not values:
        return {}
    found = other.connector.find(other.resource, f.source, values, fields=other.wanted)
    known = links.by_key(binding.id, side.other, [r.key for r in found])
    return {t.record.key: t for t in other.translate(found) if t.record.key not in known}


def _records(
    binding: Binding, side: Side, keys: set[str], found: dict[str, Translated], cache: Cache
) -> dict[str, Translated]:
    """The candidates' records, from what was just read or read now."""
    records = {key: found[key] for key in keys if key in found}
    missing = []
    for key in keys - records.keys():
        cached = cache.records.get((side, key))
        if cached is not None:
            records[key] = cached
        else:
            missing.append(key)
    if missing:
        bound = binding.sides[side]
        fetched = bound.connector.fetch(bound.resource, missing, fields=bound.wanted)
        records.update({t.record.key: t for t in bound.translate(list(fetched.found.values()))})
    return records


def _match(binding: Binding, record: Translated) -> bytes | None:
    match = binding.match_of(record.record.values)
    return None if match is None else encode_match(match)
