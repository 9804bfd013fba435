"""A text cut into hunks: what a person picks at each place is exactly what the merged text holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.core.hunks import Take, compose, parts

BASE = "The quick brown fox jumps over the lazy dog."
texts = st.text(alphabet="ab \n", max_size=60)


def open_(found):
    return [part for part in found if not part.agreed]


def test_each_sides_edit_is_a_hunk_with_that_side_as_its_natural_pick():
    found = parts(BASE, BASE.replace("quick", "slow"), BASE.replace("lazy", "sleeping"))
    first, second = open_(found)
    assert (first.natural, second.natural) == (Take.LEFT, Take.RIGHT)
    assert (
        compose(found, [first.natural, second.natural]) == "The slow brown fox jumps over the sleeping dog."
    )


def test_where_both_edited_a_person_picks_one_both_or_neither():
    found = parts(BASE, BASE.replace("brown", "red"), BASE.replace("brown", "black"))
    (hunk,) = open_(found)
    assert hunk.natural is None
    made = {take: compose(found, [take]).split("quick ")[1].split(" fox")[0] for take in Take}
    assert made == {Take.LEFT: "red", Take.RIGHT: "black", Take.BOTH: "red black", Take.BASE: "brown"}


def test_the_same_edit_on_both_sides_is_agreed():
    edited = BASE.replace("brown", "red")
    assert open_(parts(BASE, edited, edited)) == []


def test_without_a_base_no_side_is_the_natural_one():
    (hunk,) = open_(parts(None, "a red fox runs", "a grey fox runs"))
    assert hunk.natural is None


def test_picks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one pick"):
        compose(parts("a b", "a c", "a d"), [])


@given(st.none() | texts, texts, texts)
def test_all_left_is_the_left_text_and_all_right_the_right(base, left, right):
    found = parts(base, left, right)
    places = len(open_(found))
    assert compose(found, [Take.LEFT] * places) == left
    assert compose(found, [Take.RIGHT] * places) == right


def test_texts_of_very_different_sizes_are_compared_by_lines_and_not_for_minutes():
    long = " ".join(str(number) for number in range(40_000))
    (hunk,) = open_(parts("a", long, "b"))
    assert (hunk.left, hunk.right) == (long, "b")
