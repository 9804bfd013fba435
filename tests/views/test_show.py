"""Values made visible: what cannot be seen becomes a mark, and nothing grows without bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.show import LONG, SHORT, brief, said_by_name, show


def marks(value) -> list[str]:
    return [piece.mark for piece in show(value).pieces if piece.mark]


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "empty"), ("", "empty text"), ([], "empty set"), (True, "yes"), (False, "no"), (0, "0")],
)
def test_nothing_and_little_have_words(value, words):
    assert show(value).plain == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b", []),
        (" a", ["space"]),
        ("a ", ["space"]),
        ("a  b", ["space"]),
        ("a\tb", ["tab"]),
        ("a\nb", ["line break"]),
        ("a\u00a0b", ["no-break space"]),
        ("a\u200bb", ["zero-width space"]),
        ("\u202eb", ["right-to-left override"]),
        ("a\x00", ["control character"]),
    ],
)
def test_what_cannot_be_seen_becomes_a_mark(text, found):
    assert marks(text) == found


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
def test_any_value_can_be_shown(value):
    assert show(value).pieces
    assert len(brief(value, 40)) <= 40


@given(st.text(min_size=1, max_size=50))
def test_a_line_has_no_breaks_and_no_invisible_characters(text):
    line = brief(text)
    assert len(line.splitlines()) <= 1
    assert "\u202e" not in line


def test_a_huge_value_is_cut():
    shown = show("x" * 1_000_000)

    assert len(shown.plain) == SHORT
    assert sum(len(piece.text) for piece in shown.rest) == LONG - SHORT
    assert shown.length == 1_000_000


def test_a_canonical_time_is_shown_as_people_write_it():
    assert show("2026-03-31T14:05:00.000000Z").plain == "2026-03-31 14:05:00 UTC"
    assert show("2026-03-31T14:05:00.123000Z").plain == "2026-03-31 14:05:00.123 UTC"
    assert show("2026-03-31T14:05:00.5Z").plain == "2026-03-31T14:05:00.5Z"


def test_a_reason_speaks_of_systems_and_not_of_sides():
    reason = "the left side deleted it, and the right side changed it"

    assert said_by_name(reason, "ERP", "Web shop") == "ERP deleted it, and Web shop changed it"
