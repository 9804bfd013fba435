"""Retry policy as plain data: how long to wait after a failure, and when to ask a person instead.

Pure: randomness comes in as an argument. Exponential back-off with jitter, as in "Exponential Backoff And
Jitter" (AWS Architecture Blog, 2015), with a lower bound so that a wait never vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Waits of `first` times `factor` to the power of the failures so far, at most `longest`.

    `jitter` is the share (0..1) of a wait that chance may take off, so that not all come back at once; after
    `attempts` failures in a row a record is no longer tried: it goes to the inbox.
    """

    first: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    longest: timedelta = timedelta(minutes=5)
    jitter: float = 0.2
    attempts: int = 10

    def wait(self, failures: int, chance: float = 0.0, wish: timedelta | None = None) -> timedelta:
        """How long to wait after `failures` (from 0) failures before this one.

        `chance` is a random number in [0, 1). What the system wishes (`Retry-After`) is a lower bound.
        """
        grown = self.first * self.factor ** min(failures, 32)
        waited = min(grown, self.longest) * (1 - self.jitter * chance)
        return max(waited, wish) if wish is not None else waited

    def exhausted(self, failures: int) -> bool:
        """Whether a record that has failed so often should be looked at by a person."""
        return failures >= self.attempts


RECORDS = RetryPolicy()
WAITS = RetryPolicy(longest=timedelta(seconds=30), attempts=2**31)
SYSTEMS = RetryPolicy(longest=timedelta(minutes=2), attempts=2**31)
