"""How fast a system may be asked, by all who ask it together: a token bucket, kept by whoever shares it.

The bucket is a single number, the time at which it is full again (the generic cell rate algorithm).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol


class Pacer(Protocol):
    """Hands out turns."""

    def take(self, name: str, interval: float, burst: int, patience: float) -> float:
        """Seconds to wait for the turn that is taken; one later than `patience` is told, but not taken.

        One turn comes every `interval` seconds, after `burst` that may come at once. `name` says whose turns.
        """
        ...

    def spend(self, name: str, limit: int) -> int | None:
        """Count one more of today's (UTC); how many are left, or None, uncounted, if there are none."""
        ...


class OwnPacer:
    """Turns within one process: for tests, and where nobody shares them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, Lock()
        self._full_at: dict[str, float] = {}
        self._spent: dict[tuple[str, int], int] = {}

    def take(self, name: str, interval: float, burst: int, patience: float) -> float:
        """A turn."""
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get(name, now), now)
            wait = max(full_at - now - interval * (burst - 1), 0.0)
            if wait <= patience:
                self._full_at[name] = full_at + interval
            return wait

    def spend(self, name: str, limit: int) -> int | None:
        """One more of today's."""
        with self._lock:
            today = name, int(self._clock() // 86_400)
            spent = self._spent.get(today, 0)
            if spent >= limit:
                return None
            self._spent = {today: spent + 1} | {k: v for k, v in self._spent.items() if k[0] != name}
            return limit - spent - 1
