"""A pair of which one side, or both, is gone or has left the row filter (DESIGN section 3, second table).

Whether both records exist is agreed apart from what they hold. A delete must never take along, unseen, what
the other side says: an edit that was not agreed on makes the question a person's, unless the policy says
otherwise. Edits on the side that does not own the record are drift, and do not stand in the way of the
owner's delete unless drift is to be reviewed.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from .diff import unagreed
from .merge import Undecided
from .picks import snapshot
from .plan import (
    Absent,
    Change,
    Conflict,
    ConflictKind,
    Disposition,
    LinkAction,
    LinkState,
    Observation,
    Op,
    Plan,
    Present,
    Record,
    RecordPick,
    RecordPickKind,
    Write,
)
from .policy import Deletes, Drift, EditVsDelete, LeftScope, Policy
from .rows import owner_of, shut_out
from .side import SIDES, Side, pair

Observed = dict[Side, Observation]


class Answer(Enum):
    """What to do about a record that is gone on one side."""

    DELETE = auto()  # delete it on the other side too
    RESTORE = auto()  # create it again where it is gone
    IGNORE = auto()  # let the other side's live on
    ASK = auto()


def keep(link: LinkState, **what: Any) -> Plan:
    """A plan that leaves the pairing as it is."""
    what.setdefault("alone_record", link.alone_record)
    return Plan(
        LinkAction.KEEP, link.left_key, link.right_key, alone=link.alone, reopened=link.reopened, **what
    )


def leave(link: LinkState, observed: Observed, policy: Policy) -> Plan:
    """A person has chosen to leave the whole record as it is until a value changes."""
    changes = _account(
        link, observed, policy, Disposition.OVERRIDDEN, Disposition.OVERRIDDEN, "person: leave"
    )
    return keep(link, changes=changes, alone_record=snapshot(observed), used_record_pick=True)


def close(link: LinkState, observed: Observed, policy: Policy) -> Plan:
    """Both sides have deleted the record."""
    fate = Disposition.CONVERGED
    changes = _account(link, observed, policy, fate, fate, "deleted on both sides")
    return Plan(LinkAction.CLOSE, link.left_key, link.right_key, changes=changes)


def back(link: LinkState, observed: Observed) -> tuple[Change, ...]:
    """Records that were left alone as deleted and are there again."""
    return tuple(
        Change(side, None, None, dict(observation.record.values), Disposition.CONVERGED, "it is there again")
        for side, observation in observed.items()
        if isinstance(observation, Present) and _known_gone(link, side)
    )


# ---------------------------------------------------------------- gone on one side


def decide_gone(
    link: LinkState, gone: Side, observed: Observed, policy: Policy, pick: RecordPick | None
) -> Plan:
    """What follows from a proven delete on the side `gone`. `pick` is a choice made for just this state."""
    present = observed[gone.other]
    if not isinstance(present, Present) or not present.in_scope:
        return keep(link)
    if pick is None and shut_out(policy, gone, link.shadows[gone]):
        return keep(link)
    record = present.record
    edits = unagreed(record.values, link.shadows[gone.other], policy.by_name)
    picked = True
    match pick.kind if pick is not None else None:
        case RecordPickKind.DELETE:
            answer, rule = Answer.DELETE, "person: delete"
        case RecordPickKind.RESTORE:
            answer, rule = Answer.RESTORE, "person: restore"
        case _:
            picked = False
            answer, rule = _judge(gone, record, bool(edits), policy)
    match answer:
        case Answer.DELETE:
            return _delete(link, gone.other, record, observed, policy, rule, picked)
        case Answer.RESTORE:
            return _restore(link, gone, record, observed, policy, rule, picked)
        case Answer.IGNORE:
            fate = Disposition.OVERRIDDEN
            return keep(
                link,
                changes=_account(link, observed, policy, fate, fate, rule),
                settled={
                    name: pair(gone, link.shadows[gone].get(name), record.values[name]) for name in edits
                },
                alone_record=snapshot(observed),
            )
        case Answer.ASK:
            kind = ConflictKind.DELETED_CHANGED if edits else ConflictKind.DELETE_REVIEW
            return _ask(link, observed, policy, Conflict(kind, rule, gone))


def _judge(gone: Side, record: Record, edited: bool, policy: Policy) -> tuple[Answer, str]:
    """The policy's answer, and the rule that gave it (for `ASK`: why, in words)."""
    owner = owner_of(policy, record.values, record.values)
    if isinstance(owner, Undecided):
        return Answer.ASK, owner.reason
    if owner is gone.other:
        return _drifted(gone, policy)
    drift = owner is gone and policy.drift is not Drift.REVIEW
    if edited and not drift:
        match policy.edit_vs_delete:
            case EditVsDelete.REVIEW:
                return Answer.ASK, f"the {gone} side deleted it, and the {gone.other} side changed it"
            case EditVsDelete.DELETE_WINS:
                return Answer.DELETE, "delete wins"
            case EditVsDelete.RESTORE:
                return _restorable(gone, policy, "restore")
    match policy.deletes:
        case Deletes.PROPAGATE:
            return Answer.DELETE, f"owner {owner}, deletes propagate" if owner else "deletes propagate"
        case Deletes.IGNORE:
            return Answer.IGNORE, "deletes ignore"
        case Deletes.REVIEW:
            return Answer.ASK, f"the {gone} side deleted it"


def _drifted(gone: Side, policy: Policy) -> tuple[Answer, str]:
    """The side that does not own the record has deleted it: the owner still has it, and rules."""
    match policy.drift:
        case Drift.ENFORCE:
            return _restorable(gone, policy, f"owner {gone.other}, drift enforce")
        case Drift.IGNORE:
            return Answer.IGNORE, f"owner {gone.other}, drift ignore"
        case Drift.REVIEW:
            return Answer.ASK, f"the {gone.other} side owns it, and the {gone} side deleted it"


def _restorable(gone: Side, policy: Policy, rule: str) -> tuple[Answer, str]:
    if policy.create.allows(gone):
        return Answer.RESTORE, rule
    return Answer.ASK, f"the {gone} side deleted it, and no record may be created there"


# ---------------------------------------------------------------- left the row filter


def decide_left_scope(link: LinkState, observed: Observed, policy: Policy, pick: RecordPick | None) -> Plan:
    """What follows if one or both records have left the row filter.

    To stop syncing is to keep the link and do nothing: without the link, the other record would look new and
    come back as a duplicate, and nothing could be merged once the record is in scope again. So it is whatever
    the policy, for records that a changed filter shuts out: only an edit of its own takes one out of scope.
    """
    present = {side: seen for side, seen in observed.items() if isinstance(seen, Present)}
    outside = [side for side, seen in present.items() if not seen.in_scope]
    if len(present) < 2 or len(outside) != 1 or policy.left_scope is LeftScope.STOP:
        return keep(link)
    side = outside[0]
    if pick is None and shut_out(policy, side, link.shadows[side]):
        return keep(link)
    record = present[side.other].record
    if pick is not None and pick.kind is RecordPickKind.DELETE:
        return _delete(link, side.other, record, observed, policy, "person: delete", True)
    reason = _against_delete(link, side, {s: seen.record for s, seen in present.items()}, policy)
    if reason is None:
        return _delete(link, side.other, record, observed, policy, "out of scope delete", False)
    return _ask(link, observed, policy, Conflict(ConflictKind.SCOPE, reason, side))


def _against_delete(link: LinkState, side: Side, records: dict[Side, Record], policy: Policy) -> str | None:
    """Why a record that left `side`'s row filter is not simply deleted on the other side."""
    owner = owner_of(policy, records[Side.LEFT].values, records[Side.RIGHT].values)
    if isinstance(owner, Undecided):
        return owner.reason
    if policy.left_scope is LeftScope.REVIEW:
        return f"it no longer passes the row filter of the {side} side"
    if owner is side.other:
        return f"it no longer passes the row filter of the {side} side, and the {side.other} side owns it"
    drift = owner is side and policy.drift is not Drift.REVIEW
    edited = unagreed(records[side.other].values, link.shadows[side.other], policy.by_name)
    if edited and not drift and policy.edit_vs_delete is not EditVsDelete.DELETE_WINS:
        return f"it no longer passes the row filter of the {side} side, and the {side.other} side changed it"
    return None


# ---------------------------------------------------------------- plans


def _delete(
    link: LinkState, target: Side, record: Record, observed: Observed, policy: Policy, rule: str, picked: bool
) -> Plan:
    return Plan(
        LinkAction.CLOSE,
        link.left_key,
        link.right_key,
        writes=(Write(target, Op.DELETE, record.key, {}, dict(record.values), record.version),),
        changes=_account(link, observed, policy, Disposition.PROPAGATED, Disposition.OVERRIDDEN, rule),
        used_record_pick=picked,
    )


def _restore(
    link: LinkState, target: Side, record: Record, observed: Observed, policy: Policy, rule: str, picked: bool
) -> Plan:
    if record.waiting:
        return keep(link, waits=tuple(sorted(record.waiting)))
    values = dict(record.values)
    left, right = pair(target, None, record.key)
    return Plan(
        LinkAction.CREATE,
        left,
        right,
        writes=(Write(target, Op.CREATE, None, values),),
        settled={name: (value, value) for name, value in values.items()},
        changes=_account(link, observed, policy, Disposition.OVERRIDDEN, Disposition.PROPAGATED, rule),
        used_record_pick=picked,
    )


def _ask(link: LinkState, observed: Observed, policy: Policy, conflict: Conflict) -> Plan:
    changes = _account(link, observed, policy, Disposition.HELD, Disposition.HELD, conflict.reason)
    return keep(link, changes=changes, conflict=conflict)


def _account(
    link: LinkState, observed: Observed, policy: Policy, gone: Disposition, edited: Disposition, rule: str
) -> tuple[Change, ...]:
    """One disposition for each delete (`gone`) and each value that was not agreed on (`edited`)."""
    changes: list[Change] = []
    for side in SIDES:
        observation, shadow = observed[side], link.shadows[side]
        if isinstance(observation, Absent) and not _known_gone(link, side):
            changes.append(Change(side, None, dict(shadow), None, gone, rule))
        elif isinstance(observation, Present):
            values = observation.record.values
            for name in unagreed(values, shadow, policy.by_name):
                changes.append(Change(side, name, shadow.get(name), values[name], edited, rule))
    return tuple(changes)


def _known_gone(link: LinkState, side: Side) -> bool:
    """Whether this side's delete has been accounted for before, and left alone."""
    return link.alone_record is not None and side in link.alone_record and link.alone_record[side] is None
