"""What people said of pairs of records: that they are not the same. Such a pair is never proposed again.

What was said belongs to the two keys: when a record is gone, what was said of it goes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connection

from syncadmin.core.side import SIDES, Side
from syncadmin.models import bulk


def others(mapping_id: int, side: Side, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """By key on `side`: the keys on the other side of which a person said that they are another record."""
    if not keys:
        return {}
    where, params = bulk.one_of(f"{side}_key", keys)
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {side}_key, {side.other}_key FROM syncadmin_distinct WHERE mapping_id = %s AND {where}",
            [mapping_id, *params],
        )
        for key, other in cursor.fetchall():
            found.setdefault(key, set()).add(other)
    return {key: frozenset(other) for key, other in found.items()}


def forget(mapping_id: int, gone: Iterable[tuple[Side, str]]) -> None:
    """These records are gone: nothing is known of them any more."""
    places = list(gone)
    for side in SIDES:
        keys = [key for s, key in places if s is side]
        if keys:
            where, params = bulk.one_of(f"{side}_key", keys)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"DELETE FROM syncadmin_distinct WHERE mapping_id = %s AND {where}", [mapping_id, *params]
                )
