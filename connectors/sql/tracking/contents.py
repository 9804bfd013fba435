"""What is in the log of a tracked table, and what of it waits for whom: for people to look at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.sql.errors import Errors
from connectors.sql.table import Bound
from connectors.tracked import COUNTED, Log, Reader

from .installed import MODULES, standing
from .target import Target, target


def logged(engine: Engine, bound: Bound, errors: Errors) -> Log:
    """Rows, age and readers of a log. Raises Misconfigured if the table is not tracked."""
    module = MODULES[bound.dialect]
    with engine.connect() as connection:
        now = standing(connection, bound)
        if not now.there:
            raise errors.misconfigured(now.wrong, resource=bound.name)
        aim = target(connection, bound, (), errors)
        rows, oldest = _from(connection, aim, bound.dialect, 0)
        known = connection.execute(
            sa.text(
                f"select reader, position, seen_at from {module.readers(aim)} where id = :id order by reader"
            ),
            {"id": aim.id},
        ).all()
        readers = [
            Reader(reader, _moment(seen), *_from(connection, aim, bound.dialect, position))
            for reader, position, seen in known
        ]
    return Log(rows, oldest, now.seal, tuple(readers))


def _from(connection: Connection, aim: Target, dialect: str, position: int) -> tuple[int, datetime | None]:
    """How many rows there are from a position on, and when the first of them was written."""
    order, at = "seq", "seq >= :at"
    given: dict[str, Any] = {"at": position}
    if dialect == "postgresql":
        order, at, given = "txid, lsn", "txid >= cast(:at as xid8)", {"at": str(position)}
    where = f"from {MODULES[dialect].log(aim)} where {at}"
    first = connection.scalar(sa.text(f"select changed_at {where} order by {order} limit 1"), given)
    if first is None:
        return 0, None
    counted = sa.text(f"select count(*) from (select 1 {where} limit {COUNTED + 1}) counted")
    return int(connection.scalar(counted, given) or 0), _moment(first)


def _moment(value: datetime | str) -> datetime:
    """A time of the log: with its zone on PostgreSQL, in UTC on MariaDB and MySQL, as text on SQLite."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
