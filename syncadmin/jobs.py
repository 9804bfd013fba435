"""Passes as queue jobs. The queue is a hint, the hub's tables are the truth.

At most one job a mapping waits in the queue. A job that has started no longer counts as waiting: what
is asked for after it began to read needs a pass of its own. Which job waits is noted under a key of the
mapping, changed in one transaction with the queue, because a job's own id stays taken for as long as
the finished job is remembered.
"""

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_rq import get_connection, get_queue
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, get_current_job
from rq.job import Job

logger = logging.getLogger(__name__)

# a job of a stronger kind does all that one of a weaker kind would
STRENGTH = {"incremental": 0, "reconcile": 1, "backfill": 2}
NOTE_SECONDS = 7 * 86400
FAILED_JOB_SECONDS = 86400
BULK_SECONDS = 3600
LONG_SECONDS = 86400  # what reads whole systems
NOTICES_NOTE = "syncadmin:notices"
HOOKS_NOTE = "syncadmin:hooks"
NOTE_OF_ONE_SECONDS = 60
AGAIN = b"again"
BUSY_SECONDS = 60
STAYS_SECONDS = 5.0  # after which a job that is asked for one more pass goes to the queue again
ONE_TIMEOUT = 900
PATIENCE_SECONDS = 2.0


def run_pass(mapping_id: int, kind: str) -> None:
    """The job: one pass of one mapping. Safe to run twice, and at any time.

    What was asked for while it ran gets a pass of its own, at once while no other job waits for a worker.
    Where another one runs, that one is told so.
    """
    from syncadmin.engine import run

    job = get_current_job()
    if job is not None:
        try:
            _no_longer_waiting(mapping_id, job)
        except RedisError as error:  # the note that stays counts no more: its job is not in the queue
            logger.warning("mapping %s: the queue can't be reached: %s", mapping_id, error)
    stays_until = time.monotonic() + STAYS_SECONDS
    while True:
        _note_busy(mapping_id, nx=True)
        done = run.run_pass(mapping_id, kind, heartbeat=True)
        if done is None:
            _note_busy(mapping_id, again=True)
            done = run.run_pass(
                mapping_id, kind, heartbeat=True
            )  # the other may have ended before it was told
        if done is None or not _asked_again(mapping_id):
            return
        if time.monotonic() > stays_until or _others_wait():
            put_in_queue(mapping_id, "incremental")
            return
        kind = "incremental"


def wake(mapping_id: int) -> bool:
    """Something changed just now: ask for a pass, or for one more where one runs; False if that failed.

    A pass that was killed leaves its note for BUSY_SECONDS at most. Till then the ticker alone asks.
    """
    return wake_running(mapping_id) or put_in_queue(mapping_id, "incremental")


def wake_running(mapping_id: int) -> bool:
    """Where a pass runs, ask for one more after it; False if none does, or that failed."""
    try:
        return bool(kept_connection().set(_busy(mapping_id), AGAIN, xx=True, keepttl=True))
    except RedisError as error:
        logger.warning("mapping %s: the queue can't be reached: %s", mapping_id, error)
        return False


def _others_wait() -> bool:
    """Whether any job waits for a worker; also if that can't be told."""
    try:
        return bool(kept_connection().llen(get_queue(connection=kept_connection()).key))
    except RedisError:
        return True


def _busy(mapping_id: int) -> str:
    return f"syncadmin:busy:{mapping_id}"


def _note_busy(mapping_id: int, *, nx: bool = False, again: bool = False) -> None:
    """Note that a pass runs or, with `again`, that one more is wanted after it."""
    with suppress(RedisError):
        kept_connection().set(_busy(mapping_id), AGAIN if again else b"", nx=nx, ex=BUSY_SECONDS)


def _asked_again(mapping_id: int) -> bool:
    """Whether one more pass was asked for while this one ran. It runs no more."""
    try:
        return kept_connection().getdel(_busy(mapping_id)) == AGAIN
    except RedisError:
        return False


def run_bulk(run_id: int) -> None:
    """The job: carry a bulk run on, its preview or itself, to its end. Safe to run twice, and at any time."""
    from conflicts.services import bulk

    bulk.prepare(run_id)
    while (step := bulk.step(run_id)).more:
        if step.mapping_id is not None:
            put_in_queue(step.mapping_id, "incremental")


def enqueue_bulk(run_id: int) -> None:
    """Have a worker carry a bulk run on, once the current transaction, if any, is committed.

    As with passes, the ticker finds later what the queue did not take.
    """
    transaction.on_commit(partial(put_bulk_in_queue, run_id))


def put_bulk_in_queue(run_id: int) -> bool:
    """Put a bulk run in the queue, now; False if that failed."""
    return _put_row(run_bulk, "bulk run", run_id, BULK_SECONDS)


def run_survey(survey_id: int) -> None:
    """The job: read both sides of a survey and store what was found. Safe to run twice, and at any time."""
    from syncadmin import surveys

    surveys.run(survey_id)


def enqueue_survey(survey_id: int) -> None:
    """Have a worker carry a survey out, once the current transaction, if any, is committed."""
    transaction.on_commit(partial(put_survey_in_queue, survey_id))


def put_survey_in_queue(survey_id: int) -> bool:
    """Put a survey in the queue, now; False if that failed, and the ticker asks again."""
    return _put_row(run_survey, "survey", survey_id, LONG_SECONDS)


def run_rehearsal(rehearsal_id: int) -> None:
    """The job: make the plan of a mapping's first pass. Safe to run twice, and at any time."""
    from syncadmin import rehearsals

    rehearsals.run(rehearsal_id)


def enqueue_rehearsal(rehearsal_id: int) -> None:
    """Have a worker carry a rehearsal out, once the current transaction, if any, is committed."""
    transaction.on_commit(partial(put_rehearsal_in_queue, rehearsal_id))


def put_rehearsal_in_queue(rehearsal_id: int) -> bool:
    """Put a rehearsal in the queue, now; False if that failed, and the ticker asks again."""
    return _put_row(run_rehearsal, "rehearsal", rehearsal_id, LONG_SECONDS)


def run_probe(probe_id: int) -> None:
    """The job: carry a probe out, or clean up behind it. Safe to run twice, and at any time."""
    from syncadmin import probes

    probes.run(probe_id)


def enqueue_probe(probe_id: int) -> None:
    """Have a worker carry a probe out, once the current transaction, if any, is committed."""
    transaction.on_commit(partial(put_probe_in_queue, probe_id))


def put_probe_in_queue(probe_id: int) -> bool:
    """Put a probe in the queue, now; False if that failed, and the ticker asks again."""
    return _put_row(run_probe, "probe", probe_id, LONG_SECONDS)


def look_on(watch_id: int) -> None:
    """The job: one look of a watch at both systems. Safe to run twice, and at any time."""
    from syncadmin import watches

    watches.look(watch_id)


def enqueue_look(watch_id: int) -> None:
    """Have a worker take a look, once the current transaction, if any, is committed."""
    transaction.on_commit(partial(put_look_in_queue, watch_id))


def put_look_in_queue(watch_id: int) -> bool:
    """Put a look in the queue, now; False if that failed, and the ticker asks again."""
    return _put_row(look_on, "look of watch", watch_id, LONG_SECONDS)


def compare_version(version_id: int) -> None:
    """The job: work out what a proposed version would do differently. Safe to run twice, and at any time."""
    from syncadmin import versions

    versions.work_out(version_id)


def enqueue_comparison(version_id: int) -> None:
    """Have a worker compare a proposed version, once the current transaction, if any, is committed."""
    transaction.on_commit(partial(put_comparison_in_queue, version_id))


def put_comparison_in_queue(version_id: int) -> bool:
    """Put a comparison in the queue, now; False if that failed, and the ticker asks again."""
    return _put_row(compare_version, "comparison of version", version_id, LONG_SECONDS)


def send_notices() -> None:
    """The job: events become notices, and those that are ready are sent. Safe to run twice, at any time."""
    from syncadmin.notify import deliver, expand

    try:
        impatient_connection().delete(NOTICES_NOTE)
    except RedisError as error:
        logger.warning("notices: the queue can't be reached: %s", error)
    expand.expand(timezone.now())
    deliver.deliver(timezone.now)


def enqueue_notices() -> None:
    """Have a worker send notices, once the current transaction, if any, is committed."""
    transaction.on_commit(put_notices_in_queue)


def put_notices_in_queue() -> bool:
    """Put the job in the queue, now, unless one waits there; False if that failed."""
    return _put_one(send_notices, "notices", NOTICES_NOTE)


def handle_hooks() -> None:
    """The job: deliveries become marks, and passes are asked for. Safe to run twice, at any time."""
    from syncadmin import hooks

    try:
        impatient_connection().delete(HOOKS_NOTE)
    except RedisError as error:
        logger.warning("webhooks: the queue can't be reached: %s", error)
    hooks.handle()


def enqueue_hooks() -> None:
    """Have a worker look at deliveries, once the current transaction, if any, is committed."""
    transaction.on_commit(put_hooks_in_queue)


def put_hooks_in_queue() -> bool:
    """Put the job in the queue, now, unless one waits there; False if that failed."""
    return _put_one(handle_hooks, "webhooks", HOOKS_NOTE)


def _put_one(job: Callable[[], None], what: str, note: str) -> bool:
    """Put a job of which one is enough in the queue, now, unless one waits there; False if that failed.

    The note that one waits runs out, so that a lost job is asked for again.
    """
    connection = kept_connection()
    try:
        if connection.set(note, 1, nx=True, ex=NOTE_OF_ONE_SECONDS):
            get_queue(connection=connection).enqueue_call(
                job,
                job_id=f"{what}-{uuid.uuid4().hex}",
                description=what,
                timeout=ONE_TIMEOUT,
                result_ttl=0,
                failure_ttl=FAILED_JOB_SECONDS,
            )
    except RedisError as error:
        logger.warning("%s wait for the ticker: the queue can't be reached: %s", what, error)
        return False
    return True


def enqueue_pass(mapping_id: int, kind: str = "incremental") -> None:
    """Have a worker run a pass, once the current transaction, if any, is committed.

    Never fails for the sake of the queue: where it cannot be reached, the ticker finds later what the
    tables say is due.
    """
    if kind not in STRENGTH:
        raise ValueError(f"{kind!r} is no kind of pass: {', '.join(STRENGTH)}")
    transaction.on_commit(partial(put_in_queue, mapping_id, kind))


def put_in_queue(mapping_id: int, kind: str) -> bool:
    """Put the pass in the queue, now, unless one that does as much waits there; False if that failed."""
    queue = get_queue(connection=kept_connection())
    try:
        queue.connection.transaction(partial(_put, queue, mapping_id, kind), _note(mapping_id))
    except RedisError as error:
        logger.warning("mapping %s waits for the ticker: the queue can't be reached: %s", mapping_id, error)
        return False
    return True


def _put_row(job: Callable[[int], None], what: str, number: int, seconds: int) -> bool:
    """Put the job on one stored row in the queue, now, with so many seconds to run; False if that failed."""
    described = f"{what} {number}"
    try:
        get_queue(connection=impatient_connection()).enqueue_call(
            job,
            args=(number,),
            job_id=f"{described.replace(' ', '-')}-{uuid.uuid4().hex}",
            description=described,
            timeout=seconds,
            result_ttl=0,
            failure_ttl=FAILED_JOB_SECONDS,
        )
    except RedisError as error:
        logger.warning("%s waits for the ticker: the queue can't be reached: %s", described, error)
        return False
    return True


def impatient_connection() -> "Redis":
    """For hints: it gives up soon and tries nothing twice. No page waits; the ticker asks again."""
    connection = get_connection()
    connection.set_retry(Retry(NoBackoff(), 0))
    patience = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    connection.connection_pool.connection_kwargs.update(patience)
    return connection


def kept_connection() -> "Redis":
    """An impatient connection that stays open, for what is asked often; threads may share it."""
    return _kept(settings.RQ_QUEUES["default"]["URL"])


@lru_cache(maxsize=2)
def _kept(_address: str) -> "Redis":
    return impatient_connection()


def _note(mapping_id: int) -> str:
    return f"syncadmin:waiting:{mapping_id}"


def _put(queue: Queue, mapping_id: int, kind: str, pipeline: "Pipeline[bytes]") -> None:
    """Runs with the mapping's note watched: starts over if somebody else changes it meanwhile."""
    waiting, _, waiting_kind = (pipeline.get(_note(mapping_id)) or b"").decode().partition(" ")
    # a worker that was killed between taking a job and starting it has left the note, but no job
    if waiting and pipeline.lpos(queue.key, waiting) is not None:
        if STRENGTH[waiting_kind] >= STRENGTH[kind]:
            pipeline.multi()
            return
    else:
        waiting = ""
    pipeline.multi()
    if waiting:
        pipeline.lrem(queue.key, 0, waiting)
        pipeline.delete(Job.key_for(waiting))
    job = queue.enqueue_call(
        run_pass,
        args=(mapping_id, kind),
        job_id=f"pass-{mapping_id}-{uuid.uuid4().hex}",
        description=f"{kind} pass of mapping {mapping_id}",
        result_ttl=0,
        failure_ttl=FAILED_JOB_SECONDS,
        pipeline=pipeline,
    )
    pipeline.set(_note(mapping_id), f"{job.id} {kind}", ex=NOTE_SECONDS)


def _no_longer_waiting(mapping_id: int, job: Job) -> None:
    """Take the note away, before anything is read, unless it is another job's."""

    def clear(pipeline: "Pipeline[bytes]") -> None:
        waiting = (pipeline.get(_note(mapping_id)) or b"").decode().partition(" ")[0]
        pipeline.multi()
        if waiting == job.id:
            pipeline.delete(_note(mapping_id))

    job.connection.transaction(clear, _note(mapping_id))
