"""How far a system's clock is from ours, by the Date of its answers.

A Date has whole seconds, so one answer tells the difference to a second and a half; what several answers have
in common tells it better. An answer that a cache kept (it has an Age) tells nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock

from connectors.base import ClockReading

_SECOND = timedelta(seconds=1)


class ClockWatch:
    """Takes notes of answers; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bounds: tuple[timedelta, timedelta] | None = None

    def note(self, asked: datetime, told: datetime | None, answered: datetime) -> None:
        """An answer dated `told`, to a request sent at `asked`, came at `answered` (our clock)."""
        if told is None:
            return
        low, high = told - answered, told + _SECOND - asked
        with self._lock:
            if self._bounds is not None:
                both = max(low, self._bounds[0]), min(high, self._bounds[1])
                if both[0] <= both[1]:  # else one of the clocks was set meanwhile: the newer answer counts
                    low, high = both
            self._bounds = low, high

    def reading(self) -> ClockReading | None:
        """What the answers tell, None if none did."""
        if self._bounds is None:
            return None
        low, high = self._bounds
        return ClockReading((low + high).total_seconds() / 2, (high - low).total_seconds() / 2)
