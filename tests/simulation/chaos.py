"""Chaos: what goes wrong during one pass, drawn from that pass's own random numbers.

Every transaction of the engine and every remote call has a gap before and after it. In a gap users edit,
staff decide, time passes, the worker may die or be overtaken by another one. Remote calls may fail, and
answers be lost.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors import base


class Died(BaseException):
    """The worker is gone: nothing more of it runs."""


@dataclass
class Faults:
    """What one pass has to live through. Countdowns are in gaps; 0 or less: never."""

    die_in: int = 0
    die_uncommitted_in: int = 0
    overtaken_in: int = 0
    edits: float = 0.0
    retries: float = 0.0
    breaks: float = 0.0
    lost: float = 0.0
    lags: float = 0.0
    withheld: float = 0.0
    shifts: float = 0.0
    cuts: float = 0.0
    decides: float = 0.0
    hints: float = 0.0
    sleeps: float = 0.0  # how likely a worker sleeps long before it writes
    vanished: tuple[str, str] | None = None  # side, field
    slow: bool = False

    @classmethod
    def draw(cls, rng: random.Random, fields: tuple[str, ...]) -> Faults:
        """A mix: most passes have a few faults, some none."""

        def sometimes(chance: float, value: Callable[[], Any], otherwise: Any) -> Any:
            return value() if rng.random() < chance else otherwise

        return cls(
            die_in=sometimes(0.3, lambda: rng.randint(1, 30), 0),
            die_uncommitted_in=sometimes(0.1, lambda: rng.randint(1, 8), 0),
            overtaken_in=sometimes(0.2, lambda: rng.randint(1, 25), 0),
            edits=sometimes(0.6, lambda: rng.choice([0.03, 0.1, 0.3]), 0.0),
            retries=sometimes(0.15, lambda: 0.2, 0.0),
            breaks=sometimes(0.15, lambda: 0.4, 0.0),
            lost=sometimes(0.3, lambda: rng.choice([0.2, 0.6]), 0.0),
            lags=sometimes(0.3, lambda: 0.5, 0.0),
            withheld=sometimes(0.1, lambda: 0.4, 0.0),
            shifts=sometimes(0.3, lambda: 0.4, 0.0),
            vanished=sometimes(0.06, lambda: (rng.choice(["left", "right"]), rng.choice(fields)), None),
            slow=rng.random() < 0.1,
            decides=sometimes(0.5, lambda: rng.choice([0.03, 0.1, 0.3]), 0.0),
        )


@dataclass
class Chaos:
    """The faults of the pass that runs now, and what they have hit so far (`probes`)."""

    probes: Counter[str]
    sleep: Callable[[timedelta], None]
    user_acts: Callable[[random.Random], None]
    overtake: Callable[[random.Random], None]
    user_deletes: Callable[[random.Random, str], None]
    mind_changes: Callable[[], object] = lambda: None
    user_edits: Callable[[random.Random, str, str], object] = lambda *_: None
    saves: Callable[[], object] = lambda: None
    staff_decides: Callable[[random.Random], object] = lambda _: None
    hint: Callable[[random.Random], object] = lambda _: None
    faults: Faults = field(default_factory=Faults)
    rng: random.Random = field(default_factory=random.Random)
    quiet: bool = True
    dead: bool = False
    calls: int = 0  # of the hub to systems
    commits: int = 0

    def start(self, faults: Faults, rng: random.Random) -> None:
        """The pass that begins has these faults."""
        self.faults, self.rng, self.quiet, self.dead = faults, rng, False, False
        if faults.vanished is not None:
            self.probe("field vanished")

    def stop(self) -> None:
        """From now on nothing goes wrong."""
        self.faults, self.quiet, self.dead = Faults(), True, False

    def probe(self, name: str) -> None:
        """Count that something interesting was reached."""
        self.probes[name] += 1

    # ------------------------------------------------------------ gaps

    def gap(self, place: str) -> None:
        """Between two steps of a worker: anything may happen. Never inside a transaction."""
        self.sleep(timedelta(milliseconds=7))
        if self.quiet or self.dead:
            return
        f = self.faults
        self.saves()
        self.mind_changes()
        if self._hits(f.edits):
            self.probe("user in a gap")
            self.user_acts(self.rng)
        if self._hits(f.decides) and self.staff_decides(self.rng):
            self.probe("decision in a gap")
        if self._hits(f.hints):
            self.probe("hint in a gap")
            self.hint(self.rng)
        if f.slow and self._hits(0.1):
            self.probe("worker held up")
            self.sleep(timedelta(seconds=self.rng.randint(1, 20)))
        if self._counted_down("overtaken_in"):
            self.probe("worker overtaken")
            self.probe(f"worker overtaken {place}")
            self.overtake(self.rng)
        if place == "before write" and self._hits(f.sleeps):
            self.probe("worker slept before a write")
            self.overtake(self.rng)
        if self._counted_down("die_in"):
            self.probe(f"worker died {place}")
            self.die()

    def uncommitted(self) -> None:
        """At the end of a transaction, before it is committed."""
        if not self.quiet and not self.dead and self._counted_down("die_uncommitted_in"):
            self.probe("worker died before a commit")
            self.die()

    def die(self) -> None:
        """The worker is killed here."""
        self.dead = True
        raise Died

    def _hits(self, chance: float) -> bool:
        return not self.quiet and not self.dead and chance > 0 and self.rng.random() < chance

    def _counted_down(self, name: str) -> bool:
        left = getattr(self.faults, name)
        if left <= 0:
            return False
        setattr(self.faults, name, left - 1)
        return bool(left == 1)

    # ------------------------------------------------------------ remote calls

    def remote(self, side: str, call: str) -> None:
        """Before a remote call, and between its pages. Raises Retry or Died."""
        self.calls += 1
        self.gap(f"before {call}")
        if self._hits(self.faults.retries):
            self.probe(f"{call} refused for now")
            raise base.Retry(
                "too many requests", after=timedelta(seconds=self.rng.choice([1, 30])), system=side
            )

    def shift(self, side: str) -> None:
        """Between two pages of a listing: a delete moves all that come after it."""
        if self._hits(self.faults.shifts):
            self.probe("page shifted")
            self.user_deletes(self.rng, side)

    def cuts_short(self) -> bool:
        """Whether a listing ends here, as if nothing more were there."""
        hit = self._hits(self.faults.cuts)
        if hit:
            self.probe("listing cut short")
        return hit

    def wrote(self, side: str, op: str) -> None:
        """After one write took effect, before its answer is given."""
        self.gap(f"after {op}")

    def window(self, side: str, key: str) -> None:
        """Between the checking read and the write of a system without compare-and-set."""
        self.gap("in the window")
        if self._hits(self.faults.edits):
            self.probe("user in a window")
            self.user_edits(self.rng, side, key)

    def breaks_off(self, side: str, number: int) -> bool:
        """Whether a batch ends before its write `number`."""
        hit = self._hits(self.faults.breaks)
        if hit:
            self.probe("batch half applied" if number else "batch refused for now")
        return hit

    def loses_answer(self, side: str, op: str) -> str:
        """Whether the connection is lost 'before' or 'after' the write took effect, or '' for neither."""
        if not self._hits(self.faults.lost):
            return ""
        when = self.rng.choice(["before", "after", "after"])
        self.probe(f"{op} lost {when} its effect")
        return when

    def lags(self, system: Any) -> bool:
        """Whether a listing shows the state before the last change."""
        return system.habits.lagging and self._hits(self.faults.lags)

    def withholds(self, side: str) -> bool:
        """Whether a read by key gives no answer for a key."""
        hit = self._hits(self.faults.withheld)
        if hit:
            self.probe("key not answered")
        return hit

    def vanished(self, side: str) -> tuple[str, ...]:
        """Fields that the system does not have at the moment."""
        gone = self.faults.vanished
        return (gone[1],) if gone is not None and gone[0] == side else ()

    def shifted(self, system: Any, resource: str, seen: set[str]) -> None:
        """A scan has ended: count if it skipped records that were there all along."""
        if any(key not in seen for key in system.live(resource)):
            self.probe("scan skipped a record")
