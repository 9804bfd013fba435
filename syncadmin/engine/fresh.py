"""Is a listing to be believed? A record that the hub wrote lately is read again by its key.

A replica or search index that lags behind shows the state before our own write. Taken for a change, that
would put a value back that somebody had replaced. A read by key is fresh (the connector promises it).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from syncadmin.models import bulk

from .effort import Item, Run

WITHIN = timedelta(minutes=15)


def doubtful(run: Run, items: Sequence[Item]) -> list[Item]:
    """Items with something to do that were taken from a listing, and whose records were written lately."""
    listed = {
        item.link.id: item
        for item in items
        if item.listed and item.link is not None and item.link.id is not None and not item.decided.idle
    }
    return [listed[pk] for pk in _written(run, list(listed)) if pk in listed]


def _written(run: Run, link_ids: list[int | None]) -> list[int]:
    """Those of these links of which a record was written within the last minutes."""
    if not link_ids:
        return []
    where, params = bulk.one_of("link_id", link_ids, "int8")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT link_id FROM syncadmin_entry "
            f"WHERE mapping_id = %s AND kind = 'write' AND at > %s AND {where}",
            [run.binding.id, run.clock() - WITHIN, *params],
        )
        return [row[0] for row in cursor.fetchall()]
