"""How fast a system may be asked, by all who ask it together: a token bucket, kept by whoever shares it.

The bucket is a single number, the time at which it is full again (the generic cell rate algorithm).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Protocol, runtime_checkable

_HOUR, _DAY = 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be asked in a day (UTC): `per_day` in all. `name` is whose requests they are.

    By `shares` a purpose asks for nothing any more once so many were made, for whatever purpose.
    """

    name: str
    per_day: int
    shares: Mapping[str, int]


@runtime_checkable
class Rationed(Protocol):
    """A connector whose system may be asked only so much in a day."""

    def quota(self) -> Quota | None:
        """How much, None if nobody counts."""
        ...


@dataclass(frozen=True, slots=True)
class Spending:
    """Requests made: today's (UTC) by purpose and hour, and all of the last hour of yesterday."""

    today: Mapping[str, Mapping[int, int]]
    before: int = 0


class Pacer(Protocol):
    """Hands out turns."""

    def take(self, name: str, interval: float, burst: int, patience: float) -> float:
        """Seconds to wait for the turn that is taken; one later than `patience` is told, but not taken.

        One turn comes every `interval` seconds, after `burst` that may come at once. `name` says whose turns.
        """
        ...

    def spend(self, name: str, limit: int, purpose: str = "live") -> int | None:
        """Count one more of today's (UTC); how many are left, or None, uncounted, if there are none."""
        ...

    def spent(self, name: str) -> Spending | None:
        """What has been counted, None if that can't be told now."""
        ...


class OwnPacer:
    """Turns within one process: for tests, and where nobody shares them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, Lock()
        self._full_at: dict[str, float] = {}
        self._spent: Counter[tuple[str, str, int]] = Counter()  # by whose, purpose and hour

    def take(self, name: str, interval: float, burst: int, patience: float) -> float:
        """A turn."""
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(name, now), now)
            wait = max(full_at - now - interval * (burst - 1), 0.0)
            if wait <= patience:
                self._full_at[name] = full_at + interval
            return wait

    def spend(self, name: str, limit: int, purpose: str = "live") -> int | None:
        """One more of today's."""
        with self._lock:
            hour = int(self._clock() // _HOUR)
            first = hour - hour % 24
            self._spent = Counter({at: n for at, n in self._spent.items() if at[2] >= first - 1})
            spent = sum(n for (whose, _, at), n in self._spent.items() if whose == name and at >= first)
            if spent >= limit:
                return None
            self._spent[name, purpose, hour] += 1
            return limit - spent - 1

    def spent(self, name: str) -> Spending | None:
        """What has been counted by this process."""
        with self._lock:
            first = int(self._clock() // _DAY) * 24
            today: dict[str, dict[int, int]] = {}
            before = 0
            for (whose, purpose, hour), number in self._spent.items():
                if whose == name and hour >= first:
                    today.setdefault(purpose, {})[hour - first] = number
                elif whose == name and hour == first - 1:
                    before += number
            return Spending(today, before)
