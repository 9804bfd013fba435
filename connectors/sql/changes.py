"""Reading what changed, by a `modified` column.

The cursor holds how far the column was read (`at`), the database's time when that was first so
(`seen`), and whether the overlap was read again since, after it had passed (`settled`). Until
then, each read starts `overlap` before `at`, because transactions commit late; from then on it
starts just after `at`, so that a table that was filled in one go is not read again for ever.
`at` never runs ahead of the horizon: a row dated in the future holds nothing back and hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.base import Page

from .columns import Column, Family
from .moments import database_now, horizon, moment, unit
from .read import largest
from .select import Row, Selection, bound_value, run, stream
from .table import Bound

At = datetime | int | float | None


@dataclass(frozen=True, slots=True)
class Position:
    """A cursor, decoded."""

    at: At
    seen: datetime
    settled: bool = False

    def encode(self) -> dict[str, Any]:
        """The cursor as JSON-native data."""
        at = self.at.isoformat() if isinstance(self.at, datetime) else self.at
        return {"at": at, "seen": self.seen.isoformat(), "settled": self.settled}


def decode(cursor: Any) -> Position:
    """A cursor that `encode` made. Raises ValueError, KeyError or TypeError for anything else."""
    at = cursor["at"]
    return Position(
        datetime.fromisoformat(at) if isinstance(at, str) else at,
        datetime.fromisoformat(cursor["seen"]),
        bool(cursor["settled"]),
    )


class Order:
    """How rows are put in order of change: the expression, its bounds, and what its values mean."""

    def __init__(self, connection: Connection, bound: Bound, column: Column) -> None:
        self.bound, self.column = bound, column
        self.clause = bound.clause.c[column.name]
        self.as_text = bound.dialect == "sqlite" and self._holds_text(connection)
        # ISO text may have a T or a blank, a zone or none: only as times can they be put in order
        self.expression: sa.ColumnElement[Any] = (
            sa.func.julianday(self.clause) if self.as_text else self.clause
        )

    def _holds_text(self, connection: Connection) -> bool:
        """SQLite keeps anything in any column: what is in this one."""
        kind = sa.select(sa.func.typeof(self.clause)).where(self.clause.is_not(None)).limit(1)
        return connection.scalar(kind) not in ("integer", "real")

    @property
    def is_time(self) -> bool:
        """False if the column holds numbers."""
        return self.as_text or self.column.family in (Family.DATE, Family.NAIVE, Family.AWARE)

    @property
    def granularity(self) -> timedelta:
        """After this time no further row gets the same value."""
        return timedelta(days=2) if self.column.family is Family.DATE else timedelta(seconds=1)

    def latest(self, connection: Connection) -> At:
        """The largest value in the table."""
        value = largest(connection, self.bound, self.expression)
        if value is not None and self.as_text:
            text = connection.scalar(sa.select(sa.func.strftime("%Y-%m-%d %H:%M:%f", value)))
            found = moment(text)
            return found - timedelta(milliseconds=1) if found else None
        return self.position(value)

    def position(self, value: Any) -> At:
        """A raw value as it stands in a cursor."""
        if isinstance(value, Decimal):
            return int(value) if value == int(value) else float(value)
        if isinstance(value, (int, float)):
            return value
        return moment(value)

    def capped(self, at: At, limit: datetime) -> At:
        """Not beyond the limit, if it is a time at all."""
        if isinstance(at, datetime):
            return min(at, limit)
        if at is not None and (steps := unit(at)):
            return min(at, int(limit.timestamp() * steps))
        return at

    def start(self, position: Position, overlap: float) -> sa.ColumnElement[bool]:
        """Condition for what has to be read from a position on."""
        if position.at is None:
            return self.expression.is_not(None)
        if position.settled:
            return self._beyond(position.at, exclusive=True)
        at = position.at
        back = at - timedelta(seconds=overlap) if isinstance(at, datetime) else at - overlap * (unit(at) or 1)
        return self._beyond(back, exclusive=False)

    def _beyond(self, at: At, *, exclusive: bool) -> sa.ColumnElement[bool]:
        limit: Any = at
        if isinstance(at, datetime):
            if self.as_text:
                limit = sa.func.julianday(at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" "))
            elif self.column.family is Family.DATE:
                limit = at.date()
            elif self.column.family is Family.AWARE:
                limit = bound_value(self.bound, self.column, at)
            else:
                limit = at.replace(tzinfo=None)
        condition = self.expression > limit if exclusive else self.expression >= limit
        if self.as_text and isinstance(at, datetime):
            # days sort as text whatever follows them: an index on the column can be used
            return sa.and_(self.clause >= (at - timedelta(days=1)).date().isoformat(), condition)
        return condition

    def after(self, value: Any, key: Any) -> sa.ColumnElement[bool]:
        """Condition for what follows a row, ties told apart by the key."""
        key_clause = self.bound.clause.c[self.bound.key.name]
        return sa.and_(self.expression >= value, sa.or_(self.expression > value, key_clause > key))


def changes(
    engine: Engine,
    bound: Bound,
    column: Column,
    position: Position | None,
    columns: Sequence[Column],
    limit: int,
) -> Iterator[Page]:
    """Pages of rows changed since the position; with None only the cursor. The last page may be empty."""
    with engine.connect() as connection:
        order = Order(connection, bound, column)
        now, safe = database_now(connection), horizon(connection)
        if position is None:
            at = order.capped(order.latest(connection), safe)
            yield Page((), Position(at, now).encode())
            return
    if isinstance(position.at, datetime) != order.is_time:
        position = Position(None, position.seen)  # the column's type was changed: read it all
    overlap = bound.config.overlap
    selection = Selection(bound, columns, extra=[order.expression])
    at = position.at
    for rows in _read(engine, order, selection, order.start(position, overlap), limit):
        reached = order.capped(order.position(rows[-1][selection.modified]), safe)
        at = reached if at is None else max(at, reached)  # type: ignore[type-var]
        current = position if at == position.at else Position(at, now)
        yield Page(selection.records(rows), Position(current.at, current.seen).encode())
    if at != position.at or at is None:
        yield Page((), Position(at, now).encode())
    else:
        passed = safe >= position.seen + timedelta(seconds=overlap) + order.granularity
        yield Page((), Position(at, position.seen, settled=position.settled or passed).encode())


def _read(
    engine: Engine, order: Order, selection: Selection, start: sa.ColumnElement[bool], limit: int
) -> Iterator[Sequence[Row]]:
    key = order.bound.clause.c[order.bound.key.name]
    statement = selection.statement().order_by(order.expression, key)
    if order.bound.dialect == "postgresql":
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("SET LOCAL application_name = 'syncadmin scan'")
            yield from stream(connection, statement.where(start), limit)
        return
    page = statement.where(start)
    while True:
        with engine.connect() as connection:
            rows = run(connection, page.limit(limit))
        if rows:
            yield rows
        if len(rows) < limit:
            return
        page = statement.where(order.after(rows[-1][-1], rows[-1][selection.key]))
