"""How much a conflict matters, as one number that orders lists. Pure.

    impact = log2(weight) + log2(1 + value) + log2(1 + waiting) - weeks from 2020 until it was opened

`weight` is the sum of the weights of the fields in question, `value` what the record is worth, `waiting` how
many records wait for it. An item that has waited a week counts as much as one of twice the weight that has
just come. Time goes in as a constant of the item: the order of two items never changes by itself, so the
number can be stored, and pages go on where they ended.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_WEEK = 7 * 86_400.0
LEAST_WEIGHT = 0.01


def impact(weight: float, value: float | None, waiting: int, opened_at: datetime) -> float:
    """The number by which an item is ordered, highest first. A value below zero counts as none."""
    return strength(weight, value, waiting) - (opened_at - _EPOCH).total_seconds() / _WEEK


def strength(weight: float, value: float | None, waiting: int) -> float:
    """What of the impact does not come from waiting: 0 for one field of weight 1."""
    worth = max(value or 0.0, 0.0)
    return math.log2(max(weight, LEAST_WEIGHT)) + math.log2(1 + worth) + math.log2(1 + waiting)


def strength_of(number: float, opened_at: datetime) -> float:
    """The strength that an impact was made of."""
    return number + (opened_at - _EPOCH).total_seconds() / _WEEK
