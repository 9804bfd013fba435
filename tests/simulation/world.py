"""One simulated world: two systems, the hub's real database and engine, people, a clock, and what goes wrong.

`World` runs passes with the engine's own `run_pass`. The seams are the connector (opened by name), the clock,
`Lease.fenced` (a transaction), the release of a lease (a dead worker gives nothing back) and the thread pool
(so that a history is the same each time).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from syncadmin.config import keeping
from syncadmin.core import ranges as core_ranges
from syncadmin.engine import health, lease, outcome, ranges, run, witness, write
from syncadmin.models import (
    Entry,
    GuardStop,
    Link,
    Mapping,
    MappingState,
    Pass,
    bulk,
    marks,
)
from syncadmin.models import (
    System as SystemRow,
)

from .chaos import Chaos, Died, Faults
from .connector import SimConnector
from .drawn import START, Rules, make_mappings
from .hashing import SMALL, HashingConnector
from .people import People
from .system import Event, Habits, System, token

if TYPE_CHECKING:
    from .backups import Restore

load_mapping = run.mapping_for_pass
FIELDS = ("email", "born", "a", "b", "c", "o", "n", "s", "p")


@dataclass(frozen=True)
class Tally:
    """What one pass deleted that users had not touched since it began, of how many records."""

    deletes: int
    known: int
    approved: bool


@dataclass
class World:
    """Everything that exists in one history."""

    rules: Rules
    habits: dict[str, Habits]
    staff: Any = None
    now: datetime = START
    probes: Counter[str] = field(default_factory=Counter)
    audit: list[Event] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    begun: int = 0  # passes, however they ended
    spans: list[tuple[int, int]] = field(default_factory=list)  # of the audit: each pass from begin to end
    running: list[int] = field(default_factory=list)  # where the passes that run now began
    approved: set[tuple[int, int]] = field(default_factory=set)  # spans of what a person let a guard pass
    witness: dict[str, witness.Numbers] = field(
        default_factory=dict
    )  # what the hub's machine keeps beside its database
    restored: Restore | None = None
    systems: dict[str, System] = field(init=False)
    people: People = field(init=False)
    chaos: Chaos = field(init=False)
    mappings: dict[str, Mapping] = field(init=False)
    _loaded: dict[int, Mapping] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.systems = {
            side: System(side, self.habits[side], self.clock, self.audit) for side in ("left", "right")
        }
        self.people = People(
            self.systems, self.probes, self.rules.references, self.rules.badges, staff=self.staff
        )
        self.chaos = Chaos(self.probes, self.sleep, self.people.act, self.overtake, self.people.delete_first)
        self.chaos.staff_decides = self.people.decide
        self.chaos.user_edits = self.people.edit_there
        self.chaos.hint = self.hint
        self.mappings = make_mappings(self.rules)

    def clock(self) -> datetime:
        """The time."""
        return self.now

    def sleep(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span

    def connector(self, row: SystemRow, purpose: object = None) -> SimConnector:
        """An open connector, as the engine asks for it; here none has a quota."""
        system = self.systems[row.name]
        made = HashingConnector if system.habits.hashes else SimConnector
        return made(system, self.chaos, {"people": [*FIELDS, "f", "d"], "firms": ["email", "a"]})

    def note(self, text: str) -> None:
        """Remember what happened when, for whoever replays the history."""
        self.notes.append((len(self.audit), text))

    @property
    def guarded(self) -> bool:
        """Whether a guard may stop a pass for what it would delete: the worlds are small."""
        return bool(self.rules.mapping["guard_floor"] <= 10)

    def loaded(self, mapping_id: int) -> Mapping:
        """A mapping as the engine loads it. It does not change in a history: once is enough."""
        if mapping_id not in self._loaded:
            self._loaded[mapping_id] = load_mapping(mapping_id)
        return self._loaded[mapping_id]

    # ------------------------------------------------------------ passes

    def sync(self, kind: str = "incremental", name: str = "people") -> Pass | None:
        """One pass, however it ends; None if its worker died or another one holds the lease."""
        mapping = self.mappings.get(name)
        if mapping is None:
            return None
        began, wrote = len(self.audit), sum(e.actor == "hub" for e in self.audit)
        known, approved = 0, False
        if self.guarded:
            known = Link.objects.filter(mapping=mapping).exclude(status="closed").count()
        if self.guarded or self.restored is not None:
            approved = bulk.any_row(GuardStop, "closed_at IS NULL AND approved_at IS NOT NULL", [])
        self.begun += 1
        self.running.append(began)
        for system in self.systems.values():
            system.late = False
        try:
            row = run.run_pass(mapping.pk, kind, clock=self.clock)
        except Died:
            self.note(f"the worker of {name} died")
            return None
        finally:
            self.spans.append((began, len(self.audit)))
            self.running.pop()
            if approved:
                self.approved.add(self.spans[-1])
            if self.rules.learned:
                self.people.note_rules()
        if row is not None:
            self.passes.append(row)
            self.probes["confirmed unread"] += row.counts.get("confirmed", 0)
            self.probes["hub recognised"] += self.restored is not None and is_noted(row)
            if self.guarded:
                self._tally(began, known, approved)
            self.note(f"pass {row.pk} {name} {row.kind} {row.state}: {row.message} {row.counts}")
            if row.state == "stopped":
                self.probes["guard tripped"] += 1
                assert wrote == sum(e.actor == "hub" for e in self.audit), "a stopped pass has written"
            if row.state == "failed":
                self.probes["pass failed"] += 1
        return row

    def _tally(self, began: int, known: int, approved: bool) -> None:
        """Count what the pass deleted because of deletes that happened before it began."""
        gone = {
            token(e.old["born"])
            for e in self.audit[:began]
            if e.op == "delete" and e.actor == "user" and e.resource == "people" and e.old
        }
        for side in self.systems:
            deletes = sum(
                e.actor == "hub"
                and e.op == "delete"
                and e.side == side
                and token((e.old or {}).get("born")) in gone
                for e in self.audit[began:]
            )
            self.tallies.append(Tally(deletes, known, approved))

    def overtake(self, rng: random.Random) -> None:
        """While one worker sleeps, its lease runs out and another one makes a complete pass.

        If it sleeps long, people take back and decide what the other one has done, and passes go on.
        """
        self.sleep(lease.TERM + timedelta(seconds=1))
        mine, self.chaos.faults = self.chaos.faults, Faults(edits=0.05 if rng.random() < 0.5 else 0.0)
        try:
            with set_stage_aside():
                self.sync()
                while mine.sleeps and rng.random() < 0.6:
                    self.people.think_again(rng)
                    self.sync()
        finally:
            self.chaos.faults = mine
        for system in self.systems.values():
            system.late = True

    def hint(self, rng: random.Random) -> None:
        """A hint comes that is late, doubled or wrong: for a record as it may be, or for a pass that runs."""
        mapping = self.mappings["people"]
        if rng.random() < 0.3:
            if MappingState.objects.filter(mapping=mapping, expires_at__gt=self.now).exists():
                assert run.run_pass(mapping.pk, clock=self.clock) is None, "two passes at a time"
            return
        side = rng.choice(["left", "right"])
        keys = [*self.systems[side].table("people").rows, f"{side[0]}{rng.randint(1, 99)}"]
        marks.mark(mapping.pk, [(side, rng.choice(keys))] * rng.choice([1, 2]), "hint", self.now)

    def lift_guard(self) -> bool:
        """A person approves what a guard has stopped. Returns whether there was anything."""
        if not bulk.any_row(MappingState, "stopped <> ''", []):
            return False
        stops = GuardStop.objects.filter(closed_at=None, approved_at=None)
        stops.update(approved_at=self.now, approved_by=self.staff)
        MappingState.objects.exclude(stopped="").update(stopped="", message="")
        return True


def is_noted(row: Pass) -> bool:
    """Whether this pass has found that the hub's database was restored."""
    noted = Entry.objects.filter(kind="note", rule__startswith="restored from a backup")
    return row.started_at in noted.filter(mapping=row.mapping).values_list("at", flat=True)


# ---------------------------------------------------------------- seams


class OneByOne:
    """Stands for the thread pool: both sides are written one after the other, always in one order."""

    def __init__(self, **_: Any) -> None:
        pass

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, job: Any, *args: Any) -> Future[Any]:
        """Run it now."""
        done: Future[Any] = Future()
        done.set_result(job(*args))
        return done


@contextmanager
def set_stage_aside() -> Iterator[None]:
    """Another worker has its own connection, so its own temporary tables: put this one's out of its way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_temp_master WHERE type = 'table' AND name LIKE 'stage_%%'")
        names = [row[0] for row in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP INDEX IF EXISTS temp.{name}_key")
            cursor.execute(f"ALTER TABLE temp.{name} RENAME TO aside_{name}")
        yield
        for name in names:
            cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")
            cursor.execute(f"ALTER TABLE temp.aside_{name} RENAME TO {name}")


@contextmanager
def inhabited(world: World) -> Iterator[None]:
    """The engine lives in this world."""
    fenced, release, finish = lease.Lease.fenced, lease.Lease.release, run._finish
    chaos = world.chaos

    @contextmanager
    def fenced_with_chaos(self: lease.Lease, beside: Any = ()) -> Iterator[Any]:
        chaos.gap("before a transaction")
        with fenced(self, beside) as state:
            yield state
            chaos.uncommitted()
        chaos.commits += 1
        chaos.gap("after a transaction")

    def unless_dead(function: Any) -> Any:
        def called(*args: Any) -> None:
            if not chaos.dead:
                function(*args)

        return called

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "mapping_for_pass", world.loaded)
        patch.setattr(keeping, "open_connector", world.connector)
        patch.setattr(lease.Lease, "fenced", fenced_with_chaos)
        patch.setattr(lease.Lease, "release", unless_dead(release))
        patch.setattr(run, "_finish", unless_dead(finish))
        patch.setattr(write, "ThreadPoolExecutor", OneByOne)
        patch.setattr(ranges, "ThreadPoolExecutor", OneByOne)
        patch.setattr(core_ranges, "SIZE", SMALL)
        patch.setattr(witness, "last", lambda name: world.witness.get(name, witness.Numbers()))
        patch.setattr(witness, "note", world.witness.__setitem__)
        patch.setattr(timezone, "now", world.clock)
        patch.setattr(outcome, "random", random.Random(0))
        patch.setattr(health, "random", random.Random(0))
        yield
