"""A person's choice for a field: it acts on what the person saw, and on nothing else."""

from __future__ import annotations

import pytest

from syncadmin.core.plan import PickKind
from syncadmin.core.side import SIDES, Side

from .builders import a_field, a_link, a_pick, a_policy, asked, decide_pair, fates, updates, with_picks

both_sides = pytest.mark.parametrize("me", SIDES)
PHONE = a_policy(a_field("phone"))
BASE, MINE, THEIRS = {"phone": "1"}, {"phone": "2"}, {"phone": "3"}


def pick(me, kind, value=None, mine="2", theirs="3"):
    left, right = (mine, theirs) if me is Side.LEFT else (theirs, mine)
    return a_pick(kind, left, right, value)


def decide_picked(me, choice, mine=MINE, theirs=THEIRS, link=None):
    return decide_pair(me, BASE, mine, theirs, PHONE, with_picks(link or a_link(BASE), phone=choice))


@both_sides
def test_the_chosen_side_wins(me):
    plan = decide_picked(me, pick(me, PickKind(me.value)))
    assert updates(plan, me.other) == {"phone": "2"}
    assert plan.conflict is None
    assert plan.used_picks == {"phone"}
    assert fates(plan) == {(me, "phone", "propagated"), (me.other, "phone", "overridden")}


@both_sides
def test_the_value_last_agreed_may_be_chosen(me):
    plan = decide_picked(me, pick(me, PickKind.BASE))
    assert updates(plan, me) == updates(plan, me.other) == {"phone": "1"}


def test_each_side_gets_back_its_own_form_of_the_value_last_agreed():
    link = a_link({"phone": "1 "}, {"phone": "1"})
    plan = decide_picked(Side.LEFT, pick(Side.LEFT, PickKind.BASE), link=link)
    assert updates(plan, Side.LEFT) == {"phone": "1 "}
    assert updates(plan, Side.RIGHT) == {"phone": "1"}


@both_sides
def test_a_typed_value_is_written_to_both_sides(me):
    plan = decide_picked(me, pick(me, PickKind.VALUE, "9"))
    assert updates(plan, me) == updates(plan, me.other) == {"phone": "9"}
    assert plan.settled == {"phone": ("9", "9")}


@both_sides
def test_a_typed_value_that_one_side_holds_is_not_written_there(me):
    plan = decide_picked(me, pick(me, PickKind.VALUE, "2"))
    assert updates(plan, me) == {}
    assert updates(plan, me.other) == {"phone": "2"}


@both_sides
@pytest.mark.parametrize(("mine", "theirs"), [("4", "3"), ("2", "4")])
def test_a_choice_made_for_other_values_is_not_applied_and_asked_again(me, mine, theirs):
    plan = decide_picked(me, pick(me, PickKind.LEFT), {"phone": mine}, {"phone": theirs})
    assert plan.writes == ()
    assert plan.used_picks == frozenset()
    assert asked(plan) == {"phone"}
    assert plan.conflict.moved
    assert plan.conflict.fields[0].moved


@both_sides
def test_a_choice_is_not_needed_any_more_once_the_sides_agree(me):
    plan = decide_picked(me, pick(me, PickKind.LEFT), {"phone": "4"}, {"phone": "4"})
    assert plan.conflict is None
    assert plan.settled == {"phone": ("4", "4")}


@both_sides
def test_leave_as_is_is_remembered_until_a_value_changes(me):
    """F08."""
    plan = decide_picked(me, pick(me, PickKind.LEAVE))
    assert (plan.writes, plan.settled, plan.conflict) == ((), {}, None)
    assert plan.used_picks == {"phone"}
    left = a_link(BASE, alone=plan.alone)
    again = decide_pair(me, BASE, MINE, THEIRS, PHONE, left)
    assert again.idle
    assert again.alone == plan.alone
    changed = decide_pair(me, BASE, MINE, {"phone": "4"}, PHONE, left)
    assert asked(changed) == {"phone"}
    assert changed.alone == {}


@both_sides
def test_two_sides_left_different_that_return_to_the_ancestor_are_in_step_again(me):
    left = a_link(BASE, alone={"phone": ("2", "3")})
    plan = decide_pair(me, BASE, BASE, BASE, PHONE, left)
    assert plan.alone == {}
    assert not plan.idle, "it has to be stored that nothing is left alone any more"
    assert plan.writes == ()


@both_sides
def test_a_choice_may_be_made_at_first_contact(me):
    link = with_picks(a_link({}), phone=pick(me, PickKind(me.value)))
    plan = decide_pair(me, {}, MINE, THEIRS, PHONE, link)
    assert updates(plan, me.other) == {"phone": "2"}
    link = with_picks(a_link({}), phone=pick(me, PickKind.BASE))
    assert asked(decide_pair(me, {}, MINE, THEIRS, PHONE, link)) == {"phone"}, "there is no ancestor"


@both_sides
def test_a_group_is_decided_once_each_of_its_conflicting_fields_is(me):
    policy = a_policy(a_field("street", group="address"), a_field("zip", group="address"))
    base = {"street": "A", "zip": "1"}
    mine, theirs = {"street": "B", "zip": "1"}, {"street": "A", "zip": "2"}
    street = pick(me, PickKind(me.value), mine="B", theirs="A")
    zip_code = pick(me, PickKind(me.value), mine="1", theirs="2")
    half = decide_pair(me, base, mine, theirs, policy, with_picks(a_link(base), street=street))
    assert half.writes == ()
    assert asked(half) == {"street", "zip"}
    link = with_picks(a_link(base), street=street, zip=zip_code)
    whole = decide_pair(me, base, mine, theirs, policy, link)
    assert updates(whole, me.other) == {"street": "B", "zip": "1"}


@both_sides
def test_where_the_whole_record_is_held_a_choice_waits_for_the_others(me):
    policy = a_policy(whole_record=True)
    base = {"phone": "1", "city": "A"}
    mine, theirs = {"phone": "2", "city": "B"}, {"phone": "3", "city": "C"}
    link = with_picks(a_link(base), phone=pick(me, PickKind.LEFT))
    plan = decide_pair(me, base, mine, theirs, policy, link)
    assert plan.writes == ()
    assert plan.used_picks == frozenset()
    assert asked(plan) == {"phone", "city"}


@both_sides
def test_a_field_in_step_may_be_set_by_a_person(me):
    """What undo needs: a choice for a field that is in no conflict."""
    choice = a_pick(PickKind.VALUE, "1", "1", "0")
    plan = decide_picked(me, choice, BASE, BASE)
    assert updates(plan, me) == updates(plan, me.other) == {"phone": "0"}
