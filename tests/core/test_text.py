"""Three-way merge of text: exact, the same from both sides, and never a guess."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncadmin.core.text import Overlap, merge_text

from .builders import SHORT

MERGES = [
    ("call mom tomorrow", "call dad tomorrow", "call mom today", "call dad today"),
    ("a b c", "a X b c", "a b Y c", "a X b Y c"),
    ("a b c", "b c", "a b", "b"),
    ("a b c d e", "a c d e", "a b c d", "a c d"),
    ("one\ntwo\nthree\n", "ONE\ntwo\nthree\n", "one\ntwo\nTHREE\n", "ONE\ntwo\nTHREE\n"),
    ("", "", "new", "new"),
    ("a b", "a b", "a b", "a b"),
    ("a b", "a X b", "a X b", "a X b"),
    ("Grüße 😀 aus Köln", "Grüße 😀 aus Ulm", "Liebe Grüße 😀 aus Köln", "Liebe Grüße 😀 aus Ulm"),
    ("tab\there  two", "tab\there  three", "Tab\there  two", "Tab\there  three"),
]
OVERLAPS = [
    ("a b c", "a X c", "a Y c"),
    ("a b c", "a c", "a Y c"),
    ("a c", "a X c", "a Y c"),
    ("", "one", "two"),
    ("a b c", "", "a b d"),
    ("mom", "mum", "mop"),
    ("a b c d", "a d", "a b X d"),
]


@pytest.mark.parametrize(("base", "left", "right", "merged"), MERGES)
def test_edits_in_different_places_are_merged(base, left, right, merged):
    assert merge_text(base, left, right) == merged
    assert merge_text(base, right, left) == merged


@pytest.mark.parametrize(("base", "left", "right"), OVERLAPS)
def test_edits_in_the_same_place_are_for_a_person(base, left, right):
    for one, two in ((left, right), (right, left)):
        with pytest.raises(Overlap):
            merge_text(base, one, two)


words = st.lists(st.sampled_from(["a", "b", "c", "dd", "é", "😀", "x.", "\n", " "]), max_size=12).map(
    " ".join
)


@SHORT
@given(words, words)
def test_one_sides_edits_alone_are_that_sides_text(base, changed):
    assert merge_text(base, changed, base) == merge_text(base, base, changed) == changed


@SHORT
@given(words, words, words)
def test_the_merge_is_the_same_from_both_sides_and_invents_nothing(base, left, right):
    try:
        merged = merge_text(base, left, right)
    except Overlap:
        with pytest.raises(Overlap):
            merge_text(base, right, left)
        return
    assert merge_text(base, right, left) == merged
    assert set(merged.split()) <= set(base.split()) | set(left.split()) | set(right.split())


@SHORT
@given(words, words, st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(" ".join))
def test_edits_on_both_ends_of_a_text_always_merge(before, after, new):
    assume("END" not in before + after)
    base = f"{before} MIDDLE one two MIDDLE {after}"
    left, right = f"{new} NEW {base}", f"{base} END {new}"
    assert merge_text(base, left, right) == f"{new} NEW {base} END {new}"


def test_texts_that_are_too_large_are_for_a_person():
    with pytest.raises(Overlap, match="characters"):
        merge_text("a " * 200_000, "b", "c")
    with pytest.raises(Overlap, match="too large"):
        merge_text("a\n" * 5000, "b\n" * 5000, "c\n" * 5000)


def test_a_hopeless_merge_ends_in_reasonable_time():
    base = " ".join(f"a{i}" for i in range(1400))
    left, right = (" ".join(f"{side}{i}" for i in range(1400)) for side in "bc")
    start = time.process_time()
    with pytest.raises(Overlap):
        merge_text(base, left, right)
    assert time.process_time() - start < 5


def test_long_texts_of_many_lines_are_merged_by_lines():
    lines = [f"line {i} of a long text\n" for i in range(1200)]
    left, right = ["changed at the top\n", *lines[1:]], [*lines[:-1], "changed at the end\n"]
    assert merge_text(*("".join(text) for text in (lines, left, right))) == "".join([*left[:-1], right[-1]])
