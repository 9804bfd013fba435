"""Fingerprints of what the hub knows of a mapping's records, made by the hub's own database.

What counts is what a comparison goes by: links that are not closed, with their shadows, and records known to
be unlinked. They are only compared with fingerprints that the same database made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

from django.db import connection

from syncadmin.core.ranges import MODULUS, NOTHING, Ranges, Sum, place, total
from syncadmin.core.side import Side

_LINKS = "FROM syncadmin_link WHERE mapping_id = %s AND NOT status = 'closed'"
_UNLINKED = "FROM syncadmin_unlinked WHERE mapping_id = %s"
_NUMBER = (
    "CASE WHEN {0} ~ '^(0|-?[1-9][0-9]{{0,17}})$' THEN {0}::bigint "
    "WHEN {0} ~ '^[1-9][0-9]{{18}}$' AND {0} COLLATE \"C\" <= '9223372036854775807' THEN {0}::bigint END"
)


def all_known(mapping_id: int, seed: int) -> Sum:
    """The fingerprint of all that is known of a mapping's records."""
    if connection.vendor != "postgresql":
        return total((1, *hashes) for _, hashes in _rows(mapping_id, seed, None))
    told = (_fetched(f"SELECT {hashes} {rows}", [mapping_id]) for hashes, rows in _selects(seed))
    return total(_sum(row) for rows in told for row in rows)


def known_of(mapping_id: int, side: Side, ranges: Ranges, seed: int) -> tuple[list[Sum], Sum]:
    """The same by the ranges of a side's keys, and of those keys that have no place in them."""
    found = [NOTHING] * len(ranges.ranges)
    elsewhere = NOTHING
    for number, part in _by_range(mapping_id, side, ranges, seed):
        if number is None:
            elsewhere = total([elsewhere, part])
        else:
            found[number] = total([found[number], part])
    return found, elsewhere


def links_until(mapping_id: int, last: int | None, seed: int) -> tuple[int, Sum]:
    """The fingerprint of the pairs of keys of a mapping's links, up to an id (None: of all), and that id."""
    if last is None:
        ((last,),) = _fetched(f"SELECT COALESCE(max(id), 0) {_LINKS}", [mapping_id])
    rows = f"{_LINKS} AND id <= %s"
    if connection.vendor == "postgresql":
        hashes = _hashes("left_key, right_key, id", seed)
        return last, _sum(_fetched(f"SELECT {hashes} {rows}", [mapping_id, last])[0])
    made = partial(_hash_row, seed.to_bytes(8, "big"))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, left_key, right_key {rows}", [mapping_id, last])
        return last, total((1, *made(row)) for row in cursor)


def within(side: Side, ranges: Ranges, read: Sequence[int]) -> tuple[str, list[Any]]:
    """Condition on a link `k`: its key on `side` is in one of the ranges, or in none at all."""
    column = f"k.{side}_key"
    if connection.vendor == "postgresql":
        sql, params = _place(column, ranges)
        return f"COALESCE({sql}, -1) = ANY(%s::int[])", [*params, [-1, *read]]
    connection.ensure_connection()
    edges, numbers, chosen = ranges.edges, ranges.numbers, frozenset([None, *read])
    connection.connection.create_function(
        f"syncadmin_in_{side}",
        1,
        lambda key: place(edges, numbers, key) in chosen,
    )
    return f"syncadmin_in_{side}({column})", []


# ---------------------------------------------------------------- PostgreSQL


def _hashes(values: str, seed: int) -> str:
    """The sum of hashes over rows, keys among the values. 64 bits do: one half of a Sum stays empty."""
    return f"count(*), sum(hash_record_extended(ROW({values}), {seed})), 0"


def _selects(seed: int) -> list[tuple[str, str]]:
    return [
        (_hashes("left_key, right_key, left_shadow, right_shadow", seed), _LINKS),
        (_hashes("key, side", seed), _UNLINKED),
    ]


def _place(column: str, ranges: Ranges) -> tuple[str, list[Any]]:
    if ranges.numbers:
        return f"width_bucket({_NUMBER.format(column)}, %s::bigint[])", [ranges.edges]
    return f'width_bucket({column} COLLATE "C", %s::text[])', [ranges.edges]


def _sum(row: Sequence[Any]) -> Sum:
    count, high, low = row
    return count, int(high or 0) % MODULUS, int(low or 0) % MODULUS


def _fetched(statement: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _by_range(mapping_id: int, side: Side, ranges: Ranges, seed: int) -> Iterator[tuple[int | None, Sum]]:
    if connection.vendor != "postgresql":
        places = ranges.edges
        for key, (high, low) in _rows(mapping_id, seed, side):
            yield place(places, ranges.numbers, key), (1, high, low)
        return
    links, unlinked = _selects(seed)
    mine: list[Any] = [side.value]
    for (hashes, rows), column, more, params in (
        (links, f"{side}_key", "", []),
        (unlinked, "key", " AND side = %s", mine),
    ):
        sql, edges = _place(column, ranges)
        statement = f"SELECT {sql}, {hashes} {rows}{more} GROUP BY 1"
        for found in _fetched(statement, [*edges, mapping_id, *params]):
            yield found[0], _sum(found[1:])


# ---------------------------------------------------------------- SQLite


def _rows(mapping_id: int, seed: int, side: Side | None) -> Iterator[tuple[str, tuple[int, int]]]:
    """Key and hashes of each row; SQLite has no hash, so they are made here."""
    made = partial(_hash_row, seed.to_bytes(8, "big"))
    key = f"{side or Side.LEFT}_key"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key}, left_key, right_key, left_shadow, right_shadow {_LINKS}", [mapping_id])
        for row in cursor:
            yield row[0], made(row[1:])
    where, params = (" AND side = %s", [side.value]) if side else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT key, side {_UNLINKED}{where}", [mapping_id, *params])
        for row in cursor:
            yield row[0], made(row)


def _hash_row(key: bytes, row: tuple[Any, ...]) -> tuple[int, int]:
    digest = blake2b(repr(row).encode(), digest_size=16, key=key).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
