"""First contact: two records that were just matched, or a field is newly mapped. No ancestor is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncadmin.core.policy import FirstContact, Merge
from syncadmin.core.side import SIDES

from .builders import a_field, a_link, a_policy, asked, change_of, decide_pair, fates, updates

both_sides = pytest.mark.parametrize("me", SIDES)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def meet(me, mine, theirs, policy, **how):
    return decide_pair(me, {}, mine, theirs, policy, **how)


@both_sides
def test_equal_values_link_silently(me):
    """F05: not every record of a first run is a conflict."""
    plan = meet(me, {"phone": "1"}, {"phone": "1"}, a_policy(a_field("phone")))
    assert plan.settled == {"phone": ("1", "1")}
    assert (plan.writes, plan.changes, plan.conflict) == ((), (), None)


@both_sides
def test_two_empty_values_link_silently(me):
    plan = meet(me, {"phone": None}, {"phone": ""}, a_policy(a_field("phone")))
    assert (plan.writes, plan.changes, plan.conflict) == ((), (), None)


@both_sides
def test_a_value_fills_an_empty_field(me):
    plan = meet(me, {"phone": "1"}, {"phone": None}, a_policy(a_field("phone")))
    assert updates(plan, me.other) == {"phone": "1"}
    assert fates(plan) == {(me, "phone", "propagated")}


@both_sides
@pytest.mark.parametrize("mine", ["1", None])
def test_an_owned_field_follows_its_owner_and_the_other_value_is_kept_in_the_journal(me, mine):
    plan = meet(me, {"phone": mine}, {"phone": "2"}, a_policy(a_field("phone", owner=me)))
    assert updates(plan, me.other) == {"phone": mine}
    assert updates(plan, me) == {}
    change = change_of(plan, me.other, "phone")
    assert (change.old, change.new, change.disposition) == (None, "2", "overridden")


@both_sides
def test_differing_values_wait_for_a_person(me):
    plan = meet(me, {"phone": "1"}, {"phone": "2"}, a_policy(a_field("phone")))
    assert asked(plan) == {"phone"}
    assert plan.conflict.fields[0].base is None
    assert fates(plan) == {(me, "phone", "held"), (me.other, "phone", "held")}


@both_sides
def test_a_preferred_side_wins_at_first_contact(me):
    policy = a_policy(a_field("phone"), first_contact=FirstContact(f"prefer {me}"))
    plan = meet(me, {"phone": "1"}, {"phone": "2"}, policy)
    assert updates(plan, me.other) == {"phone": "1"}
    assert fates(plan) == {(me, "phone", "propagated"), (me.other, "phone", "overridden")}


@both_sides
def test_a_fields_own_first_contact_policy_comes_first(me):
    field = a_field("phone", first_contact=FirstContact(f"prefer {me}"))
    policy = a_policy(field, first_contact=FirstContact(f"prefer {me.other}"))
    assert updates(meet(me, {"phone": "1"}, {"phone": "2"}, policy), me.other) == {"phone": "1"}


@both_sides
def test_the_newer_record_wins_at_first_contact_if_it_is_clear_which_is_newer(me):
    policy = a_policy(a_field("phone"), first_contact=FirstContact.NEWEST)
    values = {"phone": "1"}, {"phone": "2"}
    plan = meet(me, *values, policy, my_modified=NOON, their_modified=NOON - timedelta(minutes=1))
    assert updates(plan, me.other) == {"phone": "1"}
    plan = meet(me, *values, policy, my_modified=NOON, their_modified=NOON - timedelta(seconds=5))
    assert asked(plan) == {"phone"}
    assert asked(meet(me, *values, policy, my_modified=NOON)) == {"phone"}


@both_sides
def test_merge_strategies_do_not_apply_without_an_ancestor(me):
    policy = a_policy(a_field("phone", merge=Merge.PREFER_LEFT))
    assert asked(meet(me, {"phone": "1"}, {"phone": "2"}, policy)) == {"phone"}


@both_sides
def test_a_newly_mapped_field_is_at_first_contact_while_the_others_go_on(me):
    link = a_link({"city": "Ulm"})
    plan = decide_pair(
        me, {}, {"phone": "1", "city": "Bonn"}, {"phone": "2", "city": "Ulm"}, a_policy(), link
    )
    assert asked(plan) == {"phone"}
    assert updates(plan, me.other) == {"city": "Bonn"}


@both_sides
def test_a_group_is_not_filled_from_both_sides(me):
    policy = a_policy(a_field("street", group="address"), a_field("zip", group="address"))
    plan = meet(me, {"street": "A", "zip": None}, {"street": None, "zip": "1"}, policy)
    assert asked(plan) == {"street", "zip"}
    plan = meet(me, {"street": "A", "zip": "1"}, {"street": None, "zip": None}, policy)
    assert updates(plan, me.other) == {"street": "A", "zip": "1"}
