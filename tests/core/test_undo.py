"""Taking a decision back: both sides hold again what they held, and a person is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given

from syncadmin.core.decide import decide
from syncadmin.core.plan import Disposition, LinkAction, PickKind, Present, Undo
from syncadmin.core.policy import Drift, Merge
from syncadmin.core.side import SIDES, Side, pair
from syncadmin.core.values import same

from .builders import (
    SHORT,
    a_field,
    a_link,
    a_pick,
    a_policy,
    asked,
    decide_pair,
    fates,
    updates,
    with_picks,
)
from .worlds import World, linked

both_sides = pytest.mark.parametrize("me", SIDES)
PHONE = a_policy(a_field("phone"))


def an_undo(me, seen, mine, theirs, ancestor="1"):
    """Back to `mine` and `theirs`, where both sides hold `seen` since the decision."""
    before = pair(me, mine, theirs)
    return Undo(seen, seen, before, None if ancestor is None else (ancestor, ancestor))


def undone(me, choice, now=None, policy=PHONE, **how):
    """The plan of an undo; both sides hold `now` and agree on it."""
    now = now or {"phone": "2"}
    return decide_pair(me, now, now, now, policy, with_picks(a_link(now), phone=choice), **how)


@both_sides
def test_the_value_that_was_replaced_is_written_back_and_the_other_side_keeps_its_own(me):
    plan = undone(me, an_undo(me, "2", mine="2", theirs="3"))
    assert updates(plan, me.other) == {"phone": "3"}
    assert updates(plan, me) == {}
    assert plan.used_picks == {"phone"}
    assert plan.restored == {"phone": ("1", "1")}
    assert plan.reopened == {"phone"}
    assert plan.conflict is None
    assert plan.changes == ()


@both_sides
def test_a_typed_value_gives_way_to_what_each_side_held(me):
    plan = undone(me, an_undo(me, "9", mine="2", theirs="3"), {"phone": "9"})
    assert updates(plan, me) == {"phone": "2"}
    assert updates(plan, me.other) == {"phone": "3"}


@both_sides
def test_where_nothing_was_ever_agreed_nothing_is_again(me):
    plan = undone(me, an_undo(me, "2", "2", "3", ancestor=None))
    assert plan.restored == {"phone": None}


@both_sides
def test_what_was_left_as_it_was_is_asked_again_without_a_write(me):
    mine, theirs = {"phone": "2"}, {"phone": "3"}
    seen = pair(me, "2", "3")
    link = with_picks(a_link({"phone": "1"}, alone={"phone": seen}), phone=Undo(*seen, seen, ("1", "1")))
    plan = decide_pair(me, {"phone": "1"}, mine, theirs, PHONE, link)
    assert plan.writes == ()
    assert plan.alone == {}
    assert plan.reopened == {"phone"}
    assert fates(plan) == set(), "it was accounted for when it was left as it is"


@both_sides
def test_an_undo_is_not_applied_to_values_that_the_person_did_not_see(me):
    choice = an_undo(me, "2", "2", "3")
    link = with_picks(a_link({"phone": "2"}), phone=choice)
    plan = decide_pair(me, {"phone": "2"}, {"phone": "7"}, {"phone": "2"}, PHONE, link)
    assert plan.used_picks == frozenset()
    assert plan.restored == {}
    assert updates(plan, me.other) == {"phone": "7"}, "the newer value goes its way"


@both_sides
def test_a_newer_value_that_the_person_saw_is_overridden_in_the_persons_name(me):
    choice = Undo(*pair(me, "7", "2"), pair(me, "2", "3"), ("1", "1"))
    link = with_picks(a_link({"phone": "2"}), phone=choice)
    plan = decide_pair(me, {"phone": "2"}, {"phone": "7"}, {"phone": "2"}, PHONE, link)
    assert updates(plan, me) == {"phone": "2"}
    assert updates(plan, me.other) == {"phone": "3"}
    assert fates(plan) == {(me, "phone", "overridden")}


REOPENED = {"phone": "2"}, {"phone": "3"}


@both_sides
@pytest.mark.parametrize("merge", [m for m in Merge if m is not Merge.RULE])
@pytest.mark.parametrize("base", ["1", "2", "3", None])
def test_what_was_taken_back_is_decided_by_a_person_only(me, merge, base):
    policy = a_policy(a_field("phone", merge=merge))
    shadow = {} if base is None else {"phone": base}
    plan = decide_pair(me, shadow, *REOPENED, policy, a_link(shadow, reopened=frozenset({"phone"})))
    assert plan.writes == ()
    assert asked(plan) == {"phone"}
    assert plan.reopened == {"phone"}
    assert {fate for _, _, fate in fates(plan)} <= {"held"}


@both_sides
@pytest.mark.parametrize("drift", Drift)
def test_neither_does_an_owner_decide_it(me, drift):
    policy = a_policy(a_field("phone", owner=me, drift=drift))
    link = a_link({"phone": "1"}, reopened=frozenset({"phone"}))
    plan = decide_pair(me, {"phone": "1"}, *REOPENED, policy, link)
    assert asked(plan) == {"phone"}


@both_sides
@pytest.mark.parametrize("mine", ["2", "8", "1"])
def test_it_stays_so_whatever_a_side_holds_since(me, mine):
    link = a_link({"phone": "1"}, reopened=frozenset({"phone"}))
    plan = decide_pair(me, {"phone": "1"}, {"phone": mine}, {"phone": "3"}, PHONE, link)
    assert asked(plan) == {"phone"}
    assert plan.writes == ()


@both_sides
def test_until_a_person_decides_it(me):
    choice = a_pick(PickKind(me.value), *pair(me, "2", "3"))
    link = with_picks(a_link({"phone": "1"}, reopened=frozenset({"phone"})), phone=choice)
    plan = decide_pair(me, {"phone": "1"}, *REOPENED, PHONE, link)
    assert updates(plan, me.other) == {"phone": "2"}
    assert plan.reopened == frozenset()


@both_sides
def test_or_the_sides_agree_by_themselves(me):
    link = a_link({"phone": "1"}, reopened=frozenset({"phone"}))
    plan = decide_pair(me, {"phone": "1"}, {"phone": "4"}, {"phone": "4"}, PHONE, link)
    assert plan.conflict is None
    assert plan.reopened == frozenset()
    assert not plan.idle


@both_sides
def test_a_group_is_taken_back_together_or_not_at_all(me):
    policy = a_policy(a_field("street", group="address"), a_field("zip", group="address"))
    now = {"street": "B", "zip": "2"}
    street = Undo("B", "B", pair(me, "B", "A"), ("0", "0"))
    link = with_picks(a_link(now), street=street, zip=Undo("2", "2", pair(me, "2", "1"), ("0", "0")))
    whole = decide_pair(me, now, now, now, policy, link)
    assert updates(whole, me.other) == {"street": "A", "zip": "1"}
    moved = {"street": "B", "zip": "7"}
    plan = decide_pair(me, now, moved, now, policy, link)
    assert plan.used_picks == frozenset()
    assert updates(plan, me.other) == {"zip": "7"}
    assert plan.reopened == frozenset()


@both_sides
def test_an_undo_does_not_wait_for_the_other_fields_of_a_record_that_is_held_whole(me):
    policy = a_policy(whole_record=True)
    base = {"phone": "2", "city": "A"}
    mine, theirs = {"phone": "2", "city": "B"}, {"phone": "2", "city": "C"}
    link = with_picks(a_link(base), phone=an_undo(me, "2", "2", "3"))
    plan = decide_pair(me, base, mine, theirs, policy, link)
    assert updates(plan, me.other) == {"phone": "3"}
    assert asked(plan) == {"city"}


@SHORT
@given(linked(both=True, undone=True))
def test_after_an_undo_nothing_more_is_written_before_a_person_decides(decision):
    link, left, right, policy = decision
    world = World(left, right, link, replace(policy, row_owners=()))
    first = world.decide()
    assume(first.restored)
    world.carry_out(first)
    assert isinstance(world.left, Present)
    assert isinstance(world.right, Present)
    second = world.decide()
    values = {side: seen.record.values for side, seen in zip(SIDES, (world.left, world.right), strict=True)}
    differing = {n for n in first.restored if not same(values[Side.LEFT][n], values[Side.RIGHT][n])}
    assert not any(first.restored.keys() & write.values.keys() for write in second.writes)
    assert second.action is LinkAction.KEEP
    waiting = asked(second) | set(second.waits)
    agreed = {n for n in differing if n in world.link.shadows[Side.LEFT] and n not in waiting}
    for name in agreed:  # the ancestor that it went back to was just this
        assert all(same(values[side][name], world.link.shadows[side][name]) for side in SIDES)
    assert differing - agreed <= waiting
    assert {c.disposition for c in second.changes if c.field in waiting} <= {Disposition.HELD}


@SHORT
@given(linked(undone=True))
def test_an_undo_is_total_too(decision):
    plan = decide(*decision)
    assert plan.restored.keys() <= plan.used_picks
    assert plan.restored.keys() <= plan.settled.keys()
    assert plan.restored.keys() <= plan.reopened
