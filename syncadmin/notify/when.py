"""When a notice may be sent: rhythm, quiet hours, and how long to wait after a failure. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncadmin.models import Rhythm

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
ATTEMPTS = 12  # about 15 hours
DIGEST_AT = time(8)


def ready(
    now: datetime,
    rhythm: Rhythm | str,
    zone: ZoneInfo,
    at: time | None = None,
    quiet: tuple[time, time] | None = None,
) -> datetime:
    """The moment a notice may be sent. `at` is the time of a daily digest, `quiet` the hours without any."""
    here = now.astimezone(zone)
    if rhythm == Rhythm.HOURLY:
        moment = here.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    elif rhythm == Rhythm.DAILY:
        moment = _next(here, at or DIGEST_AT)
    else:
        moment = here
    if quiet and _within(moment.timetz().replace(tzinfo=None), *quiet):
        moment = _next(moment, quiet[1])
    return max(moment.astimezone(now.tzinfo), now)


def _within(moment: time, start: time, end: time) -> bool:
    """Whether a time of the day is in a span that may go over midnight."""
    if start == end:
        return False
    return start <= moment < end if start < end else moment >= start or moment < end


def _next(here: datetime, at: time) -> datetime:
    """The next moment after `here` that a clock there shows `at`."""
    found = here.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return found if found > here else found + timedelta(days=1)


def wait(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts."""
    return min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
