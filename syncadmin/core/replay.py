"""The past, decided again: what a policy makes of changes that were captured, one record at a time.

A `Past` is fed with a record's journal, oldest first. Where a decision was made then, it is made again by
each policy, on what both sides held at that moment; then what really happened goes on. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .decide import decide
from .plan import (
    Absent,
    Conflict,
    LinkState,
    Matches,
    Observation,
    Op,
    Plan,
    Present,
    Record,
    Unlinked,
    Values,
)
from .policy import Policy
from .rows import in_scope
from .rules import RuleError, RuleFailed
from .side import SIDES, Side
from .values import Value

KEYS = {Side.LEFT: "left", Side.RIGHT: "right"}
ASK, NOT_SYNCED, NOTHING, BOTH, WAITS = "ask", "not synced", "nothing", "both", "waits"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one changed field, or of the record, and the value it leads to."""

    what: str
    value: Value = None


@dataclass(slots=True)
class Past:
    """A pair as it stood at some moment: what each side held, and what both had agreed on."""

    values: dict[Side, dict[str, Value]]
    shadows: dict[Side, dict[str, Value]]
    changed: dict[tuple[Side, str], datetime | None] = field(default_factory=dict)
    gone: set[Side] = field(default_factory=set)

    def change(self, side: Side, name: str, new: Value, at: datetime | None) -> None:
        """A side changed a field; with '' as name, the record went away."""
        self.changed[side, name] = at
        if name:
            self.values[side][name] = new
        else:
            self.gone.add(side)

    def settle(self, name: str) -> None:
        """Both sides have agreed on what they hold."""
        for side in SIDES:
            if name in self.values[side]:
                self.shadows[side][name] = self.values[side][name]

    def write(self, side: Side, name: str, new: Value) -> None:
        """The hub wrote a value."""
        self.values[side][name] = new
        self.settle(name)

    def asked(self) -> list[str]:
        """The fields that have changed since the last decision, each once."""
        return list(dict.fromkeys(name for _, name in self.changed))

    def outcomes(self, policy: Policy, names: Mapping[str, str]) -> dict[str, Outcome]:
        """What `policy` makes of the changes, by the name of then. `names`: name of then -> name now."""
        link = LinkState(
            KEYS[Side.LEFT],
            KEYS[Side.RIGHT],
            {side: self._of(policy, names, self.shadows[side]) for side in SIDES},
        )
        seen = {side: self._seen(side, policy, names) for side in SIDES}
        plan = decide(link, seen[Side.LEFT], seen[Side.RIGHT], policy)
        return {name: outcome(plan, names.get(name, name), policy) for name in self.asked()}

    def _seen(self, side: Side, policy: Policy, names: Mapping[str, str]) -> Observation:
        if side in self.gone:
            return Absent(KEYS[side])
        times = [at for (s, _), at in self.changed.items() if s is side and at is not None]
        values = self._of(policy, names, self.values[side])
        record = Record(KEYS[side], values, modified=max(times, default=None))
        return Present(record, passes(policy, side, values))

    @staticmethod
    def _of(policy: Policy, names: Mapping[str, str], values: Values) -> dict[str, Value]:
        named = {names.get(name, name): value for name, value in values.items()}
        return {name: value for name, value in named.items() if name in policy.by_name}


def passes(policy: Policy, side: Side, values: Values) -> bool:
    """Whether the row filter lets a record through; where it has no answer, it does."""
    try:
        return in_scope(policy, side, values)
    except (RuleError, RuleFailed):
        return True


def appeared(side: Side, values: Values, policy: Policy) -> Outcome:
    """What a policy makes of a new record that has no partner."""
    known = {name: value for name, value in values.items() if name in policy.by_name}
    seen: dict[Side, Observation] = {
        side: Present(Record(KEYS[side], known), passes(policy, side, known)),
        side.other: Matches(),
    }
    return outcome(decide(Unlinked(), seen[Side.LEFT], seen[Side.RIGHT], policy), "", policy)


def outcome(plan: Plan, name: str, policy: Policy) -> Outcome:
    """What a plan does about one field, or about the record ('')."""
    if name and name not in policy.by_name:
        return Outcome(NOT_SYNCED)
    if _asks(plan.conflict, name):
        return Outcome(ASK)
    if name in plan.waits or (not name and plan.waits):
        return Outcome(WAITS)
    if not name:
        done = [f"{w.op.value} {w.side.value}" for w in plan.writes if w.op is not Op.UPDATE]
        return Outcome(done[0] if done else NOTHING)
    written = [w for w in plan.writes if name in w.values]
    if not written:
        return Outcome(NOTHING)
    what = BOTH if len(written) > 1 else written[0].side.value
    return Outcome(what, written[0].values[name])


def _asks(conflict: Conflict | None, name: str) -> bool:
    if conflict is None:
        return False
    return not conflict.fields or any(asked.field == name for asked in conflict.fields)
