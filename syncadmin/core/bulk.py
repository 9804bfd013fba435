"""Rules by which a person decides many items at once: which side each field is taken from, or why not.

A rule is chosen for the whole run; what it cannot decide for a field it leaves to people and says why. Pure:
what a rule gives is a person's pick, and takes the same way as one made by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from .side import Side
from .values import Value, empty


class Rule(StrEnum):
    """What may be chosen for many items at once."""

    LEFT = "left"
    RIGHT = "right"
    NEWEST = "newest"
    NON_EMPTY = "non-empty"


class Why(StrEnum):
    """Why a rule leaves a field to people."""

    NO_TIME = "no time"  # newest: it is not known when both sides changed
    TOO_CLOSE = "too close"  # newest: within the tolerance of the clocks
    BOTH_EMPTY = "both empty"
    BOTH_FILLED = "both filled"
    SPLIT = "split"  # fields that are decided together would be taken from different sides


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of an item: what both sides hold, when they changed it (UTC), its group ('' for none)."""

    field: str
    left: Value
    right: Value
    left_time: datetime | None = None
    right_time: datetime | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a rule makes of an item: the side each field is taken from, and why others are left."""

    picks: Mapping[str, Side] = field(default_factory=dict)
    left_out: Mapping[str, Why] = field(default_factory=dict)


def choose(rule: Rule, fields: Sequence[Asked], tolerance: timedelta) -> Chosen:
    """Apply the rule to the fields of one item. A group has one answer for all of its fields."""
    units: dict[tuple[str, str], list[Asked]] = {}
    for asked in fields:
        units.setdefault((asked.group, "" if asked.group else asked.field), []).append(asked)
    picks: dict[str, Side] = {}
    left_out: dict[str, Why] = {}
    for unit in units.values():
        answers = [_answer(rule, asked, tolerance) for asked in unit]
        reasons = [answer for answer in answers if isinstance(answer, Why)]
        sides = {answer for answer in answers if isinstance(answer, Side)}
        if reasons:
            left_out.update({asked.field: reasons[0] for asked in unit})
        elif len(sides) > 1:
            left_out.update({asked.field: Why.SPLIT for asked in unit})
        else:
            picks.update({asked.field: side for asked in unit for side in sides})
    return Chosen(picks, left_out)


def _answer(rule: Rule, asked: Asked, tolerance: timedelta) -> Side | Why:
    match rule:
        case Rule.LEFT:
            return Side.LEFT
        case Rule.RIGHT:
            return Side.RIGHT
        case Rule.NEWEST:
            return _newest(asked, tolerance)
        case Rule.NON_EMPTY:
            return _filled(asked)


def _newest(asked: Asked, tolerance: timedelta) -> Side | Why:
    if asked.left_time is None or asked.right_time is None:
        return Why.NO_TIME
    ahead = asked.left_time - asked.right_time
    if abs(ahead) <= tolerance:
        return Why.TOO_CLOSE
    return Side.LEFT if ahead > timedelta() else Side.RIGHT


def _filled(asked: Asked) -> Side | Why:
    left, right = empty(asked.left), empty(asked.right)
    if left and right:
        return Why.BOTH_EMPTY
    if not left and not right:
        return Why.BOTH_FILLED
    return Side.RIGHT if left else Side.LEFT
