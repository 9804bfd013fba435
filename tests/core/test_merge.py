"""Merge strategies: what becomes of a shared field that both sides changed to different values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncadmin.core.policy import FieldPolicy, Merge
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import FieldType, Kind

from .builders import a_field, a_link, a_policy, asked, decide_pair, fates, updates

both_sides = pytest.mark.parametrize("me", SIDES)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def merged(me, merge, base, mine, theirs, kind=Kind.TEXT, rule="", **how):
    policy = a_policy(a_field("f", kind, merge=merge, rule=rule))
    return decide_pair(me, {"f": base}, {"f": mine}, {"f": theirs}, policy, **how)


def result(plan):
    """What both sides hold afterwards, or why a person has to look."""
    if plan.conflict:
        return plan.conflict.fields[0].reason
    left, right = plan.settled["f"]
    assert left == right
    return left


@both_sides
def test_review_asks(me):
    assert asked(merged(me, Merge.REVIEW, "1", "2", "3")) == {"f"}


@both_sides
@pytest.mark.parametrize("winner", SIDES)
def test_a_preferred_side_wins_and_the_other_value_is_accounted_for(me, winner):
    plan = merged(me, Merge(f"prefer {winner}"), "1", "2", "3")
    assert result(plan) == ("2" if me is winner else "3")
    assert fates(plan) == {(winner, "f", "propagated"), (winner.other, "f", "overridden")}


@both_sides
def test_the_newer_change_wins(me):
    plan = merged(me, Merge.NEWEST, "1", "2", "3", my_modified=NOON, their_modified=NOON - timedelta(hours=1))
    assert result(plan) == "2"


@both_sides
def test_the_time_of_the_field_counts_more_than_that_of_the_record(me):
    how = {"my_modified": NOON, "my_times": {"f": NOON - timedelta(hours=2)}}
    plan = merged(me, Merge.NEWEST, "1", "2", "3", their_modified=NOON - timedelta(hours=1), **how)
    assert result(plan) == "3"


@both_sides
@pytest.mark.parametrize("apart", [0, 5])
def test_time_does_not_decide_within_the_clocks_tolerance(me, apart):
    """F10."""
    how = {"my_modified": NOON, "their_modified": NOON - timedelta(seconds=apart)}
    assert "same time" in result(merged(me, Merge.NEWEST, "1", "2", "3", **how))
    how["their_modified"] = NOON - timedelta(seconds=5.1)
    assert result(merged(me, Merge.NEWEST, "1", "2", "3", **how)) == "2"


@both_sides
def test_time_does_not_decide_where_it_is_not_known(me):
    assert "not known" in result(merged(me, Merge.NEWEST, "1", "2", "3", my_modified=NOON))


@both_sides
@pytest.mark.parametrize(
    ("kind", "base", "mine", "theirs", "total"),
    [
        (Kind.INTEGER, 10, 7, 12, 9),
        (Kind.INTEGER, 0, -5, 5, 0),
        (Kind.DECIMAL, "10.00", "10.10", "10.20", "10.30"),
        (Kind.DECIMAL, "0.10", "0.30", "0.00", "0.20"),
        (Kind.INTEGER, 10, 11, 11, 12),
        (Kind.INTEGER, 10**40, 10**40 + 1, 10**40 + 2, 10**40 + 3),
    ],
)
def test_a_counter_adds_up_both_changes(me, kind, base, mine, theirs, total):
    plan = merged(me, Merge.COUNTER, base, mine, theirs, kind)
    assert result(plan) == total
    assert fates(plan) == {(me, "f", "merged"), (me.other, "f", "merged")}


def test_a_counter_counts_from_each_sides_own_shadow():
    policy = a_policy(a_field("f", Kind.DECIMAL, merge=Merge.COUNTER))
    link = a_link({"f": "10.50"}, {"f": "10.00"})  # the right system keeps whole numbers
    plan = decide_pair(Side.LEFT, {}, {"f": "11.50"}, {"f": "12.00"}, policy, link)
    assert plan.settled["f"] == ("13.50", "13.00")


@both_sides
@pytest.mark.parametrize(("base", "mine", "theirs"), [(None, 1, 2), (1, None, 2)])
def test_a_counter_that_is_empty_is_for_a_person(me, base, mine, theirs):
    assert "empty" in result(merged(me, Merge.COUNTER, base, mine, theirs, Kind.INTEGER))


@both_sides
@pytest.mark.parametrize(
    ("base", "mine", "theirs", "both"),
    [
        (["a"], ["a", "b"], ["a", "c"], ["a", "b", "c"]),
        (["a", "b"], ["a"], ["b"], []),
        (["a", "b"], ["a"], ["a", "b", "c"], ["a", "c"]),
        ([], ["x"], ["x", "y"], ["x", "y"]),
    ],
)
def test_a_set_takes_over_what_each_side_added_and_removed(me, base, mine, theirs, both):
    plan = merged(me, Merge.SET, base, mine, theirs, Kind.SET)
    assert result(plan) == both
    assert fates(plan) == {(me, "f", "merged"), (me.other, "f", "merged")}


def test_a_set_keeps_each_sides_own_spelling():
    policy = a_policy(a_field("f", Kind.SET, merge=Merge.SET))
    link = a_link({"f": ["VIP"]}, {"f": ["vip"]})  # the right system lowers what it is given
    plan = decide_pair(Side.LEFT, {}, {"f": ["VIP", "new"]}, {"f": ["old", "vip"]}, policy, link)
    assert plan.settled["f"] == (["VIP", "new", "old"], ["new", "old", "vip"])


@both_sides
def test_text_takes_over_edits_in_different_places(me):
    plan = merged(me, Merge.TEXT, "call mom tomorrow", "call dad tomorrow", "call mom today")
    assert result(plan) == "call dad today"
    assert "near 'call mom" in result(merged(me, Merge.TEXT, "call mom", "call dad", "call Ann"))


def test_texts_that_started_differently_are_for_a_person():
    policy = a_policy(a_field("f", merge=Merge.TEXT))
    plan = decide_pair(
        Side.LEFT, {}, {"f": "A b"}, {"f": "a B "}, policy, a_link({"f": "a b"}, {"f": "a b "})
    )
    assert asked(plan) == {"f"}


@both_sides
@pytest.mark.parametrize(
    ("kind", "mine", "theirs", "low"),
    [
        (Kind.INTEGER, 9, 10, 9),
        (Kind.DECIMAL, "9.00", "10.00", "9.00"),
        (Kind.DECIMAL, "-2.00", "-1.00", "-2.00"),
        (Kind.DATE, "2024-01-31", "2024-02-01", "2024-01-31"),
        (Kind.TEXT, "a", "b", "a"),
    ],
)
def test_the_smaller_or_the_larger_value_wins(me, kind, mine, theirs, low):
    base = None
    plan = merged(me, Merge.MIN, base, mine, theirs, kind)
    assert result(plan) == low
    assert fates(plan) == {(me, "f", "propagated"), (me.other, "f", "overridden")}
    assert result(merged(me, Merge.MAX, base, mine, theirs, kind)) == theirs


@both_sides
@pytest.mark.parametrize("merge", [Merge.MIN, Merge.MAX])
def test_an_emptied_field_is_neither_smaller_nor_larger(me, merge):
    assert "emptied" in result(merged(me, merge, 1, None, 2, Kind.INTEGER))


@both_sides
def test_a_value_beats_a_cleared_field(me):
    plan = merged(me, Merge.NON_EMPTY, "1", None, "2")
    assert updates(plan, me) == {"f": "2"}
    assert fates(plan) == {(me, "f", "overridden"), (me.other, "f", "propagated")}
    assert asked(merged(me, Merge.NON_EMPTY, "1", "2", "3")) == {"f"}


@both_sides
@pytest.mark.parametrize(
    ("rule", "kind", "base", "mine", "theirs", "wanted"),
    [
        ("left > right ? left : right", Kind.INTEGER, 1, 2, 3, 3),
        ("left + right - base", Kind.INTEGER, 1, 2, 3, 4),
        ("(left + right) / 2.0", Kind.DECIMAL, "0.00", "1.00", "2.00", "1.50"),
        ("left.filter(t, t in right)", Kind.SET, [], ["a", "b"], ["b", "c"], ["b"]),
        ("left > right ? left : right", Kind.DATETIME, None, "2024-01-01T00:00:00.000000Z",
         "2025-01-01T00:00:00.000000Z", "2025-01-01T00:00:00.000000Z"),
        ("left && right", Kind.BOOLEAN, None, True, False, False),
        ("null", Kind.TEXT, "1", "2", "3", None),
    ],
)  # fmt: skip
def test_a_rule_decides(me, rule, kind, base, mine, theirs, wanted):
    assert result(merged(me, Merge.RULE, base, mine, theirs, kind, rule)) == wanted


@both_sides
def test_a_rule_that_takes_a_sides_value_overrides_the_other(me):
    plan = merged(me, Merge.RULE, 1, 2, 3, Kind.INTEGER, "left > right ? left : right")
    assert fates(plan) == {(me.other, "f", "propagated"), (me, "f", "overridden")}
    plan = merged(me, Merge.RULE, 1, 2, 3, Kind.INTEGER, "left + right")
    assert fates(plan) == {(me, "f", "merged"), (me.other, "f", "merged")}


def test_a_rule_sees_times_and_both_records():
    policy = a_policy(
        a_field("f", merge=Merge.RULE, rule="left_record.vip && left_time > right_time ? left : right"),
        a_field("vip", Kind.BOOLEAN),
    )
    base = {"f": "1", "vip": True}
    how = {"my_modified": NOON, "their_modified": NOON - timedelta(hours=1)}
    plan = decide_pair(Side.LEFT, base, {**base, "f": "2"}, {**base, "f": "3"}, policy, **how)
    assert updates(plan, Side.RIGHT) == {"f": "2"}


@both_sides
@pytest.mark.parametrize(
    ("rule", "kind", "said"),
    [
        ("left / 0", Kind.INTEGER, "division by zero"),
        ("'many'", Kind.INTEGER, "no integer"),
        ("1", Kind.TEXT, "no text"),
        ("1.5", Kind.INTEGER, "does not fit"),
        ("left_record.nowhere", Kind.INTEGER, "nowhere"),
        ("left +", Kind.INTEGER, "line 1"),
        ("", Kind.INTEGER, "line 1"),
    ],
)
def test_a_rule_without_a_fitting_answer_is_for_a_person_with_the_error(me, rule, kind, said):
    plan = merged(me, Merge.RULE, *((1, 2, 3) if kind is Kind.INTEGER else ("1", "2", "3")), kind, rule)
    assert said in result(plan)


@both_sides
@pytest.mark.parametrize("merge", [Merge.COUNTER, Merge.SET, Merge.TEXT])
def test_a_strategy_for_another_type_asks(me, merge):
    assert asked(merged(me, merge, True, False, None, Kind.BOOLEAN)) == {"f"}


def test_every_strategy_is_known():
    for strategy in Merge:
        field = FieldPolicy("f", FieldType(Kind.TEXT), merge=strategy, rule="left")
        assert decide_pair(Side.LEFT, {"f": "a"}, {"f": "b"}, {"f": "c"}, a_policy(field)).changes
