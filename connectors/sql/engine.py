"""Opens a database the way the connector needs it: UTC, strict, with time-outs, few connections.

A SQLite file is never created by opening it: a wrong path must not look like an empty database.
"""

from __future__ import annotations

import math
import sqlite3
import time
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from .config import SqlConfig
from .errors import DATABASE_ERRORS

APPLICATION = "syncadmin"
KEPT_CONNECTIONS, MOST_CONNECTIONS = 2, 4
RESTED = 1.0  # seconds after which a kept connection is tried before it is used
_USED = "used at"


def open_engine(config: SqlConfig) -> Engine:
    """An engine for the configured address. Connects lazily; needs `dispose()`."""
    url = config.address
    if url.drivername == "sqlite":
        return _sqlite(url, config)
    if url.drivername.startswith("postgresql"):
        return _postgres(url, config)
    return _mysql(url, config)


def _create(url: URL, **options: Any) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=KEPT_CONNECTIONS,
        max_overflow=MOST_CONNECTIONS - KEPT_CONNECTIONS,
        pool_timeout=30,
        hide_parameters=True,
        **options,
    )

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _lives(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_USED, math.inf) < RESTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except DATABASE_ERRORS as error:  # it died meanwhile: the pool makes new ones
            raise exc.InvalidatePoolError from error

    return engine


def reading(engine: Engine) -> Connection:
    """A connection for single reads, each of which sees what is committed by then: in no transaction.

    On SQLite it is one: all of them see the same.
    """
    if engine.dialect.name == "sqlite":
        return engine.connect()
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _postgres(url: URL, config: SqlConfig) -> Engine:
    engine = _create(
        url,
        connect_args={
            "connect_timeout": max(2, round(config.connect_timeout)),
            "application_name": APPLICATION,
            "prepare_threshold": None,  # prepared statements do not survive connection poolers
        },
    )

    @event.listens_for(engine, "connect")
    def _session(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "select set_config('TimeZone', 'UTC', false), set_config('lock_timeout', %s, false),"
                " set_config('extra_float_digits', '1', false),"
                " set_config('statement_timeout', %s, false),"
                # a page of a scan may take long to be worked on
                " set_config('idle_in_transaction_session_timeout', '0', false)",
                (f"{config.lock_timeout * 1000:.0f}", f"{config.statement_timeout * 1000:.0f}"),
            )
        connection.commit()

    return engine


def _mysql(url: URL, config: SqlConfig) -> Engine:
    engine = _create(
        url.update_query_dict({"charset": "utf8mb4"}),
        connect_args={
            "connect_timeout": max(1, round(config.connect_timeout)),
            "read_timeout": config.statement_timeout,
            "write_timeout": config.statement_timeout,
        },
    )

    @event.listens_for(engine, "connect")
    def _session(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "set session time_zone = '+00:00', innodb_lock_wait_timeout = %s,"
                " sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')",
                (max(1, round(config.lock_timeout)),),
            )

    return engine


def _sqlite(url: URL, config: SqlConfig) -> Engine:
    path = f"file:{quote(url.database or '')}?mode=rw"

    def connect() -> sqlite3.Connection:
        # isolation_level None: transactions begin where we say so, below
        return sqlite3.connect(
            path, uri=True, timeout=config.lock_timeout, isolation_level=None, check_same_thread=False
        )

    engine = _create(url, creator=connect)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # a writer takes the write lock at once: what it then reads cannot change under it
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
