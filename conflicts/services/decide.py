"""Writes of the inbox: a person's decision is checked, stored and announced in one transaction.

A decision is bound to what the person saw: it is refused (`Moved`) if the item has been refreshed,
decided or closed since. Nothing here writes to a system, and nothing asks for permissions: the
engine carries decisions out, views and commands check who may decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from conflicts.models import Conflict, ConflictField, ConflictState, Decision
from conflicts.models.listing import update_items
from conflicts.typed import Unreadable
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.models import EntryKind, MappingState, bulk, ledger, marks

from . import distinct, two_people
from .bars import ensure_free
from .choices import Decided, FieldChoice, RecordChoice, checked
from .entered import entered

BATCH = 500


class Moved(Exception):
    """The item is no longer what the person saw. `conflict` is the item as it stands now."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(f"conflict #{conflict.pk} has moved: it is {conflict.state}")
        self.conflict = conflict


def resolve(
    conflict_id: int,
    revision: int,
    field_picks: Mapping[str, FieldChoice],
    record_pick: RecordChoice | None,
    user: Any,
    actor: str = "",
) -> Conflict:
    """Store a decision on revision `revision` of an open item, and return the item, now decided.

    Fields without a pick stay open. In the same transaction the record is marked dirty, the mapping is
    made due and the journal gets the decision, in the name of `actor` or else of `user` (None: nobody signed
    in, as in a command). A decision that takes two people is only proposed: the item stays open, until
    another one approves. Raises `Moved`, `Refused`, `Invalid` or `Conflict.DoesNotExist`.
    """
    with transaction.atomic():
        mapping_id = Conflict.objects.values_list("mapping_id", flat=True).get(pk=conflict_id)
        # the same order of locks as the engine: first the mapping, then the item
        MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
        conflict = locked([conflict_id])[conflict_id]
        if conflict.state != ConflictState.OPEN or conflict.revision != revision:
            raise Moved(conflict)
        now, actor = timezone.now(), actor or user.get_username()
        picks = two_people.as_stored(field_picks, record_pick)
        if two_people.is_proposed_so(conflict, picks, user):
            return conflict
        ensure_free(conflict, user, now)
        decided = checked(conflict, field_picks, record_pick)
        if two_people.needed(conflict, field_picks, record_pick.kind if record_pick else "", user):
            two_people.propose(conflict, picks, user, actor, now)
        else:
            store(mapping_id, [decided], user, actor, now)
    return conflict


def is_decided_so(
    conflict: Conflict, field_picks: Mapping[str, FieldChoice], record_pick: RecordChoice | None, user: Any
) -> bool:
    """Whether this very decision of this very person is stored already: it was sent twice."""
    if conflict.state == ConflictState.OPEN or conflict.decided_by_id != user.pk:
        return False
    rows = {row.field: row for row in conflict.fields.all()}
    policies = {field.name: field for field in conflict.mapping.fields.all()}
    stored = {name: (row.pick["kind"], row.pick["value"]) for name, row in rows.items() if row.pick}
    wanted = {}
    for name, choice in field_picks.items():
        value = None
        if choice.kind is PickKind.VALUE and name in rows:
            try:
                value = entered(conflict.mapping, rows[name], policies.get(name), choice.typed, choice.hunks)
            except Unreadable:
                return False
        wanted[name] = (choice.kind.value, value)
    record = conflict.decision and (conflict.decision["kind"], conflict.decision.get("key", ""))
    return wanted == stored and record == (record_pick and (record_pick.kind.value, record_pick.key))


def locked(conflict_ids: Iterable[int]) -> dict[int, Conflict]:
    """The items by id, with fields, mapping and link, locked until the transaction ends.

    The caller has locked the mapping's state before. Raises `Conflict.DoesNotExist` if one is gone.
    """
    wanted = list(conflict_ids)
    found = (
        Conflict.objects.select_for_update(of=("self",))
        .select_related("mapping", "link")
        .prefetch_related("fields", "mapping__fields")
        .in_bulk(wanted)
    )
    if len(found) < len(wanted):
        raise Conflict.DoesNotExist
    return found


def store(
    mapping_id: int,
    decisions: Sequence[Decided],
    user: Any,
    actor: str,
    now: datetime,
    run: int | None = None,
) -> None:
    """Store decisions on items of one mapping, in the caller's transaction and under its locks.

    A few statements, however many they are. `run` is the number of the bulk run that they are part of.
    """
    picks = [(field, pick) for decided in decisions for field, pick in decided.picks]
    others = [field for d in decisions for field in d.conflict.fields.all() if field.pick is not None]
    for field in others:
        field.pick = None
    for field, pick in picks:
        field.pick = pick
    changed = {field.pk: field for field in (*others, *(field for field, _ in picks))}
    bulk.update(
        ConflictField,
        ("pick",),
        [(pk, None if field.pick is None else json.dumps(field.pick)) for pk, field in changed.items()],
    )
    two_people.answered([decided.conflict for decided in decisions], user, now)
    for decided in decisions:
        conflict = decided.conflict
        conflict.decision = decided.record
        conflict.state = ConflictState.DECIDED
        conflict.revision += 1
        conflict.moved = False
        conflict.decided_by, conflict.decided_at = user, now
        if decided.record is not None and decided.record["kind"] == RecordPickKind.DISTINCT:
            distinct.say(conflict, decided.record["key"], actor, now)
        conflict.claimed_by = conflict.claimed_until = conflict.snoozed_until = None
        conflict.second_look = ""
    update_items(_STORED, [_row(decided.conflict) for decided in decisions])
    announce(mapping_id, [decided.conflict for decided in decisions], now)
    part_of = f", bulk run #{run}" if run is not None else ""
    rows = [row for d in decisions for row in _entries(d.conflict, d.picks, actor, part_of)]
    numbers = iter(ledger.append(mapping_id, rows, now))
    made = [row for d in decisions for row in _remembered(d, numbers)]
    for row in made:
        row.by, row.at, row.run_id = user, now, run
    Decision.objects.bulk_create(made, batch_size=BATCH)


def _remembered(decided: Decided, numbers: Iterator[int]) -> Iterator[Decision]:
    """The decision as rows to be looked up; `numbers` are those of its entries in the journal."""
    conflict = decided.conflict
    common = {"conflict": conflict, "mapping_id": conflict.mapping_id, "link_id": conflict.link_id}
    for field, pick in decided.picks:
        yield Decision(
            **common,
            field=field.field,
            kind=pick["kind"],
            left=field.left,
            right=field.right,
            ancestor=pick["ancestor"],
            left_seq=field.left_seq,
            right_seq=field.right_seq,
            seq=next(numbers),
            pattern=field.pattern,
            changed=field.changed,
            followed=field.field in decided.followed,
            rule_id=pick.get("rule"),
        )
    if decided.record is not None:
        yield Decision(**common, kind=decided.record["kind"], seq=next(numbers))


_STORED = (
    "decision",
    "state",
    "revision",
    "moved",
    "decided_by_id",
    "decided_at",
    "claimed_by_id",
    "claimed_until",
    "snoozed_until",
    "second_look",
)


def _row(conflict: Conflict) -> tuple[Any, ...]:
    decision = None if conflict.decision is None else json.dumps(conflict.decision)
    rest = (getattr(conflict, column) for column in _STORED[2:])
    return (conflict.pk, decision, str(conflict.state), *rest)


def announce(mapping_id: int, conflicts: Iterable[Conflict], now: datetime) -> None:
    """The records of these items are dirty, and their mapping is due."""
    marks.mark(mapping_id, [place for conflict in conflicts for place in records(conflict)], "decision", now)
    MappingState.objects.filter(mapping_id=mapping_id, next_due__gt=now).update(next_due=now)


def records(conflict: Conflict) -> list[tuple[str, str]]:
    """The records (side, key) that an item is about."""
    if conflict.link is not None:
        return [("left", conflict.link.left_key), ("right", conflict.link.right_key)]
    return [(conflict.side, conflict.key)]


def _entries(
    conflict: Conflict, picks: Sequence[tuple[ConflictField, dict[str, Any]]], actor: str, part_of: str
) -> list[ledger.Row]:
    """The decision as journal rows: one a picked field, one for the record-level choice."""
    common = {
        "kind": EntryKind.DECISION,
        "link_id": conflict.link_id,
        "side": conflict.side,
        "key": conflict.key,
        "actor": actor,
    }
    rows = []
    for field, pick in picks:
        seqs = {"left": field.left_seq, "right": field.right_seq}
        chosen = {"left": field.left, "right": field.right, "base": field.base_left}.get(
            pick["kind"], pick["value"]
        )
        rule = f"rule #{pick['rule']}" if "rule" in pick else ""
        by_rule = f", {rule}" if rule else part_of
        rows.append(
            ledger.Row(
                **{**common, "actor": rule or actor},
                field=field.field,
                new=chosen,
                rule=f"{pick['kind']}, conflict #{conflict.pk}{by_rule}",
                of=seqs.get(pick["kind"]) or field.left_seq or field.right_seq,
            )
        )
    if conflict.decision:
        target = f" {conflict.decision['key']}" if conflict.decision["key"] else ""
        rows.append(
            ledger.Row(
                **common, rule=f"{conflict.decision['kind']}{target}, conflict #{conflict.pk}{part_of}"
            )
        )
    return rows
