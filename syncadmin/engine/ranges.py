"""Reading only what may have changed since a side was last compared, where its system hashes by itself.

Before a comparison, each such side and the hub's database are asked for fingerprints; ranges of keys where
both are as they were after the last comparison are not read. A fingerprint is summed from the very records
that were compared, and kept only together with that of what the hub then knew: a side that goes back to what
it was (a restored backup), while the hub went on, differs. What a reading depends on besides, the mapping and
the links that references name, must be as it was too.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from connectors.base import Retry, Spent
from connectors.fingerprints import Fingerprints, Hashed, Order
from syncadmin.config.fingerprint import fingerprint
from syncadmin.core import ranges as core
from syncadmin.core.ranges import Ranges, Row, Sum
from syncadmin.core.side import SIDES, Side
from syncadmin.models import KeyRanges, MappingState

from .binding import Binding, BoundSide
from .known import all_known, known_of, links_until, within

PAGE = 5000
logger = logging.getLogger(__name__)
FORM = 1  # grows when canonical values, or what is kept here, get another form


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a comparison. `known` is the fingerprint of all that the hub knew.

    `targets`: of each mapping that references name, how many links there were up to which id, and their sum.
    """

    ranges: Ranges
    known: Sum
    targets: dict[int, tuple[int, Sum]]


@dataclass(slots=True)
class Look:
    """How a side is read for a comparison: as a whole, or, if `read` is given, these of the `kept` ranges.

    `confirmed` is how many of its records need not be read. `outdated`: what is kept is not as it is now.
    """

    bound: BoundSide
    source: Fingerprints
    numbers: bool
    seed: int
    about: str
    kept: Kept | None = None
    read: list[int] | None = None
    confirmed: int = 0
    outdated: bool = True

    def pages(self) -> Iterator[Hashed]:
        """The records that have to be compared, with their hashes. Raises ConnectorError."""
        spans: list[core.Span] = [(None, None)]
        if self.kept is not None and self.read is not None:
            spans = core.spans(self.kept.ranges, self.read)
        return self.source.hashed(
            self.bound.resource, spans, fields=self.bound.wanted, seed=self.seed, limit=PAGE
        )

    def covered(self) -> tuple[str, list[Any]]:
        """Condition on a link `k`: if its record is there, it has been read."""
        if self.kept is None or self.read is None:
            return "true", []
        if not self.read and self.kept.ranges.elsewhere == core.NOTHING:
            return "false", []  # no link need be looked at
        return within(self.bound.side, self.kept.ranges, self.read)


def look(binding: Binding, sides: Collection[Side] = SIDES) -> dict[Side, Look]:
    """How the sides whose systems hash by themselves have to be read; no other side is in the answer.

    The systems are asked at the same time, and the hub's database meanwhile. Raises ConnectorError.
    """
    found = _offered(binding, sides)
    kept = {side: one.kept for side, one in found.items() if one.kept is not None}
    if not kept:
        return found
    with ThreadPoolExecutor(max_workers=len(SIDES)) as pool:
        answers = {side: pool.submit(_ask, found[side], ranges.ranges) for side, ranges in kept.items()}
        known = all_known(binding.id, _seed_of(found))
    for side, answer in answers.items():
        _narrow(binding, found[side], kept[side], answer.result(), known)
    return found


def _ask(one: Look, ranges: Ranges) -> list[Sum] | None:
    """The system's fingerprint; None if it does not get done, as for a table too large for its time limit."""
    try:
        return one.source.sums(one.bound.resource, ranges.bounds, fields=one.bound.wanted, seed=one.seed)
    except Spent:
        raise
    except Retry as error:  # one that can't be reached says so again when it is read
        logger.warning("no fingerprint, so all is read: %s", error)
        return None


def _seed_of(looks: Mapping[Side, Look]) -> int:
    return next(one.seed for one in looks.values())


def _offered(binding: Binding, sides: Collection[Side]) -> dict[Side, Look]:
    told = MappingState.objects.filter(mapping_id=binding.id).values_list("uid", "restored_from")
    uid, restored_from = told.get()
    found = {}
    for side in sides:
        bound = binding.sides[side]
        source = bound.connector
        order = source.order(bound.resource) if isinstance(source, Fingerprints) else None
        if isinstance(source, Fingerprints) and order is not None:
            about = _about(binding, bound)
            one = Look(bound, source, order is Order.NUMBER, uid.int % 2**62, about)
            one.kept = None if restored_from else _kept(binding.id, one)
            found[side] = one
    return found


def _about(binding: Binding, bound: BoundSide) -> str:
    """What a comparison of this side depends on besides records, links, and links of other mappings."""
    types = sorted(bound.types.items())
    text = json.dumps([FORM, fingerprint(binding.mapping), bound.side, bound.wanted, types])
    return hashlib.sha256(text.encode()).hexdigest()


def _kept(mapping_id: int, one: Look) -> Kept | None:
    row = KeyRanges.objects.filter(mapping_id=mapping_id, side=one.bound.side.value, about=one.about).first()
    if row is None:
        return None
    kept = msgspec.msgpack.decode(bytes(row.kept), type=Kept)
    same = all(
        links_until(target, last, one.seed) == (last, told) for target, (last, told) in kept.targets.items()
    )
    return kept if same else None


def _narrow(binding: Binding, one: Look, kept: Kept, system: list[Sum] | None, known: Sum) -> None:
    """Leave out what is as it was; all is read where that can't be told, or would be most of it anyway."""
    if system is None:
        return
    one.outdated = kept.known != known
    now = None
    if one.outdated:
        now, elsewhere = known_of(binding.id, one.bound.side, kept.ranges, one.seed)
        if elsewhere != kept.ranges.elsewhere:
            return
    read = core.suspect(kept.ranges, system, now)
    count, everything = sum(system[n][0] for n in read), sum(n for n, _, _ in system)
    if 2 * count <= everything:
        one.read, one.confirmed = read, everything - count


# ---------------------------------------------------------------- keeping


def keep(binding: Binding, looks: Mapping[Side, Look], now: datetime) -> None:
    """Keep the fingerprints of what has just been compared, for the next comparison.

    To be called when all that was found is marked, while the stages are there, in a fenced transaction: what
    the hub knows must not change in between. Nothing is kept anew where nothing was read.
    """
    changed = {side: one for side, one in looks.items() if one.outdated or one.read or one.read is None}
    if not changed:
        return
    seed = _seed_of(looks)
    known, targets = all_known(binding.id, seed), _targets(binding, seed)
    for side, one in changed.items():
        ranges = _compared(one)
        sums, elsewhere = known_of(binding.id, side, ranges, seed)
        unclean = _marked(binding.id, side, ranges)
        made = Kept(core.with_known(ranges, sums, elsewhere, unclean), known, targets)
        KeyRanges.objects.update_or_create(
            mapping_id=binding.id,
            side=side.value,
            defaults={"about": one.about, "kept": msgspec.msgpack.encode(made), "compared_at": now},
        )


def _compared(one: Look) -> Ranges:
    """The ranges of a side as they are after the comparison."""
    rows = _staged(one)
    if one.kept is None or one.read is None:
        return Ranges(one.numbers, tuple(core.made_of(rows)))
    return core.renewed(one.kept.ranges, frozenset(one.read), rows)


def _staged(one: Look) -> Iterator[Row]:
    """Keys and hashes of what was read, in order."""
    number = "key::bigint" if connection.vendor == "postgresql" else "CAST(key AS INTEGER)"
    text = 'key COLLATE "C"' if connection.vendor == "postgresql" else "key"
    order = number if one.numbers else text
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT key, high, low FROM stage_{one.bound.side} ORDER BY {order}")
        while rows := cursor.fetchmany(PAGE):
            yield from (Row(*row) for row in rows)


def _marked(mapping_id: int, side: Side, ranges: Ranges) -> set[int]:
    """The ranges with records that are marked."""
    edges = ranges.edges
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM syncadmin_mark WHERE mapping_id = %s AND side = %s", [mapping_id, side.value]
        )
        places = {core.place(edges, ranges.numbers, key) for (key,) in cursor.fetchall()}
    return {n for n in places if n is not None}


def _targets(binding: Binding, seed: int) -> dict[int, tuple[int, Sum]]:
    """The links by which references have been read: as long as these stay, they are read the same."""
    ids = {f.target_id for side in SIDES for f in binding.sides[side].fields if f.target_id is not None}
    return {target: links_until(target, None, seed) for target in ids}
