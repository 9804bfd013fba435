"""What the hub gives a connector besides its configuration: a memory, turns that all share, and its reach.

Connectors know nothing of it but the Protocol in `connectors.base`.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import redis
from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from connectors.base import Retry
from connectors.pacing import OwnPacer, Spending
from connectors.reach import reach
from connectors.surroundings import Purpose, Surroundings
from syncadmin.models import Remembered, System

HELD = timedelta(seconds=90)  # after that, who held it is taken for dead
PATIENCE = 60.0  # seconds to wait for another worker's login
_LOOK = 0.2  # seconds between looks


def surroundings_of(system: System, purpose: Purpose) -> Surroundings:
    """What a connector of this system is given."""
    return Surroundings(
        memory=HubMemory(system.name),
        pacer=QueuePacer(),
        reach=reach(settings.PRIVATE_ADDRESSES),
        purpose=purpose,
    )


class QueuePacer:
    """Turns that all workers share, counted by the queue server; while it is away, by this process alone."""

    _take = """
        local now = redis.call('TIME')
        now = now[1] + now[2] / 1000000
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
        local wait = math.max(full - now - ARGV[1] * (ARGV[2] - 1), 0)
        if wait <= tonumber(ARGV[3]) then
            local rest = math.ceil(full - now + ARGV[1]) + 1
            redis.call('SET', KEYS[1], string.format('%.6f', full + ARGV[1]), 'EX', rest)
        end
        return string.format('%.6f', wait)
    """
    _spend = """
        local now = redis.call('TIME')[1]
        local today = KEYS[1] .. math.floor(now / 86400)
        local spent = tonumber(redis.call('HGET', today, 'all') or 0)
        if spent >= tonumber(ARGV[1]) then return -1 end
        redis.call('HINCRBY', today, 'all', 1)
        redis.call('HINCRBY', today, ARGV[2] .. ':' .. math.floor(now % 86400 / 3600), 1)
        redis.call('EXPIRE', today, 172800)
        return ARGV[1] - spent - 1
    """

    def __init__(self, url: str = "") -> None:
        self._url, self._own = url or settings.REDIS_URL, OwnPacer()
        self._lazy: redis.Redis | None = None

    def take(self, name: str, interval: float, burst: int, patience: float) -> float:
        """A turn."""
        try:
            wait = self._client().eval(self._take, 1, f"syncadmin:pace:{name}", interval, burst, patience)
        except redis.RedisError:
            return self._own.take(name, interval, burst, patience)
        return float(wait)

    def spend(self, name: str, limit: int, purpose: str = "live") -> int | None:
        """One more of today's."""
        try:
            left = int(self._client().eval(self._spend, 1, _days_of(name), limit, purpose))
        except redis.RedisError:
            return self._own.spend(name, limit, purpose)
        return None if left < 0 else left

    def spent(self, name: str) -> Spending | None:
        """What all workers have asked together; None while the queue server is away."""
        try:
            day = self._client().time()[0] // 86_400
            today, before = (self._client().hgetall(f"{_days_of(name)}{at}") for at in (day, day - 1))
        except redis.RedisError:
            return None
        counted: dict[str, dict[int, int]] = {}
        for field, number in today.items():
            purpose, _, hour = field.decode().partition(":")
            if hour:
                counted.setdefault(purpose, {})[int(hour)] = int(number)
        late = sum(int(number) for field, number in before.items() if field.endswith(b":23"))
        return Spending(counted, late)

    def _client(self) -> redis.Redis:
        """Connected when it is first needed: most systems have no limits."""
        if self._lazy is None:
            self._lazy = redis.Redis.from_url(self._url, socket_timeout=5)
        return self._lazy


def _days_of(name: str) -> str:
    """How the keys of a system's days begin."""
    return f"syncadmin:spent:{name}:"


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

    def forget(self, name: str) -> None:
        """Let go of a value."""
        with self._connected():
            Remembered.objects.filter(name=name).delete()

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
