"""Fingerprints and meetings: what a watch can tell of edits without keeping values."""

import pytest

from syncadmin.core.watching import NOTHING, Kept, Rules, fingerprint, never_edited, raw_fingerprint

NAMES = ["email", "street", "zip", "phone"]
RULES = Rules.of(NAMES, {"street": "address", "zip": "address"}, near=3600.0)
NOON = 1_800_000_000


def record(*values):
    return b"".join(fingerprint(value) for value in values)


ANNA = record("anna@example.com", "Am Markt 1", "24103", "0431")


def edited(prints=ANNA, **when):
    """What is kept of a record whose fields were edited at these times."""
    return Kept(prints, never_edited(len(NAMES))).after(
        prints, [NAMES.index(name) for name in when], next(iter(when.values()), 0)
    )


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (None, "", True),
        ([], None, True),
        ("24103", "24103", True),
        ("24103", 24103, False),
        (1, True, False),
        (0, None, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ],
)
def test_values_that_mean_the_same_have_one_fingerprint(one, other, alike):
    assert (fingerprint(one) == fingerprint(other)) is alike


def test_what_has_no_canonical_form_is_told_apart_all_the_same():
    assert raw_fingerprint("31.13.2024") != raw_fingerprint("32.13.2024")
    assert raw_fingerprint(None) == NOTHING


def test_only_the_fields_that_changed_are_told():
    moved = record("anna@example.com", "Am Hafen 2", "24105", "0431")
    assert edited().changed(moved) == [1, 2]
    assert edited().changed(ANNA) == []


@pytest.mark.parametrize(
    ("mine", "theirs", "met"),
    [
        (["phone"], {"phone": NOON - 3600}, ["phone"]),
        (["phone"], {"phone": NOON + 60}, ["phone"]),  # seen later, made later
        (["phone"], {"phone": NOON - 3601}, []),
        (["phone"], {"email": NOON}, []),
        (["phone"], {}, []),
        (["street"], {"zip": NOON}, ["street"]),  # they are decided together
        (["street", "zip"], {"zip": NOON}, ["street"]),  # and count once
        (["phone", "zip"], {"zip": NOON, "phone": NOON}, ["zip", "phone"]),
    ],
)
def test_edits_of_one_field_on_both_sides_meet_within_the_span(mine, theirs, met):
    fields = sorted(NAMES.index(name) for name in mine)
    found = RULES.meetings(ANNA, fields, NOON, edited(**theirs))
    assert [NAMES[one.field] for one in found] == met


def test_both_entering_the_same_is_told():
    (same,) = RULES.meetings(ANNA, [3], NOON, edited(phone=NOON))
    (other,) = RULES.meetings(ANNA, [3], NOON, edited(record("a", "b", "c", "0432"), phone=NOON))
    assert (same.equal, other.equal) == (True, False)


def test_an_edit_whose_time_nobody_knows_meets_nothing():
    assert list(RULES.meetings(ANNA, [3], 0, edited(phone=NOON))) == []
    assert not RULES.met_by_delete(0, edited(phone=NOON))


def test_a_delete_meets_an_edit_of_any_field_from_either_side():
    assert RULES.met_by_delete(NOON, edited(email=NOON - 60))
    gone = edited().after(b"", [len(NAMES)], NOON - 60)
    assert gone.gone
    assert [met.field for met in RULES.meetings(ANNA, [3], NOON, gone)] == [3]
