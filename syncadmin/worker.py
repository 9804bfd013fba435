"""The worker: takes passes from the queue and runs each in a process of its own.

The queue's own command would read jobs with pickle unless told otherwise, and its job processes
would go on after a killed worker; this one does neither.
"""

import signal
from contextlib import suppress

from django_rq import get_worker
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from connectors import registry
from connectors.base import Misconfigured
from syncadmin.embedded.guard import PR_SET_PDEATHSIG, prctl


class HubWorker(Worker):
    """A worker whose job process dies with it: a pass must not go on with nobody to report to."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)


def preload() -> None:
    """Load what passes need, once: each runs in a fork, and would load it again (0.7 s of CPU)."""
    from syncadmin.engine import run  # noqa: F401

    for kind in registry.kinds():
        with suppress(Misconfigured):  # a broken one is told by the passes that need it
            registry.get(kind)


def make_worker() -> HubWorker:
    """A worker on the hub's queue that reads JSON only."""
    preload()
    worker: HubWorker = get_worker("default", worker_class=HubWorker, serializer=JSONSerializer)
    worker.log_result_lifespan = False
    return worker
