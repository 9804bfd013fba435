"""Writing to MariaDB, MySQL and SQLite: rows are locked, compared, and written one by one.

These databases give no answer a row for a set of writes. So the rows to be changed are read under
a lock that holds until the commit (SQLite: the write lock), compared here, exactly and whatever
the column's collation, and only those that are as expected are written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

from connectors.base import Op, Outcome, Record, Result, skipped

from . import unread
from .columns import Column, UnfitValue, plain
from .errors import DATABASE_ERRORS, Errors, Fault, diagnose
from .keys import key_text
from .prepare import Prepared, TransactionEnded, missed_outcome
from .read import fetch
from .select import Selection, among, bound_value, chunks, run
from .table import Bound
from .tracking import stamps

Outcomes = dict[int, Outcome]


def apply(
    connection: Connection,
    bound: Bound,
    segment: Sequence[Prepared],
    columns: Sequence[Column],
    errors: Errors,
) -> Outcomes:
    """Carry out writes in which no key occurs twice, in the open transaction."""
    return _Batch(connection, bound, errors).apply(segment, columns)


class _Batch:
    def __init__(self, connection: Connection, bound: Bound, errors: Errors) -> None:
        self.connection, self.bound, self.errors = connection, bound, errors
        preparer = connection.dialect.identifier_preparer
        self.quote = preparer.quote_identifier
        self.table = preparer.format_table(bound.clause)
        self.mark = "?" if bound.dialect == "sqlite" else "%s"
        self.returning = bound.dialect == "sqlite" or getattr(connection.dialect, "is_mariadb", False)
        self.cursor: Any = connection.connection.cursor()

    def apply(self, segment: Sequence[Prepared], columns: Sequence[Column]) -> Outcomes:
        outcomes = stamps.refused(self.connection, segment)
        segment = [write for write in segment if write.index not in outcomes]
        began = perf_counter()
        stored = self._locked([write for write in segment if write.op is not Op.CREATE])
        allowed = [write for write in segment if write.op is Op.CREATE]
        missed: list[Prepared] = []
        for write in (write for write in segment if write.op is not Op.CREATE):
            (allowed if self._as_expected(write, stored.get(write.key or "")) else missed).append(write)
        allowed = [replace(write, newer=frozenset(), merges={}) for write in allowed]
        anew = self._over_unread(missed, stored)
        allowed += anew
        for write in missed:
            outcomes[write.index] = missed_outcome(write, write.key in stored)
        order = {Op.DELETE: 0, Op.UPDATE: 1, Op.CREATE: 2}
        allowed.sort(key=lambda write: order[write.op])
        for write in allowed:
            outcomes[write.index] = self._attempt(write)
        refused = [write for write in allowed if outcomes[write.index].result is Result.REJECTED]
        if len(refused) < len(allowed):
            # what the rest of the batch has since made room for (a unique value, a parent) now goes in
            for write in refused:
                outcomes[write.index] = self._attempt(write)
        self.cursor.close()
        self._read_back(allowed, columns, outcomes)
        asked = {write.index: write for write in missed}
        done = (write for write in anew if outcomes[write.index].result is Result.APPLIED)
        unread.note(self.connection, self.bound, ((asked[write.index], write) for write in done))
        if not self.bound.transactional:  # no lock held: say how long the window was open
            window = perf_counter() - began
            outcomes = {
                write.index: replace(outcome, window=window, raced=self._raced(write, outcome.record))
                for write in segment
                for outcome in [outcomes[write.index]]
            }
        return outcomes

    def _raced(self, write: Prepared, left: Record | None) -> bool:
        """Whether a version column that every writer counts up shows a change beside our own."""
        settings, version = self.bound.config.version, self.bound.version
        if settings is None or version is None or not settings.bump or left is None:
            return False
        return skipped(str(write.expected.get(version.name)), left.version)

    # ------------------------------------------------------------ reading under the lock

    def _locked(self, writes: Sequence[Prepared]) -> dict[str, Record]:
        """The stored rows of these writes, by key, locked until the commit."""
        names = dict.fromkeys(name for write in writes for name in write.expected)
        selection = Selection(self.bound, [self.bound.columns[name] for name in names])
        found: dict[str, Record] = {}
        values = sorted(write.key_value for write in writes)  # always the same order: fewer deadlocks
        for part in chunks(self.bound, values):
            statement = selection.statement().where(among(self.bound, self.bound.key, part))
            for record in selection.records(run(self.connection, statement.with_for_update())):
                found[record.key] = record
        return found

    def _over_unread(self, missed: Sequence[Prepared], stored: dict[str, Record]) -> list[Prepared]:
        """Those of these writes that can be made over edits that nobody has read; they now expect those."""
        able = [write for write in missed if (write.newer or write.merges) and write.key in stored]
        anew = unread.allowed(self.connection, self.bound, able) if able else []
        return [write for write in anew if self._as_expected(write, stored.get(write.key or ""))]

    def _as_expected(self, write: Prepared, stored: Record | None) -> bool:
        if stored is None:
            return False
        return all(self._same(name, stored.values[name], value) for name, value in write.expected.items())

    def _same(self, name: str, stored: Any, expected: Any) -> bool:
        column = self.bound.columns[name]
        try:
            return bool(plain(column, stored) == expected)
        except UnfitValue:  # SQLite keeps anything in any column
            return bool(stored == expected)

    # ------------------------------------------------------------ writing

    def _attempt(self, write: Prepared) -> Outcome:
        try:
            if write.op is Op.CREATE:
                if write.key is None and (missing := self._no_key()):
                    return Outcome(Result.REJECTED, said=missing)
                return Outcome(Result.APPLIED, self._insert(write))
            if write.op is Op.UPDATE:
                self._update(write)
                if write.stamps:
                    stamps.keep(self.connection, self.bound, write)
            else:
                self._execute(
                    f"DELETE FROM {self.table} WHERE {self.quote(self.bound.key.name)} = {self.mark}",  # noqa: S608
                    [self._bound(self.bound.key, write.key_value)],
                )
        except DATABASE_ERRORS as error:
            found = diagnose(error)
            if found.fault is not Fault.REFUSED:
                raise
            self._still_open()
            return Outcome(Result.REJECTED, write.key, said=self.errors.clean(found.said))
        return Outcome(Result.APPLIED, write.key)

    def _still_open(self) -> None:
        driver = self.connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
            raise TransactionEnded

    def _update(self, write: Prepared) -> None:
        sets = [f"{self.quote(name)} = {self.mark}" for name in write.values]
        version, settings = self.bound.version, self.bound.config.version
        if version and settings and settings.bump and version.name not in write.values:
            sets.append(f"{self.quote(version.name)} = {self.quote(version.name)} + 1")
        if not sets:
            return
        key = self.quote(self.bound.key.name)
        self._execute(
            f"UPDATE {self.table} SET {', '.join(sets)} WHERE {key} = {self.mark}",  # noqa: S608
            [*self._parameters(write), self._bound(self.bound.key, write.key_value)],
        )

    def _insert(self, write: Prepared) -> str:
        """Create the row and tell its key."""
        names = ", ".join(self.quote(name) for name in write.values)
        marks = ", ".join(self.mark for _ in write.values)
        values = (
            f"({names}) VALUES ({marks})" if names or self.bound.dialect != "sqlite" else "DEFAULT VALUES"
        )
        sql = f"INSERT INTO {self.table} {values}"
        if write.key is not None:
            self._execute(sql, self._parameters(write))
            return write.key
        if self.returning:
            key = f" RETURNING {self.quote(self.bound.key.name)}"
            self._execute(sql + key, self._parameters(write))
            return key_text(self.cursor.fetchone()[0])
        self._execute(sql, self._parameters(write))
        return key_text(self.cursor.lastrowid)

    def _no_key(self) -> str:
        """Why a row cannot be created without a key, or nothing if it can."""
        key = self.bound.key
        if self.bound.dialect == "sqlite" and key.native.upper() != "INTEGER" and not key.default:
            return f"a new row needs a value in its key column {key.name}"
        if not self.returning and key.default != "autoincrement":
            return f"MySQL does not tell which key it gave: make {key.name} auto_increment"
        return ""

    def _parameters(self, write: Prepared) -> list[Any]:
        return [self._bound(self.bound.columns[name], value) for name, value in write.values.items()]

    def _bound(self, column: Column, value: Any) -> Any:
        return bound_value(self.bound, column, value)

    def _execute(self, sql: str, parameters: Sequence[Any]) -> None:
        self.cursor.execute(sql, parameters)

    # ------------------------------------------------------------ reading what was left

    def _read_back(self, writes: Sequence[Prepared], columns: Sequence[Column], outcomes: Outcomes) -> None:
        """Put the rows as they now are into the outcomes, before anyone else can change them."""
        applied = [
            write.index
            for write in writes
            if write.op is not Op.DELETE and outcomes[write.index].result is Result.APPLIED
        ]
        keys = [outcomes[index].key or "" for index in applied]
        found = fetch(self.connection, self.bound, keys, columns).found
        made = {write.index: write for write in writes}
        for index, key in zip(applied, keys, strict=True):
            record = found.get(key)
            if record is None:
                said = "the database did not keep the row (a trigger)"
                outcomes[index] = Outcome(Result.REJECTED, key, said=said)
            else:
                outcomes[index] = unread.told(Outcome(Result.APPLIED, key, record), made[index])
