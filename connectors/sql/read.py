"""Reading by key, by value and as a whole.

A whole table is read in key order. PostgreSQL streams it from one snapshot; MariaDB and MySQL
give pages within one snapshot; SQLite gives pages that each are a snapshot, so that a long read
never keeps writers waiting. Either way every row that is there throughout is seen exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.base import Fetched, Page, Record

from .columns import Column, UnfitValue, plain
from .keys import key_values
from .select import Row, Selection, among, chunks, run, stream
from .table import Bound
from .tracking import stamps


def scan(engine: Engine, bound: Bound, columns: Sequence[Column], limit: int) -> Iterator[Page]:
    """Every row, in key order, in pages of at most `limit`."""
    selection = Selection(bound, columns)
    for found in rows(engine, selection, limit):
        yield Page(selection.records(found))


def rows(
    engine: Engine, selection: Selection, limit: int, where: sa.ColumnElement[bool] | None = None
) -> Iterator[Sequence[Row]]:
    """Every row for which `where` holds, in key order, in portions of at most `limit`."""
    bound = selection.bound
    statement = selection.statement().order_by(bound.clause.c[bound.key.name])
    if where is not None:
        statement = statement.where(where)
    if bound.dialect == "postgresql":
        yield from _stream(engine, statement, limit)
    elif bound.dialect == "sqlite":
        yield from _pages(engine, selection, statement, limit)
    else:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            yield from _pages(connection, selection, statement, limit)
            connection.rollback()


def _stream(engine: Engine, statement: sa.Select[Any], limit: int) -> Iterator[Sequence[Row]]:
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        # told apart from writers by those who ask for the oldest transaction that may still commit
        connection.exec_driver_sql("SET LOCAL application_name = 'syncadmin scan'")
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
        yield from stream(connection, statement, limit)


def _pages(
    source: Engine | Connection, selection: Selection, statement: sa.Select[Any], limit: int
) -> Iterator[Sequence[Row]]:
    key = selection.bound.clause.c[selection.bound.key.name]
    last: Any = None
    while True:
        page = (statement if last is None else statement.where(key > last)).limit(limit)
        if isinstance(source, Engine):
            with source.connect() as connection:
                found = run(connection, page)
        else:
            found = run(source, page)
        if found:
            yield found
        if len(found) < limit:
            return
        last = found[-1][selection.key]


def fetch(connection: Connection, bound: Bound, keys: Sequence[str], columns: Sequence[Column]) -> Fetched:
    """The rows of these keys; those that are not there are proven absent, because the query succeeded.

    Where row-level security filters what this user sees, a row that is not seen may well be there.
    """
    possible = key_values(bound.key, keys)
    stamped = bool(bound.registers)
    selection = Selection(bound, columns, extra=[stamps.of_row(bound)] if stamped else ())
    found: dict[str, Record] = {}
    for part in chunks(bound, list(possible.values())):
        rows = run(connection, selection.statement().where(among(bound, bound.key, part)))
        for row, record in zip(rows, selection.records(rows), strict=True):
            found[record.key] = replace(record, stamps=stamps.told(bound, row[-1])) if stamped else record
    wanted = set(keys)
    found = {key: record for key, record in found.items() if key in wanted}
    missing = wanted - found.keys()
    if not missing.isdisjoint(possible) and filtered(connection, bound):
        missing -= possible.keys()
    return Fetched(found, frozenset(missing))


def filtered(connection: Connection, bound: Bound) -> bool:
    """Whether the database silently leaves out rows that this user must not see."""
    if bound.dialect != "postgresql":
        return False
    table = connection.dialect.identifier_preparer.format_table(bound.clause)
    return bool(connection.scalar(sa.text("select row_security_active(:t)"), {"t": table}))


def find(
    connection: Connection, bound: Bound, column: Column, values: Sequence[Any], columns: Sequence[Column]
) -> list[Record]:
    """The rows whose column equals one of the values exactly. NULL equals nothing."""
    wanted = []
    for value in values:
        try:
            wanted.append(plain(column, value))
        except UnfitValue:
            continue  # no row can hold it
    wanted = [value for value in wanted if value is not None]
    selection = Selection(bound, [*columns, column] if column not in columns else columns)
    records: list[Record] = []
    for part in chunks(bound, wanted):
        records += selection.records(run(connection, selection.statement().where(among(bound, column, part))))
    names = [c.name for c in columns]
    exact = {_hashable(value) for value in wanted}
    return [
        Record(record.key, {name: record.values[name] for name in names}, record.version, record.modified)
        for record in records
        if _hashable(plain(column, record.values[column.name])) in exact
    ]


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, (list, dict)) else value


def largest(connection: Connection, bound: Bound, expression: sa.ColumnElement[Any]) -> Any:
    """The largest value of an expression over the table, None if there is none."""
    return run(connection, sa.select(sa.func.max(expression)).select_from(bound.clause))[0][0]
