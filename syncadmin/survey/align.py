"""Records of both sides laid beside each other by a match key: what they agree on, and who changed last.

Only hashes are compared, of the records that both profiles kept; a value that comes more than once on a side
pairs nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan

from .profile import ResourceProfile

MOST = 2_000  # pairs of records that are laid beside each other
MOST_WORDS = 20  # different values of a field that may be a list of choices
SAME_WORD = 0.9


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `compared` records with a value on both sides, how many are `equal`; `chance`: the share that would
    be equal if records were paired blindly. Where they differ, which side was changed last: `left_later`,
    `right_later`. `left_only` and `right_only` hold a value on one side only.
    """

    compared: int
    equal: int
    chance: float
    left_later: int
    right_later: int
    left_only: int
    right_only: int

    @property
    def share(self) -> float:
        """The share that is equal."""
        return self.equal / self.compared if self.compared else 0.0


class Alignment:
    """The records that a match key, given as fields by position, pairs without doubt."""

    def __init__(self, left: ResourceProfile, right: ResourceProfile, key: Sequence[tuple[int, int]]) -> None:
        self._left, self._right = left.rows.columns(), right.rows.columns()
        mine = _once([self._left[i] for i, _ in key])
        theirs = _once([self._right[j] for _, j in key])
        both = sorted(mine.keys() & theirs.keys())[:MOST]
        self.key = tuple(key)
        self._pairs = [(mine[value], theirs[value]) for value in both]
        self._left_times, self._right_times = left.rows.times(), right.rows.times()
        self._known: dict[tuple[int, int], Agreement] = {}

    def __len__(self) -> int:
        return len(self._pairs)

    def agreement(self, left: int, right: int) -> Agreement:
        """How these two fields agree in the paired records."""
        if (left, right) not in self._known:
            self._known[left, right] = self._agreement(self._left[left], self._right[right])
        return self._known[left, right]

    def _agreement(self, mine: array[int], theirs: array[int]) -> Agreement:
        compared = equal = left_later = right_later = left_only = right_only = 0
        left_values: Counter[int] = Counter()
        right_values: Counter[int] = Counter()
        for i, j in self._pairs:
            one, other = mine[i], theirs[j]
            if not one or not other:
                left_only += bool(one)
                right_only += bool(other)
                continue
            compared += 1
            left_values[one] += 1
            right_values[other] += 1
            if one == other:
                equal += 1
                continue
            later = self._left_times[i] - self._right_times[j]
            if not isnan(later):
                left_later += later > 0
                right_later += later < 0
        common = left_values.keys() & right_values.keys()
        by_chance = sum(left_values[value] * right_values[value] for value in common)
        chance = by_chance / compared**2 if compared else 0.0
        return Agreement(compared, equal, round(chance, 4), left_later, right_later, left_only, right_only)

    def words(self, left: int, right: int) -> dict[int, int]:
        """What each left value is called on the right, as hashes; empty unless nearly all records agree."""
        seen: dict[int, Counter[int]] = {}
        for i, j in self._pairs:
            one, other = self._left[left][i], self._right[right][j]
            if one and other:
                seen.setdefault(one, Counter())[other] += 1
                if len(seen) > MOST_WORDS:
                    return {}
        named: dict[int, int] = {}
        for one, counted in seen.items():
            other, times = counted.most_common(1)[0]
            if times < SAME_WORD * counted.total():
                return {}
            named[one] = other
        return named if len(set(named.values())) == len(named) else {}


def _once(columns: Sequence[Sequence[int]]) -> dict[tuple[int, ...], int]:
    """The rows whose values, which say something, come once only: value -> row."""
    counted = tally(columns)
    return {value: row for row, value in enumerate(zip(*columns, strict=True)) if counted.get(value) == 1}


def tally(columns: Sequence[Sequence[int]]) -> Counter[tuple[int, ...]]:
    """How often each value of these columns comes; rows that lack a part of it are left out."""
    rows: Iterable[tuple[int, ...]] = zip(*columns, strict=True)
    return Counter(value for value in rows if all(value))
