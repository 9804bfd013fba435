"""What the hub remembers beside its database: by mapping, the last fencing number, and how much was stored.

A database that gives a number out again, or that lacks a transaction, is older than what has been done with
it: it was restored from a backup, which may have been made in the middle of a pass. The witness is one
small file a mapping under `settings.WITNESS_DIR`, on each machine for its own passes; without it (or None
there) nothing is recognised, and nothing else changes.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

logger = logging.getLogger(__name__)


class Numbers(NamedTuple):
    """The last fencing number, and how many transactions passes have ever stored."""

    token: int = 0
    stored: int = 0


def last(name: str) -> Numbers:
    """The highest numbers that this machine knows of a mapping, zero if none are known."""
    place = _place(name)
    try:
        return Numbers(*map(int, place.read_text().split())) if place is not None else Numbers()
    except (OSError, ValueError, TypeError):
        return Numbers()


def note(name: str, numbers: Numbers) -> None:
    """Remember these. A place that can't be written is said in the log, and stops nothing."""
    place = _place(name)
    if place is None:
        return
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(" ".join(map(str, numbers)))
        fresh.replace(place)
    except OSError as error:
        logger.warning("a restored database would not be recognised: %s", error)


def _place(name: str) -> Path | None:
    return None if settings.WITNESS_DIR is None else Path(settings.WITNESS_DIR) / name
