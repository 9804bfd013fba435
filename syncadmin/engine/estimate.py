"""How many requests a pass would make, and how long it would take: about, from what reading showed.

A write to a record costs as much again as reading it did, twice: to read it fresh and to write it. Where a
system takes few records in a request, its requests decide: each takes as long as one did that was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from time import perf_counter

from connectors.base import Capabilities, Guarantee
from syncadmin.core.plan import Op
from syncadmin.core.side import SIDES, Side

from . import stage
from .binding import Binding
from .collect import Collected


@dataclass(frozen=True, slots=True)
class Pace:
    """What reading showed: pages by side, seconds in all and a record, seconds of a request by side."""

    pages: dict[Side, int]
    seconds: float
    a_record: float
    a_request: dict[Side, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests of each side and seconds of a pass that carries the plan out; the seconds are an estimate."""

    left: int
    right: int
    seconds: float


def pace_of(binding: Binding, found: Collected, spent: timedelta) -> Pace:
    """What reading both sides showed; asks each for one record more, to see how long a request takes."""
    seconds = spent.total_seconds()
    tried = {side: _one_request(binding, side) for side in SIDES}
    return Pace(dict(found.pages), seconds, seconds / max(found.read, 1), tried)


def _one_request(binding: Binding, side: Side) -> float:
    key = stage.any_key(side)
    if key is None:
        return 0.0
    bound = binding.sides[side]
    began = perf_counter()
    bound.connector.fetch(bound.resource, [key], fields=bound.wanted)
    return perf_counter() - began


def cost_of(binding: Binding, writes: Mapping[str, Mapping[str, int]], marked: int, pace: Pace) -> Cost:
    """What a pass would cost that compares all, looks at `marked` records closely and makes these writes."""
    requests = {side: pace.pages.get(side, 0) for side in SIDES}
    seconds = pace.seconds + marked * pace.a_record
    for side in SIDES:
        can, many = binding.sides[side].can, writes[side.value]
        asked = _requests(can, many, marked)
        requests[side] += asked
        waiting = asked * pace.a_request[side] / max(can.at_once, 1)
        seconds += max(waiting, 2 * sum(many.values()) * pace.a_record)
    return Cost(requests[Side.LEFT], requests[Side.RIGHT], round(seconds, 1))


def _requests(can: Capabilities, writes: Mapping[str, int], marked: int) -> int:
    """Requests for the records that are read by key and for the writes, beyond those that read all."""
    promised = {Op.CREATE: can.create, Op.UPDATE: can.update, Op.DELETE: can.delete}
    changed = sum(writes.values())
    checked = sum(
        number for op, number in writes.items() if promised[Op(op)] is Guarantee.CHECKED and op != Op.CREATE
    )
    back = 0 if can.answers else writes[Op.CREATE] + writes[Op.UPDATE]
    return ceil(changed / can.writes_together) + ceil((marked + checked + back) / can.reads_together)
