"""Guards: limits that stop a pass and ask a person. Pure arithmetic; the engine counts and stops.

Counted are planned writes per side: deletes, changes (updates and creates), blanks (updates that would
empty a value), and by field the values that would shrink or all become the same, each against the records
that the mapping knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .fieldtype import FieldType
from .loss import Example, Losses
from .plan import Op, Write
from .policy import Guards
from .side import SIDES, Side
from .values import empty

ALL = 2  # fewer records are never "all of them"


@dataclass(slots=True)
class Counts:
    """How many records of one side the planned writes would delete, change and blank; losses by field."""

    deletes: int = 0
    changes: int = 0
    blanks: int = 0
    fields: dict[str, Losses] = field(default_factory=dict)

    def add(self, write: Write, types: Mapping[str, FieldType], label: str = "") -> None:
        """Count a write of this side; `label` names its record in examples."""
        if write.op is Op.DELETE:
            self.deletes += 1
            return
        self.changes += 1
        if write.op is not Op.UPDATE:
            return
        blank = False
        for name, value in write.values.items():
            old = write.expected.get(name)
            blank = blank or (empty(value) and not empty(old))
            if name in types:
                losses = self.fields.setdefault(name, Losses())
                losses.add(types[name].kind, Example(label, old, value))
        self.blanks += blank


def no_counts() -> dict[Side, Counts]:
    """Nothing counted yet, by side."""
    return {side: Counts() for side in SIDES}


def count(writes: Iterable[Write], types: Mapping[str, FieldType]) -> dict[Side, Counts]:
    """The counts of `writes`, by side."""
    counts = no_counts()
    for write in writes:
        counts[write.side].add(write, types)
    return counts


def tripped(guards: Guards, counts: Mapping[Side, Counts], known: int) -> str | None:
    """Why the pass must stop, in words, or None.

    `known` is the number of records (links) that the mapping knew before the pass. At least `floor` records
    have to be affected before a guard trips; a mapping that knows nothing yet asks from the floor on. That
    all of several records are gone always trips: a wrong path looks just so.
    """
    for side, counted in counts.items():
        for number, share, doing in _measured(guards, counted):
            if number >= max(guards.floor, 1) and number > share * known:
                return (
                    f"would {doing} {number} of {known} known records on the {side} side; "
                    f"the limit is {100 * share:.4g} % of them"
                )
        if counted.deletes >= max(known, ALL):
            return f"would delete all {known} known records on the {side} side"
    return None


def _measured(guards: Guards, counted: Counts) -> Iterator[tuple[int, float, str]]:
    """(how many, the share that may be, what would be done to them)."""
    yield counted.deletes, guards.max_deletes, "delete"
    yield counted.changes, guards.max_changes, "change"
    yield counted.blanks, guards.max_blanks, "empty a value in"
    for name, losses in counted.fields.items():
        yield losses.shrunk, guards.max_shrinks, f"shorten {name} in"
        yield losses.same, guards.max_same, f"set {name} to one same value in"
