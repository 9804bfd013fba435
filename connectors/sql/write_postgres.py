"""Writing to PostgreSQL: one statement for all writes that set and expect the same columns.

The values travel as arrays and are compared and written in the one statement, which also returns
the rows as it left them. Types that cannot travel in arrays go as text and are cast on arrival.
A refused statement is halved until the bad rows stand alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, time
from typing import Any

from sqlalchemy import Connection

from connectors.base import ChangeMode, Op, Outcome, Record, Result

from . import unread
from .columns import Column, Family, json_text
from .errors import DATABASE_ERRORS, Errors, Fault, diagnose
from .keys import key_text, key_value
from .prepare import Prepared, missed_outcome
from .read import fetch
from .select import Selection, compared_as_text, driver, read_as, sent_as
from .table import Bound
from .tracking import origin, stamps
from .tracking.target import literal

Outcomes = dict[int, Outcome]


def begin(connection: Connection, bound: Bound) -> None:
    """What each transaction begins with: constraints that wait for the commit would refuse all of it there.

    In a tracked table it says besides that its writes are ours.
    """
    tracked = bound.config.mode is ChangeMode.TRACKING
    statement = f"SET CONSTRAINTS ALL IMMEDIATE{'; ' + origin.SAID if tracked else ''}"
    with driver(connection).cursor() as cursor:
        cursor.execute(statement)


def apply(
    connection: Connection,
    bound: Bound,
    segment: Sequence[Prepared],
    columns: Sequence[Column],
    errors: Errors,
    alone: bool,
) -> Outcomes:
    """Carry out writes in which no key occurs twice, in the open transaction.

    Of a write that is `alone` in it nothing is left if it is refused, and nothing else is lost.
    """
    return _Batch(connection, bound, columns, errors, alone).apply(segment)


class _Batch:
    def __init__(
        self, connection: Connection, bound: Bound, columns: Sequence[Column], errors: Errors, alone: bool
    ) -> None:
        self.connection, self.bound, self.columns, self.errors = connection, bound, columns, errors
        self.alone = alone
        self.selection = Selection(bound, columns)
        self.quote = connection.dialect.identifier_preparer.quote_identifier
        self.table = connection.dialect.identifier_preparer.format_table(bound.clause)

    def apply(self, segment: Sequence[Prepared]) -> Outcomes:
        outcomes = stamps.refused(self.connection, segment)
        segment = [write for write in segment if write.index not in outcomes]
        steps = ((Op.DELETE, self._delete), (Op.UPDATE, self._update), (Op.CREATE, self._create))
        for op, step in steps:
            for group in _alike([write for write in segment if write.op is op]):
                outcomes |= self._guarded(step, group)
        refused = [write for write in segment if outcomes[write.index].result is Result.REJECTED]
        if len(refused) < len(segment):
            # what the rest of the batch has since made room for (a unique value, a parent) now goes in
            by_op = dict(steps)
            for write in refused:
                outcomes |= self._guarded(by_op[write.op], [write])
        return outcomes

    def _guarded(self, step: Callable[[Sequence[Prepared]], Outcomes], group: Sequence[Prepared]) -> Outcomes:
        savepoint = None if self.alone else self.connection.begin_nested()
        try:
            outcomes = step(group)
        except DATABASE_ERRORS as error:
            found = diagnose(error)
            if found.fault is not Fault.REFUSED:
                raise
            if savepoint is not None:
                savepoint.rollback()
            if len(group) == 1:
                said = self.errors.clean(found.said)
                return {group[0].index: Outcome(Result.REJECTED, group[0].key, said=said)}
            half = len(group) // 2
            return self._guarded(step, group[:half]) | self._guarded(step, group[half:])
        if savepoint is not None:
            savepoint.commit()
        return outcomes

    # ------------------------------------------------------------ the three statements

    def _update(self, group: Sequence[Prepared]) -> Outcomes:
        values = [self.bound.columns[name] for name in group[0].values]
        sets = [f"{self.quote(c.name)} = {_arriving(c, f'n{i}')}" for i, c in enumerate(values)]
        version = self.bound.version
        if version and self.bound.config.version and self.bound.config.version.bump and version not in values:
            sets.append(f"{self.quote(version.name)} = t.{self.quote(version.name)} + 1")
        if not sets:
            sets = [f"{self.quote(self.bound.key.name)} = t.{self.quote(self.bound.key.name)}"]
        source, condition, parameters = self._conditional(group, values)
        update = f"UPDATE {self.table} AS t SET {', '.join(sets)} FROM {source} WHERE {condition}"  # noqa: S608
        returned = f"{', '.join(self._returning())}, v.ord"
        if group[0].stamps:
            rows = self._execute(*self._stamping(group, f"{update} RETURNING {returned}", parameters))
        else:
            rows = self._execute(f"{update} RETURNING {returned}", parameters)
        records = self.selection.records(rows)
        done: dict[int, Record | None] = {
            row[-1] - 1: record for row, record in zip(rows, records, strict=True)
        }
        outcomes = self._answered(group, done)
        stale = [write for write in group if outcomes[write.index].result is Result.STALE]
        missed = [write for write in stale if write.newer or write.merges]
        return outcomes | self._over_unread(missed) if missed else outcomes

    def _over_unread(self, missed: Sequence[Prepared]) -> Outcomes:
        """Make what was refused only because of edits that nobody has read, and can be made over them."""
        asked = {write.index: write for write in missed}
        anew = unread.allowed(self.connection, self.bound, missed)
        outcomes: Outcomes = {}
        for group in _alike([replace(write, newer=frozenset(), merges={}) for write in anew]):
            outcomes |= self._update(group)
        written = [w for w in anew if outcomes[w.index].result is Result.APPLIED]
        unread.note(self.connection, self.bound, ((asked[w.index], w) for w in written))
        return outcomes | {w.index: unread.told(outcomes[w.index], w) for w in written}

    def _stamping(
        self, group: Sequence[Prepared], update: str, parameters: Sequence[Any]
    ) -> tuple[str, Sequence[Any]]:
        """The statement of an update that also keeps the stamps of what it has written."""
        names = list(group[0].stamps)
        width = self.selection.width
        columns = [f"c{i}" for i in range(width)]
        arrays = [[write.stamps[name] for write in group] for name in names]
        pairs = ", ".join(f"{literal(name)}, s.s{i}" for i, name in enumerate(names)).replace("%", "%%")
        given = ", ".join(f"s{i}" for i in range(len(names)))
        sent = ", ".join("%b::text[]" for _ in names)
        kept = stamps.place(self.bound)
        key = f"to_jsonb(t.{self.quote(self.bound.key.name)}) #>> '{{}}'"
        sql = (  # identifiers are quoted, values are parameters
            f"WITH done({', '.join(columns)}, ord, record_key) AS ({update}, {key}),"  # noqa: S608
            f" kept AS (INSERT INTO {kept} AS r (record_key, stamps)"
            f" SELECT done.record_key, jsonb_build_object({pairs}) FROM done"
            f" JOIN unnest({sent}) WITH ORDINALITY AS s({given}, ord) ON s.ord = done.ord"
            " ON CONFLICT (record_key) DO UPDATE SET stamps = r.stamps || excluded.stamps)"
            f" SELECT {', '.join(columns)}, ord FROM done"
        )
        return sql, [*parameters, *arrays]

    def _delete(self, group: Sequence[Prepared]) -> Outcomes:
        source, condition, parameters = self._conditional(group, [])
        rows = self._execute(
            f"DELETE FROM {self.table} AS t USING {source} WHERE {condition} RETURNING v.ord",  # noqa: S608
            parameters,
        )
        return self._answered(group, {row[0] - 1: None for row in rows})

    def _create(self, group: Sequence[Prepared]) -> Outcomes:
        if group[0].key is None:
            group = self._with_keys(group)
            if group[0].key is None and len(group) > 1:
                return {i: o for write in group for i, o in self._guarded(self._create, [write]).items()}
        columns = [self.bound.columns[name] for name in group[0].values]
        if not columns:
            rows = self._execute(
                f"INSERT INTO {self.table} AS t DEFAULT VALUES RETURNING {', '.join(self._returning())}"  # noqa: S608
            )
        else:
            arrays = [f"%b::{sent_as(c)}[]" for c in columns]
            overriding = "" if self.bound.key.writable else "OVERRIDING SYSTEM VALUE "
            names = ", ".join(f"c{i}" for i in range(len(columns)))
            targets = ", ".join(self.quote(c.name) for c in columns)
            rows = self._execute(
                f"INSERT INTO {self.table} AS t ({targets}) {overriding}"  # noqa: S608
                f"SELECT {', '.join(_arriving(c, f'c{i}') for i, c in enumerate(columns))}"
                f" FROM unnest({', '.join(arrays)}) AS v({names}) RETURNING {', '.join(self._returning())}",
                [[_sent(c, write.values[c.name]) for write in group] for c in columns],
            )
        records = self.selection.records(rows)
        if len(group) == 1 and len(records) == 1:
            return {group[0].index: Outcome(Result.APPLIED, records[0].key, records[0])}
        by_key = {record.key: record for record in records}
        return {w.index: _created(w, by_key.get(w.key or "")) for w in group}

    def _with_keys(self, group: Sequence[Prepared]) -> Sequence[Prepared]:
        """The same creates with keys drawn from the column's default, so that each row is known again."""
        default = self.bound.key.default.replace("%", "%%")
        if default == "identity":
            name = self.bound.key.name.replace("'", "''").replace("%", "%%")
            default = (
                f"nextval(pg_get_serial_sequence('{self.table.replace(chr(39), chr(39) * 2)}', '{name}'))"
            )
        if not default or len(group) == 1:
            return group
        savepoint = self.connection.begin_nested()
        try:
            drawn = self._execute(f"SELECT {default} FROM generate_series(1, {len(group)})")  # noqa: S608
        except DATABASE_ERRORS:  # no privilege on the sequence: one row at a time
            savepoint.rollback()
            return group
        savepoint.commit()
        keys = [key_text(row[0]) for row in drawn]
        key = self.bound.key
        return [
            Prepared(
                w.index, w.op, k, key_value(key, k), {key.name: key_value(key, k), **w.values}, w.expected
            )
            for w, k in zip(group, keys, strict=True)
        ]

    # ------------------------------------------------------------ parts of statements

    def _conditional(
        self, group: Sequence[Prepared], values: Sequence[Column]
    ) -> tuple[str, str, list[Sequence[Any]]]:
        """The arrays as a table `v`, what must hold, and the parameters."""
        key = self.bound.key
        expected = [self.bound.columns[name] for name in group[0].expected]
        parameters: list[Sequence[Any]] = [[_sent(key, write.key_value) for write in group]]
        arrays, names = [f"%b::{sent_as(key)}[]"], ["k"]
        for letter, columns, source in (("n", values, "values"), ("o", expected, "expected")):
            for i, column in enumerate(columns):
                arrays.append(f"%b::{sent_as(column)}[]")
                names.append(f"{letter}{i}")
                parameters.append([_sent(column, getattr(write, source)[column.name]) for write in group])
        key_clause = f"t.{self.quote(key.name)}"
        conditions = [
            f"{key_clause}::text = v.k"
            if sent_as(key) == "text" and compared_as_text(key)
            else f"{key_clause} = v.k"
        ]
        conditions += [_same(c, f"t.{self.quote(c.name)}", f"v.o{i}") for i, c in enumerate(expected)]
        source_table = f"unnest({', '.join(arrays)}) WITH ORDINALITY AS v({', '.join(names)}, ord)"
        return source_table, " AND ".join(conditions), parameters

    def _returning(self) -> list[str]:
        selection = self.selection
        columns: dict[int, Column] = {selection.names.index(c.name): c for c in self.columns}
        for place, column in (
            (selection.key, self.bound.key),
            (selection.modified, self.bound.modified),
            (selection.version, self.bound.version),
        ):
            if column is not None:
                columns[place] = column
        return [
            f"t.{self.quote(c.name)}" + (f"::{cast}" if (cast := read_as(c)) else "")
            for c in (columns[i] for i in range(selection.width))
        ]

    def _answered(self, group: Sequence[Prepared], done: dict[int, Record | None]) -> Outcomes:
        """Applied ones with their record; of the others, which are gone and which not as expected."""
        missed = [write.key or "" for place, write in enumerate(group) if place not in done]
        there = fetch(self.connection, self.bound, missed, []).found if missed else {}
        outcomes: Outcomes = {}
        for place, write in enumerate(group):
            if place in done:
                outcomes[write.index] = Outcome(Result.APPLIED, write.key, done[place])
            else:
                outcomes[write.index] = missed_outcome(write, write.key in there)
        return outcomes

    def _execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Rows of a statement. Percent signs are doubled in it, as the identifiers' already are."""
        with driver(self.connection).cursor(binary=True) as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []


def _created(write: Prepared, record: Record | None) -> Outcome:
    if record is None:
        return Outcome(
            Result.REJECTED, write.key, said="the database did not keep the row (a trigger or a rule)"
        )
    return Outcome(Result.APPLIED, record.key, record)


def _alike(writes: Iterable[Prepared]) -> list[list[Prepared]]:
    """Groups that set and expect the same columns."""
    groups: dict[tuple[Any, ...], list[Prepared]] = {}
    for write in writes:
        groups.setdefault(
            (
                tuple(sorted(write.values)),
                tuple(sorted(write.expected)),
                tuple(sorted(write.stamps)),
                write.key is None,
            ),
            [],
        ).append(write)
    return list(groups.values())


def _arriving(column: Column, name: str) -> str:
    """The value in its column's type. Plain types are left to assignment, which never cuts anything off."""
    return (
        f"v.{name}"
        if sent_as(column) != "text" or column.family is Family.TEXT
        else f"v.{name}::{column.native}"
    )


def _same(column: Column, stored: str, expected: str) -> str:
    if column.family is Family.TEXT:
        return f'{stored} COLLATE "C" IS NOT DISTINCT FROM {expected}'
    if column.family is Family.JSON:
        return f"{stored}::jsonb IS NOT DISTINCT FROM {expected}::jsonb"
    if column.family is Family.ARRAY:
        return f"{stored} IS NOT DISTINCT FROM {expected}::{column.native}"
    if compared_as_text(column):
        return f"{stored}::text IS NOT DISTINCT FROM {expected}"
    return f"{stored} IS NOT DISTINCT FROM {expected}"


def _sent(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.family is Family.JSON:
        return json_text(value)
    if column.family is Family.ARRAY:
        return array_literal(value)
    return value


def array_literal(values: Sequence[Any]) -> str:
    """A list as PostgreSQL writes arrays, nested ones included."""
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (list, tuple)):
        return array_literal(value)
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, (date, time)):
        value = value.isoformat()
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
