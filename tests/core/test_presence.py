"""The second table of the design: records that are deleted or leave the row filter."""

from __future__ import annotations

import pytest

from syncadmin.core.decide import decide
from syncadmin.core.plan import (
    ConflictKind,
    LinkAction,
    Op,
    RecordPickKind,
)
from syncadmin.core.policy import Create, Deletes, Drift, EditVsDelete, LeftScope
from syncadmin.core.side import SIDES, Side

from .builders import (
    KEYS,
    a_field,
    a_link,
    a_policy,
    a_record_pick,
    fates,
    gone,
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


# ---------------------------------------------------------------- deleted


def decide_deleted(me, theirs, policy, link=None):
    both = seen_from(me, gone(me), present(me.other, theirs))
    return decide(link or a_link(ANN), *both, policy)


@both_sides
def test_a_delete_is_propagated_where_the_mapping_says_so(me):
    """F02."""
    plan = decide_deleted(me, ANN, by_email(deletes=Deletes.PROPAGATE))
    (write,) = plan.writes
    assert (write.side, write.op, write.key, write.values) == (me.other, Op.DELETE, KEYS[me.other], {})
    assert write.expected == ANN, "all values must still be what was seen"
    assert plan.action is LinkAction.CLOSE
    assert fates(plan) == {(me, None, "propagated")}


@both_sides
def test_an_ignored_delete_is_accounted_for_once_and_the_record_does_not_come_back(me):
    policy = by_email(deletes=Deletes.IGNORE)
    plan = decide_deleted(me, ANN, policy)
    assert plan.writes == ()
    assert plan.action is LinkAction.KEEP, "without the link the other record would look new"
    assert fates(plan) == {(me, None, "overridden")}
    assert decide_deleted(me, ANN, policy, a_link(ANN, alone_record=plan.alone_record)).idle


@both_sides
def test_an_edit_after_an_ignored_delete_goes_by_the_policy_for_edits(me):
    policy = by_email(deletes=Deletes.IGNORE)
    link = a_link(ANN, alone_record=decide_deleted(me, ANN, policy).alone_record)
    plan = decide_deleted(me, {**ANN, "phone": "2"}, policy, link)
    assert plan.conflict.kind is ConflictKind.DELETED_CHANGED
    assert fates(plan) == {(me.other, "phone", "held")}


@both_sides
def test_a_reviewed_delete_waits_in_the_inbox(me):
    plan = decide_deleted(me, ANN, by_email(deletes=Deletes.REVIEW))
    assert plan.conflict.kind is ConflictKind.DELETE_REVIEW
    assert plan.conflict.side is me
    assert plan.writes == ()
    assert fates(plan) == {(me, None, "held")}


EDITED = {**ANN, "phone": "2"}


@both_sides
@pytest.mark.parametrize("deletes", list(Deletes))
def test_a_delete_against_an_edit_waits_in_the_inbox(me, deletes):
    plan = decide_deleted(me, EDITED, by_email(deletes=deletes))
    assert plan.conflict.kind is ConflictKind.DELETED_CHANGED
    assert plan.conflict.side is me
    assert plan.writes == ()
    assert fates(plan) == {(me, None, "held"), (me.other, "phone", "held")}


@both_sides
def test_a_delete_wins_over_an_edit_where_the_mapping_says_so(me):
    plan = decide_deleted(me, EDITED, by_email(edit_vs_delete=EditVsDelete.DELETE_WINS))
    assert written(plan) == {(me.other, Op.DELETE): {}}
    assert plan.writes[0].expected == EDITED
    assert fates(plan) == {(me, None, "propagated"), (me.other, "phone", "overridden")}


@both_sides
def test_an_edit_restores_a_deleted_record_where_the_mapping_says_so(me):
    plan = decide_deleted(me, EDITED, by_email(edit_vs_delete=EditVsDelete.RESTORE))
    assert plan.action is LinkAction.CREATE
    assert written(plan) == {(me, Op.CREATE): EDITED}
    assert plan.settled == {"email": ("ann@x", "ann@x"), "phone": ("2", "2")}
    assert fates(plan) == {(me, None, "overridden"), (me.other, "phone", "propagated")}


@both_sides
def test_nothing_is_restored_where_nothing_may_be_created(me):
    policy = by_email(edit_vs_delete=EditVsDelete.RESTORE, create=Create(me.other.value))
    assert decide_deleted(me, EDITED, policy).conflict.kind is ConflictKind.DELETED_CHANGED


@both_sides
def test_a_value_that_was_never_agreed_on_is_not_deleted_unseen(me):
    link = a_link({"email": "ann@x"})
    plan = decide_deleted(me, ANN, by_email(deletes=Deletes.PROPAGATE), link)
    assert plan.conflict.kind is ConflictKind.DELETED_CHANGED
    plan = decide_deleted(me, {**ANN, "phone": None}, by_email(deletes=Deletes.PROPAGATE), link)
    assert plan.writes


@both_sides
def test_a_record_deleted_on_both_sides_closes_the_link(me):
    plan = decide(a_link(ANN), *seen_from(me, gone(me), gone(me.other)), by_email())
    assert plan.action is LinkAction.CLOSE
    assert plan.writes == ()
    assert fates(plan) == {(me, None, "converged"), (me.other, None, "converged")}


@both_sides
@pytest.mark.parametrize("theirs", [ANN, EDITED])
def test_the_owners_delete_goes_by_the_delete_policy_whatever_drifted(me, theirs):
    plan = decide_deleted(me, theirs, by_email(owner=me, deletes=Deletes.PROPAGATE))
    assert written(plan) == {(me.other, Op.DELETE): {}}
    if theirs is EDITED:
        assert (me.other, "phone", "overridden") in fates(plan)
    plan = decide_deleted(me, theirs, by_email(owner=me, deletes=Deletes.REVIEW))
    assert plan.conflict


@both_sides
def test_the_owners_delete_waits_where_drift_is_reviewed_and_there_is_some(me):
    policy = by_email(owner=me, deletes=Deletes.PROPAGATE, drift=Drift.REVIEW)
    assert decide_deleted(me, EDITED, policy).conflict.kind is ConflictKind.DELETED_CHANGED
    assert decide_deleted(me, ANN, policy).writes


@both_sides
def test_a_delete_on_the_side_that_does_not_own_the_record_is_drift(me):
    enforce = decide_deleted(me, EDITED, by_email(owner=me.other))
    assert written(enforce) == {(me, Op.CREATE): EDITED}
    review = decide_deleted(me, ANN, by_email(owner=me.other, drift=Drift.REVIEW))
    assert review.conflict.kind is ConflictKind.DELETE_REVIEW
    policy = by_email(owner=me.other, drift=Drift.IGNORE)
    ignore = decide_deleted(me, EDITED, policy)
    assert ignore.writes == ()
    assert ignore.conflict is None
    left, right = ({**ANN, **{name: pair[i] for name, pair in ignore.settled.items()}} for i in range(2))
    assert decide_deleted(me, EDITED, policy, a_link(left, right, alone_record=ignore.alone_record)).idle


@both_sides
def test_a_person_may_delete_or_restore_what_the_other_side_deleted(me):
    for kind, op, side in (
        (RecordPickKind.DELETE, Op.DELETE, me.other),
        (RecordPickKind.RESTORE, Op.CREATE, me),
    ):
        link = a_link(ANN, record_pick=a_record_pick(kind, **{me.other: EDITED}))
        plan = decide_deleted(me, EDITED, by_email(), link)
        assert (side, op) in written(plan)
        assert plan.used_record_pick
        moved = decide_deleted(me, {**EDITED, "phone": "3"}, by_email(), link)
        assert moved.conflict.moved
        assert moved.writes == ()


@both_sides
def test_a_record_left_as_it_is_stays_so_until_a_value_changes(me):
    """F08."""
    link = a_link(ANN, record_pick=a_record_pick(RecordPickKind.LEAVE, **{me.other: EDITED}))
    plan = decide_deleted(me, EDITED, by_email(), link)
    assert plan.used_record_pick
    assert plan.writes == ()
    later = a_link(ANN, alone_record=plan.alone_record)
    assert decide_deleted(me, EDITED, by_email(), later).idle
    assert decide_deleted(me, {**EDITED, "phone": "3"}, by_email(), later).conflict


@both_sides
def test_a_record_that_is_there_again_is_news(me):
    link = a_link(ANN, alone_record={me: None, me.other: ANN})
    plan = decide(link, present(Side.LEFT, ANN), present(Side.RIGHT, ANN), by_email())
    assert fates(plan) == {(me, None, "converged")}
    assert plan.alone_record is None


@both_sides
def test_a_restored_record_waits_for_the_record_it_refers_to(me):
    theirs = present(me.other, EDITED, waiting=frozenset({"company"}))
    plan = decide(
        a_link(ANN), *seen_from(me, gone(me), theirs), by_email(edit_vs_delete=EditVsDelete.RESTORE)
    )
    assert plan.waits == ("company",)
    assert plan.writes == ()


def test_a_retry_is_an_ordinary_decision():
    link = a_link(ANN, record_pick=a_record_pick(RecordPickKind.RETRY))
    plan = decide(link, present(Side.LEFT, EDITED), present(Side.RIGHT, ANN), by_email())
    assert updates(plan, Side.RIGHT) == {"phone": "2"}
    assert plan.used_record_pick


# ---------------------------------------------------------------- left scope


def decide_left(me, policy, mine=ANN, theirs=ANN, link=None):
    both = seen_from(me, present(me, mine, in_scope=False), present(me.other, theirs))
    return decide(link or a_link(ANN), *both, policy)


@both_sides
def test_a_record_that_left_the_row_filter_is_no_longer_synced_but_stays_paired(me):
    plan = decide_left(me, by_email(left_scope=LeftScope.STOP), mine=EDITED)
    assert plan.idle
    assert plan.action is LinkAction.KEEP


@both_sides
def test_a_record_that_left_the_row_filter_is_deleted_on_the_other_side_if_so_configured(me):
    plan = decide_left(me, by_email(left_scope=LeftScope.DELETE), mine=EDITED)
    assert written(plan) == {(me.other, Op.DELETE): {}}
    assert plan.action is LinkAction.CLOSE


@both_sides
def test_a_record_that_left_the_row_filter_is_not_deleted_with_the_other_sides_edit(me):
    plan = decide_left(me, by_email(left_scope=LeftScope.DELETE), theirs=EDITED)
    assert plan.conflict.kind is ConflictKind.SCOPE
    wins = by_email(left_scope=LeftScope.DELETE, edit_vs_delete=EditVsDelete.DELETE_WINS)
    assert decide_left(me, wins, theirs=EDITED).writes


@both_sides
def test_leaving_the_row_filter_never_deletes_on_the_side_that_owns_the_record(me):
    plan = decide_left(me, by_email(left_scope=LeftScope.DELETE, owner=me.other))
    assert plan.conflict.kind is ConflictKind.SCOPE


@both_sides
def test_leaving_the_row_filter_may_be_reviewed(me):
    policy = by_email(left_scope=LeftScope.REVIEW)
    plan = decide_left(me, policy)
    assert plan.conflict.kind is ConflictKind.SCOPE
    assert plan.conflict.side is me
    seen = {me: ANN, me.other: ANN}
    picked = decide_left(
        me, policy, link=a_link(ANN, record_pick=a_record_pick(RecordPickKind.DELETE, **seen))
    )
    assert written(picked) == {(me.other, Op.DELETE): {}}


@both_sides
def test_nothing_happens_to_a_record_that_left_both_row_filters(me):
    both = [present(side, ANN, in_scope=False) for side in SIDES]
    assert decide(a_link(ANN), *both, by_email(left_scope=LeftScope.DELETE)).idle


@both_sides
def test_a_delete_opposite_a_record_outside_the_row_filter_waits_until_it_is_back(me):
    outside = present(me.other, ANN, in_scope=False)
    policy = by_email(deletes=Deletes.PROPAGATE)
    assert decide(a_link(ANN), *seen_from(me, gone(me), outside), policy).idle
