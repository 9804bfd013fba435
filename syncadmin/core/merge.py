"""Merge strategies: what a shared field becomes when both sides changed it to different values.

A strategy takes one side's value (`Take`), builds a new one (`Merged`) or leaves the question to a person
(`Undecided`). It never sees a system, never invents a value, and gives the mirrored answer if the sides are
swapped. Shadows are per side, because a system may trim or round what it is given: each side's change is
measured against its own shadow, and a merged value may differ by side for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from . import rules
from .deltas import EXACT, adds_up, counted
from .plan import Record
from .policy import FieldPolicy, FirstContact, Merge
from .side import SIDES, Side
from .stamps import latest
from .text import Overlap, merge_text
from .values import FieldType, Kind, Unfit, Value, canonical, empty, same


@dataclass(frozen=True, slots=True)
class Take:
    """The value of `side` is taken for both."""

    side: Side
    rule: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Each side gets a value that accounts for both changes."""

    left: Value
    right: Value
    rule: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """A person has to decide. Says why, in words for staff."""

    reason: str


Verdict = Take | Merged | Undecided


@dataclass(frozen=True, slots=True)
class Question:
    """One field that both sides changed: all that a strategy may look at. Pairs are (left, right)."""

    field: FieldPolicy
    values: tuple[Value, Value]
    base: tuple[Value, Value]
    records: tuple[Record, Record]
    tolerance: timedelta
    types: Mapping[str, FieldType]


def merge(question: Question) -> Verdict:
    """The answer of the field's merge strategy."""
    return _STRATEGIES[question.field.merge](question)


def choose_side(
    strategy: Merge | FirstContact,
    records: tuple[Record, Record],
    fields: Sequence[FieldPolicy],
    tolerance: timedelta,
) -> Take | Undecided | None:
    """The answer of a strategy that takes one side's values whole; None if `strategy` does not."""
    match strategy.value:
        case "prefer left":
            return Take(Side.LEFT, "prefer left")
        case "prefer right":
            return Take(Side.RIGHT, "prefer right")
        case "newest":
            by_stamp = _newest_stamp(records, fields) if isinstance(strategy, Merge) else None
            return by_stamp or _newest(records, fields, tolerance)
    return None


# ---------------------------------------------------------------- taking one side


def _newest(
    records: tuple[Record, Record], fields: Sequence[FieldPolicy], tolerance: timedelta
) -> Take | Undecided:
    left, right = (_time(record, fields) for record in records)
    if left is None or right is None:
        return Undecided("the two sides differ, and it is not known which is newer")
    if abs(left - right) <= tolerance:
        return Undecided("the two sides differ, and changed at about the same time")
    return Take(Side.LEFT if left > right else Side.RIGHT, "newest")


def _newest_stamp(records: tuple[Record, Record], fields: Sequence[FieldPolicy]) -> Take | None:
    """By the stamps of the values, where both systems keep them: then no clock need be trusted."""
    names = [field.name for field in fields]
    left, right = (latest(record.stamps, names) for record in records)
    if not (left and right) or left == right:
        return None
    return Take(Side.LEFT if left > right else Side.RIGHT, "newest")


def _time(record: Record, fields: Sequence[FieldPolicy]) -> datetime | None:
    """When the last of `fields` changed; where only the record's own time is known, that."""
    times = [record.times.get(field.name) or record.modified for field in fields]
    known = [time for time in times if time is not None]
    return max(known) if len(known) == len(times) else None


def _choose(question: Question) -> Verdict:
    chosen = choose_side(question.field.merge, question.records, (question.field,), question.tolerance)
    return chosen or _review(question)


def _non_empty(question: Question) -> Verdict:
    left, right = (empty(value) for value in question.values)
    if left == right:
        return Undecided("both sides hold a value")
    return Take(Side.RIGHT if left else Side.LEFT, "non_empty")


def _extreme(question: Question) -> Verdict:
    strategy = question.field.merge
    left, right = question.values
    if empty(left) or empty(right):
        return Undecided("one side was emptied, so there is nothing to compare")
    kind = question.field.type.kind
    if kind in (Kind.SET, Kind.JSON):
        return Undecided(f"values of type {kind} have no order")
    if kind is Kind.DECIMAL:
        left, right = Decimal(left), Decimal(right)
    return Take(Side.LEFT if (left > right) is (strategy is Merge.MAX) else Side.RIGHT, strategy.value)


# ---------------------------------------------------------------- combining both sides


def _counter(question: Question) -> Verdict:
    if not adds_up(Merge.COUNTER, question.field.type):
        return _review(question)
    if any(empty(value) for value in (*question.base, *question.values)):
        return Undecided("a counter that was or became empty cannot be added up")
    with localcontext(prec=EXACT):
        base, now = ([Decimal(value) for value in values] for values in (question.base, question.values))
        change = sum(now) - sum(base)
        left, right = (counted(number + change, question.field.type) for number in base)
    return Merged(left, right, "counter")


def _set(question: Question) -> Verdict:
    if not adds_up(Merge.SET, question.field.type):
        return _review(question)
    (base_left, base_right), (left, right) = (
        [set(value or ()) for value in values] for values in (question.base, question.values)
    )
    added = (left - base_left) | (right - base_right)
    removed = (base_left - left) | (base_right - right)
    if both := sorted(added & removed):
        return Undecided(f"{', '.join(both)} was added on one side and removed on the other")
    return Merged(sorted((base_left - removed) | added), sorted((base_right - removed) | added), "set")


def _text(question: Question) -> Verdict:
    if question.field.type.kind is not Kind.TEXT:
        return _review(question)
    base_left, base_right = (value or "" for value in question.base)
    if base_left != base_right:
        return Undecided("both sides changed it, and started from different texts")
    try:
        merged = merge_text(base_left, *(value or "" for value in question.values))
    except Overlap as overlap:
        return Undecided(str(overlap))
    return Merged(merged, merged, "text")


def _rule(question: Question) -> Verdict:
    field = question.field
    try:
        rule = rules.compile_rule(field.rule)
        answer = rule.evaluate(_names(question, rule.names))
    except (rules.RuleError, rules.RuleFailed) as error:
        return Undecided(str(error))
    if not rules.fits(answer, field.type):
        return Undecided(f"the rule gave {answer!r:.80}, which is no {field.type.kind}")
    try:
        value = canonical(answer, field.type, Side.LEFT)
    except Unfit as unfit:
        return Undecided(f"the rule gave a value that does not fit: {unfit}")
    for side, current in zip(SIDES, question.values, strict=True):
        if same(value, current):
            return Take(side, "rule")
    return Merged(value, value, "rule")


def _names(question: Question, wanted: frozenset[str]) -> dict[str, Any]:
    """What a rule refers to, and no more: a value that no double holds only matters where it is used."""
    (base_left, base_right), (left, right) = question.base, question.values
    values = {"left": left, "right": right, "base_left": base_left, "base_right": base_right}
    if "base" in wanted:
        if not same(base_left, base_right):
            raise rules.RuleFailed(
                "the two sides started from different values: use base_left and base_right"
            )
        values["base"] = base_left
    names = {
        name: rules.native(value, question.field.type) for name, value in values.items() if name in wanted
    }
    for side, record in zip(SIDES, question.records, strict=True):
        if f"{side}_time" in wanted:
            names[f"{side}_time"] = record.times.get(question.field.name) or record.modified
        if f"{side}_record" in wanted:
            names[f"{side}_record"] = rules.native_record(record.values, question.types)
    return names


def _review(question: Question) -> Verdict:
    return Undecided("both sides changed it")


_STRATEGIES: dict[Merge, Callable[[Question], Verdict]] = {
    Merge.REVIEW: _review,
    Merge.NEWEST: _choose,
    Merge.PREFER_LEFT: _choose,
    Merge.PREFER_RIGHT: _choose,
    Merge.COUNTER: _counter,
    Merge.SET: _set,
    Merge.TEXT: _text,
    Merge.MIN: _extreme,
    Merge.MAX: _extreme,
    Merge.NON_EMPTY: _non_empty,
    Merge.RULE: _rule,
}
