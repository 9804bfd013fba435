"""Whether a mapping can lose an edit at all, and where: its policy against what its systems promise.

An owned field cannot: what the owner's value replaces counts for nothing by declared rule, seen or not. Nor
can a system that refuses stale writes. What is left is shared fields, and deletes, on a side that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .policy import Deletes, FieldPolicy, Policy
from .side import SIDES, Side

ATOMIC = "atomic"
RANK = {ATOMIC: 0, "checked": 1, "blind": 2}


class Need(StrEnum):
    """Whether somebody has to accept a risk, and if not, why."""

    UNKNOWN = "unknown"  # no pass has asked the systems yet
    ATOMIC = "atomic"  # every write that could replace an edit is refused if it is stale
    OWNED = "owned"  # no field is shared
    SIGN = "sign"


class Unaccepted(StrEnum):
    """What happens to writes that could replace an unseen edit, while nobody has accepted that."""

    WARN = "warn"  # they go out; pages, commands and notices say so
    STOP = "stop"  # they wait, and nothing is lost


@dataclass(frozen=True, slots=True)
class Promise:
    """How safe updates and deletes are on one side: atomic, checked or blind."""

    update: str
    delete: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where edits can be lost: `sides`, with the weaker of their promises, and the `fields` concerned."""

    need: Need
    sides: Mapping[Side, str]
    fields: tuple[str, ...]

    def weaker_than(self, accepted: Mapping[str, str]) -> Side | None:
        """A side that promises less than it did in `accepted` (by side), None if there is none."""
        weaker = (
            s for s, told in self.sides.items() if RANK[told] > RANK.get(accepted.get(s.value, ATOMIC), 0)
        )
        return next(weaker, None)


def shared(policy: Policy) -> tuple[FieldPolicy, ...]:
    """The fields that both sides may change. Rows with an owner are not told apart from others."""
    return () if policy.owner is not None else tuple(f for f in policy.fields if f.owner is None)


def exposure(policy: Policy, promises: Mapping[Side, Promise]) -> Exposure:
    """Where a mapping can lose an edit unseen. `promises` is empty while nobody has asked the systems."""
    fields = shared(policy)
    names = tuple(f.name for f in fields)
    if not fields:
        return Exposure(Need.OWNED, {}, names)
    if len(promises) < len(SIDES):
        return Exposure(Need.UNKNOWN, {}, names)
    sides = {}
    for side in SIDES:
        told = [promises[side].update]
        if policy.deletes is not Deletes.IGNORE:
            told.append(promises[side].delete)
        weakest = max(told, key=RANK.__getitem__)
        if weakest != ATOMIC:
            sides[side] = weakest
    return Exposure(Need.SIGN if sides else Need.ATOMIC, sides, names)


def places(policy: Policy) -> dict[str, str]:
    """What a change of a field is an edit of, by field name: its group if it has one, shared fields only."""
    return {f.name: f.group or f.name for f in shared(policy)}
