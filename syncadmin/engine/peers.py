"""Unlinked records that share match values hang together: what becomes of one may settle another's question.

A twin that is deleted leaves the other unambiguous; a record that is paired or closed changes who may belong
to whom. Such records are marked dirty, so that they are decided anew in the same pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from syncadmin.core.side import SIDES, Side
from syncadmin.models import bulk
from syncadmin.models.marks import mark


def matches_of(mapping_id: int, places: Sequence[tuple[Side, str]]) -> set[bytes]:
    """The match values of these unlinked records."""
    found: set[bytes] = set()
    for side in SIDES:
        keys = [key for s, key in places if s is side]
        if keys:
            where, params = bulk.one_of("key", keys)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT match FROM syncadmin_unlinked "
                    f"WHERE mapping_id = %s AND side = %s AND match IS NOT NULL AND {where}",
                    [mapping_id, side.value, *params],
                )
                found |= {bytes(row[0]) for row in cursor.fetchall()}
    return found


def look_again(mapping_id: int, matches: Iterable[bytes | None], now: datetime) -> None:
    """Mark the unlinked records that have any of these match values."""
    wanted = list({match for match in matches if match is not None})
    if not wanted:
        return
    where, params = bulk.one_of("match", wanted, "bytea")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT side, key FROM syncadmin_unlinked WHERE mapping_id = %s AND NOT ignored AND {where}",
            [mapping_id, *params],
        )
        peers = [(Side(side), key) for side, key in cursor.fetchall()]
    mark(mapping_id, peers, "changed", now)
