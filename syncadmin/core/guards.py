"""Guards: limits that stop a pass and ask a person. Pure arithmetic; the engine counts and stops.

Counted are planned writes per side: deletes, changes (updates and creates), and blanks (updates that would
empty a value), each against the records that the mapping knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .plan import Op, Write
from .policy import Guards
from .side import SIDES, Side
from .values import empty

ALL = 2  # fewer records are never "all of them"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of one side the planned writes would delete, change and blank."""

    deletes: int = 0
    changes: int = 0
    blanks: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.deletes + other.deletes, self.changes + other.changes, self.blanks + other.blanks)


def count(writes: Iterable[Write]) -> dict[Side, Counts]:
    """The counts of `writes`, by side."""
    counts = dict.fromkeys(SIDES, Counts())
    for write in writes:
        delete = write.op is Op.DELETE
        blank = write.op is Op.UPDATE and any(
            empty(value) and not empty(write.expected.get(name)) for name, value in write.values.items()
        )
        counts[write.side] += Counts(int(delete), int(not delete), int(blank))
    return counts


def tripped(guards: Guards, counts: Mapping[Side, Counts], known: int) -> str | None:
    """Why the pass must stop, in words, or None.

    `known` is the number of records (links) that the mapping knew before the pass. At least `floor` records
    have to be affected before a guard trips; a mapping that knows nothing yet asks from the floor on. That
    all of several records are gone always trips: a wrong path looks just so.
    """
    for side, counted in counts.items():
        for number, share, verb in (
            (counted.deletes, guards.max_deletes, "delete"),
            (counted.changes, guards.max_changes, "change"),
            (counted.blanks, guards.max_blanks, "empty a value in"),
        ):
            if number >= max(guards.floor, 1) and number > share * known:
                return (
                    f"would {verb} {number} of {known} known records on the {side} side; "
                    f"the limit is {share:.4g} of them"
                )
        if counted.deletes >= max(known, ALL):
            return f"would delete all {known} known records on the {side} side"
    return None
