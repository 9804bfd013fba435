"""What holds for every decision: it is total, symmetric, settles, needs no order, invents nothing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from syncadmin.core.decide import decide
from syncadmin.core.plan import Disposition, LinkAction, LinkState, Op, Pick, PickKind, Plan, Present
from syncadmin.core.policy import Merge
from syncadmin.core.side import SIDES, at
from syncadmin.core.values import empty, same

from . import mirror
from .builders import SHORT
from .worlds import decisions, linked, worlds

COMBINING = {Merge.COUNTER, Merge.SET, Merge.TEXT, Merge.RULE}


@SHORT
@given(decisions)
def test_every_combination_has_a_plan(decision):
    assert isinstance(decide(*decision), Plan)


@SHORT
@given(decisions)
def test_the_same_decision_is_the_same_plan(decision):
    assert decide(*decision) == decide(*decision)


@SHORT
@given(decisions)
def test_swapping_the_sides_swaps_the_plan(decision):
    """F18."""
    link, left, right, policy = decision
    swapped = decide(mirror.link(link), right, left, mirror.policy(policy))
    assert mirror.ordered(swapped) == mirror.plan(decide(*decision))


@SHORT
@given(worlds)
def test_deciding_again_after_carrying_out_a_plan_changes_nothing_more(world):
    """F07: a re-run adds no conflict and writes nothing."""
    world.policy = replace(world.policy, row_owners=())  # they may hang on what is written
    first = world.decide()
    world.carry_out(first)
    assume(first.action is not LinkAction.CLOSE)
    second = world.decide()
    assert second.writes == ()
    assert second.settled == {}
    assert not second.used_picks
    assert second.action in (LinkAction.KEEP, LinkAction.NONE)
    assert {c.disposition for c in second.changes} <= {Disposition.HELD}
    assert bool(second.conflict) == bool(first.conflict)
    if first.conflict and second.conflict:
        assert {f.field for f in second.conflict.fields} == {f.field for f in first.conflict.fields}
    world.carry_out(second)
    assert world.decide() == second


@SHORT
@given(worlds)
def test_any_world_settles(world):
    for _ in range(4):
        plan = world.decide()
        if plan.action is LinkAction.CLOSE or (not plan.writes and plan.action is not LinkAction.LINK):
            break
        world.carry_out(plan)
    else:
        raise AssertionError("it does not settle")


@SHORT
@given(decisions, st.randoms(use_true_random=False))
def test_the_order_of_the_fields_does_not_matter(decision, random):
    link, left, right, policy = decision
    fields = list(policy.fields)
    random.shuffle(fields)
    again = decide(link, left, right, replace(policy, fields=tuple(fields)))
    assert mirror.ordered(again) == mirror.ordered(decide(*decision))


@SHORT
@given(linked(both=True))
def test_the_fields_of_a_record_are_independent(decision):
    link, left, right, policy = decision
    alone = [replace(f, group="", merge=Merge.REVIEW) for f in policy.fields]
    policy = replace(policy, fields=tuple(alone), whole_record=False, row_owners=())
    whole = decide(link, left, right, policy)
    parts = [decide(link, left, right, replace(policy, fields=(f,))) for f in policy.fields]
    for side in SIDES:
        together = {n: v for w in whole.writes if w.side is side for n, v in w.values.items()}
        apart = {n: v for p in parts for w in p.writes if w.side is side for n, v in w.values.items()}
        assert together == apart
    assert whole.settled == {n: v for p in parts for n, v in p.settled.items()}
    apart = [c for p in parts for c in p.changes]
    assert sorted(whole.changes, key=repr) == sorted(apart, key=repr)


@SHORT
@given(decisions)
def test_no_value_is_invented(decision):
    link, left, right, policy = decision
    for write in decide(*decision).writes:
        for name, value in write.values.items():
            known = [o.record.values.get(name) for o in (left, right) if isinstance(o, Present)]
            for matches in (left, right):
                known += [c.record.values.get(name) for c in getattr(matches, "candidates", ())]
            if isinstance(link, LinkState):
                known += [link.shadows[side].get(name) for side in SIDES]
                pick = link.picks.get(name)
                if isinstance(pick, Pick) and pick.kind is PickKind.VALUE:
                    known.append(pick.value)
            combines = policy.by_name[name].merge in COMBINING
            assert combines or any(same(value, one) for one in known)


@SHORT
@given(linked(both=True))
def test_every_observed_change_has_exactly_one_disposition(decision):
    link, left, right, _ = decision
    plan = decide(*decision)
    accounted = [(c.side, c.field) for c in plan.changes]
    assert len(accounted) == len(set(accounted))
    for side, record in zip(SIDES, (left.record, right.record), strict=True):
        for name, value in record.values.items():
            other = (right if record is left.record else left).record
            if name not in other.values or name in plan.waits or name in plan.alone:
                continue
            if any(name not in link.shadows[s] for s in SIDES):
                continue
            changed = not same(value, link.shadows[side][name])
            assert changed == ((side, name) in accounted)


@SHORT
@given(decisions)
def test_a_value_that_is_written_over_was_agreed_on_or_is_accounted_for(decision):
    """Nothing is lost: who overwrites an unseen edit says by which rule."""
    link, left, right, _ = decision
    plan = decide(*decision)
    fates = {(c.side, c.field): c.disposition for c in plan.changes}
    for write in plan.writes:
        target = left if write.side is SIDES[0] else right
        if not isinstance(target, Present) or not isinstance(link, LinkState):
            continue
        names = write.values if write.op is Op.UPDATE else target.record.values
        for name in names:
            current, shadow = target.record.values[name], link.shadows[write.side]
            never_agreed = name not in link.shadows[write.side] or name not in link.shadows[write.side.other]
            changed = not empty(current) if never_agreed else not same(current, shadow[name])
            if changed and write.op is Op.UPDATE:
                assert fates[write.side, name] in (Disposition.OVERRIDDEN, Disposition.MERGED)


@SHORT
@given(decisions)
def test_a_write_expects_what_was_seen_and_changes_something(decision):
    _, left, right, _ = decision
    for write in decide(*decision).writes:
        target = left if write.side is SIDES[0] else right
        if write.op is Op.CREATE:
            assert not isinstance(target, Present)
            continue
        if isinstance(target, Present):
            assert {n: target.record.values[n] for n in write.expected} == write.expected
            assert set(write.values) <= set(write.expected)
        for name, value in write.values.items():
            assert not same(value, write.expected[name])


@SHORT
@given(linked())
def test_held_means_held(decision):
    plan = decide(*decision)
    held = {f.field for f in plan.conflict.fields} if plan.conflict else set()
    assert not held & set(plan.settled)
    assert not any(held & set(write.values) for write in plan.writes)
    if plan.conflict and not plan.conflict.fields:
        assert plan.writes == ()


@SHORT
@given(linked(both=True))
def test_a_group_is_taken_from_one_side(decision):
    *_, policy = decision
    plan = decide(*decision)
    written = {w.side: set(w.values) for w in plan.writes}
    for unit in policy.units:
        names = {f.name for f in unit.fields}
        if len(names) > 1:
            assert not all(written.get(side, set()) & names for side in SIDES)


@SHORT
@given(linked(both=True))
def test_what_is_settled_is_what_both_sides_will_hold(decision):
    _, left, right, _ = decision
    plan = decide(*decision)
    wanted = {w.side: w.values for w in plan.writes}
    for name, pair in plan.settled.items():
        for side, record in zip(SIDES, (left.record, right.record), strict=True):
            assert same(at(pair, side), wanted.get(side, {}).get(name, record.values[name]))
