"""What is tracked: a table, its key and the columns whose values are logged, with names fit for SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.sql.compiler import IdentifierPreparer

from connectors.sql.columns import Column, Family
from connectors.sql.errors import Errors
from connectors.sql.table import Bound

KEPT_ROWS = 1_000_000
"""Rows of a log that nobody reads; of a longer one the oldest are let go, and its readers are told."""
TRIMMED_AT_ONCE = 10_000

# families whose values are written as a key in a log just as they are read from the table
KEYS = (Family.TEXT, Family.INTEGER, Family.DECIMAL, Family.UUID, Family.CHOICE)
_PLACE = {
    "postgresql": "select n.nspname, current_user, current_database(),"
    " exists(select 1 from pg_inherits i where i.inhrelid = c.oid) from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass(:table)",
    "mysql": "select coalesce(:schema, database()), current_user(), database(), 0",
    "sqlite": "select '', '', '', 0",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A table to be tracked: the columns whose values are logged, and those whose stamps are kept besides.

    It is a `part` if what is written to another table may arrive in it (PostgreSQL: partitions and heirs).
    """

    schema: str
    table: str
    key: Column
    columns: tuple[Column, ...]
    user: str
    database: str
    preparer: IdentifierPreparer
    registers: tuple[Column, ...] = ()
    part: bool = False

    @property
    def id(self) -> str:
        """Short name of the table among the tracked ones: any name fits into it."""
        return hashlib.sha256(f"{self.schema}\0{self.table}".encode()).hexdigest()[:12]

    @property
    def qualified(self) -> str:
        """The table in a statement."""
        return (
            f"{self.quote(self.schema)}.{self.quote(self.table)}" if self.schema else self.quote(self.table)
        )

    def quote(self, name: str) -> str:
        """An identifier in a statement, whatever is in it."""
        return undoubled(self.preparer, self.preparer.quote_identifier(name))


def undoubled(preparer: IdentifierPreparer, quoted: str) -> str:
    """An identifier as the database has it: for drivers with `%s` parameters SQLAlchemy doubles every `%`."""
    return quoted.replace("%%", "%") if preparer._double_percents else quoted


def literal(text: str) -> str:
    """A text in a statement of PostgreSQL or SQLite."""
    return "'" + text.replace("'", "''") + "'"


def target(
    connection: Connection,
    bound: Bound,
    names: Iterable[str],
    errors: Errors,
    registers: Iterable[str] = (),
) -> Target:
    """The table of a resource with the columns to be logged. Raises Misconfigured if it can't be tracked."""
    stamped = tuple(bound.named(sorted(set(registers)), errors))
    columns = bound.named(sorted({*names, *(column.name for column in stamped)}), errors)
    if bound.key.family not in KEYS:
        raise errors.misconfigured(
            f"a table whose key {bound.key.name} is of type {bound.key.native} can't be tracked; "
            "use `changes: cursor` or `changes: scan`",
            resource=bound.name,
        )
    if not bound.transactional:
        raise errors.misconfigured(
            f"table {bound.config.table} can't be tracked: its storage engine has no transactions, so that "
            "a log would tell of changes that were never made; use InnoDB",
            resource=bound.name,
        )
    preparer = connection.dialect.identifier_preparer
    given = {"table": undoubled(preparer, preparer.format_table(bound.clause)), "schema": bound.clause.schema}
    asked = _PLACE[bound.dialect]
    schema, user, database, part = connection.execute(
        sa.text(asked), {name: value for name, value in given.items() if f":{name}" in asked}
    ).one()
    logged = tuple(columns)
    return Target(schema, bound.clause.name, bound.key, logged, user, database, preparer, stamped, bool(part))
