"""Passes that only take notes, and a real worker to run them in this process."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer


@dataclass
class Passes:
    """Which passes ran; `meanwhile` is called while one runs. While `held` is set, none gets the lease."""

    ran: list[tuple[int, str]] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None
    held: bool = False

    def run_pass(self, mapping_id: int, kind: str, *, heartbeat: bool) -> object:
        if self.held:
            return None
        self.ran.append((mapping_id, kind))
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return self


def work_off(queue: Queue, jobs: int | None = None) -> None:
    """Run what is in the queue, all or the first so many, with a real worker."""
    worker = SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer)
    worker.work(burst=True, max_jobs=jobs, logging_level="WARNING")
