"""Differences are marked to the character; what cannot be seen, or is not what it seems, is shown."""

import pytest

from syncadmin.marking import marks
from syncadmin.show import LONG, differing, show

CYRILLIC_A = "\u0430"


def changed(text: str, other: str) -> list[str]:
    """The marked runs of a text."""
    return [piece.text for piece in differing(text, other).pieces if piece.change == "changed"]


def lost(text: str, other: str) -> list[str]:
    """What the text lacks."""
    return [piece.mark for piece in differing(text, other).pieces if piece.change == "gap"]


@pytest.mark.parametrize(
    ("text", "other", "runs", "missing"),
    [
        ("+49 30 1234", "+49 30 1200", ["34"], []),
        ("Main Street 5", "Main Street 5a", [], ["a"]),
        ("Main Street 5a", "Main Street 5", ["a"], []),
        ("Grace Hopper", "Ada Lovelace", ["Grace Hopper"], []),  # another text, not an edited one
        ("same", "same", [], []),
        ("e\u0301te", "ete", ["e\u0301"], []),  # a letter is not torn from its accent
    ],
)
def test_what_differs_is_marked(text, other, runs, missing):
    assert changed(text, other) == runs
    assert lost(text, other) == missing


def test_nothing_of_a_text_is_lost_by_marking():
    text, other = "The quick  brown fox\njumps", "The quick red fox jumped"
    plain = "".join(piece.text for piece in differing(text, other).pieces if piece.change != "gap")
    assert plain.replace("␣", " ").replace("↵", "") == text


def test_of_a_long_text_the_places_that_differ_are_shown_and_the_rest_on_demand():
    text = "a" * 5000 + " X " + "b" * 5000
    shown = differing(text, text.replace(" X ", " Y "))
    assert [piece.text for piece in shown.pieces if piece.change == "changed"] == ["X"]
    assert sum(len(piece.text) for piece in shown.pieces) < 400
    assert "".join(piece.text for piece in shown.rest) == text


def test_a_huge_text_is_marked_without_being_compared():
    shown = differing("x" * 1_000_000, "y" * 1_000_000)
    assert shown.length == 1_000_000
    assert sum(len(piece.text) for piece in (*shown.pieces, *shown.rest)) < 2 * LONG


def test_members_of_a_set_are_new_kept_or_gone():
    shown = differing(["a", "c"], ["a", "b"])
    assert [(piece.text, piece.change) for piece in shown.pieces] == [
        ("a", ""),
        ("c", "changed"),
        ("b", "gap"),
    ]


def test_marks_of_a_part_are_those_of_the_whole():
    found = marks("abcXdef", "abcdef")
    assert list(found.part(2, 5).changed) == [0, 1, 0]


def test_a_letter_of_another_script_within_a_word_is_shown():
    shown = show(f"P{CYRILLIC_A}ypal")
    (piece,) = [piece for piece in shown.pieces if piece.mark]
    assert (piece.text, piece.mark) == (CYRILLIC_A, "not a but cyrillic small letter a")


def test_a_word_that_is_of_one_script_is_shown_as_it_is():
    assert not [piece for piece in show("Привет, Jürgen, Ωμέγα").pieces if piece.mark]


def test_texts_that_are_too_large_to_be_compared_are_marked_as_a_whole():
    words = [f"{number:06d}" for number in range(8000)]
    text, other = " ".join(words), " ".join(reversed(words))
    found = marks(text, other).changed
    assert set(found[10:-10]) == {1}
