"""What people said of pairs of records: that they are not the same. Such a pair is never proposed again.

What was said belongs to the two keys: when a record is gone, what was said of it goes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncadmin.core.side import SIDES, Side

from . import pairs

TABLE = "syncadmin_distinct"


def others(mapping_id: int, side: Side, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """By key on `side`: the keys on the other side of which a person said that they are another record."""
    return pairs.others(TABLE, mapping_id, side, keys)


def forget(mapping_id: int, gone: Iterable[tuple[Side, str]]) -> None:
    """These records are gone: nothing is known of them any more."""
    places = list(gone)
    for side in SIDES:
        pairs.forget(TABLE, mapping_id, side, [key for s, key in places if s is side])
