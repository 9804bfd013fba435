"""A value that the last writer decides: all systems end with the last edit, in whatever order all comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from syncadmin.core.decide import decide
from syncadmin.core.merge import choose_side
from syncadmin.core.plan import Disposition, LinkState, Plan, Record
from syncadmin.core.policy import FirstContact, Merge
from syncadmin.core.side import SIDES, Side
from syncadmin.core.stamps import MOST, latest, tick

from .builders import KEYS, SHORT, a_field, a_policy, present

POLICY = a_policy(a_field("phone", merge=Merge.NEWEST))
NODES = ("aaaaaaaa", "bbbbbbbb", "cccccccc")


@dataclass
class Place:
    """A system that holds one value, and stamps it by a clock that may be wrong and may stand still."""

    node: str
    clock: int
    value: str = "first"
    stamp: str = ""

    def edit(self, value: str) -> str:
        """A user's change; returns its stamp."""
        self.value, self.stamp = value, tick(self.stamp, self.clock, self.node)
        return self.stamp


@dataclass
class Hub:
    """A mapping between two places: it reads, decides, and writes later, what is as it was read, or older."""

    places: tuple[Place, Place]
    shadow: str = "first"
    planned: tuple[Plan, tuple[str, str], tuple[str, str]] | None = None
    replaced: list[str] = field(default_factory=list)

    def read(self) -> Plan:
        """What is to be done about what the places hold now."""
        values, stamps = zip(*((place.value, place.stamp) for place in self.places), strict=True)
        shown = (
            present(side, {"phone": value}, stamps={"phone": stamp} if stamp else {})
            for side, value, stamp in zip(SIDES, values, stamps, strict=True)
        )
        shadows = {side: {"phone": self.shadow} for side in SIDES}
        plan = decide(LinkState(KEYS[Side.LEFT], KEYS[Side.RIGHT], shadows), *shown, POLICY)
        self.planned = plan, values, stamps
        return plan

    def write(self) -> None:
        """Carry out what was planned. An edit that was not read is left as it is, unless it is older."""
        if self.planned is None:
            return
        (plan, values, stamps), self.planned = self.planned, None
        for write in plan.writes:
            index = SIDES.index(write.side)
            place = self.places[index]
            if place.value != write.expected["phone"]:
                if not "" < place.stamp < stamps[1 - index]:
                    return
                self.replaced.append(place.value)
            assert write.values["phone"] == values[1 - index]
            place.value, place.stamp = values[1 - index], stamps[1 - index]
        if "phone" in plan.settled:
            self.shadow = plan.settled["phone"][0]


STEPS = st.lists(
    st.tuples(st.sampled_from(["edit", "read", "write", "time"]), st.integers(0, 2), st.integers(-3, 3)),
    max_size=60,
)


@SHORT
@given(STEPS, st.lists(st.integers(0, 50), min_size=3, max_size=3), st.sampled_from([2, 3]))
@example([("edit", 0, 0), ("read", 0, 0), ("edit", 1, 0), ("write", 0, 0), ("read", 0, 0)], [5, 1, 0], 2)
def test_all_systems_end_with_the_last_edit(steps, clocks, size):
    """A chain of systems: each two neighbours are kept in step by a mapping of their own."""
    places = [Place(node, clock) for node, clock in zip(NODES[:size], clocks, strict=False)]
    hubs = [Hub(pair) for pair in pairwise(places)]
    numbers, edits = count(1), {}
    for what, where, by in steps:
        place, hub = places[where % size], hubs[where % len(hubs)]
        match what:
            case "edit":
                value = f"edit {next(numbers)}"
                edits[place.edit(value)] = value
            case "time":
                place.clock = max(0, place.clock + by)  # clocks are also set back
            case "read":
                hub.read()
            case "write":
                hub.write()
    for _ in range(2 * size):
        for hub in hubs:
            plan = hub.read()
            assert plan.conflict is None
            hub.write()
    assert {place.value for place in places} == {edits[max(edits)] if edits else "first"}
    assert len({place.stamp for place in places}) == 1
    assert all(hub.read().idle for hub in hubs)
    assert edits.get(max(edits, default="")) not in [value for hub in hubs for value in hub.replaced]


def test_a_change_that_replaces_another_is_later_than_it_whatever_the_clock_says():
    first = tick("", 1_700_000_000_000_000, NODES[0])
    second = tick(first, 5, NODES[1])
    assert (first, second) == ("1700000000000000.000000.aaaaaaaa", "1700000000000000.000001.bbbbbbbb")
    assert tick(f"{first[:17]}{MOST:06}.{NODES[0]}", 5, NODES[1]) == "1700000000000001.000000.bbbbbbbb"


def test_stamps_decide_only_where_both_have_one_and_never_at_first_contact():
    early, late = tick("", 1, NODES[0]), tick("", 2, NODES[1])
    fields = POLICY.fields

    def chosen(left, right, strategy=Merge.NEWEST):
        records = tuple(Record("k", {}, stamps={"phone": s} if s else {}) for s in (left, right))
        found = choose_side(strategy, records, fields, POLICY.clock_tolerance)
        return getattr(found, "side", None)

    assert chosen(early, late) is Side.RIGHT
    assert chosen(late, early) is Side.LEFT
    assert [chosen(early, ""), chosen(early, early)] == [None, None]
    assert chosen(early, late, FirstContact.NEWEST) is None
    assert latest({"phone": early, "city": late}, ["phone", "city", "note"]) == late


def test_the_loser_is_journaled():
    hub = Hub((Place(NODES[0], 11), Place(NODES[1], 10)))
    hub.places[1].edit("older")
    hub.places[0].edit("newer")
    fates = {c.new: c.disposition for c in hub.read().changes}
    assert fates == {"newer": Disposition.PROPAGATED, "older": Disposition.OVERRIDDEN}
