"""Bulk runs: prepare a preview, confirm it once, carry it out in batches, cancel what is left.

Each step is one transaction, and is safe to repeat: a worker that dies leaves a run that the next one takes
up where it was. A decision is stored by the very same code as a single one (`decide.checked` and `store`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from conflicts.taken import taken_by
from conflicts.undoable import WHY as UNDO_WHY
from conflicts.undoable import Fate, look
from syncadmin.core.bulk import Asked, Rule, Why, choose
from syncadmin.core.plan import ConflictKind, PickKind
from syncadmin.models import Mapping, MappingState
from syncadmin.models import bulk as sets

from . import decide, two_people
from .undo import alone, together, undo

LIMIT = 100_000  # items of one run
BATCH = 500
LOOKED_AT_ONCE = 2_000  # what a page may prepare while the person waits
STALLED = timedelta(seconds=20)


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


@dataclass(frozen=True, slots=True)
class Step:
    """How far a step came: `more` to do, and the mapping whose engine has work now."""

    more: bool
    mapping_id: int | None = None


def start(
    rule: Rule, user: Any, *, query: str = "", ticked: Sequence[int] = (), actor: str = "", now: Any = None
) -> BulkRun:
    """A new run over the items of a filter, or over the ticked ones. Nothing is looked at yet."""
    now = now or timezone.now()
    return BulkRun.objects.create(
        rule=rule,
        query=query,
        ticked=sorted(set(ticked))[:LIMIT],
        user=user,
        actor=actor or user.get_username(),
        created_at=now,
        beat_at=now,
    )


def start_undo(
    run: BulkRun | None, user: Any, *, query: str = "", actor: str = "", override: bool = False
) -> BulkRun:
    """A new run that takes back what `run` has decided, or the decisions of `query` (`conflicts.taken`).

    With `override` also where it has moved since.
    """
    now = timezone.now()
    return BulkRun.objects.create(
        kind=RunKind.UNDO,
        of=run,
        query=query,
        override=override,
        user=user,
        actor=actor or user.get_username(),
        created_at=now,
        beat_at=now,
    )


# ---------------------------------------------------------------- the preview


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
    return items.select_related("mapping", "claimed_by").prefetch_related("fields", "mapping__fields")


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
    asked = [
        Asked(r.field, r.left, r.right, r.left_time, r.right_time, groups.get(r.field, "")) for r in rows
    ]
    chosen = choose(rule, asked, timedelta(seconds=conflict.mapping.clock_tolerance))
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


# ---------------------------------------------------------------- carrying it out


def confirm(run_id: int) -> bool:
    """Let a run that is ready run, once. False if it was confirmed or cancelled before."""
    now = timezone.now()
    ready = BulkRun.objects.filter(pk=run_id, state=RunState.READY)
    return bool(ready.update(state=RunState.RUNNING, confirmed_at=now, beat_at=now))


def cancel(run_id: int) -> bool:
    """Stop a run; what is decided stays decided. False if it was at its end already."""
    with transaction.atomic():
        run = BulkRun.objects.select_for_update().get(pk=run_id)
        if run.state in (RunState.DONE, RunState.CANCELLED):
            return False
        run.state, run.finished_at = RunState.CANCELLED, timezone.now()
        run.save(update_fields=["state", "finished_at"])
        run.items.filter(state=BulkItemState.CHOSEN).update(
            state=BulkItemState.LEFT_OUT, reason=Reason.CANCELLED
        )
    return True


def step(run_id: int) -> Step:
    """Carry out one more batch of a running run, in one transaction: items of one mapping."""
    with transaction.atomic():
        run = BulkRun.objects.select_for_update(of=("self",)).select_related("user").get(pk=run_id)
        if run.state != RunState.RUNNING:
            return Step(False)
        waiting = run.items.filter(state=BulkItemState.CHOSEN).order_by("id")
        batch = list(waiting.select_related("conflict")[:BATCH])
        if not batch:
            run.state, run.finished_at = RunState.DONE, timezone.now()
            run.save(update_fields=["state", "finished_at"])
            return Step(False)
        mapping_id = batch[0].conflict.mapping_id
        batch = [item for item in batch if item.conflict.mapping_id == mapping_id]
        # the same order of locks as the engine: first the mapping, then the items
        MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
        if run.kind == RunKind.UNDO:
            _undo(run, batch)
        else:
            _decide(run, mapping_id, batch)
        told = [(item.pk, str(item.state), str(item.reason), item.detail) for item in batch]
        sets.update(BulkItem, ("state", "reason", "detail"), told)
        run.decided += sum(item.state == BulkItemState.DECIDED for item in batch)
        run.beat_at = timezone.now()
        run.save(update_fields=["decided", "beat_at"])
    return Step(True, mapping_id)


def _decide(run: BulkRun, mapping_id: int, batch: Sequence[BulkItem]) -> None:
    """Store the decisions of a batch, as single ones are; what has moved is left out."""
    found = decide.locked(item.conflict_id for item in batch)
    made = []
    for item in batch:
        conflict = found[item.conflict_id]
        reason, detail = _moved(item, conflict, run.user)
        if not reason:
            picks = {name: decide.FieldChoice(PickKind(side)) for name, side in item.picks.items()}
            try:
                made.append(decide.checked(conflict, picks, None))
            except decide.Invalid as error:
                reason, detail = Reason.REFUSED, str(error)
        item.state = BulkItemState.LEFT_OUT if reason else BulkItemState.DECIDED
        item.reason, item.detail = reason, detail[:200]
    if made:
        decide.store(mapping_id, made, run.user, run.actor, timezone.now(), run.pk)


def _moved(item: BulkItem, conflict: Conflict, user: Any) -> tuple[str, str]:
    """Why an item is not what the preview showed, with a detail."""
    if conflict.state != ConflictState.OPEN:
        return Reason.OVER, conflict.closed_how or conflict.state
    if conflict.revision != item.revision:
        return Reason.CHANGED, ""
    if two_people.needed(conflict, item.picks, "", user):
        return Reason.TWO_PEOPLE, ", ".join(item.picks)
    return blocked_by(conflict, user)


def _undo(run: BulkRun, batch: Sequence[BulkItem]) -> None:
    """Take back the decisions of a batch, each where the sides hold what the preview showed."""
    seen = {pick[0]: (pick[1], pick[2]) for item in batch for pick in item.picks.values()}
    result = undo(list(seen), run.user, run.actor, only=seen, over=seen if run.override else {}, run=run.pk)
    left = {each.decision.pk: each for each in result.left}
    for item in batch:
        stuck = [left[pick[0]] for pick in item.picks.values() if pick[0] in left]
        whole = len(stuck) == len(item.picks)
        item.state = BulkItemState.LEFT_OUT if whole else BulkItemState.DECIDED
        item.reason = stuck[0].fate.value if stuck else ""
        item.detail = ", ".join(each.decision.field for each in stuck)[:200]


def stalled(now: Any) -> list[int]:
    """Runs with work left that nobody has got further for a while; each is told once in that while."""
    found = []
    working = (RunState.PREPARING, RunState.RUNNING)
    for pk in BulkRun.objects.filter(state__in=working, beat_at__lt=now - STALLED).values_list(
        "pk", flat=True
    ):
        if BulkRun.objects.filter(pk=pk, beat_at__lt=now - STALLED).update(beat_at=now):
            found.append(pk)
    return found


def mappings_of(run: BulkRun) -> dict[int, Mapping]:
    """The mappings whose fields a run's preview counts, by id."""
    ids = {int(key.split("/")[0]) for key in run.counts.get("fields", {})}
    return Mapping.objects.select_related("left__system", "right__system").in_bulk(ids)
