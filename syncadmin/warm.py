"""A job process that stays: it runs one pass after another, with its connections open and its modules warm.

To fork a process for each job costs 30 to 80 ms, and to connect to three databases and read the shape of two
tables as much again. For a pass that carries one edit that is most of its time. What makes a forked job safe
is kept: it is a child of the worker, dies with it, can be killed at any moment, and is watched and reported
by the worker just as a forked one. All that a pass relies on is in the tables, under its lease.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.db import close_old_connections, connections
from rq.executions import Execution
from rq.job import Job

from syncadmin.config.keeping import keeping

logger = logging.getLogger(__name__)

WARM_JOBS = ("syncadmin.jobs.run_pass", "syncadmin.jobs.handle_hooks")
IDLE_SECONDS = 300.0  # after which its connections are closed; the process stays
GROWTH_MB = 200  # by how much it may grow until another one takes its place
DONE, LAST = b"done", b"last"  # what it answers after a job; after LAST it ends
ORDER_BYTES, ANSWER_BYTES = 4096, 16


@dataclass
class Warm:
    """The worker's end: a child, and the socket on which it takes orders and answers each."""

    pid: int
    orders: socket.socket

    @classmethod
    def fork(cls, serve: Callable[[socket.socket], None]) -> Warm:
        """Start the child; it calls `serve` with its end of the socket, and never returns."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            try:
                serve(theirs)
            except BaseException:
                logger.exception("the warm job process ends")
                os._exit(1)
            os._exit(0)
        theirs.close()
        return cls(pid, ours)

    def order(self, job: Job, execution: Execution) -> bool:
        """Have the child do a job; False if it is not there any more."""
        with suppress(BlockingIOError):
            self.orders.recv(ANSWER_BYTES, socket.MSG_DONTWAIT)  # what it answered to the last one
        try:
            self.orders.send(json.dumps([job.id, execution.id]).encode())
        except OSError:
            return False
        return True

    def wait(self) -> bytes:
        """What it answers; empty if it died. An exception meanwhile loses no answer: it stays to be read."""
        return self.orders.recv(ANSWER_BYTES, socket.MSG_PEEK)

    def close(self) -> None:
        """Let the child finish what it does, and end."""
        self.orders.close()

    def reap(self) -> None:
        """Wait until it has ended."""
        self.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def obey(orders: socket.socket, perform: Callable[[str, str], bool]) -> None:
    """The child's life: do the jobs that are ordered, until the worker lets go, one failed, or it has grown.

    Connections to the hub are looked at before each job, as before each request of a page.
    """
    random.seed()
    started = memory_mb()
    orders.settimeout(IDLE_SECONDS)
    with keeping() as keeper:
        while True:
            try:
                order = orders.recv(ORDER_BYTES)
            except TimeoutError:
                keeper.close()
                connections.close_all()
                continue
            if not order:
                return
            close_old_connections()
            went_well = perform(*json.loads(order))
            stays = went_well and memory_mb() - started < GROWTH_MB
            orders.send(DONE if stays else LAST)
            if not stays:
                return


def memory_mb() -> float:
    """The most that this process has ever had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
