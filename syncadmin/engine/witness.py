"""What the hub remembers beside its database: the highest fencing number of each mapping that was given out.

A database that gives a number out again is older than what has been done with it: it was restored from a
backup. The witness is one small file a mapping under `settings.WITNESS_DIR`, on each machine for its own
passes; without it (or with None there) nothing is recognised, and nothing else changes.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def last(name: str) -> int:
    """The highest number that this machine was given for a mapping, 0 if none is known."""
    place = _place(name)
    try:
        return int(place.read_text()) if place is not None else 0
    except (OSError, ValueError):
        return 0


def note(name: str, token: int) -> None:
    """Remember a number. A place that can't be written is said in the log, and stops nothing."""
    place = _place(name)
    if place is None:
        return
    fresh = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(str(token))
        fresh.replace(place)
    except OSError as error:
        logger.warning("a restored database would not be recognised: %s", error)


def _place(name: str) -> Path | None:
    return None if settings.WITNESS_DIR is None else Path(settings.WITNESS_DIR) / name
