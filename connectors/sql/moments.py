"""When a row was changed: what a `modified` column means as a time, and how far it may be trusted.

Times come as timestamps with or without zone, dates, ISO text, or numbers since 1970. Without a
zone they are UTC. A number too small to be a time since 1973 is a counter, not a time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALLEST = 100_000_000  # seconds: 1973


def unit(number: float) -> int:
    """Steps a second that a number since 1970 counts in; 0 if it is a plain counter."""
    if number < _SMALLEST:
        return 0
    if number < 100_000_000_000:
        return 1
    return 1000 if number < 100_000_000_000_000 else 1_000_000


def moment(raw: Any) -> datetime | None:
    """The raw value of a modified column as an aware UTC time, or None if it is none."""
    if isinstance(raw, datetime):
        return raw.replace(tzinfo=UTC) if raw.tzinfo is None else raw.astimezone(UTC)
    if isinstance(raw, date):
        return datetime(raw.year, raw.month, raw.day, tzinfo=UTC)
    if isinstance(raw, str):
        try:
            return moment(datetime.fromisoformat(raw))
        except ValueError:
            return None
    if isinstance(raw, (int, float, Decimal)) and not isinstance(raw, bool):
        steps = unit(float(raw))
        return _EPOCH + timedelta(seconds=float(raw) / steps) if steps else None
    return None


def database_now(connection: Connection) -> datetime:
    """The database's own clock, in UTC."""
    if connection.dialect.name == "postgresql":
        now = connection.scalar(sa.text("select clock_timestamp()"))
    elif connection.dialect.name == "sqlite":
        now = connection.scalar(sa.text("select strftime('%Y-%m-%d %H:%M:%f', 'now')"))
    else:
        now = connection.scalar(sa.text("select utc_timestamp(6)"))
    found = moment(now)
    if found is None:  # pragma: no cover - all three answer a time
        raise TypeError(f"no time: {now!r}")
    return found


def horizon(connection: Connection) -> datetime:
    """A time before which no transaction that may still commit can have stamped a row.

    PostgreSQL stamps rows with the start of the transaction: the oldest one that is running counts.
    InnoDB: the oldest one that has written. Both as far as this user may see others' transactions;
    for the rest, and for clocks that lag, there is the overlap. SQLite has one writer at a time.
    """
    now = database_now(connection)
    if connection.dialect.name == "postgresql":
        oldest = connection.scalar(
            sa.text(
                "select least("
                " (select min(xact_start) from pg_stat_activity where datname = current_database()"
                "  and backend_type not in ('autovacuum worker', 'parallel worker', 'walsender')"
                "  and pid <> pg_backend_pid() and application_name <> 'syncadmin scan'),"
                " (select min(prepared) from pg_prepared_xacts where database = current_database()))"
            )
        )
        return min(now, oldest) if oldest is not None else now
    if connection.dialect.name in ("mysql", "mariadb"):
        return now - timedelta(seconds=_oldest_writer(connection))
    return now


def _oldest_writer(connection: Connection) -> int:
    """Seconds since the oldest InnoDB transaction that has written began (0: none, or not to be seen)."""
    try:
        age = connection.scalar(
            sa.text(
                "select timestampdiff(second, min(trx_started),"
                "  convert_tz(utc_timestamp(), '+00:00', 'SYSTEM')) + 1"
                " from information_schema.innodb_trx where trx_rows_modified > 0"
            )
        )
    except DBAPIError:  # needs the PROCESS privilege
        return 0
    return int(age or 0)
