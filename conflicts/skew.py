"""Systems' clocks beside the hub's, for decisions by time: what each told is compared on one clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncadmin.core.side import Side
from syncadmin.models import Mapping

HEALTH = ("mapping__left__system__health", "mapping__right__system__health")  # to be selected with conflicts


@dataclass(frozen=True, slots=True)
class Clock:
    """A system's clock: how far it is ahead of the hub's, give or take `unsure`."""

    ahead: timedelta
    unsure: timedelta

    def ours(self, told: datetime | None) -> datetime | None:
        """A time that the system told, by the hub's clock."""
        return None if told is None else told - self.ahead


def clock_of(mapping: Mapping, side: Side) -> Clock:
    """The clock of a side's system; one that is not known counts as the hub's."""
    health = getattr(mapping.resource(side).system, "health", None)
    if health is None or health.skew is None:
        return Clock(timedelta(), timedelta())
    return Clock(timedelta(seconds=health.skew), timedelta(seconds=health.skew_error))
