"""Receipts: which of our writes a tracked table has taken, noted there in the transaction of each.

A worker may die after the commit, or the answer to it be lost. Whether the write arrived is then read, not
guessed: a counter that holds neither what it held nor what was wanted may contain it or not. Who asks for a
receipt that is not there leaves a note in its place, so that a worker that was taken for dead can't earn it
any more. Of each record only the last receipts are kept: who writes to it anew has asked for all before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from connectors.base import Receipt
from connectors.sql.prepare import Prepared
from connectors.sql.table import Bound

from . import postgres
from .installed import MODULES
from .target import Target

KEPT_DAYS = 30  # a note in the place of a receipt: no worker that was taken for dead sleeps for so long
_LONG_AGO = {
    "postgresql": f"clock_timestamp() - interval '{KEPT_DAYS} days'",
    "mysql": f"utc_timestamp(6) - interval {KEPT_DAYS} day",
    "sqlite": f"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{KEPT_DAYS} days')",
}
PLACE = """select c.oid::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'syncadmin_tracking' and c.relname = :receipts and has_schema_privilege(n.oid, 'usage')
   and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
   and has_table_privilege(c.oid, 'delete')"""
_PLACE = {  # told: what is another one once the place was made anew
    "postgresql": PLACE,
    "mysql": """select 'syncadmin_tracked' from information_schema.tables
 where table_schema = :schema and table_name = :receipts""",
    "sqlite": "select 'syncadmin_tracked' from sqlite_master where type = 'table' and name = :receipts",
}
_ARRAYS = ", ".join(f"cast(:{name} as text[])" for name in ("record", "writer", "write_id", "part"))
_COLUMNS = "record, writer, write_id, part"
_IS = "record = :record and writer = :writer and write_id = :write_id and part = :part"
Row = tuple[str, str, str, str]


def kept_in(aim: Target | None) -> dict[str, str]:
    """What PLACE is to be asked with."""
    return {"receipts": postgres.receipts(aim).rpartition(".")[2] if aim is not None else ""}


def with_receipts(connection: Connection, bound: Bound, aim: Target) -> Bound:
    """The table, knowing where its receipts are kept, if this account can read and leave some."""
    module = MODULES[bound.dialect]
    name = module.receipts(aim)
    given = {"receipts": name.rpartition(".")[2].strip("`"), "schema": aim.schema}
    asked = _PLACE[bound.dialect]
    since = connection.scalar(sa.text(asked), {k: v for k, v in given.items() if f":{k}" in asked})
    if since is not None and bound.dialect != "postgresql":
        epoch = sa.text(f"select epoch from {module.tracked(aim)} where id = :id")
        since = connection.scalar(epoch, {"id": aim.id})
    return replace(bound, receipts=name if since else "", receipts_since=since or "")


def leave(connection: Connection, bound: Bound, writes: Iterable[Prepared]) -> set[int]:
    """Leave the receipts of these writes, before they are made; answers those whose place was taken."""
    mine = {write.index: rows for write in writes if (rows := _rows_of(bound, write))}
    if not mine:
        return set()
    rows = sorted(row for rows in mine.values() for row in rows)  # always the same order: fewer deadlocks
    _forget(connection, bound, rows)
    put = _put(connection, bound, rows, done=True)
    return {index for index, rows in mine.items() if not put.issuperset(rows)}


def take_back(connection: Connection, bound: Bound, writes: Iterable[Prepared]) -> None:
    """Take back the receipts of writes that were not made after all, in the same transaction."""
    rows = [row for write in writes for row in _rows_of(bound, write)]
    if rows:
        statement = sa.text(f"delete from {bound.receipts} where {_IS} and done = 1")
        connection.execute(statement, [_named(row) for row in rows])


def carried_out(
    connection: Connection, bound: Bound, asked: Sequence[tuple[str, Receipt]]
) -> list[frozenset[str]]:
    """Of each the parts that were carried out; notes are left in the places of the others."""
    rows = [_rows(key, receipt) for key, receipt in asked]
    wanted = sorted({row for of_one in rows for row in of_one})
    free = _put(connection, bound, wanted, done=False)
    statement = sa.text(f"select done from {bound.receipts} where {_IS}")
    done = {row for row in wanted if row not in free and connection.scalar(statement, _named(row))}
    return [
        frozenset(part for part, row in zip(receipt.parts, of_one, strict=True) if row in done)
        for (_, receipt), of_one in zip(asked, rows, strict=True)
    ]


def _rows_of(bound: Bound, write: Prepared) -> list[Row]:
    if write.receipt is None or not bound.receipts:
        return []
    return _rows(write.key or "", write.receipt)


def _rows(key: str, receipt: Receipt) -> list[Row]:
    return [(_digest(key), receipt.by, receipt.id, _digest(part) if part else "") for part in receipt.parts]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _named(row: Row) -> dict[str, Any]:
    return dict(zip(("record", "writer", "write_id", "part"), row, strict=True))


def _together(rows: Sequence[Row]) -> dict[str, Any]:
    return {name: list(values) for name, values in _named(tuple(zip(*rows, strict=True))).items()}  # type: ignore[arg-type]


def _forget(connection: Connection, bound: Bound, rows: Sequence[Row]) -> None:
    """Let go what the same writers have asked for already: they would not write to the records else."""
    over = f"(done = 1 or noted_at < {_LONG_AGO[bound.dialect]})"
    if bound.dialect == "postgresql":
        mine = f"unnest({_ARRAYS}) v(record, writer, write_id, part)"
        statement = (
            f"delete from {bound.receipts} r using {mine} where r.record = v.record"
            f" and r.writer = v.writer and r.write_id <> v.write_id and {over}"
        )
        connection.execute(sa.text(statement), _together(rows))
        return
    where = "record = :record and writer = :writer and write_id <> :write_id"
    names = ("record", "writer", "write_id")
    connection.execute(
        sa.text(f"delete from {bound.receipts} where {where} and {over}"),
        [{name: _named(row)[name] for name in names} for row in rows],
    )


def _put(connection: Connection, bound: Bound, rows: Sequence[Row], *, done: bool) -> set[Row]:
    """Those of these places that were free. One that another transaction is taking is waited for."""
    now, told = MODULES[bound.dialect].NOW, {"done": int(done)}
    into = f"into {bound.receipts} ({_COLUMNS}, done, noted_at)"
    if bound.dialect == "postgresql":
        statement = (
            f"insert {into} select v.*, :done, {now} from unnest({_ARRAYS}) v"
            f" on conflict do nothing returning {_COLUMNS}"
        )
        return {tuple(row) for row in connection.execute(sa.text(statement), _together(rows) | told)}
    ignore, nothing = ("ignore ", "") if bound.dialect == "mysql" else ("", " on conflict do nothing")
    statement = f"insert {ignore}{into} values (:record, :writer, :write_id, :part, :done, {now}){nothing}"
    return {row for row in rows if connection.execute(sa.text(statement), _named(row) | told).rowcount == 1}
