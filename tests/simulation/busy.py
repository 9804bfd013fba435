"""A busy office: people edit the same few fields in both systems all day, at rates that are known.

Nothing else goes wrong here. Edits arrive by themselves whenever time passes, so also within the windows of a
system without compare-and-set; the audit tells which were lost there, and the meter is held to it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

from conflicts.models import Conflict
from conflicts.services import FieldChoice, resolve
from connectors.base import Guarantee
from syncadmin.core.plan import PickKind
from syncadmin.engine.exposed import exposure_told
from syncadmin.engine.risk import Figures, figures
from syncadmin.models import MappingState

from .drawn import Rules
from .system import Habits
from .world import World

RECORDS = 6
EDITED = ("a", "b", "c", "p")
SCHEDULE = timedelta(seconds=30)
SIDES = ("left", "right")


@dataclass
class Office(World):
    """A world in which each field of each record is edited on each side every `every` seconds, on average.

    `window` is the mean time that a checked write takes; the times are drawn from `seed`.
    """

    seed: int = 0
    every: float = 400.0
    window: float = 10.0
    arrivals: random.Random = field(init=False)
    written: int = 0

    def __post_init__(self) -> None:
        self.arrivals = random.Random(f"office {self.seed}")
        self.next_edit = timedelta.max
        super().__post_init__()
        times = random.Random(f"windows {self.seed}")
        self.chaos.window = lambda *_: self.sleep(timedelta(seconds=times.expovariate(1 / self.window)))  # type: ignore[method-assign]

    def open_up(self) -> None:
        """Records that both sides agree on; from now on people edit."""
        for number in range(RECORDS):
            values = {"email": f"p{number}@x.org", "born": f"e{number}-0", **self._values(number)}
            for side in SIDES:
                self.systems[side].create("people", dict(values), "user")
        self.sync()
        self.next_edit = self._wait()

    def _values(self, number: int) -> dict[str, str]:
        return {name: f"e{number}-{name}" for name in EDITED if name != "p"}

    def _wait(self) -> timedelta:
        rate = RECORDS * len(EDITED) * len(SIDES) / self.every
        return timedelta(seconds=self.arrivals.expovariate(rate))

    def sleep(self, span: timedelta) -> None:
        """Let time pass, and people edit in it."""
        while self.next_edit <= span:
            span -= self.next_edit
            self.now += self.next_edit
            self.next_edit = self._wait()
            self._edit()
        self.next_edit -= span
        self.now += span

    def _edit(self) -> None:
        system = self.systems[self.arrivals.choice(SIDES)]
        key = self.arrivals.choice(sorted(system.live("people")))
        name = self.arrivals.choice(EDITED)
        self.written += 1
        value = f"{self.written}.25" if name == "p" else f"e{self.written}-1"
        system.edit("people", key, {name: value}, "user")

    def work(self, passes: int) -> None:
        """So many passes; what they can't decide is decided at once, so that no field waits for long."""
        for _ in range(passes):
            self.sleep(SCHEDULE)
            self.sync()
            for item in Conflict.objects.filter(state="open"):
                picks = {f.field: FieldChoice(PickKind.LEFT) for f in item.fields.all()}
                resolve(item.pk, item.revision, picks, None, self.staff)

    @property
    def lost(self) -> int:
        """The edits that the hub has overwritten without having seen them."""
        return sum(len(event.raced) for event in self.audit)

    def figures(self) -> Figures:
        """What the meter shows now."""
        mapping = self.mappings["people"]
        return figures(mapping, exposure_told(mapping, MappingState.objects.get(mapping=mapping)), self.now)


def office(seed: int, staff: object, update: Guarantee = Guarantee.CHECKED) -> Office:
    """An office between two systems that keep times and refuse, or do not refuse, stale writes."""
    rules = Rules(mapping={"guard_floor": 1000, "deletes": "review", "first_contact": "review"})
    return Office(rules, {side: Habits(update=update) for side in SIDES}, staff, seed=seed)
