"""Is a listing to be believed? A record that the hub wrote lately is read again by its key.

A replica or search index that lags behind shows the state before our own write. Taken for a change, that
would put a value back that somebody had replaced. A read by key is fresh (the connector promises it).
"""

from __future__ import annotations

from collections.abc import Sequence

from .effort import Item
from .lately import Written


def doubtful(items: Sequence[Item], written: Written) -> list[Item]:
    """Items with something to do that were taken from a listing, and whose records were written lately."""
    return [
        item
        for item in items
        if item.listed and item.link is not None and item.link.id in written and not item.decided.idle
    ]
