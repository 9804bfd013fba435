"""The first table of the design: a field of a linked record. Every row, for both sides."""

from __future__ import annotations

import pytest

from syncadmin.core.policy import Drift, Merge, RowOwner
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind

from .builders import a_field, a_link, a_policy, asked, change_of, decide_pair, fates, updates

BASE = {"phone": "1", "city": "Ulm"}
both_sides = pytest.mark.parametrize("me", SIDES)


def owned_by(owner: Side, drift: Drift = Drift.ENFORCE):
    return a_policy(a_field("phone", owner=owner, drift=drift), a_field("city"))


@both_sides
def test_what_nobody_changed_is_left_alone(me):
    assert decide_pair(me, BASE, BASE, dict(BASE), a_policy()).idle


@both_sides
def test_a_change_on_one_side_of_a_shared_field_is_written_to_the_other(me):
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, BASE, a_policy())
    assert updates(plan, me.other) == {"phone": "2"}
    assert updates(plan, me) == {}
    assert plan.settled == {"phone": ("2", "2")}
    assert fates(plan) == {(me, "phone", "propagated")}
    assert plan.conflict is None


@both_sides
def test_the_same_change_on_both_sides_is_no_conflict(me):
    changed = {**BASE, "phone": "2"}
    plan = decide_pair(me, BASE, changed, dict(changed), a_policy())
    assert plan.writes == ()
    assert plan.settled == {"phone": ("2", "2")}
    assert fates(plan) == {(me, "phone", "converged"), (me.other, "phone", "converged")}


@both_sides
def test_an_edit_on_both_sides_of_a_shared_field_waits_in_the_inbox(me):
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, {**BASE, "phone": "3"}, a_policy())
    assert plan.writes == ()
    assert plan.settled == {}
    assert asked(plan) == {"phone"}
    assert plan.conflict.fields[0].base == ("1", "1")
    assert fates(plan) == {(me, "phone", "held"), (me.other, "phone", "held")}


@both_sides
def test_a_conflict_on_one_field_does_not_hold_back_another(me):
    plan = decide_pair(me, BASE, {"phone": "2", "city": "Bonn"}, {**BASE, "phone": "3"}, a_policy())
    assert asked(plan) == {"phone"}
    assert updates(plan, me.other) == {"city": "Bonn"}


@both_sides
def test_a_conflict_holds_back_the_whole_record_where_the_mapping_asks_for_it(me):
    policy = a_policy(whole_record=True)
    plan = decide_pair(me, BASE, {"phone": "2", "city": "Bonn"}, {**BASE, "phone": "3"}, policy)
    assert asked(plan) == {"phone", "city"}
    assert plan.writes == ()
    assert fates(plan) == {(me, "phone", "held"), (me.other, "phone", "held"), (me, "city", "held")}


@both_sides
def test_the_owners_change_is_written_to_the_other_side(me):
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, BASE, owned_by(me))
    assert updates(plan, me.other) == {"phone": "2"}
    assert fates(plan) == {(me, "phone", "propagated")}


@both_sides
def test_drift_is_undone_where_it_is_enforced_and_the_lost_value_is_accounted_for(me):
    plan = decide_pair(me, BASE, BASE, {**BASE, "phone": "2"}, owned_by(me))
    assert updates(plan, me.other) == {"phone": "1"}
    assert updates(plan, me) == {}
    assert fates(plan) == {(me.other, "phone", "overridden")}
    change = change_of(plan, me.other, "phone")
    assert (change.old, change.new, change.rule) == ("1", "2", f"owner {me}, drift enforce")


@both_sides
def test_ignored_drift_stays_and_does_not_come_up_again(me):
    policy = owned_by(me, Drift.IGNORE)
    drifted = {**BASE, "phone": "2"}
    plan = decide_pair(me, BASE, BASE, drifted, policy)
    assert plan.writes == ()
    assert fates(plan) == {(me.other, "phone", "overridden")}
    left, right = plan.settled["phone"]
    link = a_link({**BASE, "phone": left}, {**BASE, "phone": right})
    assert decide_pair(me, BASE, BASE, drifted, policy, link).idle
    after = decide_pair(me, BASE, {**BASE, "phone": "3"}, drifted, policy, link)
    assert updates(after, me.other) == {"phone": "3"}


@both_sides
def test_reviewed_drift_waits_in_the_inbox(me):
    plan = decide_pair(me, BASE, BASE, {**BASE, "phone": "2"}, owned_by(me, Drift.REVIEW))
    assert plan.writes == ()
    assert asked(plan) == {"phone"}
    assert fates(plan) == {(me.other, "phone", "held")}


@both_sides
@pytest.mark.parametrize("drift", list(Drift))
def test_where_both_changed_an_owned_field_the_owner_wins(me, drift):
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, {**BASE, "phone": "3"}, owned_by(me, drift))
    assert updates(plan, me.other) == {"phone": "2"}
    assert fates(plan) == {(me, "phone", "propagated"), (me.other, "phone", "overridden")}


@both_sides
@pytest.mark.parametrize("owner", SIDES)
def test_the_same_change_on_both_sides_of_an_owned_field_is_no_conflict(me, owner):
    changed = {**BASE, "phone": "2"}
    plan = decide_pair(me, BASE, changed, dict(changed), owned_by(owner, Drift.REVIEW))
    assert plan.writes == ()
    assert plan.settled == {"phone": ("2", "2")}


@both_sides
def test_the_owner_of_the_table_comes_before_the_owner_of_a_field(me):
    policy = a_policy(a_field("phone", owner=me.other), a_field("city"), owner=me)
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, {"phone": "3", "city": "Bonn"}, policy)
    assert updates(plan, me.other) == {"phone": "2", "city": "Ulm"}


@both_sides
def test_rows_may_have_an_owner_by_rule(me):
    rule = RowOwner(f"{me}_record.city == 'Ulm'", me)
    policy = a_policy(row_owners=(rule,))
    plan = decide_pair(me, BASE, BASE, {**BASE, "phone": "2"}, policy)
    assert updates(plan, me.other) == {"phone": "1"}
    elsewhere = {"phone": "1", "city": "Bonn"}
    plan = decide_pair(me, elsewhere, elsewhere, {**elsewhere, "phone": "2"}, policy)
    assert updates(plan, me) == {"phone": "2"}


@both_sides
def test_where_the_owner_of_a_row_cannot_be_told_its_changes_wait_for_a_person(me):
    policy = a_policy(row_owners=(RowOwner("left_record.nowhere == 1", me),))
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, BASE, policy)
    assert plan.writes == ()
    assert asked(plan) == {"phone"}
    assert "nowhere" in plan.conflict.reason


@both_sides
def test_a_field_that_was_not_delivered_is_no_empty_field(me):
    """F27: a renamed column does not blank the other side."""
    without = {"city": "Ulm"}
    assert decide_pair(me, BASE, without, BASE, a_policy()).idle
    assert decide_pair(me, BASE, without, {**BASE, "phone": "2"}, a_policy()).idle


@both_sides
def test_an_emptied_field_is_a_change(me):
    plan = decide_pair(me, BASE, {**BASE, "phone": None}, BASE, a_policy())
    assert updates(plan, me.other) == {"phone": None}


@both_sides
def test_null_and_empty_text_are_no_difference(me):
    base = {"phone": None, "city": "Ulm"}
    assert decide_pair(me, base, {**base, "phone": ""}, base, a_policy()).idle


@both_sides
def test_what_a_system_makes_of_a_value_is_its_shadow_and_never_a_change(me):
    """F21: a system that trims does not start a conversation."""
    link = a_link({**BASE, "phone": "1 "}, {**BASE, "phone": "1"})
    left, right = {**BASE, "phone": "1 "}, {**BASE, "phone": "1"}
    mine, theirs = (left, right) if me is Side.LEFT else (right, left)
    assert decide_pair(me, BASE, mine, theirs, a_policy(), link).idle


def test_a_side_that_comes_to_hold_what_the_other_holds_needs_no_write():
    link = a_link({"phone": "1 "}, {"phone": "1"})
    plan = decide_pair(Side.LEFT, {}, {"phone": "1"}, {"phone": "1"}, a_policy(a_field("phone")), link)
    assert plan.writes == ()
    assert plan.settled == {"phone": ("1", "1")}
    assert fates(plan) == {(Side.LEFT, "phone", "converged")}


@both_sides
def test_a_write_says_what_the_other_side_must_still_hold(me):
    plan = decide_pair(
        me, BASE, {**BASE, "phone": "2"}, {**BASE, "phone": "3"}, owned_by(me), their_version="v7"
    )
    (write,) = plan.writes
    assert write.expected == {"phone": "3"}
    assert write.version == "v7"
    assert write.key == plan.right_key if me is Side.LEFT else plan.left_key


@both_sides
def test_both_sides_may_be_written_at_once(me):
    plan = decide_pair(me, BASE, {**BASE, "phone": "2"}, {**BASE, "city": "Bonn"}, a_policy())
    assert updates(plan, me.other) == {"phone": "2"}
    assert updates(plan, me) == {"city": "Bonn"}


@both_sides
def test_true_and_one_are_different_json_values(me):
    policy = a_policy(a_field("flags", kind=Kind.JSON))
    plan = decide_pair(me, {"flags": {"a": 1}}, {"flags": {"a": True}}, {"flags": {"a": 1}}, policy)
    assert updates(plan, me.other) == {"flags": {"a": True}}


# ---------------------------------------------------------------- groups

ADDRESS = (
    a_field("street", group="address"),
    a_field("zip", group="address"),
    a_field("phone"),
)
HOME = {"street": "Am Markt 1", "zip": "10000", "phone": "1"}


@both_sides
def test_a_group_that_one_side_changed_goes_over_together(me):
    plan = decide_pair(me, HOME, {**HOME, "street": "B", "zip": "2"}, HOME, a_policy(*ADDRESS))
    assert updates(plan, me.other) == {"street": "B", "zip": "2"}


@both_sides
def test_a_write_to_a_group_expects_the_whole_group_unchanged(me):
    plan = decide_pair(me, HOME, {**HOME, "street": "B"}, HOME, a_policy(*ADDRESS))
    assert plan.writes[0].expected == {"street": "Am Markt 1", "zip": "10000"}


@both_sides
def test_two_sides_that_changed_different_fields_of_a_group_are_in_conflict(me):
    plan = decide_pair(
        me, HOME, {**HOME, "street": "B"}, {**HOME, "zip": "2", "phone": "9"}, a_policy(*ADDRESS)
    )
    assert asked(plan) == {"street", "zip"}
    assert updates(plan, me) == {"phone": "9"}


@both_sides
def test_a_group_is_taken_whole_from_the_preferred_side(me):
    fields = [a_field(name, group="address", merge=Merge(f"prefer {me}")) for name in ("street", "zip")]
    base = {"street": "A", "zip": "1"}
    plan = decide_pair(me, base, {**base, "street": "B"}, {**base, "zip": "2"}, a_policy(*fields))
    assert updates(plan, me.other) == {"street": "B", "zip": "1"}
    assert updates(plan, me) == {}


@both_sides
def test_an_owned_group_follows_its_owner_whole(me):
    fields = [a_field(name, group="address", owner=me, drift=Drift.IGNORE) for name in ("street", "zip")]
    base = {"street": "A", "zip": "1"}
    plan = decide_pair(me, base, {**base, "street": "B"}, {**base, "zip": "2"}, a_policy(*fields))
    assert updates(plan, me.other) == {"street": "B", "zip": "1"}


@both_sides
def test_members_of_a_group_that_both_sides_changed_alike_do_not_stand_in_the_way(me):
    plan = decide_pair(
        me, HOME, {**HOME, "street": "B", "zip": "2"}, {**HOME, "zip": "2"}, a_policy(*ADDRESS)
    )
    assert updates(plan, me.other) == {"street": "B"}
    assert plan.conflict is None


# ---------------------------------------------------------------- references


@both_sides
def test_a_reference_without_a_link_waits_and_the_rest_goes_on(me):
    """F29: never a dangling or foreign id."""
    policy = a_policy(a_field("company", kind=Kind.REFERENCE), a_field("phone"))
    base = {"company": "c1", "phone": "1"}
    plan = decide_pair(
        me, base, {"phone": "2"}, {"company": "c1", "phone": "1"}, policy, my_waiting=frozenset({"company"})
    )
    assert plan.waits == ("company",)
    assert updates(plan, me.other) == {"phone": "2"}


@both_sides
def test_a_group_waits_with_its_reference(me):
    policy = a_policy(a_field("company", kind=Kind.REFERENCE, group="g"), a_field("role", group="g"))
    base = {"company": "c1", "role": "x"}
    plan = decide_pair(me, base, {"role": "y"}, base, policy, my_waiting=frozenset({"company"}))
    assert set(plan.waits) == {"company", "role"}
    assert plan.writes == ()


@both_sides
def test_an_unchanged_reference_does_not_wait(me):
    policy = a_policy(a_field("company", kind=Kind.REFERENCE))
    base = {"company": "c1"}
    assert decide_pair(me, base, base, dict(base), policy, my_waiting=frozenset({"company"})).idle
