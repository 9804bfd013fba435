"""One pass of a mapping, from reading to journal: the way of a change (DESIGN section 4), step by step.

A pass holds the mapping's lease, says how far it is, and ends in one of four ways: done, stopped by a guard,
failed with a message that a person can act on, or lost (another worker took over).
"""

from __future__ import annotations

import gc
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from conflicts import listing
from conflicts.services import ruling
from connectors import base
from connectors.surroundings import Purpose
from syncadmin.config.keeping import mapping_as_it_is
from syncadmin.core import plan as core
from syncadmin.core.retry import RECORDS
from syncadmin.core.side import Side
from syncadmin.models import (
    EntryKind,
    Mapping,
    MappingState,
    Pass,
    PassKind,
    PassState,
    bulk,
    ledger,
    marks,
)
from syncadmin.models.marks import Due
from syncadmin.models.passes import TRIM_EVERY, trim_passes

from . import (
    approved,
    clocks,
    doubts,
    guard,
    health,
    hints,
    lately,
    lease,
    meter,
    opening,
    recover,
    reshape,
    restored,
    risk,
    store,
    write,
)
from .binding import Binding, bind
from .bounce import hold_bounces
from .collect import Cache, acknowledge, compare_all, read_changes
from .effort import Item, Run
from .exposed import promises
from .fresh import doubtful
from .indoubt import hold_doubtful
from .judge import judge
from .load import due_marks, load
from .outcome import store_outcomes
from .own_times import forget_own_times
from .rehearse import scanned

ROUNDS = 3
REPORT_EVERY = timedelta(milliseconds=500)
PURPOSES = {
    PassKind.INCREMENTAL: Purpose.LIVE,
    PassKind.BACKFILL: Purpose.BACKFILL,
    PassKind.RECONCILE: Purpose.VERIFY,
}
Clock = Callable[[], datetime]
NotedBefore = dict[str, Any]
Progress = Callable[[Pass], None]


def run_pass(
    mapping_id: int,
    kind: str = PassKind.INCREMENTAL,
    *,
    clock: Clock = timezone.now,
    progress: Progress | None = None,
    holder: str = "",
    heartbeat: bool = False,
) -> Pass | None:
    """Run one pass now. Returns its row, or None if another pass of this mapping is running.

    `kind` incremental becomes a full comparison where none was made yet or one is due. What a system or the
    configuration does wrong ends the pass with a message and is not raised. With `heartbeat` a thread renews
    the lease, so that it does not run out while a system takes its time.
    """
    mapping = mapping_for_pass(mapping_id)
    held = lease.acquire(mapping_id, holder or f"{socket.gethostname()}:{os.getpid()}", clock)
    if held is None:
        return None
    restored.recognise(held)
    before = opening.before(mapping_id, clock())
    if before.unended:
        lost = {
            "state": PassState.LOST,
            "finished_at": clock(),
            "message": "its worker died or lost the lease",
        }
        bulk.assign(Pass, {"mapping_id": mapping_id, "state": PassState.RUNNING}, lost)
    row = Pass(mapping=mapping, kind=before.kind(kind), token=held.token, started_at=clock())
    bulk.add(row)
    reporter = Reporter(row, clock, progress)
    end = End()
    try:
        beating = lease.kept_alive(held) if heartbeat else nullcontext()
        with _ending(row, end, clock), beating, bind(mapping, PURPOSES[row.kind]) as binding:
            run = Run(binding, held, row.pk, clock, row.counts)
            _note_promises(binding, before.told)
            end.heals = health.note_clocks(binding, clock())
            clocks.know(binding)
            _ensure_shape(binding, before.told["shape"])
            reshape.follow(binding, held, before.told["remembered"])
            listing.weigh_anew(mapping, before.told["weighed"])
            waiting = opening.waiting(binding.id)
            end.message = _work(run, row, reporter, waiting)
            acknowledge(binding)
            run.count("decided by rules", ruling.let_decide(mapping, clock()))
            meter.read_journal(binding, held.token)
            hints.account(binding, held.token, clock(), waiting.readings)
            if waiting.accepted:
                risk.look(binding, clock())
            if waiting.plans:
                approved.carried_out(run)
    finally:
        _finish(mapping, row, end, held)
        held.release()
    return row


def mapping_for_pass(mapping_id: int) -> Mapping:
    """A mapping with all that a pass asks of it."""
    return mapping_as_it_is(mapping_id, _read_mapping)


def _read_mapping(mapping_id: int) -> Mapping:
    wanted = Mapping.objects.select_related("left__system", "right__system")
    return wanted.prefetch_related("fields", "row_rules").get(pk=mapping_id)


def _note_promises(binding: Binding, told: NotedBefore) -> None:
    """Keep what the systems promise and what values they take now, for the pages."""
    guarantees = promises(binding)
    limits = {side.value: dict(bound.limits) for side, bound in binding.sides.items()}
    if (told["guarantees"], told["limits"]) != (guarantees, limits):
        MappingState.objects.filter(mapping_id=binding.id).update(guarantees=guarantees, limits=limits)


def _ensure_shape(binding: Binding, told: NotedBefore) -> None:
    """Raise base.Misconfigured if a field is of another type than when a pass last saw it; keep the types.

    Its old values may be gone: a column that became a boolean would spread `false` over the other side.
    """
    shape = {side.value: dict(bound.types) for side, bound in binding.sides.items()}
    for side, bound in binding.sides.items():
        for name, was in told.get(side.value, {}).items():
            now = bound.types.get(name, was)
            if now != was:
                raise base.Misconfigured(
                    f"field {name} was of type {was} and is now {now}: look at what it holds, correct the "
                    "field mapping if need be, and save the mapping to go on",
                    system=bound.name,
                    resource=bound.resource,
                )
    if told != shape:
        MappingState.objects.filter(mapping_id=binding.id).update(shape=shape)


class Reporter:
    """Writes a pass's progress to its row, at most twice a second, and calls back.

    A new phase is told at once, except of a pass that has only just begun and that nobody looks at.
    """

    def __init__(self, row: Pass, clock: Clock, progress: Progress | None) -> None:
        self.row, self.clock, self.progress = row, clock, progress
        self.reported_at = clock()

    def __call__(self, phase: str, advanced: int, total: int | None = None) -> None:
        """Say what the pass is doing and how many records it got further."""
        row = self.row
        if phase != row.phase:
            row.phase, row.progress, row.total = phase, 0, 0
            if self.progress is not None or self.clock() - row.started_at >= REPORT_EVERY:
                self.reported_at = datetime.min.replace(tzinfo=self.reported_at.tzinfo)
        row.progress += advanced
        if total is not None:
            row.total = total
        if self.clock() - self.reported_at >= REPORT_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the row now."""
        row = self.row
        told = {"phase": row.phase, "progress": row.progress, "total": row.total, "counts": row.counts}
        bulk.assign(Pass, {"id": row.pk}, told)
        self.reported_at = self.clock()
        if self.progress is not None:
            self.progress(self.row)


@dataclass(slots=True)
class End:
    """What stops the mapping from now on, '' if nothing does; `message` tells people what was unusual.

    Before `later` another pass of this kind is of no use. If all goes well it `heals` what had failed.
    """

    stopped: str = ""
    message: str = ""
    later: datetime | None = None
    heals: bool = False


class Portion:
    """How far one batch is: its records count as they are settled, all of them at its end."""

    def __init__(self, report: Reporter, size: int) -> None:
        self.report, self.size, self.told = report, size, 0

    def without(self, open_: int) -> float:
        """The share of the batch that is settled, if so many of its records are not. It is told."""
        share = max(self.size - open_, 0) / self.size
        self.reached(share)
        return share

    def reached(self, share: float) -> None:
        """Tell how far the batch is, from 0 to 1."""
        done = int(self.size * share)
        self.report("writing", done - self.told)
        self.told = done


@contextmanager
def _ending(row: Pass, end: End, clock: Clock) -> Iterator[None]:
    """Give the pass its end: what went wrong becomes its state and message."""
    row.state, row.message = PassState.FAILED, "stopped unexpectedly; the log of the worker says why"
    try:
        yield
    except guard.GuardTripped as stop:
        row.state, row.message, end.stopped = PassState.STOPPED, str(stop), "guard"
    except approved.Unapproved as stop:
        row.state, row.message, end.stopped = PassState.STOPPED, str(stop), "rehearsal"
    except lease.LeaseLost as lost:
        row.state, row.message = PassState.LOST, str(lost)
    except base.Spent as error:  # others may still ask: the system is well
        row.state, row.message = PassState.FAILED, str(error)
        end.later = clock() + (error.after or timedelta(days=1))
    except base.Retry as error:
        row.state, row.message = PassState.FAILED, str(error)
        health.failed(error, clock())
    except base.ConnectorError as error:
        row.state, row.message = PassState.FAILED, str(error)
        end.stopped = "configuration" if isinstance(error, base.Misconfigured | base.Unreadable) else ""
    except DatabaseError as error:
        row.message = f"the hub's database failed: {error}"
        raise
    else:
        row.state, row.message = PassState.DONE, end.message
        if end.heals:
            health.well(row.mapping, clock())
    finally:
        row.phase, row.finished_at = "", clock()


def _finish(mapping: Mapping, row: Pass, end: End, held: lease.Lease) -> None:
    """Store the end of a pass. When the next is due, and what stops the mapping, goes back with the lease."""
    told = {
        "state": row.state,
        "message": row.message,
        "phase": "",
        "finished_at": row.finished_at or held.clock(),
        "counts": row.counts,
    }
    bulk.assign(Pass, {"id": row.pk}, told)
    if row.state == PassState.LOST:
        return
    now = held.clock()
    due: dict[str, object] = {"next_due": now + timedelta(seconds=mapping.schedule)}
    if row.state == PassState.DONE and row.kind != PassKind.INCREMENTAL:
        due["next_reconcile"] = now + timedelta(seconds=mapping.reconcile_every)
    if end.later is not None:
        due["next_due" if row.kind == PassKind.BACKFILL else "next_reconcile"] = end.later
    held.parting = {**due, "stopped": end.stopped, "message": row.message}
    if row.token % TRIM_EVERY == 0:
        trim_passes(mapping.pk)


def _work(run: Run, row: Pass, report: Reporter, waiting: opening.Waiting) -> str:
    """Read, then decide and write until nothing is due. Raises GuardTripped, LeaseLost, ConnectorError.

    Answers what people should know of the reading, '' if nothing was unusual.
    """
    cache = Cache()
    plan = approved.needed(run.binding, row.kind)
    run.waiting_sides = risk.waiting_sides(run.binding, run.clock())
    if waiting.intents:
        recover.mark_open_intents(run)
    if waiting.hints:
        hints.take(run)
    report("reading", 0)
    hints.meet(run)
    if plan is not None:
        with scanned(run, report) as (found, pace):
            approved.hold_to(run, plan, found, pace)
    elif row.kind == PassKind.INCREMENTAL:
        found = read_changes(run.binding, run.lease, cache, run.clock(), report)
    else:
        found = compare_all(run.binding, run.lease, run.clock(), report)
    if found.restored:
        restored.doubt_copies(run, row.started_at)
    run.count("read", found.read)
    run.count("confirmed", found.confirmed)
    run.count("linked", found.linked)
    if found.linked:
        _note_linked(run, found.linked)
    marked = marks.tally(run.binding.id, run.clock())
    if plan is None or found.restored:
        guard.check(run, cache, report, marked)
    if marked.due:
        report("writing", 0, marked.due)
    again: frozenset[tuple[Side, str]] = frozenset()
    rounds: Counter[int] = Counter()
    while batch := due_marks(run.binding.id, run.clock()):
        foreseen = frozenset(m.id for m in batch if m.id <= marked.newest and not rounds[m.id])
        portion = Portion(report, len(batch))
        with _one_sweep():
            again = _handle(run, batch, cache, again, foreseen, portion)
        tired = [(m.id, m.generation) for m in batch if rounds[m.id] >= ROUNDS]
        rounds.update(m.id for m in batch)
        if tired:
            with run.lease.fenced():
                marks.defer(tired, run.clock() + RECORDS.wait(max(m.attempts for m in batch)))
        portion.reached(1)
    return "; ".join(found.gaps)


@contextmanager
def _one_sweep() -> Iterator[None]:
    """No garbage collection in the middle of a batch: its objects all live until its end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _handle(
    run: Run,
    batch: list[Due],
    cache: Cache,
    again: frozenset[tuple[Side, str]],
    foreseen: frozenset[int],
    portion: Portion,
) -> frozenset[tuple[Side, str]]:
    """One batch: load, recover, decide, store the plan, write, store the outcomes.

    `foreseen` are the marks of which the guards have counted what would be done.
    """
    items = load(run.binding, batch, cache, again)
    if recover.settle_applied(run, items):
        cache.forget(place for item in items for place in item.places())
        return frozenset()
    doubts.hold_back(run.binding, items)
    store.forget_vanished(run, items)
    _put_off_unanswered(run, items)
    forget_own_times(run, items)
    judged = judge(run.binding, items)
    written = lately.written(run, judged)
    unsure = doubtful(judged, written)
    judged = [item for item in judged if item not in unsure]
    judged = _without_late_deletes(run, judged, foreseen)
    hold_bounces(judged, written)
    hold_doubtful(run, judged)
    judged = risk.without_unaccepted(run, judged)
    writing = store.store_plans(run, judged)
    anew = frozenset(place for item in unsure for place in item.places())
    if not writing:
        return anew
    decided = portion.without(sum(len(item.marks) for item, _ in writing))
    efforts = [effort for _, effort in writing]
    cache.forget(place for effort in efforts for place in effort.places)
    write.prepare(run.binding, writing)
    write.send(run.binding, efforts, lambda share: portion.reached(decided + (1 - decided) * share))
    write.read_back(run.binding, efforts)
    write.read_answers(run.binding, efforts)
    again = store_outcomes(run, efforts) | anew
    for attempt in (a for e in efforts for a in e.attempts):
        if attempt.away is not None:
            raise attempt.away
    return again


def _without_late_deletes(run: Run, items: list[Item], foreseen: frozenset[int]) -> list[Item]:
    """A delete that only shows in the middle of a pass waits for the next: no guard has counted it."""
    late = [
        item
        for item in items
        if any(w.op is core.Op.DELETE for w in item.decided.writes)
        and not item.decided.used_record_pick
        and not any(pk in foreseen for pk, _ in item.marks)
    ]
    if not late:
        return items
    run.count("put off", len(late))
    with run.lease.fenced():
        marks.defer([m for item in late for m in item.marks], run.clock() + RECORDS.wait(0))
    return [item for item in items if item not in late]


def _put_off_unanswered(run: Run, items: list[Item]) -> None:
    """A record that its system neither gave nor said to be absent is looked at again later."""
    unanswered = [m for item in items if item.unanswered for m in item.marks]
    if unanswered:
        run.count("unanswered", len(unanswered))
        with run.lease.fenced():
            marks.defer(unanswered, run.clock() + RECORDS.wait(4))


def _note_linked(run: Run, count: int) -> None:
    with run.lease.fenced():
        text = f"linked {count} pairs of records whose values are equal"
        ledger.append(
            run.binding.id, [ledger.Row(EntryKind.NOTE, rule=text, pass_id=run.pass_id)], run.clock()
        )
