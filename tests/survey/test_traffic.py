"""What the times of last changes tell of how often records are edited."""

from __future__ import annotations

import pytest

from syncadmin.core import risk
from syncadmin.core.side import Side as MappingSide
from syncadmin.survey.report import Report, Side
from syncadmin.survey.traffic import edits_a_day, traffic


def side(ages, *, whole=True, records=1000):
    return Side("id", records, whole, sum(ages.values()), None, None, ages, [], 0)


def report(left, right):
    return Report(left, right, [], [], 0, [], [], [], [])


@pytest.mark.parametrize(
    ("ages", "a_day"),
    [
        ({"hour": 20}, 480),
        ({"hour": 5, "day": 25}, 30),
        ({"hour": 1, "day": 3, "week": 66, "older": 900}, 10),
        ({"year": 73}, 0.2),
        ({"older": 50}, 0),
        ({"ahead": 50}, 0),
    ],
)
def test_edits_are_counted_over_the_shortest_span_with_enough_of_them(ages, a_day):
    assert edits_a_day(side(ages)) == pytest.approx(a_day)


def test_a_sample_and_a_system_without_times_tell_nothing():
    assert edits_a_day(side({"day": 50}, whole=False)) is None
    assert edits_a_day(side({})) is None
    assert traffic(report(side({"day": 50}), side({})), 3) is None


def test_both_sides_make_the_traffic():
    found = traffic(report(side({"day": 50}), side({"day": 24}, records=400)), 3)
    assert found == risk.Traffic(
        {MappingSide.LEFT: 50 * 365.25, MappingSide.RIGHT: 24 * 365.25}, records=400, fields=3
    )
