"""Stamps of a tracked table, as the connector reads and writes them; the triggers make them.

PostgreSQL keeps those of a row as one JSON object, MariaDB, MySQL and SQLite in a column for each (see
`registers` and `stamped`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import mysql, postgresql, sqlite

from connectors.base import Outcome, Result
from connectors.sql.moments import database_now
from connectors.sql.prepare import Prepared
from connectors.sql.select import among
from connectors.sql.table import Bound

from .installed import MODULES
from .registers import KEPT, SCHEMA, kept_in
from .stamped import KEY, register_name
from .target import Target

AHEAD = 60.0  # seconds that a stamp may be ahead of the clock of the system that is to take it
_STAMP = re.compile(r"(\d{16})\.\d{6}\.[0-9a-f]{8}")

_KEPT = {
    "mysql": f"""select column_name from information_schema.columns
 where table_schema = :schema and table_name = :name and column_name <> '{KEY}' order by ordinal_position""",
    "sqlite": f"select name from pragma_table_info(:name) where name <> '{KEY}'",
}


def with_registers(connection: Connection, bound: Bound, aim: Target) -> Bound:
    """The table, knowing of which columns stamps are kept that this account can read and write."""
    if bound.dialect == "postgresql":
        given = kept_in(aim)
        told = json.loads(connection.scalar(sa.text(KEPT), given) or "[]")
    else:
        given = {"schema": aim.schema, "name": register_name(aim)}
        asked = _KEPT[bound.dialect]
        told = connection.scalars(
            sa.text(asked), {name: given[name] for name in given if f":{name}" in asked}
        ).all()
    columns = tuple(name for name in told if name in bound.columns)
    if not columns:
        return replace(bound, registers=(), register=None, log="")
    kept = ("record_key", "stamps") if bound.dialect == "postgresql" else (KEY, *columns)
    schema = given["schema"] or None
    table = sa.table(given["name"], *map(sa.column, kept), schema=schema)
    return replace(bound, registers=columns, register=table, log=MODULES[bound.dialect].log(aim))


def of_row(bound: Bound) -> sa.ScalarSelect[Any]:
    """The stamps of a row, read with it in one statement: they are those of the values that it shows."""
    kept = _register(bound)
    if bound.dialect == "postgresql":
        return sa.select(kept.c.stamps).where(kept.c.record_key == _shown(bound)).scalar_subquery()
    stamps = [kept.c[name] for name in bound.registers]
    return sa.select(sa.func.json_array(*stamps)).where(kept.c[KEY] == _shown(bound)).scalar_subquery()


def place(bound: Bound) -> str:
    """Where PostgreSQL keeps them, in a statement."""
    return f"{SCHEMA}.{_register(bound).name}"


def told(bound: Bound, value: Any) -> Mapping[str, str] | None:
    """What `of_row` gave, None if the row has no stamps."""
    if isinstance(value, str):
        value = dict(zip(bound.registers, json.loads(value), strict=True))
    found = value or {}
    return {name: stamp for name, stamp in found.items() if stamp} or None


def keep(connection: Connection, bound: Bound, write: Prepared) -> None:
    """Keep the stamps of what was written to a row (MariaDB, MySQL, SQLite)."""
    kept, stamps = _register(bound), dict(write.stamps)
    given = [sa.literal(stamp) for stamp in stamps.values()]
    mine = sa.select(_shown(bound), *given).where(_is(bound, write))
    insert = (mysql if bound.dialect == "mysql" else sqlite).insert(kept).from_select([KEY, *stamps], mine)
    if isinstance(insert, mysql.Insert):
        connection.execute(insert.on_duplicate_key_update(stamps))
    else:
        connection.execute(insert.on_conflict_do_update(index_elements=[KEY], set_=stamps))


def refused(connection: Connection, writes: Sequence[Prepared]) -> dict[int, Outcome]:
    """Writes whose stamps this database can't take: one of them would win over all that comes after."""
    stamped = [write for write in writes if write.stamps]
    if not stamped:
        return {}
    now = database_now(connection)
    said = ((write, _refused(write.stamps, now)) for write in stamped)
    return {w.index: Outcome(Result.REJECTED, w.key, said=words) for w, words in said if words}


def _refused(stamps: Mapping[str, str], now: datetime) -> str:
    """Why these stamps can't be taken by a system whose time is `now`, '' if they can."""
    for name, stamp in stamps.items():
        found = _STAMP.fullmatch(stamp)
        if found is None:
            return f"the stamp of {name} is none: {stamp[:40]!r}"
        ahead = int(found[1]) / 1e6 - now.astimezone(UTC).timestamp()
        if ahead > AHEAD:
            return (
                f"the value of {name} was changed {ahead:.0f} s after the time of this database: one of the "
                "two clocks is wrong; set it, and run manage.py track where it was, which forgets its stamps"
            )
    return ""


def _register(bound: Bound) -> sa.TableClause:
    if bound.register is None:
        raise LookupError(f"of {bound.name} no stamps are kept")
    return bound.register


def _shown(bound: Bound) -> sa.ColumnElement[str]:
    """The key of a row as the triggers write it."""
    key = bound.clause.c[bound.key.name]
    if bound.dialect == "postgresql":
        return sa.func.to_jsonb(key).op("#>>")(sa.literal("{}", postgresql.ARRAY(sa.Text)))
    if bound.dialect == "mysql":
        return sa.func.sha2(sa.cast(key, mysql.CHAR(charset="utf8mb4")), 256)
    return sa.cast(key, sa.Text)


def _is(bound: Bound, write: Prepared) -> sa.ColumnElement[bool]:
    return among(bound, bound.key, [write.key_value])
