"""Undo: a decision is taken back, as a new decision that is bound to what the person saw.

One that was not carried out yet is simply withdrawn, and its item is open again. One that was is reverted by
the engine's own guarded write: both sides get back what they held, and the item is open again then. What has
moved since is left alone, unless the person says so for exactly the values that are there now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from conflicts.models import UNDO, Conflict, ConflictField, ConflictState, Decision
from conflicts.models.listing import update_items
from conflicts.undoable import Fate, Look, Pair, look
from syncadmin.core.plan import ConflictKind, RecordPickKind
from syncadmin.core.values import same
from syncadmin.models import EntryKind, MappingState, ledger

from . import distinct, two_people
from .decide import BATCH, announce


@dataclass(slots=True)
class Undone:
    """What an undo came to: what is open again at once, what the engine writes back, and what was left."""

    withdrawn: list[Look] = field(default_factory=list)
    asked: list[Look] = field(default_factory=list)
    left: list[Look] = field(default_factory=list)

    @property
    def done(self) -> list[Look]:
        """All that is taken back, or about to be."""
        return [*self.withdrawn, *self.asked]


def undo(
    decision_ids: Sequence[int],
    user: Any,
    actor: str = "",
    *,
    over: Mapping[int, Pair] | None = None,
    only: Mapping[int, Pair] | None = None,
    run: int | None = None,
    approved: bool = False,
) -> Undone:
    """Take back decisions of one mapping, in one transaction.

    `over` are values, by decision, that a person has seen and gives up: they are undone although they have
    moved, if that is what is there now. With `only`, nothing is undone that holds anything else. Fields that
    are decided together are undone together. What took two people is left, unless a second one has `approved`
    (`second_look.propose_undo`). Raises `Decision.DoesNotExist` if there is none of them.
    """
    mapping_id = Decision.objects.filter(pk__in=decision_ids).values_list("mapping_id", flat=True).first()
    if mapping_id is None:
        raise Decision.DoesNotExist
    with transaction.atomic():
        # the same order of locks as the engine: first the mapping, then the items
        MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
        decisions = Decision.objects.filter(pk__in=decision_ids, mapping_id=mapping_id)
        list(
            Conflict.objects.select_for_update()
            .filter(pk__in=decisions.values("conflict_id"))
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        looks = [may(each, over or {}, only) for each in look(decisions)]
        looks = together(looks if approved else map(alone, looks))
        result = Undone(left=[each for each in looks if not each.undoable])
        result.withdrawn = [each for each in looks if each.fate is Fate.WAITING]
        result.asked = [each for each in looks if each.undoable and each.fate is not Fate.WAITING]
        now = timezone.now()
        actor = actor or user.get_username()
        _withdraw(mapping_id, result.withdrawn, now)
        _ask(mapping_id, result.asked, user, now)
        part_of = f", bulk run #{run}" if run is not None else ""
        ledger.append(mapping_id, [_entry(each.decision, actor, part_of) for each in result.done], now)
    return result


def may(each: Look, over: Mapping[int, Pair], only: Mapping[int, Pair] | None) -> Look:
    """The look, knowing which values the person has seen."""
    number = each.decision.pk
    if only is not None and each.fate is Fate.READY and not _holds(each, only.get(number)):
        return replace(each, fate=Fate.MOVED)
    if each.fate is Fate.MOVED and number in over and _holds(each, over[number]):
        return replace(each, fate=Fate.OVERRIDE)
    return each


def alone(each: Look) -> Look:
    """The look, for one person alone."""
    return replace(each, fate=Fate.TWO_PEOPLE) if each.undoable and each.two_people else each


def _holds(each: Look, seen: Pair | None) -> bool:
    return seen is not None and each.now is not None and all(map(same, each.now, seen))


def together(looks: Iterable[Look]) -> list[Look]:
    """Fields of one group that were decided at once are undone at once, or not at all."""
    looks = list(looks)
    stuck = {each.unit for each in looks if not each.undoable and each.group}
    return [
        replace(each, fate=Fate.TOGETHER) if each.undoable and each.group and each.unit in stuck else each
        for each in looks
    ]


def _withdraw(mapping_id: int, looks: Sequence[Look], now: datetime) -> None:
    """These were not carried out yet: their items are open again."""
    ids = {each.decision.conflict_id for each in looks}
    if not ids:
        return
    two_people.void(ids)
    ConflictField.objects.filter(conflict__in=ids).update(pick=None)
    items = list(Conflict.objects.filter(pk__in=ids))
    for conflict in items:
        conflict.state, conflict.revision, conflict.changed_at = (
            ConflictState.OPEN,
            conflict.revision + 1,
            now,
        )
        if conflict.decision and conflict.decision["kind"] == RecordPickKind.DISTINCT:
            distinct.unsay(conflict, conflict.decision["key"])
        conflict.decision, conflict.moved, conflict.decided_by, conflict.decided_at = None, False, None, None
    _save(items)
    Decision.objects.filter(pk__in=[each.decision.pk for each in looks]).update(undone_at=now)


_TAKEN_UP = (
    "state",
    "revision",
    "changed_at",
    "decision",
    "moved",
    "decided_by_id",
    "decided_at",
    "kind",
    "reason",
    "said",
    "seqs",
    "snapshot",
    "closed_at",
    "closed_how",
)


_AS_JSON = ("decision", "seqs", "snapshot")


def _save(items: Sequence[Conflict]) -> None:
    """Store what is taken up of these items, in one statement."""
    update_items(_TAKEN_UP, [(item.pk, *(_column(item, name) for name in _TAKEN_UP)) for item in items])


def _column(item: Conflict, name: str) -> Any:
    value = getattr(item, name)
    if name in _AS_JSON:
        return None if value is None else json.dumps(value)
    return str(value) if name in ("state", "kind") else value


def _ask(mapping_id: int, looks: Sequence[Look], user: Any, now: datetime) -> None:
    """Have the engine revert these: each pair's item is taken up again, decided, with an undo as its pick."""
    of_records = [each for each in looks if not each.decision.field]
    _reopen_records(mapping_id, of_records, user, now)
    fields = [each for each in looks if each.decision.field]
    by_link: dict[int, list[Look]] = {}
    for each in fields:
        by_link.setdefault(each.decision.link_id or 0, []).append(each)
    items: list[Conflict] = []
    rows: list[ConflictField] = []
    for mine in by_link.values():
        item = mine[0].live or max((each.decision.conflict for each in mine), key=lambda c: c.pk)
        if item.state == ConflictState.CLOSED:
            item.kind, item.reason, item.said, item.seqs = ConflictKind.FIELD.value, "", "", {}
            item.snapshot.pop("refused", None)
            item.fields.all().delete()
        else:
            item.fields.update(pick=None)
            item.fields.filter(field__in=[each.decision.field for each in mine]).delete()
        rows += [_pick(item, each) for each in mine]
        items.append(item)
    _take_up(mapping_id, items, user, now)
    ConflictField.objects.bulk_create(rows, batch_size=BATCH)


def _take_up(mapping_id: int, items: Sequence[Conflict], user: Any, now: datetime) -> None:
    """Items are decided, whatever they were before, and their records due."""
    two_people.void([item.pk for item in items])
    for item in items:
        item.state, item.revision, item.changed_at = ConflictState.DECIDED, item.revision + 1, now
        item.moved, item.closed_at, item.closed_how = False, None, ""
        item.decided_by, item.decided_at = user, now
    _save(items)
    announce(mapping_id, items, now)


def _pick(item: Conflict, each: Look) -> ConflictField:
    """The field as the sides hold it now, with the undo as what was picked."""
    decision, (left, right) = each.decision, each.now or (None, None)
    seqs = {"left": decision.left_seq, "right": decision.right_seq}
    return ConflictField(
        conflict=item,
        field=decision.field,
        has_base=decision.ancestor is not None,
        base_left=decision.ancestor[0] if decision.ancestor else None,
        base_right=decision.ancestor[1] if decision.ancestor else None,
        left=left,
        right=right,
        left_seq=each.waiting.get("left"),
        right_seq=each.waiting.get("right"),
        pick={
            "kind": UNDO,
            "seen_left": left,
            "seen_right": right,
            "values": [decision.left, decision.right],
            "ancestor": decision.ancestor,
            "seqs": {side: seq for side, seq in seqs.items() if seq is not None},
            "decision": decision.pk,
        },
    )


def _reopen_records(mapping_id: int, looks: Sequence[Look], user: Any, now: datetime) -> None:
    """A record that was to be left as it is is asked about again; no system is written to."""
    rows: list[ledger.Row] = []
    items = []
    for each in looks:
        item = each.decision.conflict
        item.decision = {"kind": UNDO, "key": "", "seen": {}}
        keys = {"left": item.link.left_key, "right": item.link.right_key} if item.link is not None else {}
        for place, (seq, value) in item.seqs.items():
            side, _, name = place.partition("/")
            rows.append(
                ledger.Row(
                    EntryKind.DISPOSITION,
                    side,
                    keys.get(side, item.key),
                    name,
                    new=value,
                    disposition="reverted",
                    rule="person: undo",
                    of=seq,
                    link_id=item.link_id,
                )
            )
        items.append(item)
    ledger.append(mapping_id, rows, now)
    _take_up(mapping_id, items, user, now)
    Decision.objects.filter(pk__in=[each.decision.pk for each in looks]).update(undone_at=now)


def _entry(decision: Decision, actor: str, part_of: str) -> ledger.Row:
    """The undo in the journal, as a decision of its own."""
    conflict = decision.conflict
    return ledger.Row(
        EntryKind.DECISION,
        conflict.side,
        conflict.key,
        decision.field,
        rule=f"undo of {decision.kind}, conflict #{conflict.pk}{part_of}",
        of=decision.left_seq or decision.right_seq,
        actor=actor,
        link_id=decision.link_id,
    )
