"""How many edits a year may be lost where a system refuses no stale write: the meter's arithmetic.

The model. An edit is lost when it falls into the window between the hub's reading of a field and its
write to it. The hub writes a field on one side because it was edited on the other, so it takes two edits
of one field, one a side, that *meet*. Meetings within the window are too rare to be counted; those within
a much longer span, such as an hour, are not, and the journal has them all. Within that span the two edits
are taken to come in any order and distance (Poisson arrivals whose rates hardly change within it): a
meeting within `near` seconds would have been one within a window of `w` seconds with probability `w / (2
near)`. Since edits of one field and one hour are compared, nothing has to be assumed of how they are
spread over records and over the day.

The interval joins two, each at half of what the whole may miss (Bonferroni): Garwood's for a Poisson
count, widened by Pearson's dispersion where meetings come in clumps, and that of a mean of exponential
windows. Sources: F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28 (1936) 437-442;
E. B. Wilson and M. M. Hilferty, The distribution of chi-square, PNAS 17 (1931) 684-688; P. McCullagh and
J. A. Nelder, Generalized linear models, 2nd ed. (1989), 4.5 and 6.2. Rare harm from near misses: C.
Hyden, The development of a method for traffic safety evaluation (1987).

No clock, no Django: times come in as seconds, and nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, log, log10, sqrt
from statistics import NormalDist

from .side import Side

DAY = 86_400.0
YEAR = 365.25 * DAY
CONFIDENCE = 0.95
NEAR = 3600.0  # seconds within which two edits of one field count as a meeting, at least
PASSES_NEAR = 12  # and no less than so many passes, because times are known no better than that
LOST_ANSWER = 60.0  # seconds that the window of a write may have been open at most, if no answer came


class Basis(StrEnum):
    """Where a figure is from."""

    NONE = "none"  # the system refuses stale writes: there is no window
    MEASURED = "measured"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the interval that it lies in."""

    low: float
    expected: float
    high: float

    def times(self, other: Figure) -> Figure:
        """The product. Both must be positive; the interval holds if both do."""
        return Figure(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def plus(self, other: Figure) -> Figure:
        """The sum."""
        return Figure(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def scaled(self, by: float) -> Figure:
        """Times a number."""
        return Figure(self.low * by, self.expected * by, self.high * by)


NOTHING = Figure(0.0, 0.0, 0.0)
# before any write was measured: a read and a write of one system, somewhere between next door and far away
ASSUMED_WINDOW = Figure(0.01, 0.1, 1.0)
# before anybody watched: how much more often edits meet than if all fields were edited evenly, day and night
ASSUMED_CROWDING = Figure(1.0, 10.0, 100.0)


@dataclass(frozen=True, slots=True)
class Metered:
    """The unguarded writes to a side: how many, how many of unknown window, the others' in all."""

    writes: int = 0
    unmeasured: int = 0
    seconds: float = 0.0

    @property
    def measured(self) -> int:
        """How many windows were measured."""
        return self.writes - self.unmeasured


@dataclass(frozen=True, slots=True)
class Edit:
    """One observed edit: when, in seconds, and of what: a field or group of a record, or ('') all of it."""

    at: float
    side: Side
    record: object
    field: str
    fresh: bool = True


def meetings(edits: Iterable[Edit], near: float) -> list[tuple[Edit, int]]:
    """Edits that met earlier ones, each with how many: on the other side, of one field, `near` seconds apart.

    Pairs of which neither edit is `fresh` have been counted before. A delete, which is of the whole record,
    meets an edit of any of its fields.
    """
    by_record: dict[object, list[Edit]] = {}
    for edit in edits:
        by_record.setdefault(edit.record, []).append(edit)
    found = []
    for mine in by_record.values():
        mine.sort(key=lambda edit: edit.at)
        recent: Counter[tuple[Side, str, bool]] = Counter()
        first = 0
        for later in mine:
            while mine[first].at < later.at - near:
                recent[_place(mine[first])] -= 1
                first += 1
            if met := sum(n for place, n in recent.items() if n and _meet(later, *place)):
                found.append((later, met))
            recent[_place(later)] += 1
    return found


def _place(edit: Edit) -> tuple[Side, str, bool]:
    return edit.side, edit.field, edit.fresh


def _meet(later: Edit, side: Side, field: str, fresh: bool) -> bool:
    if side is later.side or not (fresh or later.fresh):
        return False
    return field == later.field or not field or not later.field


def near_of(schedule: float) -> float:
    """The span within which edits meet, for a mapping with a pass every `schedule` seconds."""
    return max(NEAR, PASSES_NEAR * schedule)


# ---------------------------------------------------------------- intervals


def chi_square(share: float, freedom: float) -> float:
    """The value that a chi-square variable of `freedom` > 0 stays below with probability `share`.

    By Wilson and Hilferty; exact for two degrees of freedom. Errs to the wide side in a small lower tail.
    """
    if freedom == 2:
        return -2 * log(1 - share)
    part = 2 / (9 * freedom)
    return float(freedom * max(0.0, 1 - part + NormalDist().inv_cdf(share) * sqrt(part)) ** 3)


def counted(count: int, dispersion: float = 1.0, confidence: float = CONFIDENCE) -> Figure:
    """What count is to be expected where `count` was seen. `dispersion` is variance by mean, 1 or more."""
    miss, shape = (1 - confidence) / 2, count / dispersion
    low = chi_square(miss, 2 * shape) / 2 * dispersion if count else 0.0
    return Figure(low, float(count), chi_square(1 - miss, 2 * shape + 2) / 2 * dispersion)


def dispersion(counts: Sequence[int], spans: Sequence[float]) -> float:
    """How much more the counts of periods vary than those of single, unrelated events: 1 or more.

    `spans` are the periods' lengths. With less than two periods, or nothing counted, nothing is known: 1.
    """
    total, whole = sum(counts), sum(spans)
    if len(counts) < 2 or not total or whole <= 0:
        return 1.0
    means = [total * span / whole for span in spans]
    pearson = sum((n - mean) ** 2 / mean for n, mean in zip(counts, means, strict=True) if mean > 0)
    return max(1.0, pearson / (len(counts) - 1))


def mean_window(metered: Metered, confidence: float = CONFIDENCE) -> Figure:
    """The mean window of a side in seconds. `metered.measured` must be at least 1.

    At most, writes whose answer was lost were open for as long as a system is waited for.
    """
    n, miss = metered.measured, (1 - confidence) / 2
    mean = metered.seconds / n
    low = mean * 2 * n / chi_square(1 - miss, 2 * n)
    high = mean * 2 * n / chi_square(miss, 2 * n)
    lost = metered.unmeasured / metered.writes
    return Figure(low, mean, high * (1 - lost) + LOST_ANSWER * lost)


# ---------------------------------------------------------------- the meter


@dataclass(frozen=True, slots=True)
class Watch:
    """What was seen while watching: periods in seconds with the meetings in each, and how near those were."""

    spans: Sequence[float]
    meetings: Sequence[int]
    near: float

    @property
    def seconds(self) -> float:
        """How long it has watched."""
        return sum(self.spans)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is known or believed before anybody watched: edits a year, by side, of records and fields."""

    edits: Mapping[Side, float]
    records: int
    fields: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen without writing: while watching one of so many records, with edits of all by side."""

    watch: Watch
    edits: Mapping[Side, int]
    one_of: int = 1


def expected_live(watch: Watch, windows: Iterable[Figure]) -> Figure:
    """Lost edits a year. `windows`: mean windows, in seconds, of the sides that refuse no stale write."""
    if watch.seconds <= 0:
        raise ValueError("nobody has watched yet")
    seen = counted(sum(watch.meetings), dispersion(watch.meetings, watch.spans), _half())
    return _lost(seen.scaled(YEAR / watch.seconds), watch.near, windows)


def expected_observed(seen: Observed, windows: Iterable[Figure]) -> Figure:
    """Lost edits a year, from what was watched before going live."""
    return expected_live(seen.watch, windows).scaled(seen.one_of)


def expected_before(traffic: Traffic, windows: Iterable[Figure]) -> Figure:
    """Lost edits a year before going live: evenly spread over all fields, times a crowding."""
    places = max(1, traffic.records * traffic.fields)
    left, right = (traffic.edits.get(side, 0.0) for side in Side)
    evenly = left * right / places * 2 * NEAR / YEAR
    return _lost(ASSUMED_CROWDING.scaled(evenly), NEAR, windows)


def _lost(met: Figure, near: float, windows: Iterable[Figure]) -> Figure:
    open_for = NOTHING
    for window in windows:
        open_for = open_for.plus(window)
    return met.times(open_for).scaled(1 / (2 * near))


def _half() -> float:
    """The confidence of each of two intervals that are to hold together."""
    return 1 - (1 - CONFIDENCE) / 2


def window_of(metered: Metered) -> tuple[Figure, Basis]:
    """The mean window of a checked side: measured, or assumed before the first write."""
    if metered.measured > 0:
        return mean_window(metered, _half()), Basis.MEASURED
    return ASSUMED_WINDOW, Basis.ASSUMED


def blind_window(schedule: float) -> Figure:
    """The window of a side that cannot be read by key: as long as it was listed ago, up to a schedule."""
    return Figure(0.0, schedule / 2, schedule)


def rounded_up(number: float) -> float:
    """The next number of the row 1, 2, 5, 10, 20... that is not smaller: one that people can say."""
    if number <= 0:
        return 0.001
    decade = 10.0 ** floor(log10(number))
    step = next(step for step in (1, 2, 5, 10) if step * decade >= number * (1 - 1e-9))
    return float(f"{step * decade:.3g}")


def days(seconds: float) -> int:
    """Whole days, rounded up."""
    return ceil(seconds / DAY)
