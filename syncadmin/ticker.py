"""The clock: looks at the hub's tables twice a second and enqueues a pass for every mapping that is due.

Every few seconds it also looks at the inbox's items: what was put off wakes, what is overdue is told.

It holds no schedule of its own: what is due is what the tables say, so a lost job, a killed worker or
a restart of everything is healed by the next look. Two tickers do no harm, because the queue takes
only one waiting job a mapping; that one of them leads is for economy. So the leader's lock lies beside
the queue, where it costs no writes on the hub's database.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as Signal

from django.db import OperationalError, close_old_connections, connections
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from conflicts.services import clock
from conflicts.services.bulk import stalled
from syncadmin import hooks, probes, rehearsals, surveys, versions, watches
from syncadmin.engine import risk
from syncadmin.jobs import (
    impatient_connection,
    put_bulk_in_queue,
    put_comparison_in_queue,
    put_hooks_in_queue,
    put_in_queue,
    put_look_in_queue,
    put_notices_in_queue,
    put_probe_in_queue,
    put_rehearsal_in_queue,
    put_survey_in_queue,
)
from syncadmin.models import Came, Event, Hint, Intent, MappingState, Mark
from syncadmin.notify import deliver

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LEAD_SECONDS = 5.0
FIRST_DELAY = timedelta(seconds=1)
LONGEST_DELAY = timedelta(seconds=30)
ASKS = ("guard", "rehearsal")  # what stops a mapping until a person has approved a plan
CLOCK_EVERY = timedelta(seconds=5)  # how often items of the inbox are looked at: put off, due, overdue


def runnable(now: datetime) -> QuerySet[MappingState]:
    """Mappings that a pass may run for: not off, not waiting for a person, their systems not away."""
    return (
        MappingState.objects.filter(~Q(stopped__in=ASKS), mapping__enabled=True)
        .exclude(mapping__left__system__health__open_until__gt=now)
        .exclude(mapping__right__system__health__open_until__gt=now)
    )


def due_states(now: datetime) -> QuerySet[MappingState]:
    """Mappings that a pass should run for, and may.

    Due are: the schedule, records marked as changed or named by webhooks, and writes that a dead worker left
    open. Left out are mappings that are off, that wait for a person, that are being worked on, or whose
    system is away.
    """
    marks = Mark.objects.filter(mapping=OuterRef("mapping"), not_before__lte=now).order_by("id")
    intents = Intent.objects.filter(mapping=OuterRef("mapping"))
    hints = Hint.objects.filter(mapping=OuterRef("mapping"), came=Came.WAITING, marked=False)
    return (
        runnable(now)
        .filter(Q(expires_at=None) | Q(expires_at__lte=now))
        .annotate(
            oldest_mark=Subquery(marks.values("id")[:1]),
            oldest_hint=Subquery(hints.order_by("id").values("id")[:1]),
            unfinished=Q(expires_at__lte=now) & Exists(intents),
        )
        .filter(
            Q(next_due__lte=now)
            | Q(oldest_mark__isnull=False)
            | Q(oldest_hint__isnull=False)
            | Q(unfinished=True)
        )
        .order_by("next_due")
    )


@dataclass(slots=True)
class _Asked:
    """What a pass was last asked for, and when the same may be asked for again."""

    need: object
    again_at: datetime
    delay: timedelta


@dataclass
class Ticker:
    """Enqueues what is due. `now` is the clock."""

    now: Callable[[], datetime] = timezone.now
    asked: dict[int, _Asked] = field(default_factory=dict)
    clock_at: datetime | None = None

    def tick(self) -> list[tuple[int, str]]:
        """Look once; returns mapping and kind of every pass that was asked for.

        The same need is asked for again only after a delay that grows: a mapping whose pass fails at
        once (its system is away) is tried again, but not twice a second.
        """
        now = self.now()
        enqueued = []
        needed: dict[int, _Asked] = {}
        for state in due_states(now):
            due = state.next_due if state.next_due <= now else None
            need = (due, state.oldest_mark, state.oldest_hint, state.unfinished)
            before = self.asked.get(state.mapping_id)
            if before is not None and before.need == need and now < before.again_at:
                needed[state.mapping_id] = before
                continue
            again = before is not None and before.need == need
            delay = min(before.delay * 2, LONGEST_DELAY) if again and before is not None else FIRST_DELAY
            kind = "reconcile" if state.next_reconcile <= now else "incremental"
            if put_in_queue(state.mapping_id, kind):
                needed[state.mapping_id] = _Asked(need, now + delay, delay)
                enqueued.append((state.mapping_id, kind))
        self.asked = needed
        for run_id in stalled(now):
            put_bulk_in_queue(run_id)
        if self.clock_at is None or now >= self.clock_at:
            self.clock_at = now + CLOCK_EVERY
            clock.look(now)
            risk.lapse_what_is_over(now)
            for survey_id in surveys.stalled(now):
                put_survey_in_queue(survey_id)
            for rehearsal_id in rehearsals.stalled(now):
                put_rehearsal_in_queue(rehearsal_id)
            for probe_id in probes.stalled(now):
                put_probe_in_queue(probe_id)
            for version_id in versions.stalled(now):
                put_comparison_in_queue(version_id)
            if hooks.stalled(now):
                put_hooks_in_queue()
            for watch_id in watches.due(now):
                put_look_in_queue(watch_id)
            if Event.objects.exists() or deliver.work(now):
                put_notices_in_queue()
            hooks.keep_counts()
        return enqueued

    def run(self, stop: Signal) -> None:
        """Tick while leading, until `stop` is set; a database or queue that is away is waited for."""
        lead = Lock(
            impatient_connection(),
            "syncadmin:ticker",
            timeout=LEAD_SECONDS,
            blocking=False,
            thread_local=False,
        )
        away = ""
        while not stop.is_set():
            try:
                if leads(lead):
                    close_old_connections()
                    self.tick()
                if away:
                    logger.info("the %s is back", away)
                away = ""
            except RedisError as error:
                if away != "queue":
                    logger.warning("the queue can't be reached: %s", error)
                away = "queue"
            except OperationalError as error:
                connections.close_all()
                if away != "database":
                    logger.warning("the hub's database can't be used: %s", error)
                away = "database"
            stop.wait(LOOK_SECONDS)
        release(lead)


def leads(lead: Lock) -> bool:
    """Whether this process holds the lock, renewed or taken just now."""
    if lead.local.token is not None:
        try:
            return bool(lead.extend(LEAD_SECONDS, replace_ttl=True))
        except LockError:  # it was away too long: another one may lead
            lead.local.token = None
    return bool(lead.acquire(blocking=False))


def release(lead: Lock) -> None:
    """Let another one lead at once; where that fails, the lock runs out by itself."""
    if lead.local.token is not None:
        try:
            lead.release()
        except (LockError, RedisError) as error:
            logger.debug("the ticker's lock was not given back: %s", error)
