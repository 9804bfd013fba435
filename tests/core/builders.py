"""Short ways to say what a test is about: records, links, policies, and what a plan does.

Tests say "mine" and "theirs" and run for both sides: `me` is the side that something happens on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings

from syncadmin.core.decide import decide
from syncadmin.core.plan import (
    Absent,
    Candidate,
    Change,
    LinkState,
    Matches,
    Observation,
    Op,
    Pick,
    PickKind,
    Plan,
    Present,
    Record,
    RecordPick,
    RecordPickKind,
    Unlinked,
)
from syncadmin.core.policy import FieldPolicy, Policy
from syncadmin.core.side import Side
from syncadmin.core.values import FieldType, Kind

KEYS = {Side.LEFT: "l1", Side.RIGHT: "r1"}
SHORT = settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def a_field(name: str = "phone", kind: Kind = Kind.TEXT, scale: int = 2, **how: Any) -> FieldPolicy:
    """A field mapping, shared and to be reviewed unless `how` says otherwise."""
    return FieldPolicy(name, FieldType(kind, scale=scale), **how)


def a_policy(*fields: FieldPolicy, **how: Any) -> Policy:
    """A policy; without fields, one with a shared `phone` and `city`."""
    return Policy(fields or (a_field("phone"), a_field("city")), **how)


def present(side: Side, values: dict[str, Any], **how: Any) -> Present:
    """What `side` holds."""
    in_scope = how.pop("in_scope", True)
    return Present(Record(how.pop("key", KEYS[side]), values, **how), in_scope)


def gone(side: Side) -> Absent:
    """`side` is proven to hold the record no longer."""
    return Absent(KEYS[side])


def a_link(shadow: dict[str, Any], theirs: dict[str, Any] | None = None, **how: Any) -> LinkState:
    """A pair that last agreed on `shadow` (the right side on `theirs`, if its answers differ)."""
    return LinkState("l1", "r1", {Side.LEFT: shadow, Side.RIGHT: shadow if theirs is None else theirs}, **how)


def seen_from(me: Side, mine: Observation, theirs: Observation) -> tuple[Observation, Observation]:
    """(left, right) of what `me` and the other side hold."""
    return (mine, theirs) if me is Side.LEFT else (theirs, mine)


def decide_pair(
    me: Side,
    base: dict[str, Any],
    mine: dict[str, Any],
    theirs: dict[str, Any],
    policy: Policy,
    link: LinkState | None = None,
    **how: Any,
) -> Plan:
    """Decide a pair that agreed on `base` and now holds `mine` on `me` and `theirs` on the other side."""
    my_how = {name.removeprefix("my_"): value for name, value in how.items() if name.startswith("my_")}
    their_how = {
        name.removeprefix("their_"): value for name, value in how.items() if name.startswith("their_")
    }
    both = seen_from(me, present(me, mine, **my_how), present(me.other, theirs, **their_how))
    return decide(link or a_link(base), *both, policy)


def decide_new(
    me: Side, mine: Present, matches: Matches, policy: Policy, pick: RecordPick | None = None
) -> Plan:
    """Decide an unlinked record of `me`."""
    return decide(Unlinked(pick), *seen_from(me, mine, matches), policy)


def matching(
    me: Side,
    *others: dict[str, Any],
    linked: bool = False,
    twins: tuple[str, ...] = (),
    distinct: tuple[str, ...] = (),
) -> Matches:
    """The records of the other side that have the match values of an unlinked record of `me`."""
    name = me.other.value[0]
    found = tuple(Candidate(Record(f"{name}{i}", values), linked) for i, values in enumerate(others, 1))
    return Matches(found, twins, distinct)


def a_pick(kind: PickKind, left: Any, right: Any, value: Any = None) -> Pick:
    """A person's choice for a field that was seen as `left` and `right`."""
    return Pick(kind, left, right, value)


def a_record_pick(kind: RecordPickKind, key: str = "", **seen: Any) -> RecordPick:
    """A person's choice for a record; `seen` is what was seen, by side."""
    return RecordPick(kind, key, {Side(side): values for side, values in seen.items()})


def with_picks(link: LinkState, **picks: Pick) -> LinkState:
    """The link with a person's choices for its fields."""
    return replace(link, picks=picks)


# ---------------------------------------------------------------- what a plan does


def written(plan: Plan) -> dict[tuple[Side, Op], dict[str, Any]]:
    """What the plan writes, by side and operation."""
    return {(write.side, write.op): dict(write.values) for write in plan.writes}


def updates(plan: Plan, side: Side) -> dict[str, Any]:
    """What the plan changes on `side`."""
    return written(plan).get((side, Op.UPDATE), {})


def fates(plan: Plan) -> set[tuple[Side, str | None, str]]:
    """What becomes of each observed change: (side, field, disposition)."""
    assert len({(c.side, c.field) for c in plan.changes}) == len(plan.changes), (
        "a change has two dispositions"
    )
    return {(c.side, c.field, c.disposition.value) for c in plan.changes}


def change_of(plan: Plan, side: Side, field: str | None) -> Change:
    """The plan's account of one change."""
    return next(c for c in plan.changes if c.side is side and c.field == field)


def asked(plan: Plan) -> set[str]:
    """The fields that wait for a person."""
    return {c.field for c in plan.conflict.fields} if plan.conflict else set()
