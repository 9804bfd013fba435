"""A record without a partner: does it get one, a new one, or a person's attention?

A match is believed only if it is the only one in both directions. Whatever is ambiguous is parked for a
person and nothing is written: an ambiguous key would blend two records into one. So is a record whose match
values are all empty, if it could be created on the other side: nothing tells whether it is there already.
In a mapping that has no match keys, every record is one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .merge import Undecided
from .picks import is_left_alone, snapshot, still_holds
from .plan import (
    Candidate,
    Change,
    Conflict,
    ConflictKind,
    Disposition,
    LinkAction,
    Matches,
    Observation,
    Op,
    Plan,
    Present,
    Record,
    RecordPickKind,
    Unlinked,
    Write,
)
from .policy import Policy
from .rows import owner_of
from .side import Side, pair
from .values import empty, same

IN_DOUBT = "the answer to a create was lost, and it may have made one of these records from the other"
CLAIMED = "the answer to a create was lost, and the record with its match values may have been made by it"
VANISHED = "the answer to a create was lost, and what may have been the partner has been deleted since"


@dataclass(frozen=True, slots=True)
class Partner:
    """The record of the other side that this one is to be linked with."""

    record: Record
    picked: bool = False


def decide_unlinked(
    unlinked: Unlinked, side: Side, found: Present, matches: Matches, policy: Policy
) -> Plan | Partner:
    """The partner of `side`'s unlinked record, or the plan if it has none."""
    record = found.record
    observed: dict[Side, Observation] = {side: found, side.other: matches}
    if not found.in_scope or unlinked.ignored or is_left_alone(unlinked.alone_record, observed):
        return _nothing(side, record)
    pick = unlinked.record_pick
    if pick is not None and (pick.kind is RecordPickKind.IGNORE or still_holds(pick, observed)):
        match pick.kind:
            case RecordPickKind.LINK:
                for candidate in matches.candidates:
                    if candidate.record.key == pick.key and not candidate.linked and candidate.in_scope:
                        return Partner(candidate.record, picked=True)
            case RecordPickKind.CREATE:
                return _create(side, record, "person: create", picked=True)
            case RecordPickKind.IGNORE:
                return _nothing(side, record, picked=True, ignored=True)
            case RecordPickKind.LEAVE:
                left, right = pair(side, record.key, None)
                alone = snapshot(observed)
                return Plan(LinkAction.NONE, left, right, used_record_pick=True, alone_record=alone)
            case RecordPickKind.DISTINCT:
                rest = _match(side, record, matches, policy)
                return rest if isinstance(rest, Partner) else replace(rest, used_record_pick=True)
    return _match(side, record, matches, policy)


def _match(side: Side, record: Record, matches: Matches, policy: Policy) -> Plan | Partner:
    owner = owner_of(policy, record.values, record.values)
    creates = policy.create.allows(side.other) and owner is not side.other
    candidates = _ranked(record, matches.candidates)
    if not all(candidate.sure for candidate in candidates):
        return _ask(side, record, IN_DOUBT, candidates, matches.twins)
    if any(candidate.claimed for candidate in candidates):
        return _ask(side, record, CLAIMED, candidates, matches.twins)
    if policy.match and all(empty(record.values.get(name)) for name in policy.match):
        if not creates:
            return _nothing(side, record)
        return _ask(side, record, f"it has no value to be matched by ({', '.join(policy.match)})")
    if len(candidates) > 1:
        return _ask(
            side, record, f"{len(candidates)} records have its match values", candidates, matches.twins
        )
    if candidates:
        candidate = candidates[0]
        if candidate.linked:
            return _ask(side, record, "the record with its match values is linked", candidates, matches.twins)
        if matches.twins:
            return _ask(side, record, "other records have the same match values", candidates, matches.twins)
        if matches.distinct:
            reason = "one record is left that has its match values; another is not the same"
            return _ask(side, record, reason, candidates)
        return Partner(candidate.record) if candidate.in_scope else _nothing(side, record)
    if not creates:
        return _nothing(side, record)
    if matches.twins:
        return _ask(side, record, "other records have the same match values", twins=matches.twins)
    if matches.vanished:
        return _ask(side, record, VANISHED)
    if isinstance(owner, Undecided):
        return _ask(side, record, owner.reason)
    return _create(side, record, "new record")


def _ranked(record: Record, candidates: tuple[Candidate, ...]) -> list[Candidate]:
    """The likeliest partner first: unlinked, then with the most equal fields."""

    def equal_fields(candidate: Candidate) -> int:
        theirs = candidate.record.values
        return sum(name in theirs and same(value, theirs[name]) for name, value in record.values.items())

    return sorted(candidates, key=lambda c: (c.linked, -equal_fields(c), c.record.key))


def _nothing(side: Side, record: Record, *, picked: bool = False, ignored: bool = False) -> Plan:
    left, right = pair(side, record.key, None)
    return Plan(LinkAction.NONE, left, right, used_record_pick=picked, ignored=ignored)


def _ask(
    side: Side,
    record: Record,
    reason: str,
    candidates: list[Candidate] | None = None,
    twins: tuple[str, ...] = (),
) -> Plan:
    left, right = pair(side, record.key, None)
    keys = tuple(candidate.record.key for candidate in candidates or ())
    conflict = Conflict(ConflictKind.AMBIGUOUS, reason, side, candidates=keys, twins=tuple(sorted(twins)))
    change = Change(side, None, None, dict(record.values), Disposition.HELD, reason)
    return Plan(LinkAction.NONE, left, right, changes=(change,), conflict=conflict)


def _create(side: Side, record: Record, rule: str, *, picked: bool = False) -> Plan:
    """A new record gets all values, also of fields that the other side owns: from then on that side rules."""
    left, right = pair(side, record.key, None)
    if record.waiting:
        return Plan(LinkAction.NONE, left, right, waits=tuple(sorted(record.waiting)))
    values = dict(record.values)
    return Plan(
        LinkAction.CREATE,
        left,
        right,
        writes=(Write(side.other, Op.CREATE, None, values),),
        settled={name: (value, value) for name, value in values.items()},
        changes=(Change(side, None, None, values, Disposition.PROPAGATED, rule),),
        used_record_pick=picked,
    )
