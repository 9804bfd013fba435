"""What is told of a resource from its records: counts that are right, in memory that does not grow."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.core.values import Kind
from syncadmin.survey import forms
from syncadmin.survey.profile import CELLS, Declared, Profiler, packed, unpacked
from syncadmin.survey.report import Report, read, report
from syncadmin.survey.sketch import Sketch, hash_of, shared

from .tables import NOW, profile

RAW = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=40)
    | st.sampled_from(["\ud800 half", "nul\x00", "1e999999999", "9" * 400, "\u202eevil", "<script>"])
    | st.datetimes()
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "plain", "kind"),
    [
        (" Ann@Example.COM ", "ann@example.com", Kind.TEXT),
        (Decimal("1.50"), "1.5", Kind.DECIMAL),
        ("1.50", "1.5", Kind.DECIMAL),
        (1.5, "1.5", Kind.DECIMAL),
        (42, "42", Kind.INTEGER),
        ("42", "42", Kind.INTEGER),
        (Decimal("42.00"), "42", Kind.INTEGER),
        ("007", "007", Kind.TEXT),  # a number that begins with 0 is none
        ("04107", "04107", Kind.TEXT),
        (True, "true", Kind.BOOLEAN),
        ("Ja", "true", Kind.BOOLEAN),
        (date(2026, 1, 2), "2026-01-02", Kind.DATE),
        ("2026-01-02", "2026-01-02", Kind.DATE),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02", Kind.DATETIME),
        ("2026-01-02 03:04:05Z", "2026-01-02T03:04:05.000", Kind.DATETIME),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000", Kind.DATETIME),
        ("2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05.000", Kind.DATETIME),
        ("2026-13-99", "2026-13-99", Kind.TEXT),
        ("+49 (0)40/123-4567", "+49401234567", Kind.TEXT),
        ("040 123 45 67", "0401234567", Kind.TEXT),
        ("01.02.2024", "01.02.2024", Kind.TEXT),
        (["b", "A"], "a\x1fb", Kind.SET),
        ({"a": 1}, '{"a": 1}', Kind.JSON),
    ],
)
def test_a_value_has_one_plain_form_however_a_system_writes_it(value: Any, plain: str, kind: Kind) -> None:
    assert (forms.plain(value), forms.kind_of(value)) == (plain, kind)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ann@example.com", "email"),
        ("ann@example", ""),
        ("https://example.com/x", "url"),
        ("01.02.2024", "day.month.year"),
        ("1.234,50", "decimal comma"),
        ("+49 171 1234567", "phone"),
        ("12345", ""),
        ("7d444840-9dc0-11d1-b245-5ffdce74fad2", "uuid"),
    ],
)
def test_formats_are_told_by_name(text: str, name: str) -> None:
    assert forms.format_of(text) == name


def test_a_field_is_counted_filled_ranged_and_shaped() -> None:
    rows = [{"id": n, "amount": Decimal(n) / 4 if n % 5 else None, "zip": f"{n:05}"} for n in range(100)]
    _, amount, zip_code = profile(rows).fields
    assert (amount.kind, amount.filled, amount.nulls, amount.scale) == (Kind.DECIMAL, 80, 20, 2)
    assert (amount.low, amount.high) == ("0.25", "24.75")
    assert amount.fill == pytest.approx(0.8)
    assert (zip_code.kind, zip_code.shapes[0], zip_code.shortest, zip_code.longest) == (
        Kind.TEXT,
        ("99999", 100),
        5,
        5,
    )
    assert (zip_code.plain.distinct, zip_code.plain.exact, zip_code.plain.single) == (100, True, 1.0)


def test_a_kind_is_guessed_only_if_nearly_all_values_are_of_it() -> None:
    rows = [
        {"id": n, "most": "x" if n == 0 else str(n), "some": "x" if n % 10 == 0 else n} for n in range(200)
    ]
    _, most, some = profile(rows).fields
    assert (most.kind, round(most.fits, 3)) == (Kind.INTEGER, 0.995)
    assert some.kind is Kind.TEXT


def test_a_field_that_was_not_delivered_counts_as_not_seen_and_a_blank_one_as_not_filled() -> None:
    found = profile([{"id": 1, "note": "x"}, {"id": 2}, {"id": 3, "note": "  "}, {"id": 4, "note": ""}])
    note = found.fields[1]
    assert (note.seen, note.filled, note.nulls, found.records) == (3, 1, 0, 4)


def test_records_are_counted_by_the_age_of_their_last_change() -> None:
    ages = [
        timedelta(minutes=5),
        timedelta(hours=3),
        timedelta(days=5),
        timedelta(days=80),
        timedelta(days=900),
    ]
    rows = [{"id": n, "at": NOW - age} for n, age in enumerate(ages)]
    rows.append({"id": 9, "at": NOW + timedelta(days=2)})
    found = profile([*rows, {"id": 10, "at": None}], modified="at")
    assert found.ages == {"hour": 1, "day": 1, "week": 1, "quarter": 1, "older": 1, "ahead": 1}
    assert (found.timed, found.newest, found.fields[1].stamp) == (6, NOW + timedelta(days=2), True)


@given(st.lists(st.integers(0, 400), max_size=600), st.sampled_from([20, 50, 1000]))
def test_a_sketch_counts_what_it_keeps_exactly(values: list[int], size: int) -> None:
    sketch = Sketch(size)
    for value in values:
        sketch.add(hash_of(str(value)), str(value))
    sketch.prune()
    counted = Counter(map(str, values))
    assert {value: times for times, value, _ in sketch.entries.values()} == {
        value: times for value, times in counted.items() if hash_of(value) < sketch.limit
    }
    assert len(sketch.entries) <= size
    assert sketch.exact == (len(counted) <= size) or len(counted) <= 2 * size
    if sketch.exact:
        assert sketch.distinct == len(counted)


def test_beyond_its_size_a_sketch_estimates_and_two_of_them_tell_what_they_share() -> None:
    one, other = Sketch(2_000), Sketch(2_000)
    for number in range(50_000):
        one.add(hash_of(str(number)))
        other.add(hash_of(str(number + 25_000)))
    one.prune()
    other.prune()
    assert not one.exact
    assert one.distinct == pytest.approx(50_000, rel=0.1)
    mine, _, both = shared(one, other)
    assert both / mine == pytest.approx(0.5, abs=0.06)


def test_a_profile_does_not_grow_with_the_number_of_records() -> None:
    """Twice the records take no more memory, once all bounds are reached."""
    fields = [Declared(f"f{n}") for n in range(150)]
    profiler = Profiler(fields, "id", NOW)
    values = {field.name: "" for field in fields}
    most = CELLS // 150
    for number in range(most + 50):
        profiler.add(str(number), {**values, "f0": f"value {number}", "f1": "x" * 5000}, None)
    found = profiler.finish(whole=True)
    assert len(found.rows) == most
    assert not found.aligned
    assert len(found.fields[0].plain.entries) <= 1_000
    assert found.fields[1].examples == ["x" * 79 + "…"]


def test_a_resource_of_too_many_fields_is_told_to_be_cut() -> None:
    profiler = Profiler([Declared(f"f{n}") for n in range(400)] + [Declared("a\x00b")], "id", NOW)
    assert profiler.finish(whole=True).left_out == 251


@given(st.lists(st.fixed_dictionaries({"id": RAW, "x": RAW, "y": RAW}), max_size=12))
def test_whatever_a_system_sends_makes_a_report_that_can_be_stored(rows: list[dict[str, Any]]) -> None:
    one = profile(rows, whole=False)
    assert unpacked(packed(one)) == one
    made = report(one, unpacked(packed(profile(rows[::-1]))))
    text = json.dumps(made.as_dict(), allow_nan=False)
    assert "\\u0000" not in text.replace("\\\\", "")  # PostgreSQL keeps no NUL
    text.encode()
    again = read(json.loads(text))
    assert isinstance(again, Report)
    assert again.as_dict() == made.as_dict()
