"""What the hub gives a connector besides its configuration: a memory that outlives the process.

Connectors know nothing of it but the Protocol in `connectors.base`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from connectors.base import Retry, Surroundings
from syncadmin.models import Remembered, System

HELD = timedelta(seconds=90)  # after that, who held it is taken for dead
PATIENCE = 60.0  # seconds to wait for another worker's login
_LOOK = 0.2  # seconds between looks


def surroundings_of(system: System) -> Surroundings:
    """What a connector of this system is given."""
    return Surroundings(memory=HubMemory(system.name))


class HubMemory:
    """A connector's memory in the hub's database, encrypted, shared by all workers."""

    def __init__(self, system: str, *, patience: float = PATIENCE) -> None:
        self._system, self._patience, self._owner = system, patience, threading.get_ident()

    def get(self, name: str) -> str | None:
        """What was put last under this name."""
        with self._connected():
            return Remembered.objects.filter(name=name).values_list("value", flat=True).first()

    def put(self, name: str, value: str) -> None:
        """Remember a value."""
        told = {"value": value, "system": self._system, "put_at": timezone.now()}
        with self._connected():
            Remembered.objects.update_or_create(name=name, defaults=told)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Held by one worker at a time. Raises Retry if another one does not let go."""
        holder = secrets.token_hex(16)
        with self._connected():
            Remembered.objects.bulk_create(
                [Remembered(name=name, system=self._system)], ignore_conflicts=True
            )
            self._take(name, holder)
        try:
            yield
        finally:
            with self._connected():
                Remembered.objects.filter(name=name, holder=holder).update(holder="", held_until=None)

    def _take(self, name: str, holder: str) -> None:
        end = time.monotonic() + self._patience
        while True:
            now = timezone.now()
            free = Q(held_until=None) | Q(held_until__lt=now)
            if Remembered.objects.filter(free, name=name).update(holder=holder, held_until=now + HELD):
                return
            if time.monotonic() >= end:
                raise Retry("another worker has been logging in for too long", system=self._system)
            time.sleep(_LOOK)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """A thread of the connector's own leaves no connection behind."""
        try:
            yield
        finally:
            if threading.get_ident() != self._owner:
                connections.close_all()
