"""How values differ, told as one of a few patterns."""

from datetime import UTC, datetime

import pytest

from conflicts import patterns
from conflicts.patterns import Pattern
from syncadmin.core.plan import ConflictKind
from syncadmin.core.side import Side
from syncadmin.core.values import Kind

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
MIRRORED = {
    Pattern.LEFT_EMPTY: Pattern.RIGHT_EMPTY,
    Pattern.LEFT_MORE: Pattern.RIGHT_MORE,
    Pattern.LEFT_LARGER: Pattern.RIGHT_LARGER,
    Pattern.LEFT_LATER: Pattern.RIGHT_LATER,
    Pattern.LEFT_YES: Pattern.RIGHT_YES,
    Pattern.LEFT_NEWER: Pattern.RIGHT_NEWER,
}
CASES = [
    (Kind.TEXT, "Ada", "Ada", Pattern.SAME),
    (Kind.TEXT, None, "", Pattern.SAME),
    (Kind.TEXT, None, "+49 30", Pattern.LEFT_EMPTY),
    (Kind.TEXT, "", "+49 30", Pattern.LEFT_EMPTY),
    (Kind.SET, [], ["a"], Pattern.LEFT_EMPTY),
    (Kind.INTEGER, None, 0, Pattern.LEFT_EMPTY),
    (Kind.TEXT, "Ada", "ADA", Pattern.CASE),
    (Kind.TEXT, "STRASSE", "straße", Pattern.CASE),
    (Kind.TEXT, "Gro\u00df", "Gross", Pattern.ACCENTS),
    (Kind.TEXT, " Ada", "Ada", Pattern.SPACE),
    (Kind.TEXT, "Ada\u00a0L", "Ada L", Pattern.SPACE),
    (Kind.TEXT, "Ada\u200b", "Ada", Pattern.SPACE),
    (Kind.TEXT, "+49 30 1234", "+49301234", Pattern.SPACE),
    (Kind.TEXT, "+49 (30) 12-34", "+49 30 1234", Pattern.PUNCTUATION),
    (Kind.TEXT, "Müller", "Muller", Pattern.ACCENTS),
    (Kind.TEXT, "\uff21da", "Ada", Pattern.ACCENTS),
    (Kind.TEXT, "Hauptstr. 5, Hinterhaus", "Hauptstr. 5", Pattern.LEFT_MORE),
    (Kind.TEXT, "ACME GmbH", "acme", Pattern.LEFT_MORE),
    (Kind.TEXT, "ab", "cab", Pattern.OTHER),  # two letters are found anywhere
    (Kind.TEXT, "Lovelace", "Lovelase", Pattern.SLIP),
    (Kind.TEXT, "Lovelace", "Loveace", Pattern.SLIP),
    (Kind.TEXT, "Babbage", "Lovelace", Pattern.OTHER),
    (Kind.TEXT, "Room 1234", "Room 1235", Pattern.OTHER),  # another number is no slip
    (Kind.TEXT, "x" * 5000 + "y", "x" * 5000, Pattern.LEFT_MORE),
    (Kind.TEXT, "...", "---", Pattern.OTHER),
    (Kind.INTEGER, 12, 9, Pattern.LEFT_LARGER),
    (Kind.DECIMAL, "10.00", "9.00", Pattern.LEFT_LARGER),
    (Kind.DATE, "2026-02-01", "2026-01-31", Pattern.LEFT_LATER),
    (Kind.BOOLEAN, True, False, Pattern.LEFT_YES),
    (Kind.SET, ["a", "b"], ["a"], Pattern.LEFT_MORE),
    (Kind.SET, ["a", "b"], ["a", "c"], Pattern.OTHER),
    (Kind.JSON, {"a": 1, "b": 2}, {"a": 1}, Pattern.LEFT_MORE),
    (Kind.JSON, {"a": [1]}, {"a": [2]}, Pattern.OTHER),
    (Kind.CHOICE, "open", "shut", Pattern.OTHER),
    (Kind.CHOICE, "open", "Open", Pattern.OTHER),  # a choice is no text
    (Kind.REFERENCE, "7", "12", Pattern.OTHER),
]


@pytest.mark.parametrize(("kind", "left", "right", "pattern"), CASES)
def test_values_have_a_pattern_and_swapped_ones_its_mirror_image(kind, left, right, pattern):
    assert patterns.of_field(kind, left, right) is pattern
    assert patterns.of_field(kind, right, left) is MIRRORED.get(pattern, pattern)


def test_what_fits_nothing_else_says_who_changed_last():
    assert patterns.of_field(Kind.TEXT, "a", "b", LATE, EARLY) is Pattern.LEFT_NEWER
    assert patterns.of_field(Kind.TEXT, "a", "b", EARLY, LATE) is Pattern.RIGHT_NEWER
    assert patterns.of_field(Kind.TEXT, "a", "b", EARLY, EARLY) is Pattern.OTHER
    assert patterns.of_field(Kind.TEXT, "a", "b", None, LATE) is Pattern.OTHER
    assert patterns.of_field(Kind.TEXT, "a", "A", LATE, EARLY) is Pattern.CASE


@pytest.mark.parametrize(
    ("kind", "side", "more", "pattern"),
    [
        (ConflictKind.AMBIGUOUS, Side.LEFT, {"candidates": 0}, Pattern.NO_CANDIDATE),
        (ConflictKind.AMBIGUOUS, Side.LEFT, {"candidates": 1}, Pattern.ONE_CANDIDATE),
        (ConflictKind.AMBIGUOUS, Side.LEFT, {"candidates": 5}, Pattern.CANDIDATES),
        (ConflictKind.AMBIGUOUS, Side.LEFT, {"candidates": 1, "twins": 1}, Pattern.TWINS),
        (ConflictKind.DELETED_CHANGED, Side.RIGHT, {}, Pattern.RIGHT_GONE),
        (ConflictKind.DELETE_REVIEW, Side.LEFT, {}, Pattern.LEFT_GONE),
        (ConflictKind.SCOPE, Side.LEFT, {}, Pattern.LEFT_SCOPE),
        (ConflictKind.REJECTED, Side.LEFT, {"refused": "create"}, Pattern.CREATE_REFUSED),
        (ConflictKind.REJECTED, None, {}, Pattern.RECORD),
    ],
)
def test_a_record_as_a_whole_has_patterns_of_its_own(kind, side, more, pattern):
    assert patterns.of_record(kind, side, **more) is pattern
    assert pattern in patterns.OF_RECORDS


@pytest.mark.parametrize(
    ("has_base", "base", "held", "side"),
    [
        (True, ("a", "a"), ("b", "a"), "left"),
        (True, ("a", "a"), ("a", "b"), "right"),
        (True, ("a", "a"), ("b", "c"), "both"),
        (True, ("a", None), ("a", ""), ""),
        (False, (None, None), ("b", "c"), ""),
    ],
)
def test_the_changed_side_is_the_one_that_left_what_was_agreed(has_base, base, held, side):
    assert patterns.changed(has_base, base, held) == side


def test_every_pattern_can_be_said():
    said = {patterns.words(pattern.value, "CRM", "Shop") for pattern in Pattern}
    assert len(said) == len(Pattern)
    assert patterns.words("right empty", "CRM", "Shop") == "Shop is empty"
    assert patterns.words("right empty") == "right is empty"
    assert patterns.words("from the future") == "from the future"
