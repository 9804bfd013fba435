"""Rehearsals: a worker makes the plan of a mapping's first pass, a person approves it.

Nothing is written to any system, and the hub stores nothing but the plan. Now and then it is asked whether
the rehearsal is still ours to work on: a person may have stopped it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin.config import secrets
from syncadmin.config.fingerprint import fingerprint
from syncadmin.core.side import SIDES
from syncadmin.engine import approved
from syncadmin.engine.rehearse import Line, rehearse
from syncadmin.engine.run import mapping_for_pass
from syncadmin.models import (
    EntryKind,
    Mapping,
    MappingState,
    Rehearsal,
    RehearsalLine,
    RehearsalState,
    ledger,
)

KEPT = 10  # plans of a mapping
UNSTARTED = timedelta(seconds=20)
STALLED = timedelta(minutes=5)
REPORT_EVERY = timedelta(milliseconds=500)
MOST_STARTS = 5  # a rehearsal that kills its workers is not started for ever
MOST_ALLOWED = 1_000_000
GIVEN_UP = "its workers died again and again"
WITHDRAWN = "withdrawn"
WORKING = (RehearsalState.WAITING, RehearsalState.RUNNING)

Progress = Callable[[Rehearsal], None]


class Overtaken(Exception):
    """The rehearsal was stopped by a person, or another worker has taken it up."""


class NotApprovable(ValueError):
    """A plan can't be approved; says why, in words for a person."""


def start(mapping: Mapping, *, user: Any = None, actor: str = "") -> Rehearsal:
    """A rehearsal that waits for a worker; the one that is at work already, if there is one."""
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping=mapping)
        at_work = Rehearsal.objects.filter(mapping=mapping, state__in=WORKING).first()
        if at_work is not None:
            return at_work
        _prune(mapping)
        now = timezone.now()
        return Rehearsal.objects.create(
            mapping=mapping,
            user=user,
            actor=actor or (user.get_username() if user else ""),
            created_at=now,
            beat_at=now,
        )


def _prune(mapping: Mapping) -> None:
    """Forget the oldest plans; who approved what stays in the journal."""
    over = Rehearsal.objects.filter(mapping=mapping).exclude(approved_at__isnull=False, closed_at=None)
    gone = list(over.order_by("-pk").values_list("pk", flat=True)[KEPT - 1 :])
    if gone:
        Rehearsal.objects.filter(pk__in=gone).delete()


def run(rehearsal_id: int, progress: Progress | None = None) -> Rehearsal | None:
    """Carry a rehearsal out. None if it does not wait, or was stopped meanwhile; else done or interrupted."""
    taken = _take(rehearsal_id)
    if taken is None:
        return None
    work = _Work(taken, progress)
    try:
        work.do()
    except Overtaken:
        return None
    except ConnectorError as error:
        return taken if work.interrupted(error) else None
    except Exception as error:
        work.broken(error)
        raise
    return taken


def cancel(rehearsal_id: int) -> bool:
    """Stop a rehearsal that waits or runs."""
    working = Rehearsal.objects.filter(pk=rehearsal_id, state__in=WORKING)
    return bool(working.update(state=RehearsalState.CANCELLED, phase="", finished_at=timezone.now()))


def stalled(now: datetime) -> list[int]:
    """Rehearsals that no worker has taken, or got further, for a while; each is told once in that while."""
    unstarted = Q(state=RehearsalState.WAITING, beat_at__lt=now - UNSTARTED)
    stuck = Q(state=RehearsalState.RUNNING, beat_at__lt=now - STALLED, moved_from=None)
    found = []
    for row in Rehearsal.objects.filter(unstarted | stuck).only("beat_at", "state", "token"):
        same = Rehearsal.objects.filter(pk=row.pk, beat_at=row.beat_at, state=row.state)
        if row.state == RehearsalState.RUNNING and row.token >= MOST_STARTS:
            same.update(state=RehearsalState.INTERRUPTED, finished_at=now, message=GIVEN_UP)
        elif same.update(beat_at=now, state=RehearsalState.WAITING):
            found.append(row.pk)
    return found


def _take(rehearsal_id: int) -> Rehearsal | None:
    """The rehearsal, now ours; None if it does not wait for anybody."""
    with transaction.atomic():
        waiting = Rehearsal.objects.filter(pk=rehearsal_id, state=RehearsalState.WAITING)
        found = waiting.select_for_update().first()
        if found is None:
            return None
        found.token += 1
        found.state, found.beat_at = RehearsalState.RUNNING, timezone.now()
        found.save(update_fields=["token", "state", "beat_at"])
        RehearsalLine.objects.filter(rehearsal=found).delete()
    return found


class _Work:
    """A worker's hold on one rehearsal."""

    def __init__(self, row: Rehearsal, progress: Progress | None) -> None:
        self._row, self._progress = row, progress
        self._mapping = mapping_for_pass(row.mapping_id)
        self._told_at = timezone.now()

    def do(self) -> None:
        """Make the plan and store it. Raises ConnectorError, Overtaken."""
        self._tell(fingerprint=fingerprint(self._mapping), phase="reading", read=0)
        made = rehearse(self._mapping, self._store, self._report)
        with transaction.atomic():
            self._tell()
            approved.finish(self._row, made, timezone.now())

    def _store(self, lines: list[Line]) -> None:
        with transaction.atomic():
            self._tell()
            approved.store_lines(self._row.pk, lines)

    def _report(self, phase: str, advanced: int) -> None:
        row = self._row
        if phase != row.phase:
            row.phase, row.read = phase, 0
        row.read += advanced
        if timezone.now() - self._told_at >= REPORT_EVERY:
            self._tell()

    def interrupted(self, error: ConnectorError) -> bool:
        """Store what a system said. False if no longer ours."""
        told = str(error)
        for side in SIDES:
            told = secrets.scrub(told, secrets.values_of(self._mapping.resource(side).system))
        return self._stop(told.replace("\x00", ""))

    def broken(self, error: Exception) -> None:
        """Store that the hub itself failed, so that nobody waits for it."""
        self._stop(f"the hub failed: {type(error).__name__}; its log tells more")

    def _stop(self, message: str) -> bool:
        try:
            self._tell(state=RehearsalState.INTERRUPTED, message=message, finished_at=timezone.now())
        except Overtaken:
            return False
        RehearsalLine.objects.filter(rehearsal=self._row).delete()
        return True

    def _tell(self, **values: Any) -> None:
        """Write how far it is, if it is still ours. Raises Overtaken."""
        row = self._row
        self._told_at = timezone.now()
        values = {"beat_at": self._told_at, "phase": row.phase, "read": row.read, **values}
        ours = Rehearsal.objects.filter(pk=row.pk, token=row.token, state=RehearsalState.RUNNING)
        if not ours.update(**values):
            raise Overtaken
        for name, value in values.items():
            setattr(row, name, value)
        if self._progress is not None:
            self._progress(row)


# ---------------------------------------------------------------- approval


def approve(rehearsal_id: int, user: Any, *, allowed: int = 0) -> Rehearsal:
    """Let exactly this plan be carried out, once; up to `allowed` lines may differ when it is.

    It takes the place of an earlier approval. The next pass is due now. Raises NotApprovable.
    """
    found = Rehearsal.objects.select_related("mapping").get(pk=rehearsal_id)
    with transaction.atomic():
        state, _made = MappingState.objects.select_for_update().get_or_create(mapping=found.mapping)
        found.refresh_from_db()
        _ensure_approvable(found, allowed)
        now = timezone.now()
        earlier = Rehearsal.objects.filter(mapping=found.mapping, approved_at__isnull=False, closed_at=None)
        earlier.update(closed_at=now, closed_how=approved.REPLACED)
        found.approved_by, found.approved_at, found.allowed = user, now, allowed
        found.save(update_fields=["approved_by", "approved_at", "allowed"])
        if state.stopped == "rehearsal":
            state.stopped, state.message = "", ""
        state.next_due = now
        state.save(update_fields=["stopped", "message", "next_due"])
        more = f", and up to {allowed} lines more or other" if allowed else ""
        _note(found, f"approved plan #{found.pk}{more}", user, now)
    return found


def _ensure_approvable(found: Rehearsal, allowed: int) -> None:
    if found.state != RehearsalState.DONE:
        raise NotApprovable(_("This plan is not complete."))
    if found.approved_at is not None or found.closed_at is not None:
        raise NotApprovable(_("This plan has been approved already."))
    if Rehearsal.objects.filter(mapping=found.mapping, pk__gt=found.pk, state=RehearsalState.DONE).exists():
        raise NotApprovable(_("There is a newer plan: look at that one."))
    if found.fingerprint != fingerprint(mapping_for_pass(found.mapping_id)):
        raise NotApprovable(_("The mapping has been changed since: rehearse it again."))
    if not 0 <= allowed <= MOST_ALLOWED:
        raise NotApprovable(_("This is not a number of records."))


def withdraw(rehearsal_id: int, user: Any) -> bool:
    """Take an approval back that no pass has begun to carry out. False if there is none."""
    now = timezone.now()
    with transaction.atomic():
        found = Rehearsal.objects.filter(
            pk=rehearsal_id, approved_at__isnull=False, begun_at=None, closed_at=None
        )
        if not found.update(closed_at=now, closed_how=WITHDRAWN):
            return False
        _note(
            Rehearsal.objects.get(pk=rehearsal_id),
            f"withdrew the approval of plan #{rehearsal_id}",
            user,
            now,
        )
    return True


def _note(found: Rehearsal, text: str, user: Any, now: datetime) -> None:
    row = ledger.Row(EntryKind.DECISION, rule=text, actor=user.get_username())
    ledger.append(found.mapping_id, [row], now)
