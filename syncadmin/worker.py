"""The worker: takes passes from the queue and runs each in a process of its own.

The queue's own command would read jobs with pickle unless told otherwise, and its job processes
would go on after a killed worker; this one does neither.
"""

import signal

from django_rq import get_worker
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from syncadmin.embedded.guard import PR_SET_PDEATHSIG, prctl


class HubWorker(Worker):
    """A worker whose job process dies with it: a pass must not go on with nobody to report to."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)


def make_worker() -> HubWorker:
    """A worker on the hub's queue that reads JSON only."""
    worker: HubWorker = get_worker("default", worker_class=HubWorker, serializer=JSONSerializer)
    worker.log_result_lifespan = False
    return worker
