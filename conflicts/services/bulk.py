"""Bulk runs: start one, prepare its preview, confirm it once, carry it out in batches, cancel what is left.

Each step is one transaction, and is safe to repeat: a worker that dies leaves a run that the next one takes
up where it was. A decision is stored by the same code as a single one (`choices.checked`, `decide.store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from conflicts.models import (
    BulkItem,
    BulkItemState,
    BulkRun,
    Conflict,
    ConflictState,
    RunKind,
    RunState,
)
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from syncadmin.models import Mapping, MappingState
from syncadmin.models import bulk as sets

from . import choices, decide, two_people
from .bulk_preview import BATCH, LIMIT, WORDS, Reason, blocked_by, prepare
from .undo import undo

__all__ = [
    "LOOKED_AT_ONCE",
    "WORDS",
    "Reason",
    "Step",
    "cancel",
    "confirm",
    "mappings_of",
    "prepare",
    "stalled",
    "start",
    "start_undo",
    "step",
]

LOOKED_AT_ONCE = 2_000  # what a page may prepare while the person waits
STALLED = timedelta(seconds=20)


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
            picks = {name: choices.FieldChoice(PickKind(side)) for name, side in item.picks.items()}
            try:
                made.append(choices.checked(conflict, picks, None))
            except choices.Invalid as error:
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
