"""Guards: a wave of deletes, changes, blanked, shortened or evened values stops the pass."""

from __future__ import annotations

import pytest

from syncadmin.core.fieldtype import FieldType, Kind
from syncadmin.core.guards import Counts, count, tripped
from syncadmin.core.loss import EXAMPLES, WATCHED, Example, Losses, says_less
from syncadmin.core.plan import Op, Write
from syncadmin.core.policy import Guards
from syncadmin.core.side import SIDES, Side

GUARDS = Guards(max_deletes=0.05, max_changes=0.4, max_blanks=0.1, max_shrinks=0.1, max_same=0.2, floor=10)
TYPES = {"a": FieldType(Kind.TEXT), "n": FieldType(Kind.INTEGER)}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("counts", "known", "said"),
    [
        (Counts(deletes=50), 1000, None),
        (Counts(deletes=51), 1000, "delete 51 of 1000"),
        (Counts(changes=400), 1000, None),
        (Counts(changes=401), 1000, "change 401 of 1000"),
        (Counts(changes=150, blanks=101), 1000, "empty a value in 101 of 1000"),
        (Counts(changes=150, fields={"a": Losses(shrunk=100)}), 1000, None),
        (Counts(changes=150, fields={"a": Losses(shrunk=101)}), 1000, "shorten a in 101 of 1000"),
        (Counts(changes=250, fields={"a": Losses(same=200)}), 1000, None),
        (Counts(changes=250, fields={"a": Losses(same=201)}), 1000, "set a to one same value in 201 of 1000"),
        (Counts(changes=9, fields={"a": Losses(shrunk=9, same=9)}), 20, None),
        (Counts(deletes=9), 10, None),
        (Counts(deletes=10), 10, "delete 10 of 10"),
        (Counts(changes=10), 0, "change 10 of 0"),
    ],
)
def test_a_guard_trips_above_its_share_and_floor(side, counts, known, said):
    reason = tripped(GUARDS, {side: counts, side.other: Counts()}, known)
    assert reason is None if said is None else said in reason
    assert reason is None or str(side) in reason


def test_losses_of_several_fields_are_not_added_up():
    losses = {name: Losses(shrunk=60, same=150) for name in "abc"}
    assert tripped(GUARDS, {Side.LEFT: Counts(changes=200, fields=losses)}, 1000) is None


def test_writes_are_counted_by_side():
    writes = [
        Write(Side.LEFT, Op.DELETE, "1", {}),
        Write(Side.LEFT, Op.UPDATE, "2", {"a": None}, {"a": "x"}),
        Write(Side.LEFT, Op.UPDATE, "3", {"a": None}, {"a": ""}),
        Write(Side.RIGHT, Op.CREATE, None, {"a": None}),
    ]
    counts = count(writes, TYPES)
    assert [(c.deletes, c.changes, c.blanks) for c in (counts[Side.LEFT], counts[Side.RIGHT])] == [
        (1, 2, 1),
        (0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("kind", "old", "new", "less"),
    [
        (Kind.TEXT, "Ada Lovelace", "Ada Lo", True),
        (Kind.TEXT, "Ada Lovelace", "Lovelace", True),
        (Kind.TEXT, "Ada Lovelace", "Ada L\u2026", True),
        (Kind.TEXT, "Ada Lovelace", "Ada ...", True),
        (Kind.TEXT, "Ada Lovelace", "A. L.", True),
        (Kind.TEXT, "J\u00fcrgen \U0001f600", "J?rgen ?", True),
        (Kind.TEXT, "DE12 3456 7890", "**** **** 7890", True),
        (Kind.TEXT, "Ada Lovelace", "Ada King", False),
        (Kind.TEXT, "Ada", "Ada Lovelace", False),
        (Kind.TEXT, "Ada  Lovelace ", "Ada Lovelace", False),
        (Kind.TEXT, "030 1234", "0301234", False),
        (Kind.TEXT, "ADA", "Ada", False),
        (Kind.TEXT, "what?", "what*", False),
        (Kind.TEXT, "Ada", "", False),
        (Kind.TEXT, None, "Ada", False),
        (Kind.DECIMAL, "12.34", "12.00", True),
        (Kind.DECIMAL, "12.34", "12.30", True),
        (Kind.DECIMAL, "112.34", "12.34", False),
        (Kind.DECIMAL, "1000.00", "5.00", False),
        (Kind.DATETIME, "2026-05-17T12:34:56.123456Z", "2026-05-17T00:00:00.000000Z", True),
        (Kind.DATETIME, "2026-05-17T12:34:56.000000Z", "2026-05-18T12:34:56.000000Z", False),
        (Kind.SET, ["a", "b"], ["a"], True),
        (Kind.SET, ["a", "b"], ["a", "c"], False),
        (Kind.JSON, {"a": 1, "b": [1, 2]}, {"a": 1, "b": [2]}, True),
        (Kind.JSON, {"a": 1, "b": 2}, {"a": 1}, True),
        (Kind.JSON, {"a": 1}, {"a": 2}, False),
        (Kind.JSON, [1, 2], [2, 1], False),
        (Kind.INTEGER, 1234, 1, False),
        (Kind.CHOICE, "cancelled", "c", False),
    ],
)
def test_a_value_says_less_if_it_is_the_old_one_with_a_part_gone(kind, old, new, less):
    assert says_less(kind, old, new) is less


def test_one_same_value_counts_where_it_takes_the_place_of_others():
    losses = Losses()
    for n in range(30):
        losses.add(Kind.TEXT, Example(f"r{n}", f"phone {n}", f"new {n}"))
        losses.add(Kind.TEXT, Example(f"s{n}", f"phone {n}", "unknown"))
        losses.add(Kind.TEXT, Example(f"t{n}", None, "unknown"))
        losses.add(Kind.TEXT, Example(f"u{n}", "unknown", "unknown"))
    assert losses.same == 30
    assert [e.new for e in losses.same_examples] == ["unknown"] * EXAMPLES
    assert {e.old for e in losses.same_examples} <= {f"phone {n}" for n in range(30)}


def test_a_value_of_many_records_is_found_among_more_values_than_are_watched():
    losses, total = Losses(), 4 * WATCHED
    for n in range(total):
        losses.add(Kind.INTEGER, Example("", -1, n if n % 4 else 7))
    assert total // 4 - total // WATCHED <= losses.same <= total // 4
    assert {e.new for e in losses.same_examples} == {7}


def test_writes_that_say_less_are_counted_by_field_with_examples():
    writes = [
        Write(Side.RIGHT, Op.UPDATE, str(n), {"a": "Ada", "n": n}, {"a": "Ada Lovelace", "n": n - 1})
        for n in range(12)
    ]
    fields = count(writes, TYPES)[Side.RIGHT].fields
    assert (fields["a"].shrunk, fields["a"].same, fields["n"].shrunk, fields["n"].same) == (12, 12, 0, 1)
    assert fields["a"].shrunk_examples[0] == Example("", "Ada Lovelace", "Ada")
