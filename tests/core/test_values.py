"""Canonical values: what looks different and means the same is the same, and nothing is lost on the way."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.core.diff import changed, unagreed
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import (
    FieldType,
    Kind,
    Normalize,
    Unfit,
    canonical,
    decode,
    empty,
    encode,
    reader,
    same,
    writer,
)

from .builders import SHORT

CHOICES = {"active": 1, "blocked": 2, "gone": 2}
TEXT, CHOICE = FieldType(Kind.TEXT), FieldType(Kind.CHOICE, choices=CHOICES)
SPLIT = FieldType(Kind.SET, separators={"left": ";"})
BERLIN = FieldType(Kind.DATETIME, zones={"left": "Europe/Berlin"})

READ = [
    (Kind.TEXT, "Ann", "Ann"),
    (Kind.TEXT, " Ann ", " Ann "),
    (Kind.TEXT, "", ""),
    (Kind.TEXT, None, None),
    (Kind.TEXT, 42, "42"),
    (Kind.TEXT, 42.0, "42"),
    (Kind.TEXT, 1e-7, "0.0000001"),
    (Kind.TEXT, Decimal("1.50"), "1.50"),
    (Kind.TEXT, True, "true"),
    (Kind.TEXT, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Kind.TEXT, "Zoë 😀 e\u0301", "Zoë 😀 e\u0301"),
    (Kind.INTEGER, 5, 5),
    (Kind.INTEGER, "5", 5),
    (Kind.INTEGER, " -5 ", -5),
    (Kind.INTEGER, "5.00", 5),
    (Kind.INTEGER, 5.0, 5),
    (Kind.INTEGER, Decimal("5.0"), 5),
    (Kind.INTEGER, True, 1),
    (Kind.INTEGER, "", None),
    (Kind.INTEGER, 10**30, 10**30),
    (Kind.DECIMAL, "1.5", "1.50"),
    (Kind.DECIMAL, 1, "1.00"),
    (Kind.DECIMAL, 0.1, "0.10"),
    (Kind.DECIMAL, 1.005, "1.00"),
    (Kind.DECIMAL, "1.015", "1.02"),
    (Kind.DECIMAL, Decimal("-0.001"), "0.00"),
    (Kind.DECIMAL, "1e3", "1000.00"),
    (Kind.DECIMAL, "12345678901234567890123456789012.34", "12345678901234567890123456789012.34"),
    (Kind.DECIMAL, " ", None),
    (Kind.BOOLEAN, True, True),
    (Kind.BOOLEAN, 0, False),
    (Kind.BOOLEAN, 1.0, True),
    (Kind.BOOLEAN, "T", True),
    (Kind.BOOLEAN, "false", False),
    (Kind.BOOLEAN, b"\x01", True),
    (Kind.BOOLEAN, "", None),
    (Kind.DATE, "2024-02-29", "2024-02-29"),
    (Kind.DATE, date(2024, 2, 29), "2024-02-29"),
    (Kind.DATE, datetime.fromisoformat("2024-02-29T13:00"), "2024-02-29"),
    (Kind.DATE, "2024-02-29 00:00:00.000Z", "2024-02-29"),
    (Kind.DATE, "", None),
    (Kind.DATETIME, "2022-01-01 10:00:00.123Z", "2022-01-01T10:00:00.123000Z"),
    (Kind.DATETIME, "2022-01-01T10:00:00", "2022-01-01T10:00:00.000000Z"),
    (Kind.DATETIME, "2022-01-01T10:00:00+02:00", "2022-01-01T08:00:00.000000Z"),
    (Kind.DATETIME, "2022-01-01T10:00:00.123456789Z", "2022-01-01T10:00:00.123456Z"),
    (
        Kind.DATETIME,
        datetime(2022, 1, 1, 10, tzinfo=timezone(timedelta(hours=2))),
        "2022-01-01T08:00:00.000000Z",
    ),
    (Kind.DATETIME, datetime.fromisoformat("2022-01-01T10:00"), "2022-01-01T10:00:00.000000Z"),
    (Kind.DATETIME, date(2022, 1, 1), "2022-01-01T00:00:00.000000Z"),
    (Kind.DATETIME, datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    (Kind.DATETIME, "", None),
    (Kind.SET, ["b", "a", "b"], ["a", "b"]),
    (Kind.SET, {"b", "a"}, ["a", "b"]),
    (Kind.SET, '["b", "a"]', ["a", "b"]),
    (Kind.SET, [1, None, ""], ["1"]),
    (Kind.SET, None, []),
    (Kind.SET, "", []),
    (Kind.JSON, {"b": 1.0, "a": [True, None]}, {"a": [True, None], "b": 1}),
    (Kind.JSON, '{"b": 1, "a": 2}', {"a": 2, "b": 1}),
    (Kind.JSON, "plain", "plain"),
    (Kind.JSON, "[broken", "[broken"),
    (Kind.JSON, {"at": date(2024, 1, 1)}, {"at": "2024-01-01"}),
    (Kind.JSON, "", None),
    (Kind.REFERENCE, 7, "7"),
    (Kind.REFERENCE, ["abc"], "abc"),
    (Kind.REFERENCE, [], None),
    (Kind.REFERENCE, "", None),
]
UNFIT = [
    (Kind.TEXT, "\ud800"),
    (Kind.TEXT, b"bytes"),
    (Kind.TEXT, ["list"]),
    (Kind.TEXT, float("nan")),
    (Kind.INTEGER, "5.5"),
    (Kind.INTEGER, 5.5),
    (Kind.INTEGER, "1_000"),
    (Kind.INTEGER, "٣"),
    (Kind.INTEGER, float("inf")),
    (Kind.INTEGER, Decimal("1E+999999")),
    (Kind.DECIMAL, "1,5"),
    (Kind.DECIMAL, "NaN"),
    (Kind.DECIMAL, Decimal("Infinity")),
    (Kind.DECIMAL, float("-inf")),
    (Kind.DECIMAL, "1e999999"),
    (Kind.BOOLEAN, "maybe"),
    (Kind.BOOLEAN, 2),
    (Kind.DATE, "2023-02-29"),
    (Kind.DATE, "01.02.2024"),
    (Kind.DATE, 20240101),
    (Kind.DATETIME, "2024-01-01T25:00:00"),
    (Kind.DATETIME, "0001-01-01T00:00:00+10:00"),
    (Kind.DATETIME, 1700000000),
    (Kind.SET, "a;b"),
    (Kind.SET, 5),
    (Kind.SET, [["nested"]]),
    (Kind.JSON, {"a": float("nan")}),
    (Kind.JSON, {1: "a"}),
    (Kind.JSON, {"a": "\udfff"}),
    (Kind.REFERENCE, ["a", "b"]),
]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("kind", "raw", "value"), READ)
def test_what_a_system_delivers_is_read(kind, raw, value, side):
    """F30."""
    read = canonical(raw, FieldType(kind), side)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("kind", "raw"), UNFIT)
def test_what_does_not_fit_the_type_is_refused(kind, raw):
    with pytest.raises(Unfit):
        canonical(raw, FieldType(kind), Side.LEFT)


def test_a_refusal_shows_the_value_shortened():
    with pytest.raises(Unfit, match=r"xxx.* is not a whole number") as caught:
        canonical("x" * 1000, FieldType(Kind.INTEGER), Side.LEFT)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("steps", "raw", "value"),
    [
        ((Normalize.TRIM,), "  Ann ", "Ann"),
        ((Normalize.LOWER,), "ANN", "ann"),
        ((Normalize.UPPER,), "ann", "ANN"),
        ((Normalize.EMPTY_AS_NULL,), "", None),
        ((Normalize.EMPTY_AS_NULL,), "  ", "  "),
        ((Normalize.EMPTY_AS_NULL, Normalize.TRIM), "  ", None),
        ((Normalize.EMAIL,), " Ann@Example.COM ", "ann@example.com"),
        ((Normalize.PHONE,), "+49 (0)30 / 123-456", "+4930123456"),
        ((Normalize.PHONE,), "0049 30 123456", "+4930123456"),
        ((Normalize.PHONE,), "(030) 123 456", "030123456"),
        ((Normalize.PHONE,), " 123 ext. 7 ", "123 ext. 7"),
        ((Normalize.NFC,), "e\u0301", "é"),
    ],
)
def test_text_is_normalised_as_asked(steps, raw, value):
    assert canonical(raw, FieldType(Kind.TEXT, normalize=steps), Side.LEFT) == value


def test_the_members_of_a_set_are_normalised():
    assert canonical(
        ["VIP", " vip"], FieldType(Kind.SET, normalize=(Normalize.TRIM, Normalize.LOWER)), Side.LEFT
    ) == ["vip"]


def test_a_choice_is_named_as_on_the_left_and_mapped_back():
    assert canonical("active", CHOICE, Side.LEFT) == canonical(1, CHOICE, Side.RIGHT) == "active"
    assert canonical("1", CHOICE, Side.RIGHT) == "active"
    assert writer(CHOICE, Side.RIGHT)("active") == 1
    assert writer(CHOICE, Side.LEFT)("active") == "active"
    assert canonical(None, CHOICE, Side.LEFT) is None
    assert canonical("", CHOICE, Side.RIGHT) is None
    assert writer(CHOICE, Side.RIGHT)(None) is None
    with pytest.raises(Unfit, match="one of '1', '2'"):
        canonical(3, CHOICE, Side.RIGHT)


def test_where_two_choices_share_a_name_the_first_is_read():
    assert writer(CHOICE, Side.RIGHT)("gone") == 2
    assert canonical(2, CHOICE, Side.RIGHT) == "blocked"


def test_a_set_may_be_kept_as_separated_text():
    assert canonical("b; a;;", SPLIT, Side.LEFT) == ["a", "b"]
    assert canonical(["b", "a"], SPLIT, Side.RIGHT) == ["a", "b"]
    assert writer(SPLIT, Side.LEFT)(["a", "b"]) == "a;b"
    assert writer(SPLIT, Side.RIGHT)(["a", "b"]) == ["a", "b"]
    assert writer(SPLIT, Side.LEFT)([]) == ""
    with pytest.raises(Unfit, match="separator"):
        writer(SPLIT, Side.LEFT)(["a;b"])


def test_times_without_a_zone_are_in_the_zone_of_their_side():
    """F30: times do not shift by an hour."""
    assert canonical("2024-07-01 12:00:00", BERLIN, Side.LEFT) == "2024-07-01T10:00:00.000000Z"
    assert canonical("2024-01-01 12:00:00", BERLIN, Side.LEFT) == "2024-01-01T11:00:00.000000Z"
    written = writer(BERLIN, Side.LEFT)("2024-07-01T10:00:00.000000Z")
    assert written == datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert written.replace(tzinfo=None) == datetime.fromisoformat("2024-07-01T12:00"), (
        "a system without zones may drop it"
    )
    assert writer(BERLIN, Side.RIGHT)("2024-07-01T10:00:00.000000Z").tzinfo is UTC


def test_other_values_are_written_as_native_values():
    assert writer(FieldType(Kind.DECIMAL), Side.LEFT)("1.50") == Decimal("1.50")
    assert writer(FieldType(Kind.DATE), Side.LEFT)("2024-02-29") == date(2024, 2, 29)
    assert writer(FieldType(Kind.INTEGER), Side.LEFT)(5) == 5
    assert writer(FieldType(Kind.DECIMAL), Side.LEFT)(None) is None


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("kind", "raw", "value"), READ)
def test_what_is_written_reads_back_as_the_same(kind, raw, value, side):
    field_type = FieldType(kind)
    assert same(reader(field_type, side)(writer(field_type, side)(value)), value)


@SHORT
@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**20), max_value=10**20))
def test_decimals_lose_nothing(number):
    value = canonical(str(number), FieldType(Kind.DECIMAL), Side.LEFT)
    assert Decimal(value) == number
    assert canonical(value, FieldType(Kind.DECIMAL), Side.RIGHT) == value


zones = st.sampled_from([UTC, ZoneInfo("Asia/Kolkata")])


@SHORT
@given(st.datetimes(timezones=zones, min_value=datetime.fromisoformat("0002-01-01")))
def test_times_lose_nothing(moment):
    value = canonical(moment, FieldType(Kind.DATETIME), Side.LEFT)
    assert writer(FieldType(Kind.DATETIME), Side.LEFT)(value) == moment
    assert canonical(moment.isoformat(" "), FieldType(Kind.DATETIME), Side.LEFT) == value


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@SHORT
@given(anything, st.sampled_from(Kind), st.sampled_from(SIDES))
def test_reading_gives_a_canonical_value_or_says_that_it_does_not_fit(raw, kind, side):
    field_type = FieldType(kind)
    try:
        value = canonical(raw, field_type, side)
    except Unfit:
        return
    assert canonical(value, field_type, side) == value, "a canonical value is its own canonical form"
    assert decode(encode({"f": value})) == {"f": value}


def test_equal_records_give_equal_bytes():
    assert encode({"a": 1, "b": {"x": 1, "y": 2}}) == encode({"b": {"y": 2, "x": 1}, "a": 1})
    assert encode({"a": 1}) != encode({"a": True})


def test_integers_of_any_size_are_encoded():
    values = {"big": 10**40, "small": -(10**40), "list": [2**64], "limit": 2**64 - 1}
    assert decode(encode(values)) == values


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_says_nothing_is_empty(value):
    assert empty(value)
    assert same(value, None)


@pytest.mark.parametrize("value", [0, False, " ", "0.00"])
def test_zero_and_no_say_something(value):
    assert not empty(value)
    assert not same(value, None)


def test_true_is_not_one():
    assert not same(True, 1)
    assert not same({"a": True}, {"a": 1})
    assert not same([0], [False])
    assert same({"a": [1]}, {"a": [1]})


def test_a_side_is_compared_with_its_shadow():
    shadow = {"a": "1", "b": "1", "gone": "1"}
    values = {"a": "1", "b": "2", "new": "3", "none": None}
    assert changed(values, shadow, ["a", "b", "gone", "new", "none"]) == ["b"]
    assert unagreed(values, shadow, ["a", "b", "gone", "new", "none"]) == ["b", "new"]
