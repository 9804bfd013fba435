"""Bounces: a value that two systems keep setting back and forth, each in answer to our write.

Pure. A field bounces if its writes take turns between the sides and each brings back the value of two writes
before. People who change their minds do not do that three times within minutes; automations do, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from .side import Side
from .values import Value, same

TURNS = 3


def turns(written: Sequence[tuple[Side, Value]], planned: tuple[Side, Value]) -> int:
    """How many times in a row the value has been turned back already, if `planned` would do so again; else 0.

    `written` are the recent writes of one field, oldest first.
    """
    row = [*written, planned]
    count = 0
    for at in range(len(row) - 1, 1, -1):
        (side, value), (between_side, between), (before_side, before) = row[at], row[at - 1], row[at - 2]
        if side is not before_side or side is between_side or not same(value, before) or same(value, between):
            break
        count += 1
    return count
