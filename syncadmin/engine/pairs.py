"""Tables of pairs of records that are no links: what is known of a left and a right key together."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from syncadmin.core.side import Side
from syncadmin.models import bulk


def others(table: str, mapping_id: int, side: Side, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """By key on `side`: the keys on the other side that the table has it with."""
    if not keys:
        return {}
    where, params = bulk.one_of(f"{side}_key", keys)
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {side}_key, {side.other}_key FROM {table} WHERE mapping_id = %s AND {where}",
            [mapping_id, *params],
        )
        for key, other in cursor.fetchall():
            found.setdefault(key, set()).add(other)
    return {key: frozenset(other) for key, other in found.items()}


def forget(table: str, mapping_id: int, side: Side, keys: Sequence[str]) -> None:
    """Remove all pairs of these keys."""
    if keys:
        where, params = bulk.one_of(f"{side}_key", keys)
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE mapping_id = %s AND {where}", [mapping_id, *params])
