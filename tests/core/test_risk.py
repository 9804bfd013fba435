"""The lost-update meter's arithmetic: meetings, intervals that hold, figures made of them."""

from __future__ import annotations

import random
from collections import Counter
from math import exp, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.core import risk
from syncadmin.core.risk import Edit, Figure, Metered, Traffic, Watch
from syncadmin.core.side import Side

L, R = Side.LEFT, Side.RIGHT


def edit(at, side, record=1, field="phone", *, fresh=True):
    return Edit(at, side, record, field, fresh)


def met(edits, near):
    return sum(count for _, count in risk.meetings(edits, near))


@pytest.mark.parametrize(
    ("edits", "count"),
    [
        ([], 0),
        ([edit(0, L)], 0),
        ([edit(0, L), edit(60, R)], 1),
        ([edit(0, L), edit(60, L)], 0),
        ([edit(0, L), edit(0, R)], 1),
        ([edit(0, L), edit(3600, R)], 1),
        ([edit(0, L), edit(3601, R)], 0),
        ([edit(0, L), edit(60, R, record=2)], 0),
        ([edit(0, L), edit(60, R, field="city")], 0),
        ([edit(0, L, field=""), edit(60, R, field="city")], 1),
        ([edit(60, R), edit(0, L), edit(30, R), edit(45, L)], 4),
        ([edit(0, L, fresh=False), edit(60, R, fresh=False)], 0),
        ([edit(0, L, fresh=False), edit(60, R, fresh=True)], 1),
        ([edit(0, L, fresh=True), edit(60, R, fresh=False)], 1),
    ],
)
def test_edits_of_one_field_on_both_sides_meet(edits, count):
    assert met(edits, 3600) == count


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(list(Side)), st.integers(1, 2), st.sampled_from("ab"))
    ),
    st.integers(0, 5),
    st.data(),
)
def test_counting_in_two_goes_finds_what_counting_at_once_does(rows, near, data):
    cut = data.draw(st.integers(0, len(rows)))
    at_once = [Edit(*row) for row in rows]
    first = [Edit(*row) for row in rows[:cut]]
    then = [Edit(*row, fresh=False) for row in rows[:cut]] + [Edit(*row) for row in rows[cut:]]
    counted = met(first, near) + met(then, near)
    slow = sum(
        a.side is not b.side and a.record == b.record and a.field == b.field and abs(a.at - b.at) <= near
        for n, a in enumerate(at_once)
        for b in at_once[:n]
    )
    assert counted == met(at_once, near) == slow


def poisson(mean, count):
    """Probability of exactly `count`, by the recurrence: no code in common with the module."""
    chance = exp(-mean)
    for n in range(1, count + 1):
        chance *= mean / n
    return chance


@pytest.mark.parametrize("mean", [0.01, 0.3, 1.0, 2.5, 3.6, 7.0, 12.0, 40.0, 100.0])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975])
def test_the_interval_of_a_count_holds_as_often_as_it_says(mean, confidence):
    held = sum(
        poisson(mean, n)
        for n in range(400)
        if (found := risk.counted(n, confidence=confidence)).low <= mean <= found.high
    )
    assert held >= confidence - 0.002


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (20, 12.217, 30.888), (100, 81.364, 121.627)],
)
def test_the_interval_of_a_count_is_the_one_in_the_tables(count, low, high):
    found = risk.counted(count)
    assert found.low == pytest.approx(low, rel=0.02)
    assert found.high == pytest.approx(high, rel=0.02)


@given(st.integers(0, 10_000), st.floats(1, 50))
def test_clumped_counts_have_wider_intervals(count, clumped):
    plain, wide = risk.counted(count), risk.counted(count, clumped)
    assert wide.low <= plain.low * 1.01 <= plain.expected * 1.02
    assert wide.high >= plain.high * 0.99 >= plain.expected * 0.98


@pytest.mark.parametrize("n", [1, 3, 10, 200])
def test_the_interval_of_a_mean_window_holds(n):
    rng, held = random.Random(n), 0
    for _ in range(2000):
        seconds = sum(rng.expovariate(1 / 0.02) for _ in range(n))
        found = risk.mean_window(Metered(n, 0, seconds))
        held += found.low <= 0.02 <= found.high
    assert held >= 2000 * 0.93


def test_windows_that_nobody_measured_only_raise_what_it_may_come_to():
    measured, lost = risk.mean_window(Metered(100, 0, 2.0)), risk.mean_window(Metered(101, 1, 2.0))
    assert (measured.low, measured.expected) == (lost.low, lost.expected)
    assert lost.high == pytest.approx(measured.high * 100 / 101 + 60 / 101)


@pytest.mark.parametrize(
    ("counts", "spans", "said"),
    [
        ([], [], 1),
        ([5], [1], 1),
        ([0, 0], [1, 1], 1),
        ([5, 5, 5], [1, 1, 1], 1),
        ([10, 0], [1, 1], 10),
        ([10, 5], [2, 1], 1),
        ([3, 0], [1, 0], 1),
    ],
)
def test_dispersion_tells_clumps(counts, spans, said):
    assert risk.dispersion(counts, spans) == pytest.approx(said)


def test_the_expected_loss_is_meetings_by_window():
    watch = Watch([risk.YEAR], [72], 3600.0)
    window = Figure(0.01, 0.02, 0.04)
    found = risk.expected_live(watch, [window])
    assert found.expected == pytest.approx(72 * 0.02 / 7200)
    assert risk.expected_live(watch, [window, window]).expected == pytest.approx(2 * found.expected)
    assert risk.expected_live(watch, []) == risk.NOTHING


def test_nothing_met_is_no_proof_of_nothing():
    window = Figure(1, 1, 1)
    day, month = (risk.expected_live(Watch([risk.DAY] * n, [0] * n, 3600), [window]) for n in (1, 30))
    assert day.expected == month.expected == 0
    assert day.high == pytest.approx(30 * month.high)
    assert month.high > 0


def test_without_a_watch_there_is_no_figure():
    with pytest.raises(ValueError, match="watched"):
        risk.expected_live(Watch([], [], 3600), [])


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=60),
    st.lists(st.floats(1e-4, 10), min_size=1, max_size=2),
)
def test_the_expected_loss_lies_in_its_interval(counts, windows):
    watch = Watch([risk.DAY] * len(counts), counts, 3600)
    found = risk.expected_live(watch, [Figure(w / 2, w, w * 2) for w in windows])
    assert 0 <= found.low <= found.expected <= found.high


@pytest.mark.parametrize("seed", range(3))
def test_meetings_foretell_how_many_edits_fall_into_a_window(seed):
    """Edits that crowd on few records in few hours, which an even spread would get wrong by far."""
    rng, near, window = random.Random(seed), 3600.0, 30.0
    edits = [
        Edit(day * risk.DAY + rng.uniform(9, 17) * 3600, side, int(rng.expovariate(0.2)), "phone")
        for day in range(200)
        for side in Side
        for _ in range(60)
    ]
    lost = met(edits, window / 2)  # within half a window before or after: a window in all
    days = Counter[int]()
    for later, count in risk.meetings(edits, near):
        days[int(later.at // risk.DAY)] += count
    watch = Watch([risk.DAY] * 200, [days[day] for day in range(200)], near)
    found = risk.expected_live(watch, [Figure(window, window, window)]).scaled(200 * risk.DAY / risk.YEAR)
    assert lost > 20
    chance = risk.counted(lost)
    assert found.low <= chance.high
    assert chance.low <= found.high
    evenly = (60 * 200) ** 2 / 15 * window / (200 * risk.DAY)
    assert evenly < chance.low


def test_before_going_live_it_is_traffic_by_places():
    traffic = Traffic({L: 36_500.0, R: 3_650.0}, records=10_000, fields=5)
    found = risk.expected_before(traffic, [risk.ASSUMED_WINDOW])
    assert found.expected == pytest.approx(36_500 * 3_650 / 50_000 / risk.YEAR * 0.1 * 10)
    assert found.low < found.expected < found.high


@given(st.floats(1e-9, 1e6))
def test_what_is_accepted_is_a_round_number_that_is_not_smaller(number):
    up = risk.rounded_up(number)
    assert number * (1 - 1e-6) <= up <= number * 2.6
    assert isclose(up, risk.rounded_up(up))


@pytest.mark.parametrize(("schedule", "near"), [(30, 3600), (300, 3600), (600, 7200), (86400, 12 * 86400)])
def test_slow_passes_need_a_longer_span(schedule, near):
    assert risk.near_of(schedule) == near
