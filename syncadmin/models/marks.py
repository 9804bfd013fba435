"""Dirty marks: durable notes that a record may have changed.

A mark's generation grows each time it is set again; it is cleared only with the generation that was
handled, so a hint that comes while a record is being handled is never lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from syncadmin.core.side import Side

from . import bulk

# What was put off stays put off: a record that is read again has not become more urgent.
KEEP = """
    ON CONFLICT (mapping_id, side, key) DO UPDATE SET
        generation = syncadmin_mark.generation + 1, reason = excluded.reason,
        not_before = CASE WHEN syncadmin_mark.attempts > 0 THEN syncadmin_mark.not_before
                     ELSE excluded.not_before END
"""
# A person has decided: at once, and as if it had never failed.
RESET = """
    ON CONFLICT (mapping_id, side, key) DO UPDATE SET
        generation = syncadmin_mark.generation + 1, reason = excluded.reason, attempts = 0,
        not_before = excluded.not_before
"""
_DUE = "SELECT id, side, key, generation, attempts, as_of FROM syncadmin_mark"
_COLUMNS = "(mapping_id, side, key, generation, reason, not_before, attempts)"


@dataclass(frozen=True, slots=True)
class Due:
    """A mark that may be handled now; `as_of`: what is known of its record comes from a backup of then."""

    id: int
    side: Side
    key: str
    generation: int
    attempts: int
    as_of: datetime | None = None


def due(mapping_id: int, now: datetime, *, after: int, limit: int) -> list[Due]:
    """Marks that may be handled now, oldest first; those beyond the id `after`, at most `limit`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_DUE} WHERE mapping_id = %s AND not_before <= %s AND id > %s ORDER BY id LIMIT %s",
            [mapping_id, bulk.moment(now), after, limit],
        )
        return _dues(cursor.fetchall())


def _dues(rows: Iterable[Sequence[Any]]) -> list[Due]:
    return [
        Due(pk, Side(side), key, generation, attempts, bulk.as_moment(as_of))
        for pk, side, key, generation, attempts, as_of in rows
    ]


def due_of(mapping_id: int, now: datetime, side: Side, keys: Sequence[str]) -> list[Due]:
    """Marks of these records that may be handled now."""
    where, params = bulk.one_of("key", keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_DUE} WHERE mapping_id = %s AND not_before <= %s AND side = %s AND {where}",
            [mapping_id, bulk.moment(now), side.value, *params],
        )
        return _dues(cursor.fetchall())


class Tally(NamedTuple):
    """The marks of a mapping: how many may be handled now, and the highest id of all (0 if there are none).

    `as_of`: some of those due were set for a backup of then.
    """

    due: int
    newest: int
    as_of: datetime | None


def tally(mapping_id: int, now: datetime) -> Tally:
    """Count a mapping's marks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), (SELECT COALESCE(MAX(id), 0) FROM syncadmin_mark WHERE mapping_id = %s), "
            "MIN(as_of) FROM syncadmin_mark WHERE mapping_id = %s AND not_before <= %s",
            [mapping_id, mapping_id, bulk.moment(now)],
        )
        due, newest, as_of = cursor.fetchone()
    return Tally(due, newest, bulk.as_moment(as_of))


def mark(mapping_id: int, records: Iterable[tuple[Side | str, str]], reason: str, now: datetime) -> int:
    """Mark records (side, key) dirty, due at `now`. Returns how many.

    The reason "decision" makes them due at once, whatever they had been put off for.
    """
    again = RESET if reason == "decision" else KEEP
    rows = list(dict.fromkeys((str(side), key) for side, key in records))
    if not rows:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO syncadmin_mark {_COLUMNS} "
                "SELECT %s, s, k, 1, %s, %s, 0 FROM unnest(%s::text[], %s::text[]) AS v(s, k)" + again,
                [mapping_id, reason, now, [side for side, _ in rows], [key for _, key in rows]],
            )
        else:
            cursor.executemany(
                f"INSERT INTO syncadmin_mark {_COLUMNS} VALUES (%s, %s, %s, 1, %s, %s, 0)" + again,
                [(mapping_id, side, key, reason, now) for side, key in rows],
            )
    return len(rows)


def note_backup(mapping_id: int) -> bool:
    """After a full comparison: if the database was restored, what is marked now is not as the backup says.

    In a transaction. Returns whether it was.
    """
    state = "syncadmin_mappingstate WHERE mapping_id = %s AND restored_from IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT restored_from FROM {state}", [mapping_id])
        found = cursor.fetchone()
        if found is None:
            return False
        cursor.execute("UPDATE syncadmin_mark SET as_of = %s WHERE mapping_id = %s", [found[0], mapping_id])
        cursor.execute(
            "UPDATE syncadmin_mappingstate SET restored_from = NULL WHERE mapping_id = %s", [mapping_id]
        )
    return True


def clear(handled: Sequence[tuple[int, int]]) -> None:
    """Delete marks by (id, generation); one whose generation has grown stays."""
    _many("DELETE FROM syncadmin_mark", handled)


def defer(handled: Sequence[tuple[int, int]], until: datetime) -> None:
    """Put marks off: not before `until`; counts an attempt. One whose generation has grown is left alone."""
    _many("UPDATE syncadmin_mark SET attempts = attempts + 1, not_before = %s", handled, [until])


def put_off(handled: Sequence[tuple[int, int]], until: datetime) -> None:
    """Put marks off for what is no failure: not before `until`, and no attempt is counted."""
    _many("UPDATE syncadmin_mark SET not_before = %s", handled, [until])


def _many(statement: str, handled: Sequence[tuple[int, int]], params: Sequence[object] = ()) -> None:
    if not handled:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            verb = " FROM " if statement.startswith("UPDATE") else " USING "
            cursor.execute(
                f"{statement}{verb}unnest(%s::int8[], %s::int8[]) AS v(i, g) "
                "WHERE syncadmin_mark.id = v.i AND syncadmin_mark.generation = v.g",
                [*params, [pk for pk, _ in handled], [generation for _, generation in handled]],
            )
        else:
            cursor.executemany(
                f"{statement} WHERE id = %s AND generation = %s",
                [(*params, pk, generation) for pk, generation in handled],
            )
