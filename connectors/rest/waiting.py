"""What an answer's headers tell about time and load: the system's clock, its wish to wait, its limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

_LIMITS = {"Limit": "at most {} requests", "Remaining": "{} of them left", "Reset": "anew in {} s"}


def retry_after(headers: httpx.Headers) -> timedelta | None:
    """How long the system asks us to wait: seconds, or a date by its own clock."""
    told = headers.get("Retry-After", "")
    if told.strip().isdigit():
        return timedelta(seconds=int(told))
    moment = http_date(told)
    if moment is None:
        return None
    return max(moment - (http_date(headers.get("Date")) or datetime.now(UTC)), timedelta())


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
        number = headers.get(f"RateLimit-{name}") or headers.get(f"X-RateLimit-{name}")
        if number:
            told.append(words.format(number[:40]))
    return ", ".join(told) or "it names none"
