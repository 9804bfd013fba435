"""What an answer's headers tell about time: the system's clock, and how long it asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx


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
