"""Leases with a fencing number: one pass at a time works on a mapping.

A worker that was paused and lost its lease may still run, but every transaction that stores something locks
the state row and checks the number first: it can store nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread

from django.db import OperationalError, connection, transaction

from syncadmin.models import MappingState, bulk
from syncadmin.models.state import lock_all, locked

from . import witness

logger = logging.getLogger(__name__)

TERM = timedelta(seconds=30)
RENEW_AFTER = timedelta(seconds=10)
LONG = timedelta(seconds=1)  # a transaction that took so long renews the lease at its end, too


class LeaseLost(Exception):
    """Another worker took over: stop, store nothing."""


@dataclass(slots=True)
class Lease:
    """The right to store for one mapping, as long as `token` is the mapping's number.

    `name` is the mapping's, for ever, on this hub and every copy of its database; `stored` counts the
    transactions that were ever made for it. Both numbers are witnessed beside the database.
    """

    mapping_id: int
    token: int
    clock: Callable[[], datetime]
    name: str = ""
    stored: int = 0
    parting: Mapping[str, object] = field(default_factory=dict)
    renewed_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.renewed_at = self.clock()

    def keep(self) -> None:
        """Renew if it is time to. Raises LeaseLost."""
        if self.clock() - self.renewed_at >= RENEW_AFTER:
            with self.fenced():
                pass

    @contextmanager
    def fenced(self, beside: Collection[int] = ()) -> Iterator[None]:
        """A transaction that only its holder can make. Renews the lease. Raises LeaseLost.

        No pass of the mappings `beside` stores anything meanwhile.
        """
        with transaction.atomic():
            if beside:
                lock_all((self.mapping_id, *beside))
            began = self._renew()
            yield
            if self.clock() - began >= LONG:
                self._renew()
        self.stored += 1
        self.testify()

    def _renew(self) -> datetime:
        """Lock the state row, check the number and count the transaction, all at once. Raises LeaseLost."""
        now = self.clock()
        mine = {"mapping_id": self.mapping_id, "token": self.token}
        if not bulk.assign(MappingState, mine, {"expires_at": now + TERM, "stored": self.stored + 1}):
            taken = locked(self.mapping_id).token
            raise LeaseLost(f"mapping {self.mapping_id}: lease {self.token} was taken over by {taken}")
        self.renewed_at = now
        return now

    def testify(self) -> None:
        """Have the witness know how far the database has come, before anything more is done to a system."""
        if self.name:
            witness.note(self.name, witness.Numbers(self.token, self.stored))

    def release(self) -> None:
        """Give the lease back, and store `parting` with it (no error if it was lost)."""
        mine = {"mapping_id": self.mapping_id, "token": self.token}
        bulk.assign(MappingState, mine, {"holder": "", "expires_at": None, **self.parting})


class NoLease(Lease):
    """Stands for a lease where nothing is stored but to copies of the tables."""

    @contextmanager
    def fenced(self, beside: Collection[int] = ()) -> Iterator[None]:
        """No transaction, no check: see `apart`."""
        yield

    def keep(self) -> None:
        """Nothing to renew."""


def acquire(mapping_id: int, holder: str, clock: Callable[[], datetime]) -> Lease | None:
    """The mapping's lease; None if another holder has it, or it is out of service. The number grows.

    None also as long as values of a probe are in records of its resources: a pass would take them for edits.
    Who probes locks the states as well, so that what it holds is seen here.
    """
    now = clock()
    with transaction.atomic(), connection.cursor() as cursor:
        found = locked(mapping_id)
        cursor.execute(
            "UPDATE syncadmin_mappingstate SET token = token + 1, holder = %s, expires_at = %s "
            "WHERE mapping_id = %s AND retired_at IS NULL AND (expires_at IS NULL OR expires_at <= %s) "
            "AND NOT EXISTS (SELECT 1 FROM syncadmin_probehold h "
            "JOIN syncadmin_mapping m ON h.resource_id IN (m.left_id, m.right_id) "
            "WHERE m.id = syncadmin_mappingstate.mapping_id AND h.settled_at IS NULL)",
            [holder, bulk.moment(now + TERM), mapping_id, bulk.moment(now)],
        )
        if not cursor.rowcount:
            return None
    return Lease(mapping_id, found.token + 1, clock, f"{mapping_id}-{found.uid.hex}", found.stored)


@contextmanager
def kept_alive(lease: Lease) -> Iterator[None]:
    """Renew a lease from a thread for as long as this process lives, however long a system takes to answer.

    A worker that is stopped or dead renews nothing: its lease runs out within a term.
    """
    over = Event()

    def beat() -> None:
        while not over.wait(RENEW_AFTER.total_seconds()):
            try:
                mine = MappingState.objects.filter(mapping_id=lease.mapping_id, token=lease.token)
                mine.update(expires_at=lease.clock() + TERM)
            except (
                OperationalError
            ) as error:  # the next beat may get through; if none does, the lease runs out
                logger.warning("mapping %s: its lease could not be renewed: %s", lease.mapping_id, error)
                connection.close()
        connection.close()

    thread = Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
