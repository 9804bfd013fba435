"""The decision: from what is remembered and observed of one record or pair to a plan.

`decide` is pure and total (DESIGN section 3): the same input gives the same plan, every input gives one, and
swapping the sides of all that goes in swaps the sides of what comes out. Three questions are kept apart:
which records belong together (`matching`), whether both are still there (`presence`), and what their fields
hold (`fields`).
"""

from __future__ import annotations

from dataclasses import replace

from . import presence
from .fields import FieldPlan, decide_fields
from .matching import decide_unlinked
from .picks import is_left_alone, still_holds
from .plan import (
    Absent,
    Conflict,
    ConflictKind,
    LinkAction,
    LinkState,
    Matches,
    Observation,
    Op,
    Plan,
    Present,
    Record,
    RecordPick,
    RecordPickKind,
    Unlinked,
    Write,
)
from .policy import Policy
from .rows import owner_of
from .side import SIDES, Side, at


def decide(link: LinkState | Unlinked, left: Observation, right: Observation, policy: Policy) -> Plan:
    """What to do about one pair (`LinkState`) or one record without a partner (`Unlinked`).

    A pair is observed by `Present` and `Absent`. An unlinked record is `Present` on its side and `Matches` on
    the other; two unlinked records that are known to belong together are both `Present`. Anything else tells
    nothing, and the plan is idle. Raises `PolicyError` if the policy contradicts itself, and nothing else.
    """
    observed = {Side.LEFT: left, Side.RIGHT: right}
    if isinstance(link, Unlinked):
        plan = _decide_unlinked(link, observed, policy)
    else:
        plan = _decide_linked(link, observed, policy)
    return _answered(plan, link.record_pick) if link.record_pick is not None else plan


def _answered(plan: Plan, pick: RecordPick) -> Plan:
    """The plan, knowing that a person had chosen: a retry is used up; one that no longer fits is said."""
    if pick.kind is RecordPickKind.RETRY:
        return replace(plan, used_record_pick=True)
    if plan.conflict is not None and not plan.used_record_pick:
        return replace(plan, conflict=replace(plan.conflict, moved=True))
    return plan


def _decide_unlinked(unlinked: Unlinked, observed: presence.Observed, policy: Policy) -> Plan:
    for side in SIDES:
        found, matches = observed[side], observed[side.other]
        if isinstance(found, Present) and isinstance(matches, Matches):
            answer = decide_unlinked(unlinked, side, found, matches, policy)
            if isinstance(answer, Plan):
                return answer
            records = {side: found.record, side.other: answer.record}
            return _link(records[Side.LEFT], records[Side.RIGHT], policy, picked=answer.picked)
    left, right = observed[Side.LEFT], observed[Side.RIGHT]
    if isinstance(left, Present) and isinstance(right, Present) and left.in_scope and right.in_scope:
        return _link(left.record, right.record, policy)
    return Plan(LinkAction.NONE, None, None)


def _link(left: Record, right: Record, policy: Policy, *, picked: bool = False) -> Plan:
    """Two records become a pair: every field is at first contact."""
    link = LinkState(left.key, right.key, {Side.LEFT: {}, Side.RIGHT: {}})
    plan = _decide_pair(link, left, right, policy)
    return replace(plan, action=LinkAction.LINK, used_record_pick=picked)


def _decide_linked(link: LinkState, observed: presence.Observed, policy: Policy) -> Plan:
    left, right = observed[Side.LEFT], observed[Side.RIGHT]
    if is_left_alone(link.alone_record, observed):
        return presence.keep(link)
    pick = link.record_pick
    if pick is not None and not still_holds(pick, observed):
        pick = None
    if isinstance(left, Matches) or isinstance(right, Matches):
        return presence.keep(link)
    if pick is not None and pick.kind is RecordPickKind.LEAVE:
        return presence.leave(link, observed, policy)
    if isinstance(left, Absent):
        if isinstance(right, Absent):
            return presence.close(link, observed, policy)
        return presence.decide_gone(link, Side.LEFT, observed, policy, pick)
    if isinstance(right, Absent):
        return presence.decide_gone(link, Side.RIGHT, observed, policy, pick)
    if not (left.in_scope and right.in_scope):
        return presence.decide_left_scope(link, observed, policy, pick)
    plan = _decide_pair(link, left.record, right.record, policy)
    if link.alone_record is not None and (back := presence.back(link, observed)):
        return replace(plan, changes=(*back, *plan.changes))
    return plan


def _decide_pair(link: LinkState, left: Record, right: Record, policy: Policy) -> Plan:
    records = (left, right)
    fields = decide_fields(link, records, policy, owner_of(policy, left.values, right.values))
    writes = tuple(
        Write(side, Op.UPDATE, record.key, values, at(fields.expected, side), record.version)
        for side, record, values in zip(SIDES, records, fields.writes, strict=True)
        if values
    )
    return Plan(
        LinkAction.KEEP,
        link.left_key,
        link.right_key,
        writes=writes,
        settled=fields.settled,
        changes=tuple(fields.changes),
        conflict=_conflict(fields) if fields.conflicts else None,
        alone=fields.alone,
        reopened=frozenset(fields.reopened),
        restored=fields.restored,
        waits=tuple(fields.waits),
        used_picks=frozenset(fields.used),
    )


def _conflict(fields: FieldPlan) -> Conflict:
    reason = "; ".join(f"{conflict.field}: {conflict.reason}" for conflict in fields.conflicts)
    moved = any(conflict.moved for conflict in fields.conflicts)
    return Conflict(ConflictKind.FIELD, reason, fields=tuple(fields.conflicts), moved=moved)
