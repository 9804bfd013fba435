"""The worker: runs the jobs of the queue in child processes. Those that come often share one that stays.

The queue's own command would read jobs with pickle unless told otherwise, its job processes would go on
after a killed worker, and it ends when the queue is away for a while; this one does none of that.
"""

import gc
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from typing import Any

from django.db import connections
from django_rq import get_worker
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from connectors import registry
from connectors.base import Misconfigured
from syncadmin.embedded.guard import PR_SET_PDEATHSIG, prctl
from syncadmin.warm import DONE, WARM_JOBS, Warm, obey

logger = logging.getLogger(__name__)

TTL_SECONDS = 60  # a worker that waits on a dead connection notices within this
PAUSE_SECONDS = 1.0


class HubWorker(Worker):
    """A worker whose job process dies with it: a pass must not go on with nobody to report to.

    Jobs that come often share a process that stays. `reached` tells that it has reached the queue,
    `asked_to_stop` that somebody wanted it to end.
    """

    reached = asked_to_stop = False
    warm: Warm | None = None

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        if job.func_name not in WARM_JOBS:
            super().fork_work_horse(job, queue)
            return
        if self.warm is None or not self.warm.order(job, self.execution):
            self.cool()
            self.warm = Warm.fork(self._stay)
            self.warm.order(job, self.execution)
        self._horse_pid = self.warm.pid

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        warm = self.warm
        if warm is None or warm.pid != self._horse_pid:
            return super().wait_for_horse()
        answer = warm.wait()
        if answer == DONE:
            return warm.pid, os.EX_OK, None
        self.warm = None
        warm.close()
        return super().wait_for_horse()

    def cool(self) -> None:
        """Let the process that stays finish its job, if it has one, and end."""
        if self.warm is not None:
            self.warm.reap()
            self.warm = None

    def _stay(self, orders: socket.socket) -> None:
        """In the child: as a job process, but for more than one job."""
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setpgrp()
        self.setup_work_horse_signals()
        self._is_horse = True
        obey(orders, self._perform)

    def _perform(self, job_id: str, execution_id: str) -> bool:
        job = Job.fetch(job_id, connection=self.connection, serializer=self.serializer)
        self.execution = Execution(execution_id, job_id, self.connection, self.name)
        return self.perform_job(job, self.queues[0])

    def register_birth(self) -> None:
        super().register_birth()
        self.reached = True

    def handle_warm_shutdown_request(self) -> None:
        self.asked_to_stop = True
        super().handle_warm_shutdown_request()


def preload() -> None:
    """Load what passes need, once: job processes are forks, and would load it again (0.7 s of CPU).

    What is there by then stays for good: no pass looks through it for garbage.
    """
    from syncadmin.engine import run  # noqa: F401

    for kind in registry.kinds():
        with suppress(Misconfigured):  # a broken one is told by the passes that need it
            registry.get(kind)
    gc.freeze()


def make_worker() -> HubWorker:
    """A worker on the hub's queue that reads JSON only."""
    preload()
    worker: HubWorker = get_worker(
        "default", worker_class=HubWorker, serializer=JSONSerializer, worker_ttl=TTL_SECONDS
    )
    worker.log_result_lifespan = False
    return worker


def serve(*, burst: bool, logging_level: str) -> None:
    """Work until asked to stop or, with `burst`, until the queue is empty.

    A worker that lost the queue lets its pass finish, and another one takes its place. Raises RedisError if
    the queue can't be reached at the start.
    """
    reached = False
    while True:
        worker = make_worker()
        connections.close_all()  # job processes are forked: none may inherit a connection
        try:
            worker.work(burst=burst, logging_level=logging_level)
        except RedisError as error:
            if not (reached or worker.reached):
                raise
            logger.warning("the queue can't be reached: %s", error)
        reached = True
        try:
            worker.cool()
            if worker.horse_pid:
                with suppress(ChildProcessError):  # it may have ended, and been seen to
                    os.waitpid(worker.horse_pid, 0)
            if burst or worker.asked_to_stop:
                return
            time.sleep(PAUSE_SECONDS)
        except StopRequested:
            return
