"""When an item is due: a mapping may say within what time its conflicts shall be decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .models import Conflict

SOON = timedelta(hours=1)  # before the time, or a quarter of it where that is less


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
    """When an open item is due; None where its mapping sets no time."""
    seconds = conflict.mapping.due
    if seconds is None or conflict.state != "open":
        return None
    at = conflict.opened_at + timedelta(seconds=seconds)
    return Due(at, soon=at - before(seconds) <= now < at, over=at <= now)
