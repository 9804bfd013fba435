"""What past decisions say: suggestions need habits, rules that are overruled are suspended."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.core.habits import (
    Changed,
    Made,
    decidable,
    habit,
    lower_bound,
    overruled_too_often,
    suggestion,
)
from syncadmin.core.patterns import Pattern
from syncadmin.core.side import Side

ANNA, BOB = 1, 2
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def votes(left=0, right=0, other=0, people=(ANNA, BOB)):
    outcomes = ["left"] * left + ["right"] * right + ["value"] * other
    return [Made(outcome, people[n % len(people)]) for n, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("made", "take"),
    [
        (votes(), None),
        (votes(left=7), None),  # too few
        (votes(left=8), Side.LEFT),
        (votes(right=8), Side.RIGHT),
        (votes(left=8, people=(ANNA,)), None),  # one person's habit
        (votes(left=8, people=(None,)), None),  # nobody known
        (votes(left=9, right=1), None),  # might be less than it looks
        (votes(left=41, right=1), Side.LEFT),
        (votes(left=41, other=1), Side.LEFT),
        (votes(left=20, right=20), None),
        (votes(other=40), None),  # values that are typed are no habit
    ],
)
def test_what_is_suggested(made, take):
    found = suggestion(made)
    assert (found.take if found else None) == take


def test_its_record_counts_right_and_wrong_and_people():
    found = suggestion(votes(left=41, right=1))
    assert (found.right, found.wrong, found.total, found.people) == (41, 1, 42, 2)


def test_decisions_that_followed_a_suggestion_do_not_feed_it():
    followed = [Made("left", ANNA, followed=True), Made("left", BOB, followed=True)] * 50
    assert suggestion(followed) is None
    found = habit([*votes(left=8), *followed], Side.LEFT)
    assert (found.right, found.followed) == (8, 100)


def test_decisions_against_it_count_even_if_they_followed_another():
    against = [Made("right", ANNA, followed=True)] * 8
    assert habit([*votes(left=8), *against], Side.LEFT).wrong == 8


def test_a_bulk_run_is_one_decision():
    in_bulk = [Made("left", ANNA, run=7)] * 1000 + [Made("left", BOB, run=8)] * 1000
    assert suggestion(in_bulk) is None
    assert habit(in_bulk, Side.LEFT).total == 2


def test_a_bulk_run_by_a_rule_that_took_both_sides_counts_for_both():
    found = habit([Made("left", ANNA, run=7), Made("right", ANNA, run=7)], Side.LEFT)
    assert (found.right, found.wrong) == (1, 1)


@pytest.mark.parametrize(
    ("overruled", "uses", "suspended"),
    [
        (0, 0, False),
        (1, 1, False),
        (2, 2, False),
        (3, 3, True),
        (3, 60, True),
        (3, 61, False),
        (5, 100, True),
    ],
)
def test_when_a_rule_is_suspended(overruled, uses, suspended):
    assert overruled_too_often(overruled, uses) is suspended


@pytest.mark.parametrize(
    ("pattern", "apart", "reliable"),
    [
        (Pattern.LEFT_NEWER, 60, True),
        (Pattern.LEFT_NEWER, 5, False),
        (Pattern.RIGHT_NEWER, -60, True),
        (Pattern.RIGHT_NEWER, None, False),
        (Pattern.RIGHT_EMPTY, None, True),
        (Pattern.OTHER, 0, True),
    ],
)
def test_times_that_are_too_close_tell_nothing(pattern, apart, reliable):
    other = None if apart is None else NOW + timedelta(seconds=apart)
    assert decidable(pattern, NOW, other, timedelta(seconds=5)) is reliable


@pytest.mark.parametrize("stored", ["both", "left", "right", ""])
def test_which_side_changed_goes_into_a_file_and_comes_back(stored):
    assert Changed.of(stored).stored == stored


made = st.builds(
    Made,
    st.sampled_from(["left", "right", "base", "value", "leave"]),
    st.none() | st.integers(1, 4),
    st.none() | st.integers(1, 3),
    st.booleans(),
)
MIRROR = {"left": "right", "right": "left"}


@given(st.lists(made, max_size=80))
def test_swapping_the_sides_swaps_the_suggestion(some):
    mirrored = [Made(MIRROR.get(m.outcome, m.outcome), m.person, m.run, m.followed) for m in some]
    one, two = suggestion(some), suggestion(mirrored)
    assert (one is None) == (two is None)
    if one and two:
        assert (one.take.other, one.right, one.wrong) == (two.take, two.right, two.wrong)


@given(st.lists(made, max_size=80), st.randoms())
def test_the_order_of_decisions_does_not_matter(some, random):
    shuffled = list(some)
    random.shuffle(shuffled)
    assert habit(some, Side.LEFT) == habit(shuffled, Side.LEFT)


@given(st.lists(made, max_size=80), st.sampled_from(list(Side)))
def test_following_never_turns_nothing_into_a_suggestion(some, side):
    more = [*some, *(Made(side.value, person, followed=True) for person in (1, 2, 3, 4))]
    if suggestion(some) is None:
        assert suggestion(more) is None


@given(st.lists(made, max_size=80))
def test_a_suggestion_is_never_made_of_one_persons_or_few_decisions(some):
    found = suggestion(some)
    if found:
        assert found.people >= 2
        assert found.total >= 8
        assert found.right > found.wrong


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_lower_bound_is_below_the_share_and_grows_with_it(hits, misses):
    total = hits + misses
    bound = lower_bound(hits, total)
    assert 0 <= bound <= (hits / total if total else 0)
    assert lower_bound(hits + 1, total + 1) >= bound
