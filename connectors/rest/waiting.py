"""What an answer's headers tell about time and load: the system's clock, its wish to wait, its limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

_LIMITS = {"Limit": "at most {} requests", "Remaining": "{} of them left", "Reset": "anew in {} s"}


_EPOCH = 1_000_000_000  # a reset beyond it is a moment, else it counts seconds from now
_LONGEST = timedelta(days=1)  # who asks for more is asked again tomorrow


def retry_after(headers: httpx.Headers) -> timedelta | None:
    """How long the system asks us to wait: seconds, or a date by its clock; else until its limit is anew."""
    told = headers.get("Retry-After", "").strip()
    if told.isdigit():
        return min(timedelta(seconds=int(told[:9])), _LONGEST)
    now = http_date(headers.get("Date")) or datetime.now(UTC)
    moment = http_date(told)
    if moment is not None:
        return min(max(moment - now, timedelta()), _LONGEST)
    return _reset(headers, now) if exhausted(headers) else None


def exhausted(headers: httpx.Headers) -> bool:
    """Does the system tell that no request is left before its limit is anew?"""
    return _limit(headers, "Remaining").split(".")[0] == "0"


def _reset(headers: httpx.Headers, now: datetime) -> timedelta | None:
    told = _limit(headers, "Reset").split(".")[0]
    if not told.isdigit() or len(told) > 13:
        return None
    seconds = int(told) // 1000 if len(told) > 11 else int(told)
    wait = seconds - now.timestamp() if seconds > _EPOCH else seconds
    return min(max(timedelta(seconds=wait), timedelta()), _LONGEST)


def _limit(headers: httpx.Headers, name: str) -> str:
    """One of the headers that tell of limits, by either of their names."""
    return str(headers.get(f"RateLimit-{name}") or headers.get(f"X-RateLimit-{name}") or "").strip()


def http_date(text: str | None) -> datetime | None:
    """A date as HTTP writes it, in UTC; None if it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def limits(headers: httpx.Headers) -> str:
    """How many requests the system allows, as far as it tells, in words."""
    told = []
    for name, words in _LIMITS.items():
        if number := _limit(headers, name):
            told.append(words.format(number[:40]))
    return ", ".join(told) or "it names none"
