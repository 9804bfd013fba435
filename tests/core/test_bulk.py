"""Rules for many items at once: which side a field is taken from, and when it is left to people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncadmin.core.bulk import Asked, Rule, Why, choose
from syncadmin.core.side import Side

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOLERANCE = timedelta(seconds=5)


def chosen(rule, *fields):
    made = choose(rule, fields, TOLERANCE)
    return dict(made.picks), dict(made.left_out)


def a_field(name="phone", left="1", right="2", group="", lead=None):
    """A field; with `lead`, the left side changed so many seconds after the right one."""
    times = (None, None) if lead is None else (NOON + timedelta(seconds=lead), NOON)
    return Asked(name, left, right, *times, group)


@pytest.mark.parametrize(("rule", "side"), [(Rule.LEFT, Side.LEFT), (Rule.RIGHT, Side.RIGHT)])
@pytest.mark.parametrize("values", [("1", "2"), ("", "2"), ("1", None), (None, "")])
def test_a_side_is_taken_whatever_it_holds(rule, side, values):
    assert chosen(rule, a_field(left=values[0], right=values[1])) == ({"phone": side}, {})


@pytest.mark.parametrize(
    ("lead", "answer"),
    [
        (60, Side.LEFT),
        (-60, Side.RIGHT),
        (6, Side.LEFT),
        (5, Why.TOO_CLOSE),
        (-5, Why.TOO_CLOSE),
        (0, Why.TOO_CLOSE),
        (None, Why.NO_TIME),
    ],
)
def test_the_newest_needs_two_times_that_clocks_can_tell_apart(lead, answer):
    picks, left_out = chosen(Rule.NEWEST, a_field(lead=lead))
    assert {**picks, **left_out} == {"phone": answer}


def test_one_known_time_is_not_enough():
    assert chosen(Rule.NEWEST, Asked("phone", "1", "2", NOON, None)) == ({}, {"phone": Why.NO_TIME})


@pytest.mark.parametrize(
    ("left", "right", "answer"),
    [
        ("1", "", Side.LEFT),
        (None, "2", Side.RIGHT),
        ([], ["a"], Side.RIGHT),
        (0, None, Side.LEFT),
        (False, None, Side.LEFT),
        ("1", "2", Why.BOTH_FILLED),
        ("", None, Why.BOTH_EMPTY),
        ([], None, Why.BOTH_EMPTY),
    ],
)
def test_a_value_beats_an_empty_field_and_nothing_else(left, right, answer):
    picks, left_out = chosen(Rule.NON_EMPTY, a_field(left=left, right=right))
    assert {**picks, **left_out} == {"phone": answer}


def test_fields_are_decided_one_by_one():
    picks, left_out = chosen(Rule.NON_EMPTY, a_field(right=""), a_field("city", "A", "B"))
    assert picks == {"phone": Side.LEFT}
    assert left_out == {"city": Why.BOTH_FILLED}


def test_a_group_has_one_answer_or_none():
    street, town = a_field("street", "A", "", "address"), a_field("town", "", "B", "address")
    assert chosen(Rule.NON_EMPTY, street, town) == ({}, {"street": Why.SPLIT, "town": Why.SPLIT})
    town = a_field("town", "C", "B", "address")
    assert chosen(Rule.NON_EMPTY, street, town)[1] == {"street": Why.BOTH_FILLED, "town": Why.BOTH_FILLED}
    assert chosen(Rule.LEFT, street, town)[0] == {"street": Side.LEFT, "town": Side.LEFT}


def test_groups_do_not_disturb_each_other():
    picks, left_out = chosen(
        Rule.NON_EMPTY, a_field("a", "1", "2", "one"), a_field("b", "1", "", "two"), a_field("c", "", "3")
    )
    assert picks == {"b": Side.LEFT, "c": Side.RIGHT}
    assert left_out == {"a": Why.BOTH_FILLED}
