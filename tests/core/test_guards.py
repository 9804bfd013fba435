"""Guards: a wave of deletes, changes or blanked values stops the pass."""

from __future__ import annotations

import pytest

from syncadmin.core.guards import Counts, count, tripped
from syncadmin.core.plan import Op, Write
from syncadmin.core.policy import Guards
from syncadmin.core.side import SIDES, Side

GUARDS = Guards(max_deletes=0.05, max_changes=0.4, max_blanks=0.1, floor=10)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("counts", "known", "said"),
    [
        (Counts(deletes=50), 1000, None),
        (Counts(deletes=51), 1000, "delete 51 of 1000"),
        (Counts(changes=400), 1000, None),
        (Counts(changes=401), 1000, "change 401 of 1000"),
        (Counts(changes=150, blanks=101), 1000, "empty a value in 101 of 1000"),
        (Counts(deletes=9), 10, None),
        (Counts(deletes=10), 10, "delete 10 of 10"),
        (Counts(changes=10), 0, "change 10 of 0"),
    ],
)
def test_a_guard_trips_above_its_share_and_floor(side, counts, known, said):
    reason = tripped(GUARDS, {side: counts, side.other: Counts()}, known)
    assert reason is None if said is None else said in reason
    assert reason is None or str(side) in reason


def test_writes_are_counted_by_side():
    writes = [
        Write(Side.LEFT, Op.DELETE, "1", {}),
        Write(Side.LEFT, Op.UPDATE, "2", {"a": None}, {"a": "x"}),
        Write(Side.LEFT, Op.UPDATE, "3", {"a": None}, {"a": ""}),
        Write(Side.RIGHT, Op.CREATE, None, {"a": None}),
    ]
    assert count(writes) == {Side.LEFT: Counts(1, 2, 1), Side.RIGHT: Counts(0, 1, 0)}
