"""What past decisions on questions that are alike say about the next one: decisions in, a suggestion out.

A suggestion needs a habit, not an accident: enough decisions of at least two people, and a share that took
the same side which is high even at the lower end of what so few decisions can tell (Wilson's interval).
Decisions that only followed a suggestion say nothing for it, or it would feed itself; those that went against
it count. A bulk run is one decision a side, however many items it had.

The same judgement, turned round, tells when people have begun to overrule a rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .patterns import BY_TIME
from .side import SIDES, Side

WINDOW = 200  # the latest decisions that are looked at
LEAST_DECISIONS = 8
LEAST_PEOPLE = 2
LEAST_SHARE = 0.65  # of decisions that take the side, at the lower end of what they tell
CONFIDENCE = 1.96  # standard deviations: 95 %

USES = 100  # the latest decisions of a rule that are looked at
LEAST_OVERRULED = 3
OVERRULED_SHARE = 0.05
WATCHED = timedelta(days=14)  # how long after it a decision of a rule may be overruled


class Changed(StrEnum):
    """Which side differs from what was last agreed; at first contact nothing was."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"
    FIRST = "first contact"

    @classmethod
    def of(cls, stored: str) -> Changed:
        """As `patterns.changed` says it, '' for first contact. Raises `ValueError`."""
        return cls(stored or cls.FIRST)

    @property
    def stored(self) -> str:
        """As `patterns.changed` says it."""
        return "" if self is Changed.FIRST else self.value


@dataclass(frozen=True, slots=True)
class Made:
    """One decision of a person: `outcome` is the side taken, or another word where none was.

    `run` is the bulk run that it was part of; `followed` says that it took a suggestion as it was.
    """

    outcome: str
    person: int | None = None
    run: int | None = None
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Habit:
    """A side, with how many decisions took it, how many did not, and of how many people they were.

    `followed` of those who took it only followed a suggestion, and are not among `right`.
    """

    take: Side
    right: int
    wrong: int
    people: int
    followed: int = 0

    @property
    def total(self) -> int:
        """How many decisions there were that count."""
        return self.right + self.wrong

    @property
    def strong(self) -> bool:
        """Whether it may be suggested."""
        return (
            self.total >= LEAST_DECISIONS
            and self.people >= LEAST_PEOPLE
            and lower_bound(self.right, self.total) >= LEAST_SHARE
        )


def habit(made: Iterable[Made], take: Side) -> Habit:
    """What the decisions say for taking `take`."""
    right: set[object] = set()
    wrong: set[object] = set()
    people: set[int] = set()
    followed = 0
    for number, one in enumerate(made):
        if one.followed and one.outcome == take:
            followed += 1
            continue
        vote = ("run", one.run, one.outcome) if one.run is not None else ("one", number, "")
        (right if one.outcome == take else wrong).add(vote)
        if one.outcome == take and one.person is not None:
            people.add(one.person)
    return Habit(take, len(right), len(wrong), len(people), followed)


def suggestion(made: Sequence[Made]) -> Habit | None:
    """The habit that is strong enough to be suggested, if there is one."""
    return next((found for side in SIDES if (found := habit(made, side)).strong), None)


def lower_bound(hits: int, total: int) -> float:
    """The lower end of Wilson's interval for the share of which `hits` in `total` are known."""
    if total <= 0:
        return 0.0
    share, z = hits / total, CONFIDENCE
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (middle - spread) / (1 + z * z / total))


def overruled_too_often(overruled: int, uses: int) -> bool:
    """Whether a rule of whose latest `uses` decisions so many were overruled is to be suspended."""
    return overruled >= LEAST_OVERRULED and overruled >= OVERRULED_SHARE * uses


def decidable(
    pattern: str, left_time: datetime | None, right_time: datetime | None, tolerance: timedelta
) -> bool:
    """Whether the pattern can be relied on: times that tell it must be further apart than clocks may be."""
    if pattern not in BY_TIME:
        return True
    return left_time is not None and right_time is not None and abs(left_time - right_time) > tolerance
