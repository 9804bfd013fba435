"""When an item is due: a mapping may say within what time its conflicts shall be decided.

Where it says nothing, an item that has been open for a week is overdue: none is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .models import Conflict

SOON = timedelta(hours=1)  # before the time, or a quarter of it where that is less
FORGOTTEN = timedelta(days=7)  # how long an item may be open where no time is set


@dataclass(frozen=True, slots=True)
class Due:
    """When an item is due, and how that looks now."""

    at: datetime
    soon: bool
    over: bool


def before(due: float) -> timedelta:
    """How long before the due time an item counts as due soon. `due` in seconds."""
    return min(SOON, timedelta(seconds=due / 4))


def due(conflict: Conflict, now: datetime) -> Due | None:
    """When an open item is due; where its mapping sets no time, None until it is overdue all the same."""
    seconds = conflict.mapping.due
    if conflict.state != "open":
        return None
    if seconds is None:
        at = conflict.opened_at + FORGOTTEN
        return Due(at, soon=False, over=True) if at <= now else None
    at = conflict.opened_at + timedelta(seconds=seconds)
    return Due(at, soon=at - before(seconds) <= now < at, over=at <= now)
