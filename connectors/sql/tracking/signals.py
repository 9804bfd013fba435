"""Knowing at once that a tracked table was written to: PostgreSQL notifies, the others are asked.

A notification comes with the commit of what it tells of. Some poolers pass none on: so a listener first sends
itself one, and hears nothing at all if that one does not come.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import cast

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.signals import Signal, Unread
from connectors.sql.engine import reading
from connectors.sql.errors import Errors
from connectors.sql.table import Bound

from .installed import MODULES
from .postgres import CHANNEL, SCHEMA
from .reading import Position
from .target import Target, target

PROOF_SECONDS = 2.0
SILENCE_SECONDS = 10.0  # after so much of it the connection is tried
_OLDEST = {
    "postgresql": "select extract(epoch from clock_timestamp() - changed_at),"
    " txid < pg_snapshot_xmin(pg_current_snapshot()) from {log}"
    " where (txid, lsn) > (cast(:at as xid8), cast(:within as pg_lsn)) and {whose}"
    " order by txid, lsn limit 1",
    "mysql": "select timestampdiff(microsecond, changed_at, utc_timestamp(6)) / 1000000, 1 from {log}"
    " where seq >= :at and {whose} order by seq limit 1",
    "sqlite": "select (julianday('now') - julianday(changed_at)) * 86400, 1 from {log}"
    " where seq >= :at and {whose} order by seq limit 1",
}


def unread(engine: Engine, bound: Bound, aim: Target, position: Position, *, ours: bool) -> Unread | None:
    """The oldest change beyond a position, None if there is none."""
    statement = _OLDEST[bound.dialect].format(
        log=MODULES[bound.dialect].log(aim), whose="true" if ours else "origin is null"
    )
    given: dict[str, object] = {"at": position.at}
    if bound.dialect == "postgresql":
        given = {"at": str(position.at), "within": position.within or "0/0"}
    with reading(engine) as connection:
        found = connection.execute(sa.text(statement), given).first()
    return None if found is None else Unread(max(float(found[0]), 0.0), bool(found[1]))


def ear(engine: Engine, bounds: Sequence[Bound], errors: Errors) -> PostgresEar | None:
    """Listens to tracked tables; None where none of them notifies."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        aims = {target(connection, bound, (), errors).id: bound.name for bound in bounds}
        loud = {name: one for name, one in aims.items() if _notifies(connection, name)}
    if not loud:
        return None
    made = PostgresEar(engine, loud, errors)
    try:
        proven = made.proven(engine)
    except BaseException:
        made.close()
        raise
    if proven:
        return made
    made.close()
    return None


def _notifies(connection: Connection, table: str) -> bool:
    """Whether what is installed for a table notifies: older tracking does not, nor where it could do harm."""
    return bool(
        connection.scalar(
            sa.text(
                "select current_setting('max_prepared_transactions') = '0' and exists(select 1 from pg_proc p"
                " join pg_namespace n on n.oid = p.pronamespace where n.nspname = :schema"
                " and p.proname = :function and p.prosrc like '%pg_notify%')"
            ),
            {"schema": SCHEMA, "function": f"capture_{table}"},
        )
    )


class PostgresEar:
    """One connection that listens. `tables` are resources by the short names of their tables."""

    def __init__(self, engine: Engine, tables: Mapping[str, str], errors: Errors) -> None:
        self.tables, self.errors = tables, errors
        self.hears = frozenset(tables.values())
        self.held = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.held.exec_driver_sql(f"listen {CHANNEL}")
        self.connection = cast(psycopg.Connection, self.held.connection.driver_connection)
        self.silent = 0.0

    def proven(self, engine: Engine) -> bool:
        """Whether a notification of our own arrives."""
        word = f"proof {secrets.token_hex(8)}"
        with engine.begin() as other:
            other.execute(sa.text("select pg_notify(:channel, :word)"), {"channel": CHANNEL, "word": word})
        return any(
            told.payload == word for told in self.connection.notifies(timeout=PROOF_SECONDS, stop_after=1)
        )

    def wait(self, seconds: float) -> list[Signal]:
        """What was signalled; a connection that was silent for long is tried. Raises ConnectorError."""
        try:
            heard = list(self.connection.notifies(timeout=seconds, stop_after=1))
            self.silent = 0.0 if heard else self.silent + seconds
            if self.silent >= SILENCE_SECONDS:
                self.connection.execute("select 1")
                self.silent = 0.0
        except psycopg.Error as error:
            raise self.errors.raised(error, "listening for changes") from error
        told = [one.payload.partition(" ") for one in heard]
        found = [Signal(self.tables[table], bool(by)) for table, _, by in told if table in self.tables]
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Hear nothing any more."""
        self.held.invalidate()  # the pool must not give a listening connection to anybody
        self.held.close()
