"""The figures of many histories: how many steps, which faults, what was reached, and what failed.

A step is an event at which the world may change: a user's edit, a decision of staff, a pass of the hub, a
transaction of the hub, and its call to a system (each page of a listing is one, and each batch of writes).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

# kind of fault: what the probes that count it are called
FAULTS = {
    "a user edits in a gap": r"user in a gap",
    "staff decide in a gap": r"decision in a gap",
    "a hint comes late, twice or for nothing": r"hint in a gap",
    "a worker dies": r"worker died (?!before a commit)",
    "a worker dies before a commit": r"worker died before a commit",
    "a worker is overtaken": r"worker (overtaken|slept before a write)$",
    "a worker is held up": r"worker held up",
    "a system refuses a call for now": r"(?!batch).* refused for now",
    "a batch breaks off": r"batch (refused for now|half applied)",
    "a write is lost on its way": r".* lost before its effect",
    "an answer is lost": r".* lost after its effect",
    "a read by key leaves a key out": r"key not answered",
    "a listing lags behind": r"listing lagged behind",
    "a listing is cut short": r"listing cut short",
    "a page shifts": r"page shifted",
    "a field vanishes": r"field vanished",
    "a commit comes late": r"late commit",
    "the hub's database comes from a backup": r"hub restored$",
}


@dataclass
class Report:
    """What many histories came to. `failures` are the reasons by seed."""

    seeds: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def note(self, world: World) -> None:
        """Count what happened in a world."""
        self.steps += steps_of(world)
        self.faults += faults_of(world.probes)
        self.probes += world.probes
        self.probes["late write"] += sum(e.late for e in world.audit)
        self.probes["write recovered"] += sum(p.counts.get("recovered", 0) for p in world.passes)
        self.probes["hub's writes"] += sum(e.actor == "hub" for e in world.audit)

    def add(self, other: Report) -> None:
        """Take another report in."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.faults += other.faults
        self.probes += other.probes
        self.failures |= other.failures

    def as_json(self) -> dict[str, Any]:
        """All figures, for a file."""
        counted = {name: dict(getattr(self, name)) for name in ("steps", "faults", "probes", "failures")}
        totals = {"seeds": self.seeds, "all_steps": self.steps.total(), "all_faults": self.faults.total()}
        return totals | counted


def steps_of(world: World) -> Counter[str]:
    """The steps of a history, by kind."""
    return Counter(
        {
            "edits by users": sum(e.actor == "user" for e in world.audit),
            "decisions of staff": len(world.people.decisions),
            "passes": world.begun,
            "calls to systems": world.chaos.calls,
            "transactions of the hub": world.chaos.commits,
        }
    )


def faults_of(probes: Counter[str]) -> Counter[str]:
    """The faults among what was counted, by kind."""
    return Counter(
        {
            kind: sum(number for name, number in probes.items() if re.match(pattern, name))
            for kind, pattern in FAULTS.items()
        }
    )
