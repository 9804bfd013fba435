"""A history: everything that follows from one seed. It can be replayed, and shortened when it fails.

Each step draws from random numbers of its own: leaving one out does not change what the others do.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from syncadmin.models import Intent, Mark, bulk

from .agreement import check_agreement
from .backups import Backups, Moments
from .chaos import Faults
from .checker import check_all
from .drawn import Rules, draw_habits, draw_rules
from .second_thoughts import SecondThoughts
from .themes import PLAIN, Theme, theme_of
from .world import FIELDS, World, inhabited

ROUNDS = 14
LONG = timedelta(seconds=400)


class Broken(AssertionError):
    """An invariant does not hold at the end of a history."""


@dataclass(frozen=True)
class Step:
    """One thing that happens: users act, staff decide, a pass runs, time passes."""

    number: int
    what: str


@dataclass(frozen=True)
class History:
    """A seed, with what is drawn from it: the policy, the habits of both systems, and the steps to take."""

    seed: int
    steps: tuple[Step, ...]
    rules: Rules
    habits: dict[str, Any]
    clears_inbox: bool
    theme: Theme = PLAIN
    moments: Moments = field(default_factory=Moments)

    @classmethod
    def of(cls, seed: int) -> History:
        """The whole history of a seed."""
        rng = random.Random(f"history {seed}")
        atomic = {side: rng.random() < 0.8 for side in ("left", "right")}
        if rng.random() < 0.5:
            atomic = dict.fromkeys(atomic, True)
        rules = draw_rules(rng)
        habits = {side: draw_habits(rng, atomic=value) for side, value in atomic.items()}
        kinds = (
            ["users"] * 9
            + ["pass"] * 8
            + ["reconcile"]
            + ["staff"] * 3
            + ["time"] * 2
            + ["firms"] * rules.references
        )
        steps = [Step(0, "users"), Step(1, "users"), Step(2, "users"), Step(3, "pass")]
        steps += [Step(n, rng.choice(kinds)) for n in range(4, rng.randint(10, 24))]
        history = cls(seed, tuple(steps), rules, habits, rng.random() < 0.5)
        return history.about(theme_of(seed))

    def about(self, theme: Theme) -> History:
        """The same history with a theme."""
        rng = random.Random(f"theme of {self.seed}")
        steps = self.steps
        if theme.steps:
            usual = steps[:4]
            steps = (
                *usual,
                *(Step(s.number, theme.steps[n % len(theme.steps)]) for n, s in enumerate(steps[4:])),
            )
        habits = {side: theme.of_habits(h, rng) for side, h in self.habits.items()}
        rules, moments = theme.of_rules(self.rules), Moments.of(self.seed, len(steps), always=theme.restored)
        return replace(self, theme=theme, steps=steps, rules=rules, habits=habits, moments=moments)

    def rng(self, step: Step) -> random.Random:
        """The step's own random numbers."""
        return random.Random(f"{self.seed}/{step.number}/{step.what}")

    def play(self, staff: Any = None, tell: Any = None) -> World:
        """Let it happen, in a transaction that is rolled back. Raises Broken; `tell` gets the world."""
        with rolled_back():
            world = World(self.rules, self.habits, staff)
            thoughts = SecondThoughts.of(self.seed, world.people)
            world.chaos.mind_changes = lambda: thoughts.now_and_then(0.05)
            backups = Backups(world, self.moments)
            world.chaos.saves = backups.in_a_gap
            world.people.edits = self.theme.edits
            with inhabited(world):
                try:
                    for step in self.steps:
                        world.note(f"step {step.number} {step.what}")
                        backups.before(step.number)
                        self._take(world, step, thoughts)
                        thoughts.now_and_then()
                        backups.after(step.number)
                    world.note("settling")
                    settle(world)
                    self._judge(world, thoughts)
                except Exception as error:
                    if tell is not None:
                        tell(world)
                    raise Broken(f"seed {self.seed}: {type(error).__name__} {error}") from error
        return world

    def _take(self, world: World, step: Step, thoughts: SecondThoughts) -> None:
        rng = self.rng(step)
        world.sleep(timedelta(seconds=rng.choice([1, 3, 10])))
        match step.what:
            case "users":
                for _ in range(rng.choice([1, 1, 2, 4])):
                    world.people.act(rng, (12, 12, 2, 1) if step.number < 3 else (12, 2, 2, 1))
                    world.sleep(timedelta(seconds=rng.choice([0, 1, 10])))
            case "one user":
                world.people.act(rng, (1, 0, 0, 0))
            case "arrivals":
                for _ in range(4):
                    world.people.act(rng, (0, 1, 0, 0))
            case "wipe":
                world.people.wipe(rng)
            case "second thoughts":
                world.people.change_their_mind(rng)
            case "in bulk":
                thoughts.in_bulk()
            case "staff":
                if world.people.decide(rng) and rng.random() < 0.4:
                    world.probes["edited right after a decision"] += 1
                    world.people.act(rng, (1, 0, 0, 0))
                if rng.random() < 0.5:
                    world.lift_guard()
            case "time":
                world.sleep(timedelta(seconds=rng.choice([40, 70, 400])))
            case _:
                world.chaos.start(self.theme.of_faults(Faults.draw(rng, FIELDS), rng), rng)
                kind = "reconcile" if step.what == "reconcile" else "incremental"
                world.sync(kind, step.what if step.what in world.mappings else "people")
                world.chaos.stop()

    def _judge(self, world: World, thoughts: SecondThoughts) -> None:
        """All that must hold, now that nothing goes wrong any more."""
        check_agreement(world, deletes_known=False)
        settle(world, "reconcile")
        check_all(world)
        if not self.clears_inbox:
            return
        rng = random.Random(f"{self.seed}/inbox")
        for _ in range(6):
            decided = 0
            while world.people.decide(rng, firmly=True) and decided < 20:
                decided += 1
            if not decided:
                break
            settle(world)
            if thoughts.now_and_then():
                settle(world)
                check_all(world)
        settle(world, "reconcile")
        check_all(world)


def settle(world: World, kind: str = "incremental") -> None:
    """Passes without faults until one finds nothing to do. Raises Broken if that never comes."""
    for _ in range(ROUNDS):
        world.sleep(LONG)
        world.lift_guard()
        before = writes_of(world)
        for name in world.mappings:
            world.sync(kind, name)
        waiting = sum(p.counts.get("waiting", 0) for p in world.passes[-len(world.mappings) :])
        marked, writing = (bulk.any_row(model, "true", []) for model in (Mark, Intent))
        rested = (waiting or not marked) and not writing
        if writes_of(world) == before and rested:
            break
    else:
        marks = list(Mark.objects.values_list("side", "key", "attempts", "reason"))
        open_intents = list(Intent.objects.values_list("side", "op", "key", "state", "link_id"))
        messages = [f"{p.kind} {p.state}: {p.message} {p.counts}" for p in world.passes[-2:]]
        raise Broken(f"it does not settle: marks {marks}, intents {open_intents}, passes {messages}")


def writes_of(world: World) -> int:
    """How often the hub has written."""
    return sum(e.actor == "hub" for e in world.audit)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Nothing that happens in here stays."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


@dataclass
class Report:
    """What many histories came to."""

    seeds: int = 0
    probes: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


def failure_of(history: History, staff: Any = None) -> str | None:
    """What is wrong with a history's end, None if nothing is."""
    try:
        history.play(staff)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def shrunk(history: History, staff: Any = None) -> History:
    """The history with every step left out that its failure does not need."""
    steps: Sequence[Step] = history.steps
    size = max(len(steps) // 2, 1)
    while True:
        start = 0
        while start < len(steps):
            fewer = (*steps[:start], *steps[start + size :])
            if failure_of(replace(history, steps=fewer), staff) is not None:
                steps = fewer
            else:
                start += size
        if size == 1:
            return replace(history, steps=tuple(steps))
        size //= 2
