"""Statements that read rows, and rows as records.

A `Selection` is what is read of a table: the wanted fields, then key, modified and version. On
PostgreSQL it goes past SQLAlchemy to the driver's binary cursors, which is several times faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.types import UserDefinedType

from connectors.base import Record, Unreadable

from .columns import Column, Family, bind_mysql, bind_sqlite, needs_reading, read_any
from .keys import key_text
from .moments import moment
from .table import Bound

Row = Sequence[Any]
CHUNK = 500  # keys in one IN list

# families whose values psycopg gives as they should be; others are read as text
_BINARY = {
    Family.TEXT, Family.INTEGER, Family.FLOAT, Family.DECIMAL, Family.BOOLEAN, Family.DATE, Family.NAIVE,
    Family.AWARE, Family.JSON,
}  # fmt: skip
_BINARY_ARRAYS = {
    "text[]", "character varying[]", "integer[]", "bigint[]", "smallint[]", "numeric[]", "boolean[]",
    "date[]", "double precision[]", "real[]", "timestamp with time zone[]", "timestamp without time zone[]",
}  # fmt: skip


class Native(UserDefinedType[Any]):
    """A type of the database by its own name; values pass untouched."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_options: Any) -> str:
        """What stands in the statement."""
        return self.name


def read_as(column: Column) -> str:
    """What a column is cast to for reading (PostgreSQL): nothing where psycopg gives the raw value itself."""
    if column.family in _BINARY or column.native in _BINARY_ARRAYS:
        return ""
    return "text[]" if column.family is Family.ARRAY else "text"


def sent_as(column: Column) -> str:
    """The PostgreSQL type in which values of a column are sent; 'text' for those cast on arrival."""
    if column.family is Family.TEXT:
        return "bpchar" if column.native == "bpchar" else "text"
    plain = (
        Family.INTEGER, Family.FLOAT, Family.DECIMAL, Family.BOOLEAN, Family.DATE, Family.NAIVE, Family.AWARE,
        Family.UUID,
    )  # fmt: skip
    return column.native if column.family in plain else "text"


def compared_as_text(column: Column) -> bool:
    """True for PostgreSQL columns whose own equality is missing or too generous."""
    return column.family in (Family.CHOICE, Family.OTHER, Family.BINARY, Family.ARRAY)


class Selection:
    """The columns that are read of a table, and how their rows become records."""

    def __init__(
        self, bound: Bound, columns: Sequence[Column], *, extra: Sequence[sa.ColumnElement[Any]] = ()
    ) -> None:
        self.bound = bound
        self.names = tuple(column.name for column in columns)
        wanted = list(columns)

        def place(column: Column | None) -> int:
            if column is None:
                return -1
            if column not in wanted:
                wanted.append(column)
            return wanted.index(column)

        self.key, self.modified, self.version = place(bound.key), place(bound.modified), place(bound.version)
        self.width = len(wanted)
        self.expressions = [*(self._expression(column) for column in wanted), *extra]
        self._readers: list[tuple[int, Column]] = (
            []
            if bound.dialect == "postgresql"
            else [(i, c) for i, c in enumerate(wanted) if needs_reading(c)]
        )

    def _expression(self, column: Column) -> sa.ColumnElement[Any]:
        clause = self.bound.clause.c[column.name]
        if self.bound.dialect == "postgresql" and (cast := read_as(column)):
            return sa.cast(clause, Native(cast))
        return clause

    def statement(self) -> sa.Select[Any]:
        """Select without condition or order."""
        return sa.select(*self.expressions).select_from(self.bound.clause)

    def records(self, rows: Sequence[Row]) -> list[Record]:
        """The rows as records. Raises Unreadable for a row without key."""
        readers = self._readers
        if readers:
            changed: list[Row] = []
            for row in rows:
                values = list(row)
                for index, column in readers:
                    values[index] = read_any(column, values[index])
                changed.append(values)
            rows = changed
        names, key, modified, version = self.names, self.key, self.modified, self.version
        family = self.bound.modified.family if self.bound.modified else None
        when: Callable[[Any], datetime | None] = moment
        if version < 0 and modified < 0:
            found = [Record(key_text(row[key]), dict(zip(names, row, strict=False))) for row in rows]
        elif version < 0 and family is Family.AWARE and self.bound.dialect == "postgresql":
            found = [
                Record(key_text(r[key]), dict(zip(names, r, strict=False)), None, r[modified]) for r in rows
            ]
        else:
            found = [
                Record(
                    key_text(row[key]),
                    dict(zip(names, row, strict=False)),
                    None if version < 0 or row[version] is None else key_text(row[version]),
                    None if modified < 0 else when(row[modified]),
                )
                for row in rows
            ]
        if self.bound.key.nullable and any(row[key] is None for row in rows):
            raise Unreadable(
                f"a row has no value in the key column {self.bound.key.name}; make the column not null",
                resource=self.bound.name,
            )
        return found


# ---------------------------------------------------------------- conditions


def among(bound: Bound, column: Column, values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Condition: the column is one of the plain values."""
    clause: sa.ColumnElement[Any] = bound.clause.c[column.name]
    if bound.dialect == "postgresql":
        if compared_as_text(column):
            clause = sa.cast(clause, Native("text"))
        elif column.native == "json":
            clause = sa.cast(clause, Native("jsonb"))
        kind = sent_as(column)
        array = sa.cast(sa.bindparam(None, list(values), unique=True), Native(f"{kind}[]"))
        return clause == sa.any_(array)
    if bound.dialect != "sqlite" and column.family is Family.FLOAT:
        # a FLOAT of MariaDB is shown with fewer digits than it has: the caller compares what it reads
        near = [(value - abs(value) * 1e-6, value + abs(value) * 1e-6) for value in values]
        return sa.or_(*(clause.between(low, high) for low, high in near))
    return clause.in_([bound_value(bound, column, value) for value in values])


def bound_value(bound: Bound, column: Column, value: Any) -> Any:
    """A plain value as the driver takes it."""
    if bound.dialect == "postgresql":
        return value
    return (bind_sqlite if bound.dialect == "sqlite" else bind_mysql)(column, value)


def chunks(bound: Bound, values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values in pieces that fit one statement."""
    size = len(values) if bound.dialect == "postgresql" else CHUNK
    for start in range(0, len(values), max(1, size)):
        yield values[start : start + size]


# ---------------------------------------------------------------- running


def run(connection: Connection, statement: sa.Select[Any]) -> Sequence[Row]:
    """All rows of a statement."""
    if connection.dialect.name != "postgresql":
        return connection.execute(statement).fetchall()
    sql, parameters = _compiled(connection, statement)
    with driver(connection).cursor(binary=True) as cursor:
        cursor.execute(sql, parameters)
        rows: Sequence[Row] = cursor.fetchall()
        return rows


def stream(connection: Connection, statement: sa.Select[Any], size: int) -> Iterator[Sequence[Row]]:
    """The rows of a statement in portions of `size`, kept at the server until wanted (PostgreSQL)."""
    sql, parameters = _compiled(connection, statement)
    with driver(connection).cursor(name="syncadmin_scan", binary=True) as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(size):
            yield rows


def _compiled(connection: Connection, statement: sa.Select[Any]) -> tuple[str, dict[str, Any]]:
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled), dict(compiled.params)


def driver(connection: Connection) -> Any:
    """The psycopg connection under SQLAlchemy's; it shares its transaction."""
    return connection.connection.driver_connection
