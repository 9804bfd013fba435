"""The preview of a bulk run: what it would decide or undo of each item, and why it leaves others out.

Each batch is one transaction. Nothing is decided here: what each item was when it was looked at is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from django.db import transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conflicts.models import (
    BulkItem,
    BulkItemState,
    BulkRun,
    Conflict,
    ConflictField,
    ConflictState,
    RunKind,
    RunState,
)
from conflicts.selectors import InboxFilter
from conflicts.skew import HEALTH, clock_of
from conflicts.taken import taken_by
from conflicts.undoable import WHY as UNDO_WHY
from conflicts.undoable import Fate, look
from syncadmin.core.bulk import Asked, Rule, Why, choose
from syncadmin.core.plan import ConflictKind
from syncadmin.core.side import SIDES

from .undo import alone, together

LIMIT = 100_000  # items of one run
BATCH = 500


class Reason(StrEnum):
    """Why an item is left out of a run, besides those of the rule (`Why`) and of an undo (`Fate`)."""

    KIND = "kind"
    FIELD = "field"
    STATE = "state"
    CLAIMED = "claimed"
    ON_HOLD = "on hold"
    ASKED = "second look"
    TWO_PEOPLE = "two people"
    CHANGED = "changed"
    OVER = "over"
    REFUSED = "refused"
    CANCELLED = "cancelled"


WORDS: dict[str, Any] = {
    Why.NO_TIME: _("It is not known when both sides changed."),
    Why.TOO_CLOSE: _("Both sides changed at about the same time."),
    Why.BOTH_EMPTY: _("Both sides are empty."),
    Why.BOTH_FILLED: _("Both sides hold a value."),
    Why.SPLIT: _("Fields that are decided together would be taken from different sides."),
    Reason.KIND: _("This kind of conflict needs a person."),
    Reason.FIELD: _("The field is not in question there."),
    Reason.STATE: _("It is decided or closed already."),
    Reason.CLAIMED: _("Somebody else is working on it."),
    Reason.ON_HOLD: _("It is on hold."),
    Reason.ASKED: _("It waits for a second person."),
    Reason.TWO_PEOPLE: _("Such a decision takes two people, one by one."),
    Reason.CHANGED: _("It has changed since the preview."),
    Reason.OVER: _("It was decided or settled since the preview."),
    Reason.REFUSED: _("The decision is not possible there."),
    Reason.CANCELLED: _("The run was cancelled before its turn."),
    **{fate.value: text for fate, text in UNDO_WHY.items()},
}


def prepare(run_id: int, most: int = LIMIT) -> bool:
    """Look at items, from where it was, until all or `most` are looked at. True once the run is ready."""
    looked_at = 0
    while looked_at < most:
        with transaction.atomic():
            run = BulkRun.objects.select_for_update().get(pk=run_id)
            if run.state != RunState.PREPARING:
                return True
            looked_at += _look_further(run)
            if run.state != RunState.PREPARING:
                return True
    return False


def _look_further(run: BulkRun) -> int:
    """Look at one more batch."""
    conflicts = list(_wanted(run)[: min(BATCH, LIMIT - run.seen)])
    items = _undos(run, conflicts) if run.kind == RunKind.UNDO else _decisions(run, conflicts)
    BulkItem.objects.bulk_create(items, batch_size=BATCH)
    run.seen += len(conflicts)
    run.chosen += sum(item.state == BulkItemState.CHOSEN for item in items)
    run.beat_at = timezone.now()
    if conflicts:
        run.after = conflicts[-1].pk
    run.cut = run.seen >= LIMIT and _wanted(run).exists()
    if len(conflicts) < BATCH or run.cut:
        run.state = RunState.READY
    run.save()
    return len(conflicts)


def _wanted(run: BulkRun) -> Any:
    """The items that are still to be looked at, in the order of their numbers."""
    if run.kind == RunKind.UNDO:
        items = Conflict.objects.filter(pk__in=taken_by(run).values("conflict_id"))
    elif run.ticked:
        items = Conflict.objects.filter(pk__in=run.ticked)
    else:
        items = replace(InboxFilter.read(QueryDict(run.query)), state=ConflictState.OPEN.value).items()
    items = items.filter(pk__gt=run.after).order_by("pk")
    found = items.select_related("mapping", "claimed_by", *HEALTH)
    return found.prefetch_related("fields", "mapping__fields")


def _decisions(run: BulkRun, conflicts: Sequence[Conflict]) -> list[BulkItem]:
    only = "" if run.ticked else InboxFilter.read(QueryDict(run.query)).field
    fields, excluded, skipped = (_counter(run, name) for name in ("fields", "excluded", "skipped"))
    made = []
    for conflict in conflicts:
        picks, reason, detail, left_out = _rule_on(Rule(run.rule), conflict, only, run.user)
        if reason:
            excluded[reason] += 1
        else:
            fields.update(f"{conflict.mapping_id}/{name}/{side}" for name, side in picks.items())
            skipped.update(left_out)
        made.append(_item(run, conflict, picks, reason, detail))
    run.counts = {"fields": dict(fields), "excluded": dict(excluded), "skipped": dict(skipped)}
    return made


def _counter(run: BulkRun, name: str) -> Counter[str]:
    return Counter(run.counts.get(name, {}))


def _item(run: BulkRun, conflict: Conflict, picks: dict[str, Any], reason: str, detail: str) -> BulkItem:
    return BulkItem(
        run=run,
        conflict=conflict,
        revision=conflict.revision,
        label=conflict.label or conflict.key[:200],
        picks={} if reason else picks,
        state=BulkItemState.LEFT_OUT if reason else BulkItemState.CHOSEN,
        reason=reason,
        detail=detail[:200],
    )


def _rule_on(
    rule: Rule, conflict: Conflict, only: str, user: Any
) -> tuple[dict[str, str], str, str, list[str]]:
    """What the rule decides of an item: picks, or why not with a detail; and why single fields are left."""
    blocked, detail = blocked_by(conflict, user)
    if blocked:
        return {}, blocked, detail, []
    if conflict.kind != ConflictKind.FIELD:
        return {}, Reason.KIND, conflict.kind, []
    mapped = conflict.mapping.fields.all()
    groups = {f.name: f.group for f in mapped}
    rows = _concerned(conflict, only, groups)
    if not rows:
        return {}, Reason.FIELD, only, []
    if guarded := {f.name for f in mapped if f.two_people} & {row.field for row in rows}:
        return {}, Reason.TWO_PEOPLE, ", ".join(sorted(guarded)), []
    left, right = (clock_of(conflict.mapping, side) for side in SIDES)
    asked = [
        Asked(
            r.field,
            r.left,
            r.right,
            left.ours(r.left_time),
            right.ours(r.right_time),
            groups.get(r.field, ""),
        )
        for r in rows
    ]
    unsure = left.unsure + right.unsure
    chosen = choose(rule, asked, timedelta(seconds=conflict.mapping.clock_tolerance) + unsure)
    whole = conflict.mapping.whole_record and bool(chosen.left_out)
    if whole or not chosen.picks:
        return {}, next(iter(chosen.left_out.values())), ", ".join(chosen.left_out), []
    picks = {name: side.value for name, side in chosen.picks.items()}
    return picks, "", "", [why.value for why in chosen.left_out.values()]


def _concerned(conflict: Conflict, only: str, groups: dict[str, str]) -> list[ConflictField]:
    """The fields that a run is about: all, or the one it was filtered by, with what is decided with it."""
    rows = list(conflict.fields.all())
    if not only or conflict.mapping.whole_record:
        return rows
    names = {only}
    if any(row.field == only for row in rows) and groups.get(only):
        names |= {row.field for row in rows if groups.get(row.field) == groups[only]}
    return [row for row in rows if row.field in names]


def blocked_by(conflict: Conflict, user: Any) -> tuple[str, str]:
    """Why an item is nobody's to decide in bulk right now, with a detail ('' if it is not so)."""
    if conflict.state != ConflictState.OPEN:
        return Reason.STATE, conflict.state
    if conflict.hold_reason:
        return Reason.ON_HOLD, conflict.hold_reason
    if conflict.second_look:
        return Reason.ASKED, ""
    claimed = conflict.claimed_until is not None and conflict.claimed_until > timezone.now()
    if claimed and conflict.claimed_by_id is not None and conflict.claimed_by_id != getattr(user, "pk", None):
        return Reason.CLAIMED, str(conflict.claimed_by)
    return "", ""


def _undos(run: BulkRun, conflicts: Sequence[Conflict]) -> list[BulkItem]:
    fields, excluded = _counter(run, "fields"), _counter(run, "excluded")
    made = []
    key = _by_mapping
    for _mapping, mine in groupby(sorted(conflicts, key=key), key=key):
        ids = [conflict.pk for conflict in mine]
        looks = look(taken_by(run).filter(conflict__in=ids))
        if run.override:
            looks = [replace(e, fate=Fate.OVERRIDE) if e.fate is Fate.MOVED and e.now else e for e in looks]
        looks = together(map(alone, looks))
        for _conflict, of_item in groupby(looks, key=lambda each: each.decision.conflict_id):
            whole = list(of_item)
            undone = [each for each in whole if each.undoable]
            reason = "" if undone else whole[0].fate.value
            for each in undone:
                fields[f"{each.decision.mapping_id}/{each.decision.field}/{each.fate}"] += 1
            excluded.update([reason] if reason else [])
            picks = {e.decision.field: [e.decision.pk, *(e.now or (None, None))] for e in undone}
            moved = whole[0].since
            detail = f"{moved.actor or moved.side} {moved.at:%Y-%m-%d %H:%M} UTC" if moved else ""
            made.append(_item(run, whole[0].decision.conflict, picks, reason, detail))
    run.counts = {"fields": dict(fields), "excluded": dict(excluded), "skipped": {}}
    return made


def _by_mapping(conflict: Conflict) -> int:
    return conflict.mapping_id
