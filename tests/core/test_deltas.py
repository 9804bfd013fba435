"""Counters and sets: every edit on either side counts once, in whatever order all comes, whoever dies."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncadmin.core.decide import decide
from syncadmin.core.deltas import adds_up, delta
from syncadmin.core.plan import LinkState, Plan
from syncadmin.core.policy import Merge
from syncadmin.core.side import SIDES
from syncadmin.core.values import FieldType, Kind, Unfit

from .builders import SHORT, a_field, a_policy, present

COUNTER, SET = FieldType(Kind.INTEGER), FieldType(Kind.SET)

FEW = settings(SHORT, max_examples=60)


@dataclass
class Place:
    """A system that holds one value, and receipts of what was written to it: true if it was carried out."""

    value: Any
    receipts: dict[int, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Intent:
    """A write that is on its way to a place: `change` is added to whatever it holds then."""

    number: int
    place: Place
    change: Any

    def send(self) -> None:
        """Carried out once, if nobody has asked for it before."""
        if self.number not in self.place.receipts:
            self.place.receipts[self.number] = True
            self.place.value = self.change(self.place.value)

    def carried_out(self) -> bool:
        """Asked by another worker: what has not come by now never will."""
        return self.place.receipts.setdefault(self.number, False)


@dataclass
class Hub:
    """A mapping of two places: reads, decides, sends one write after the other, stores; dies at any time."""

    places: tuple[Place, Place]
    policy: Any
    shadows: list[Any]
    numbers: Any = field(default_factory=count)
    plan: Plan | None = None
    seen: tuple[Any, Any] = (None, None)
    intents: list[Intent] = field(default_factory=list)
    unsent: list[Intent] = field(default_factory=list)
    asleep: list[Intent] = field(default_factory=list)

    def read(self) -> None:
        """Store the plan. What an earlier round has left open is recovered first."""
        if self.plan is not None:
            self.store()
        self.seen = tuple(place.value for place in self.places)
        shown = (present(side, {"x": value}) for side, value in zip(SIDES, self.seen, strict=True))
        shadows = {side: {"x": value} for side, value in zip(SIDES, self.shadows, strict=True)}
        self.plan = decide(LinkState("l1", "r1", shadows), *shown, self.policy)
        assert self.plan.conflict is None
        kind = self.policy.fields[0].type
        self.intents = [
            Intent(
                next(self.numbers),
                self.places[SIDES.index(write.side)],
                delta(kind, write.expected["x"], write.values["x"]),
            )
            for write in self.plan.writes
        ]
        self.unsent = list(self.intents)

    def send(self) -> None:
        """The next write."""
        if self.unsent:
            self.unsent.pop(0).send()

    def store(self) -> None:
        """What was carried out is agreed. Of one of two, the other side's value has arrived."""
        done = [intent for intent in self.intents if intent.carried_out()]
        if self.plan is not None and len(done) == len(self.intents):
            self.shadows = list(self.plan.settled.get("x", self.shadows))
        elif done:
            self.shadows = [self.seen[1 - self.places.index(done[0].place)]] * 2
        self.plan, self.intents, self.unsent = None, [], []

    def die(self) -> None:
        """The worker sleeps; another one goes on."""
        self.asleep += self.unsent
        self.unsent = []

    def wake(self) -> None:
        """It sends what it was about to send."""
        for intent in self.asleep:
            intent.send()
        self.asleep = []

    def settle(self) -> None:
        """Until there is nothing to do."""
        self.wake()
        for _ in range(6):
            self.read()
            while self.unsent:
                self.send()
            self.store()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "edit", "read", "send", "store", "die", "wake"]),
        st.sampled_from(SIDES),
        st.integers(-3, 9),
    ),
    max_size=40,
)
LEFT, RIGHT = SIDES
FOUND = [  # what would be counted twice without receipts, and what without notes in their places
    [("edit", LEFT, 2), ("read", LEFT, 0), ("send", LEFT, 0), ("die", LEFT, 0), ("edit", RIGHT, -2)],
    [("edit", LEFT, 2), ("read", LEFT, 0), ("die", LEFT, 0), ("store", LEFT, 0), ("wake", LEFT, 0)],
]


def play(hub: Hub, steps: list[tuple[str, Any, int]], edit: Any) -> None:
    for what, side, number in steps:
        if what == "edit":
            edit(hub.places[SIDES.index(side)], number)
        else:
            getattr(hub, what)()
    hub.settle()
    assert hub.places[0].value == hub.places[1].value
    hub.read()
    assert hub.plan is not None
    assert hub.plan.idle


@FEW
@given(STEPS)
@example(FOUND[0])
@example(FOUND[1])
def test_a_counter_ends_with_the_sum_of_all_edits(steps):
    edits = []

    def add(place: Place, number: int) -> None:
        place.value += number
        edits.append(number)

    hub = Hub((Place(5), Place(5)), a_policy(a_field("x", Kind.INTEGER, merge=Merge.COUNTER)), [5, 5])
    play(hub, steps, add)
    assert hub.places[0].value == 5 + sum(edits)


@FEW
@given(STEPS)
def test_a_set_ends_with_all_that_was_added_and_not_removed(steps):
    names, added, removed = count(1), {"first"}, set()

    def label(place: Place, number: int) -> None:
        if number > 0 or not place.value:
            name = f"label {next(names)}"
            added.add(name)
            place.value = sorted({*place.value, name})
        else:
            name = place.value[number % len(place.value)]
            removed.add(name)
            place.value = [one for one in place.value if one != name]

    first = [["first"], ["first"]]
    hub = Hub((Place(first[0]), Place(first[1])), a_policy(a_field("x", Kind.SET, merge=Merge.SET)), first)
    play(hub, steps, label)
    assert set(hub.places[0].value) == added - removed


@pytest.mark.parametrize(
    ("kind", "before", "after", "held", "made"),
    [
        (COUNTER, 5, 7, 100, 102),
        (COUNTER, 2**80, 2**80 + 1, -1, 0),
        (FieldType(Kind.DECIMAL, scale=2), "1.10", "0.00", "0.20", "-0.90"),
        (SET, ["a", "b"], ["b", "c"], ["a", "x"], ["c", "x"]),
        (SET, None, ["a"], None, ["a"]),
    ],
)
def test_a_change_is_made_to_whatever_is_there(kind, before, after, held, made):
    assert delta(kind, before, after)(held) == made


def test_nothing_is_added_to_what_is_empty():
    assert delta(COUNTER, None, 3) is None
    assert delta(COUNTER, 3, None) is None
    with pytest.raises(Unfit):
        delta(COUNTER, 1, 2)(None)


def test_only_numbers_are_counters_and_only_sets_are_sets():
    text = FieldType(Kind.TEXT)
    assert [adds_up(Merge.COUNTER, kind) for kind in (COUNTER, SET, text)] == [True, False, False]
    assert [adds_up(Merge.SET, kind) for kind in (COUNTER, SET, text)] == [False, True, False]
    assert not adds_up(Merge.NEWEST, COUNTER)
