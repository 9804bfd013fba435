"""How long the requests of a day last: what was asked so far, by purpose, and what follows at that rate.

Live passes may use all of them; a first comparison and later full ones stop earlier, so that live passes
always have some left. Pure: what was counted and the time come in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Share:
    """One purpose: `used` requests today. It may ask until all made `until` together; `left` are left.

    `ends` is when, at the present rate, none is left; None if that is not before the day ends.
    """

    purpose: str
    used: int
    until: int
    left: int
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A day's requests: `used` of `per_day`, lately `rate` an hour, counted anew from `anew` on."""

    per_day: int
    used: int
    rate: float
    anew: datetime
    shares: tuple[Share, ...]


def foretell(
    per_day: int,
    shares: Mapping[str, int],
    today: Mapping[str, Mapping[int, int]],
    before: int,
    now: datetime,
) -> Forecast:
    """What follows from what was counted by purpose and hour of `now`'s day, and in the hour before it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    anew = midnight + timedelta(days=1)
    by_hour = [sum(hours.get(at, 0) for hours in today.values()) for at in range(24)]
    used = sum(by_hour)
    past = (now - midnight).total_seconds() / 3600 % 1  # of this hour
    rate = by_hour[now.hour] + (1 - past) * (by_hour[now.hour - 1] if now.hour else before)

    def share(purpose: str, until: int) -> Share:
        left = max(until - used, 0)
        lasts = timedelta(hours=left / rate) if rate and left / rate < 24 else timedelta(days=1)
        ends = now + (timedelta() if not left else lasts)
        return Share(
            purpose, sum(today.get(purpose, {}).values()), until, left, ends if ends < anew else None
        )

    return Forecast(per_day, used, rate, anew, tuple(share(*one) for one in shares.items()))
