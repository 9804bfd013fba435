"""Writes of the inbox: a person's decision is checked, stored and announced in one transaction.

A decision is bound to what the person saw: it is refused (`Moved`) if the item has been refreshed,
decided or closed since. Nothing here writes to a system, and nothing asks for permissions: the
engine carries decisions out, views and commands check who may decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from conflicts.models import Conflict, ConflictField, ConflictState, Decision
from conflicts.models.listing import update_items
from conflicts.selectors import linked_candidates
from conflicts.typed import Unreadable
from syncadmin.core.plan import ConflictKind, PickKind, RecordPickKind
from syncadmin.core.values import Value, decode
from syncadmin.models import EntryKind, FieldMapping, MappingState, bulk, ledger, marks

from . import distinct, two_people
from .bars import ensure_free
from .entered import entered

RECORD_PICKS: dict[ConflictKind, tuple[RecordPickKind, ...]] = {
    ConflictKind.FIELD: (),
    ConflictKind.AMBIGUOUS: (
        RecordPickKind.LINK,
        RecordPickKind.DISTINCT,
        RecordPickKind.CREATE,
        RecordPickKind.IGNORE,
        RecordPickKind.LEAVE,
    ),
    ConflictKind.DELETED_CHANGED: (RecordPickKind.DELETE, RecordPickKind.RESTORE, RecordPickKind.LEAVE),
    ConflictKind.DELETE_REVIEW: (RecordPickKind.DELETE, RecordPickKind.RESTORE, RecordPickKind.LEAVE),
    ConflictKind.SCOPE: (RecordPickKind.DELETE, RecordPickKind.LEAVE),
    ConflictKind.REJECTED: (RecordPickKind.RETRY, RecordPickKind.LEAVE),
}
NAMED = (RecordPickKind.LINK, RecordPickKind.DISTINCT)  # choices that name a candidate
BATCH = 500
FIELD_KINDS = (ConflictKind.FIELD, ConflictKind.REJECTED)


class Moved(Exception):
    """The item is no longer what the person saw. `conflict` is the item as it stands now."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(f"conflict #{conflict.pk} has moved: it is {conflict.state}")
        self.conflict = conflict


class Invalid(Exception):
    """The decision cannot be stored. `errors` says why, by field ('' for the record as a whole)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" if field else text for field, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """What a person chose for one field.

    For `PickKind.VALUE` it is what counts: the text as `typed`, or the picks that merge it by `hunks`.
    `followed`: it takes a suggestion as it is. `rule` is the number of the learned rule that chose, if any.
    """

    kind: PickKind
    typed: str = ""
    hunks: tuple[str, ...] = ()
    followed: bool = False
    rule: int | None = None


@dataclass(frozen=True, slots=True)
class RecordChoice:
    """What a person chose for the whole record. `key` counts only for LINK and DISTINCT."""

    kind: RecordPickKind
    key: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that has passed its checks: picks by field row, and the record-level choice.

    `followed` are the fields for which a suggestion was taken as it was.
    """

    conflict: Conflict
    picks: Sequence[tuple[ConflictField, dict[str, Any]]] = ()
    record: dict[str, Any] | None = None
    followed: frozenset[str] = frozenset()


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


def checked(
    conflict: Conflict, field_picks: Mapping[str, FieldChoice], record_pick: RecordChoice | None
) -> Decided:
    """The choices, bound to what this revision of the item shows. Raises `Invalid`."""
    picks = _checked_fields(conflict, field_picks)
    record = _checked_record(conflict, record_pick)
    if not picks and record is None:
        raise Invalid({"": _("Nothing is picked yet.")})
    followed = frozenset(name for name, choice in field_picks.items() if choice.followed)
    return Decided(conflict, picks, record, followed)


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


def _checked_fields(
    conflict: Conflict, choices: Mapping[str, FieldChoice]
) -> list[tuple[ConflictField, dict[str, Any]]]:
    """Choices as picks bound to the values of this revision; raises `Invalid` naming every bad one."""
    fields = {field.field: field for field in conflict.fields.all()}
    policies = {field.name: field for field in conflict.mapping.fields.all()}
    errors: dict[str, str] = {}
    picks = []
    for name, choice in choices.items():
        field = fields.get(name)
        if ConflictKind(conflict.kind) not in FIELD_KINDS or field is None:
            words = _("There is nothing to decide on field “%(field)s”; open: %(open)s.")
            errors[name] = words % {"field": name, "open": ", ".join(fields) or _("none")}
            continue
        if choice.kind is PickKind.BASE and not field.has_base:
            errors[name] = _("There is no value last agreed: both sides had their own from the start.")
            continue
        value = None
        if choice.kind is PickKind.VALUE:
            try:
                value = entered(conflict.mapping, field, policies.get(name), choice.typed, choice.hunks)
            except Unreadable as error:
                errors[name] = str(error)
                continue
        pick = {
            "kind": choice.kind.value,
            "value": value,
            "seen_left": field.left,
            "seen_right": field.right,
            "ancestor": _ancestor(conflict, name),
        }
        picks.append((field, pick if choice.rule is None else {**pick, "rule": choice.rule}))
    errors.update(_split_groups(choices, fields, policies))
    if errors:
        raise Invalid(errors)
    return picks


def _ancestor(conflict: Conflict, name: str) -> list[Value] | None:
    """What both sides last agreed on for a field, None if they never did: what an undo goes back to."""
    if conflict.link is None:
        return None
    left = decode(bytes(conflict.link.left_shadow))
    right = left if conflict.link.right_shadow is None else decode(bytes(conflict.link.right_shadow))
    return [left[name], right[name]] if name in left and name in right else None


def _split_groups(
    choices: Mapping[str, FieldChoice], fields: Iterable[str], policies: Mapping[str, FieldMapping]
) -> dict[str, str]:
    """Errors of groups (street, zip, city) of which only a part is picked, or parts of different sides."""
    groups: dict[str, list[str]] = {}
    for name in fields:
        if name in policies and policies[name].group:
            groups.setdefault(policies[name].group, []).append(name)
    errors = {}
    for names in groups.values():
        picked = [name for name in names if name in choices]
        kinds = {choices[name].kind for name in picked} - {PickKind.VALUE}
        together = ", ".join(names)
        if picked and len(picked) < len(names):
            words = _("Decided together: %(fields)s.") % {"fields": together}
            errors.update({name: words for name in names if name not in choices})
        elif len(kinds) > 1:
            words = _("Decided together, from one side: %(fields)s.") % {"fields": together}
            errors.update(dict.fromkeys(names, words))
    return errors


def _checked_record(conflict: Conflict, choice: RecordChoice | None) -> dict[str, Any] | None:
    """The record-level choice as it is stored, bound to the values seen."""
    if choice is None:
        return None
    allowed = RECORD_PICKS[ConflictKind(conflict.kind)]
    if choice.kind not in allowed:
        words = _("“%(choice)s” is no choice for this kind of conflict; choices: %(choices)s.")
        names = ", ".join(allowed) or _("none: pick per field")
        raise Invalid({"": words % {"choice": choice.kind, "choices": names}})
    if choice.kind in NAMED:
        if choice.key not in conflict.candidates:
            words = _("“%(key)s” is not among the candidates: %(candidates)s.")
            candidates = ", ".join(conflict.candidates) or _("there are none")
            raise Invalid({"": words % {"key": choice.key, "candidates": candidates}})
        if choice.kind is RecordPickKind.LINK and choice.key in linked_candidates(conflict):
            words = _("“%(key)s” is linked to another record already.")
            raise Invalid({"": words % {"key": choice.key}})
    sides = [conflict.side] if conflict.kind == ConflictKind.AMBIGUOUS else ["left", "right"]
    seen = {side: conflict.snapshot[side] for side in sides if side in conflict.snapshot}
    return {"kind": choice.kind.value, "key": choice.key, "seen": seen}


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
