"""The second table of the design, first row: a new record is matched, created or parked."""

from __future__ import annotations

import pytest

from syncadmin.core.decide import decide
from syncadmin.core.plan import (
    ConflictKind,
    LinkAction,
    Matches,
    Op,
    RecordPickKind,
    Unlinked,
)
from syncadmin.core.policy import Create
from syncadmin.core.side import SIDES

from .builders import (
    a_field,
    a_policy,
    a_record_pick,
    decide_new,
    fates,
    matching,
    present,
    seen_from,
    updates,
    written,
)

both_sides = pytest.mark.parametrize("me", SIDES)
ANN = {"email": "ann@x", "phone": "1"}
FIELDS = (a_field("email"), a_field("phone"))


def by_email(**how):
    return a_policy(*FIELDS, match=("email",), **how)


@both_sides
def test_a_new_record_that_matches_nothing_is_created_on_the_other_side(me):
    plan = decide_new(me, present(me, ANN), Matches(), by_email())
    assert plan.action is LinkAction.CREATE
    assert written(plan) == {(me.other, Op.CREATE): ANN}
    assert plan.settled == {"email": ("ann@x", "ann@x"), "phone": ("1", "1")}
    assert fates(plan) == {(me, None, "propagated")}


@both_sides
@pytest.mark.parametrize("create", [Create.NONE, "this side only"])
def test_nothing_is_created_where_the_mapping_does_not_create(me, create):
    create = Create(me.value) if create == "this side only" else create
    assert decide_new(me, present(me, ANN), Matches(), by_email(create=create)).idle


@both_sides
def test_nothing_is_created_on_the_side_that_owns_the_table(me):
    assert decide_new(me, present(me, ANN), Matches(), by_email(owner=me.other)).idle
    assert decide_new(me, present(me, ANN), Matches(), by_email(owner=me)).writes


@both_sides
def test_a_new_record_with_one_match_is_linked(me):
    plan = decide_new(me, present(me, ANN), matching(me, dict(ANN)), by_email())
    assert plan.action is LinkAction.LINK
    assert {plan.left_key, plan.right_key} == {"l1", "r1"}
    assert plan.writes == ()


@both_sides
def test_a_new_record_with_several_matches_waits_for_a_person(me):
    """F06: an ambiguous key never blends two records."""
    plan = decide_new(me, present(me, ANN), matching(me, {**ANN, "phone": "9"}, ANN), by_email())
    assert plan.conflict.kind is ConflictKind.AMBIGUOUS
    assert plan.conflict.side is me
    name = me.other.value[0]
    assert plan.conflict.candidates == (f"{name}2", f"{name}1"), "the likeliest comes first"
    assert plan.writes == ()
    assert fates(plan) == {(me, None, "held")}


@both_sides
def test_a_new_record_whose_only_match_is_linked_already_waits_for_a_person(me):
    plan = decide_new(me, present(me, ANN), matching(me, ANN, linked=True), by_email())
    assert plan.conflict.kind is ConflictKind.AMBIGUOUS
    assert plan.writes == ()


@both_sides
@pytest.mark.parametrize("found", [(), (ANN,)])
def test_twins_on_its_own_side_make_a_new_record_ambiguous(me, found):
    plan = decide_new(me, present(me, ANN), matching(me, *found, twins=("other",)), by_email())
    assert plan.conflict.kind is ConflictKind.AMBIGUOUS
    assert plan.conflict.twins == ("other",)
    assert plan.writes == ()


@both_sides
def test_twins_are_no_question_where_nothing_would_be_created(me):
    plan = decide_new(me, present(me, ANN), matching(me, twins=("other",)), by_email(create=Create.NONE))
    assert plan.idle


@both_sides
@pytest.mark.parametrize("email", [None, ""])
def test_a_record_with_empty_match_values_matches_nothing_and_is_parked(me, email):
    nameless = {"email": email, "phone": "1"}
    plan = decide_new(me, present(me, nameless), matching(me, nameless), by_email())
    assert plan.conflict.kind is ConflictKind.AMBIGUOUS
    assert plan.conflict.candidates == ()
    assert decide_new(me, present(me, nameless), Matches(), by_email(create=Create.NONE)).idle


@both_sides
def test_without_match_keys_every_record_is_one_of_its_own(me):
    plan = decide_new(me, present(me, ANN), Matches(), a_policy(*FIELDS))
    assert plan.action is LinkAction.CREATE


@both_sides
def test_a_new_record_waits_for_the_record_it_refers_to(me):
    """F29: parents first."""
    plan = decide_new(me, present(me, ANN, waiting=frozenset({"company"})), Matches(), by_email())
    assert plan.waits == ("company",)
    assert plan.writes == ()
    assert plan.action is LinkAction.NONE


@both_sides
def test_a_record_outside_the_row_filter_is_left_alone(me):
    assert decide_new(me, present(me, ANN, in_scope=False), Matches(), by_email()).idle


@both_sides
def test_a_match_outside_the_row_filter_is_neither_linked_nor_doubled(me):
    matches = matching(me, ANN)
    outside = Matches((type(matches.candidates[0])(matches.candidates[0].record, False, in_scope=False),))
    assert decide_new(me, present(me, ANN), outside, by_email()).idle


@both_sides
def test_a_person_may_link_an_ambiguous_record(me):
    candidates = matching(me, {**ANN, "phone": ""}, ANN)
    key = candidates.candidates[0].record.key
    pick = a_record_pick(RecordPickKind.LINK, key, **{me: ANN})
    plan = decide_new(me, present(me, ANN), candidates, by_email(), pick)
    assert plan.action is LinkAction.LINK
    assert key in (plan.left_key, plan.right_key)
    assert plan.used_record_pick
    assert updates(plan, me.other) == {"phone": "1"}


@both_sides
def test_a_person_cannot_link_what_has_been_linked_meanwhile(me):
    pick = a_record_pick(RecordPickKind.LINK, f"{me.other.value[0]}1", **{me: ANN})
    plan = decide_new(me, present(me, ANN), matching(me, ANN, linked=True), by_email(), pick)
    assert plan.conflict.moved
    assert not plan.used_record_pick
    assert plan.writes == ()


@both_sides
def test_a_person_may_create_an_ambiguous_record(me):
    pick = a_record_pick(RecordPickKind.CREATE, **{me: ANN})
    plan = decide_new(me, present(me, ANN), matching(me, ANN, ANN), by_email(), pick)
    assert written(plan) == {(me.other, Op.CREATE): ANN}
    assert plan.used_record_pick


@both_sides
def test_a_choice_for_a_record_that_has_changed_meanwhile_is_asked_again(me):
    pick = a_record_pick(RecordPickKind.CREATE, **{me: {**ANN, "phone": "old"}})
    plan = decide_new(me, present(me, ANN), matching(me, ANN, ANN), by_email(), pick)
    assert plan.conflict.moved
    assert plan.writes == ()


@both_sides
def test_a_person_may_have_a_record_ignored_for_good(me):
    pick = a_record_pick(RecordPickKind.IGNORE)
    plan = decide_new(me, present(me, ANN), matching(me, ANN, ANN), by_email(), pick)
    assert plan.used_record_pick
    assert plan.ignored
    both = seen_from(me, present(me, {**ANN, "phone": "2"}), matching(me, ANN, ANN))
    assert decide(Unlinked(ignored=True), *both, by_email()).idle


@both_sides
def test_an_ambiguous_record_may_be_left_until_it_changes(me):
    pick = a_record_pick(RecordPickKind.LEAVE, **{me: ANN})
    plan = decide_new(me, present(me, ANN), matching(me, ANN, ANN), by_email(), pick)
    later = Unlinked(alone_record=plan.alone_record)
    assert decide(later, *seen_from(me, present(me, ANN), matching(me, ANN, ANN)), by_email()).idle
    changed = present(me, {**ANN, "phone": "2"})
    assert decide(later, *seen_from(me, changed, matching(me, ANN, ANN)), by_email()).conflict


@both_sides
def test_a_candidate_that_is_said_to_be_another_record_leaves_the_last_one_to_a_person(me):
    left_over = matching(me, ANN, distinct=("other",))
    plan = decide_new(me, present(me, ANN), left_over, by_email())
    assert plan.conflict.kind is ConflictKind.AMBIGUOUS
    assert not plan.writes


@both_sides
def test_with_no_candidate_left_the_record_is_one_of_its_own(me):
    pick = a_record_pick(RecordPickKind.DISTINCT, "other", **{me: ANN})
    plan = decide_new(me, present(me, ANN), matching(me, distinct=("other",)), by_email(), pick)
    assert plan.action is LinkAction.CREATE
    assert plan.used_record_pick
