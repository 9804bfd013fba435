"""Full comparison of two tables inside the hub database: memory stays bounded whatever their size.

A scan is copied, in canonical form, into a temporary table a side. SQL then finds what differs from the
shadows, what is gone, what is new, and pairs records that are equal and unambiguous by itself: the silent
part of first contact. Everything else becomes dirty marks and takes the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any

from django.db import connection

from connectors import base
from connectors.fingerprints import Hash, Hashed
from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import decode, encode
from syncadmin.models import bulk
from syncadmin.models.marks import KEEP

from .binding import Binding, Translated
from .lease import Lease

Condition = tuple[str, list[Any]]  # SQL and its parameters
PAGE = 5000
_NAMES = ("key", "match", "vals", "version", "modified", "whole", "in_scope", "high", "low")
_TYPES = ("text", "bytea", "bytea", "text", "text", "bool", "bool", "int8", "int8")
_SQLITE_TYPES = ("text", "blob", "blob", "text", "text", "bool", "bool", "integer", "integer")
# `NOT ... =` as the links' indexes say it: SQLite uses none of them for `<>`, which means the same
_MARK = "INSERT INTO syncadmin_mark (mapping_id, side, key, generation, reason, not_before, attempts) "


def _sql(statement: str, params: list[object] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or [])
        return max(int(cursor.rowcount), 0)


def open_stage(side: Side) -> None:
    """An empty temporary table for a scan of `side`."""
    close_stage(side)
    kinds = _TYPES if connection.vendor == "postgresql" else _SQLITE_TYPES
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(_NAMES, kinds, strict=True))
    _sql(f"CREATE TEMPORARY TABLE stage_{side} ({columns})")


def close_stage(side: Side) -> None:
    """Drop the table, if it is there."""
    schema = "pg_temp" if connection.vendor == "postgresql" else "temp"
    _sql(f"DROP TABLE IF EXISTS {schema}.stage_{side}")


def fill(
    binding: Binding,
    side: Side,
    lease: Lease,
    progress: Callable[[int], None],
    *,
    times: bool = False,
    hashed: Iterator[Hashed] | None = None,
) -> int:
    """Scan a side entirely into its stage. Returns the number of records. Raises base.ConnectorError.

    With `times` the records' times of change are kept, so that all of a record can be had from its stage.
    `hashed` are records to take instead of all, with their hashes.
    """
    bound = binding.sides[side]
    total = 0
    for page in hashed or bound.connector.scan(bound.resource, fields=bound.wanted, limit=PAGE):
        hashes: Iterable[Hash | tuple[None, None]] = (
            page.hashes if isinstance(page, Hashed) else repeat((None, None))
        )
        rows = []
        for t, made in zip(bound.translate(page.records), hashes, strict=False):
            match = binding.match_of(t.record.values)
            rows.append(
                (
                    t.record.key,
                    None if match is None else encode_match(match),
                    encode(t.record.values),
                    t.record.version,
                    t.record.modified.isoformat() if times and t.record.modified else None,
                    not t.problems and not t.record.waiting and t.in_scope,
                    t.in_scope,
                    *made,
                )
            )
        bulk.copy_into(f"stage_{side}", _NAMES, _TYPES, rows)
        total += len(rows)
        lease.keep()
        progress(len(rows))
    _sql(f"CREATE INDEX stage_{side}_key ON stage_{side} (key)")
    if connection.vendor == "postgresql":
        _sql(f"ANALYZE stage_{side}")
    return total


def index_matches() -> None:
    """Have both stages find records by their match values."""
    for side in SIDES:
        _sql(f"CREATE INDEX stage_{side}_match ON stage_{side} (match)")


def staged(side: Side, column: str, wanted: Sequence[Any]) -> list[Translated]:
    """Records of a stage whose `key` or `match` is wanted; those with a problem or a filter against them not.

    A stage has no raw values; it must have been filled with times.
    """
    where, params = bulk.one_of(column, wanted, "bytea" if column == "match" else "text")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key, vals, version, modified FROM stage_{side} WHERE whole AND {where}", params
        )
        found = []
        for key, values, version, modified in cursor.fetchall():
            at = datetime.fromisoformat(modified) if modified else None
            record = core.Record(key, decode(bytes(values)), version, at)
            found.append(Translated(record, base.Record(key, {}, version, at)))
    return found


def any_key(side: Side) -> str | None:
    """The key of some record of a stage; None if it is empty."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT key FROM stage_{side} LIMIT 1")
        found = cursor.fetchone()
        return None if found is None else str(found[0])


def encode_match(match: tuple[object, ...]) -> bytes:
    """Match values as bytes: equal values, equal bytes."""
    return encode({str(n): value for n, value in enumerate(match)})


def duplicated_keys(binding: Binding) -> None:
    """Raise if a scan delivered one key twice: its key does not identify, nothing can be decided."""
    for side in SIDES:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT key FROM stage_{side} GROUP BY key HAVING count(*) > 1 LIMIT 3")
            keys = [row[0] for row in cursor.fetchall()]
        if keys:
            bound = binding.sides[side]
            raise base.Unreadable(
                f"the key is not unique: {', '.join(keys)} came more than once; "
                "choose a key that identifies a record",
                system=bound.name,
                resource=bound.resource,
            )


def link_equal(mapping_id: int) -> int:
    """Pair records that are equal in every field and unambiguous on both sides. Returns how many."""
    alone = "SELECT match FROM stage_{0} WHERE match IS NOT NULL GROUP BY match HAVING count(*) = 1"
    return _sql(
        "INSERT INTO syncadmin_link (mapping_id, left_key, right_key, left_shadow, left_version, "
        "right_version, match, held, status) "
        "SELECT %s, l.key, r.key, l.vals, l.version, r.version, l.match, false, 'open' "
        "FROM stage_left l JOIN stage_right r ON l.match = r.match AND l.vals = r.vals "
        f"WHERE l.whole AND r.whole AND l.match IN ({alone.format('left')}) "
        f"AND r.match IN ({alone.format('right')}) "
        "AND NOT EXISTS (SELECT 1 FROM syncadmin_link k WHERE k.mapping_id = %s AND NOT k.status = 'closed' "
        "AND k.left_key = l.key) "
        "AND NOT EXISTS (SELECT 1 FROM syncadmin_link k WHERE k.mapping_id = %s AND NOT k.status = 'closed' "
        "AND k.right_key = r.key) "
        "AND NOT EXISTS (SELECT 1 FROM syncadmin_distinct d WHERE d.mapping_id = %s "
        "AND d.left_key = l.key AND d.right_key = r.key)",
        [mapping_id] * 4,
    )


def mark_differences(mapping_id: int, side: Side, now: object, read: Condition = ("true", [])) -> int:
    """Mark the side's records that differ from their shadow, are gone, or are not linked.

    `read` is a condition on a link `k` whose record would be in the stage if it were there.

    What is not linked is marked each time, not only when it is first seen: there is no shadow that would tell
    whether it has changed, is gone, or has got a partner, a twin or a policy that lets it be created now. So
    a comparison heals whatever hints have missed of it. Looking again costs a decision a record; it writes
    nothing to the journal, and to no system, where nothing is to be done.
    """
    covered, params = read
    shadow = "k.left_shadow" if side is Side.LEFT else "COALESCE(k.right_shadow, k.left_shadow)"
    link = f"k.mapping_id = %s AND NOT k.status = 'closed' AND k.{side}_key"
    changed = _sql(
        _MARK + f"SELECT %s, %s, s.key, 1, 'changed', %s, 0 FROM stage_{side} s "
        f"JOIN syncadmin_link k ON {link} = s.key "
        f"WHERE s.vals <> {shadow} OR NOT s.whole" + KEEP,
        [mapping_id, side.value, now, mapping_id],
    )
    gone = _sql(
        _MARK + f"SELECT %s, %s, k.{side}_key, 1, 'absent', %s, 0 FROM syncadmin_link k "
        f"WHERE k.mapping_id = %s AND NOT k.status = 'closed' "
        f"AND {covered} AND NOT EXISTS (SELECT 1 FROM stage_{side} s WHERE s.key = k.{side}_key)" + KEEP,
        [mapping_id, side.value, now, mapping_id, *params],
    )
    _sql(
        "INSERT INTO syncadmin_unlinked (mapping_id, side, key, match, ignored, first_seen) "
        f"SELECT %s, %s, s.key, s.match, false, %s FROM stage_{side} s WHERE s.in_scope "
        f"AND NOT EXISTS (SELECT 1 FROM syncadmin_link k WHERE {link} = s.key) "
        "ON CONFLICT (mapping_id, side, key) DO UPDATE SET match = excluded.match",
        [mapping_id, side.value, now, mapping_id],
    )
    new = _sql(
        _MARK + "SELECT %s, side, key, 1, 'new', %s, 0 FROM syncadmin_unlinked "
        "WHERE mapping_id = %s AND side = %s AND NOT ignored" + KEEP,
        [mapping_id, now, mapping_id, side.value],
    )
    return changed + gone + new
