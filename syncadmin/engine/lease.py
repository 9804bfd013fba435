"""Leases with a fencing number: one pass at a time works on a mapping.

A worker that was paused and lost its lease may still run, but every transaction that stores something locks
the state row and checks the number first: it can store nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from syncadmin.models import MappingState

TERM = timedelta(seconds=60)
RENEW_AFTER = timedelta(seconds=15)


class LeaseLost(Exception):
    """Another worker took over: stop, store nothing."""


@dataclass(slots=True)
class Lease:
    """The right to store for one mapping, as long as `token` is the mapping's number."""

    mapping_id: int
    token: int
    clock: Callable[[], datetime]
    renewed_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.renewed_at = self.clock()

    def keep(self) -> None:
        """Renew if it is time to. Raises LeaseLost."""
        if self.clock() - self.renewed_at >= RENEW_AFTER:
            with self.fenced():
                pass

    @contextmanager
    def fenced(self) -> Iterator[MappingState]:
        """A transaction that only its holder can make. Renews the lease. Raises LeaseLost."""
        with transaction.atomic():
            state = MappingState.objects.select_for_update().get(mapping_id=self.mapping_id)
            if state.token != self.token:
                raise LeaseLost(
                    f"mapping {self.mapping_id}: lease {self.token} was taken over by {state.token}"
                )
            yield state
            self.renewed_at = self.clock()
            MappingState.objects.filter(mapping_id=self.mapping_id).update(expires_at=self.renewed_at + TERM)

    def release(self) -> None:
        """Give the lease back (no error if it was lost)."""
        MappingState.objects.filter(mapping_id=self.mapping_id, token=self.token).update(
            holder="", expires_at=None
        )


class NoLease(Lease):
    """Stands for a lease where nothing is stored, or where nothing that is stored stays."""

    @contextmanager
    def fenced(self) -> Iterator[MappingState]:
        """A nested transaction without a check."""
        with transaction.atomic():
            yield MappingState.objects.get(mapping_id=self.mapping_id)

    def keep(self) -> None:
        """Nothing to renew."""


def acquire(mapping_id: int, holder: str, clock: Callable[[], datetime]) -> Lease | None:
    """The mapping's lease, or None if another holder has it. The number grows by one each time."""
    now = clock()
    with transaction.atomic():
        state = (
            MappingState.objects.select_for_update()
            .filter(Q(expires_at=None) | Q(expires_at__lte=now), mapping_id=mapping_id)
            .first()
        )
        if state is None:
            return None
        token = state.token + 1
        MappingState.objects.filter(mapping_id=mapping_id).update(
            token=token, holder=holder, expires_at=now + TERM
        )
    return Lease(mapping_id, token, clock)
