"""Deltas: what a write changes, apart from what it is written over.

Counters add and sets merge. So what is to be written to one is not only a value, but a change that can be
made to whatever the system holds at that moment: its edits and ours both count, in any order, each once.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext

from .fieldtype import FieldType, Kind, Unfit
from .policy import Merge
from .reading import Value, canonical
from .side import Side

Delta = Callable[[Value], Value]

EXACT = 2000  # digits: more than any canonical number has
_KINDS = {Merge.COUNTER: (Kind.INTEGER, Kind.DECIMAL), Merge.SET: (Kind.SET,)}


def adds_up(strategy: Merge, field_type: FieldType) -> bool:
    """Whether a field of this type, merged this way, has deltas."""
    return field_type.kind in _KINDS.get(strategy, ())


def delta(field_type: FieldType, before: Value, after: Value) -> Delta | None:
    """The change from one canonical value to another, to be made to any third one; None if there is none.

    It raises `Unfit` for a value that nothing can be added to. Sets forget what was removed, and keep what
    was added, wherever that was in between.
    """
    if field_type.kind is Kind.SET:
        return _elements(set(before or ()), set(after or ()))
    if before in (None, "") or after in (None, ""):
        return None
    with localcontext(prec=EXACT):
        by = Decimal(after) - Decimal(before)

    def add(value: Value) -> Value:
        if value in (None, ""):
            raise Unfit("an empty counter cannot be added to")
        with localcontext(prec=EXACT):
            return counted(Decimal(value) + by, field_type)

    return add


def counted(number: Decimal, field_type: FieldType) -> Value:
    """A number as the canonical value of a counter."""
    return int(number) if field_type.kind is Kind.INTEGER else canonical(number, field_type, Side.LEFT)


def _elements(before: set[str], after: set[str]) -> Delta:
    added, removed = after - before, before - after
    return lambda value: sorted((set(value or ()) - removed) | added)
