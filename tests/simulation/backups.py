"""The hub's database comes from a backup: saved at some moment, and put back while all else has gone on.

The moment may lie between two steps of a pass. What the hub has done since then it has forgotten; users,
staff and both systems have not. Either an operator says that it was restored, or the hub recognises it by its
witness.

Its moments are drawn from random numbers of their own, and only in some histories: all others stay as they
were.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction

from conflicts.models import Decision
from syncadmin.engine import restored
from syncadmin.models import MappingState

from .folding import Fold, fold
from .world import World

SHARE = 0.06  # of all histories without a theme
WITHIN = 25  # gaps of a pass
WAITS = tuple(timedelta(seconds=s) for s in (0, 40, 3600))


@dataclass(frozen=True)
class Restore:
    """What the rig keeps of a restore: the audit's numbers, and the journals that the hub has lost by it."""

    since: int  # events of the audit that the hub can't have forgotten
    at: int  # events of the audit when it was restored
    decided: int  # decisions of people until then
    forgot: bool  # whether the hub had stored anything since it was saved, or was told that it is restored
    journals: dict[str, Fold]  # by mapping, as they were just before


@dataclass(frozen=True)
class Moments:
    """Before which step a backup is made (-1: never), or so many gaps later, and after which it is restored.

    `waits` is how much time passes before and after the restore, `told` whether an operator says it.
    """

    made_in: int = -1
    gaps: int = 0
    lost_after: int = -1
    waits: tuple[timedelta, timedelta] = (timedelta(), timedelta())
    told: bool = False

    @classmethod
    def of(cls, seed: int, steps: int, *, always: bool) -> Moments:
        """Those of a seed with so many steps; in most histories nothing is ever restored."""
        rng = random.Random(f"backup {seed}")
        if not (rng.random() < SHARE or always) or steps < 5:
            return cls()
        made_in = rng.randrange(3, steps - 1)
        return cls(
            made_in,
            rng.choice([0, rng.randint(1, WITHIN)]),
            rng.randrange(made_in, steps),
            (rng.choice(WAITS), rng.choice(WAITS)),
            rng.random() < 0.5,
        )


@dataclass
class Backups:
    """One history's backup as it happens."""

    world: World
    moments: Moments
    saved: str = ""  # the database's own name for it
    since: int = 0
    step: int = -1
    gaps: int = 0

    def before(self, step: int) -> None:
        """A step begins: now, or somewhere in it, the backup is made."""
        self.step = step
        if step == self.moments.made_in and not self.moments.gaps:
            self._make("between two steps")

    def in_a_gap(self) -> None:
        """Between two steps of a pass."""
        if self.saved or not 0 <= self.moments.made_in <= self.step:
            return
        self.gaps += 1
        if self.gaps == self.moments.gaps:
            self._make("within a pass")

    def after(self, step: int) -> None:
        """A step is over: maybe the database is lost, and what was saved is put back."""
        if step == self.moments.lost_after and self.saved:
            self._restore()

    def _make(self, where: str) -> None:
        world = self.world
        self.saved, self.since = (
            transaction.savepoint(),
            world.running[0] if world.running else len(world.audit),
        )
        world.probes[f"hub saved {where}"] += 1
        world.note(f"the hub is saved {where}")

    def _restore(self) -> None:
        world = self.world
        world.sleep(self.moments.waits[0])
        lost, stored = {name: fold(world, name) for name in world.mappings}, how_far()
        transaction.savepoint_rollback(self.saved)
        forgot = self.moments.told or stored != how_far()
        world.restored = Restore(self.since, len(world.audit), len(world.people.decisions), forgot, lost)
        drop_temporary_tables()
        world.people.ruled = max(Decision.objects.values_list("pk", flat=True), default=0)
        world.probes["hub restored"] += 1
        world.note("the hub is restored")
        world.sleep(self.moments.waits[1])
        if self.moments.told:
            world.witness.clear()
            for mapping in world.mappings.values():
                restored.declare(mapping.pk, world.now)
            world.probes["hub told that it is restored"] += 1


def how_far() -> list[tuple[int, int]]:
    """The numbers of the last passes, and how much they have stored."""
    return list(MappingState.objects.order_by("pk").values_list("token", "stored"))


def drop_temporary_tables() -> None:
    """A backup has none; here they come back with all else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_temp_master WHERE type = 'table'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE temp.{name}")
