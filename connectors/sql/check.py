"""The connection test: what works, what does not, and what to do about it. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.base import ChangeMode, CheckItem, ConnectorError

from .config import SqlResource
from .engine import MOST_CONNECTIONS
from .errors import DATABASE_ERRORS, Errors, Fault, diagnose
from .fingerprints import hindrance
from .moments import database_now
from .read import fetch, filtered
from .table import Bound, bind
from .tracking.installed import standing
from .tracking.stamps import with_registers
from .tracking.target import target

_SEES_OTHERS = "select pg_has_role(current_user, 'pg_read_all_stats', 'usage')"
_SCHEMAS = sa.text(
    "select table_schema, count(*) from information_schema.tables where table_type = 'BASE TABLE' "
    "and table_schema <> coalesce(:here, current_schema()) "
    "and table_schema !~ '^(pg_|information_schema$)' group by 1 order by 2 desc, 1 limit :most"
)
MOST_SCHEMAS = 5
CLOCK_TOLERANCE, NOTICED = 2.0, 0.1  # seconds


def check(
    engine: Engine, resources: Mapping[str, SqlResource], schema: str | None, errors: Errors
) -> list[CheckItem]:
    """All lines of the test. Raises nothing that a database can cause."""
    try:
        with engine.connect() as connection:
            lines = [
                CheckItem("reachable", True, errors.address),
                CheckItem("signed in", True, _version(connection)),
                _clock(connection),
                CheckItem("limits", True, f"none; the hub opens {MOST_CONNECTIONS} connections at most"),
                *_elsewhere(connection, schema),
            ]
            for name, config in resources.items():
                lines += _resource(connection, name, config, schema, errors)
                connection.rollback()
            return lines
    except DATABASE_ERRORS as error:
        found = diagnose(error)
        said = errors.clean(found.said)
        if found.fault is Fault.SETUP:
            return [
                CheckItem("reachable", True, errors.address),
                CheckItem("signed in", False, said, found.remedy, found.settings),
            ]
        return [
            CheckItem(
                "reachable",
                False,
                f"{errors.address}: {said}",
                "check host, port and firewall; is it running?",
                found.settings,
            )
        ]


def _version(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.scalar(sa.text('select sqlite_version()'))}"
    return str(connection.scalar(sa.text("select version()")))


def _clock(connection: Connection) -> CheckItem:
    skew = (database_now(connection) - datetime.now(UTC)).total_seconds()
    return CheckItem(
        "clock",
        abs(skew) <= CLOCK_TOLERANCE,
        f"differs by {skew:+.1f} s" if abs(skew) >= NOTICED else f"differs by less than {NOTICED} s",
        "" if abs(skew) <= CLOCK_TOLERANCE else "set both clocks by NTP: `newest` goes by them",
    )


def _elsewhere(connection: Connection, schema: str | None) -> list[CheckItem]:
    """Schemas with tables besides the one that is looked at: who misses a table finds it there."""
    if connection.dialect.name != "postgresql":
        return []
    found = connection.execute(_SCHEMAS, {"here": schema, "most": MOST_SCHEMAS}).all()
    if not found:
        return []
    told = ", ".join(f"{name} ({count})" for name, count in found)
    return [
        CheckItem("schemas", True, f"tables are in other schemas too: {told}", "set `schema` to see those")
    ]


def _resource(
    connection: Connection, name: str, config: SqlResource, schema: str | None, errors: Errors
) -> list[CheckItem]:
    try:
        bound = bind(connection, name, config, schema, errors)
        fetch(connection, bound, ["0"], list(bound.columns.values()))
    except ConnectorError as error:
        return [CheckItem(f"{name}: readable", False, error.message, error.said)]
    except DATABASE_ERRORS as error:
        connection.rollback()
        return [
            CheckItem(
                f"{name}: readable", False, errors.clean(diagnose(error).said), "grant SELECT on the table"
            )
        ]
    return [
        CheckItem(f"{name}: readable", True, f"table {config.table}, key {bound.key.name}"),
        *_sees_all(connection, bound),
        _writable(connection, bound),
        *_finds_changes(connection, bound, errors),
        *_read_in_full(bound),
    ]


def _read_in_full(bound: Bound) -> list[CheckItem]:
    """A table that can't be compared by fingerprints."""
    why = hindrance(bound)
    if not why:
        return []
    detail = f"each full comparison reads every row: {why}"
    remedy = (
        "a key of whole numbers (64 bits, signed) or text lets the database say which rows are as they were"
    )
    return [CheckItem(f"{bound.name}: compared", True, detail, remedy)]


def _sees_all(connection: Connection, bound: Bound) -> list[CheckItem]:
    if not filtered(connection, bound):
        return []
    detail = "row-level security hides rows from this user: no row is ever taken for deleted"
    return [
        CheckItem(
            f"{bound.name}: complete", True, detail, "give the user BYPASSRLS if deletes are to be seen"
        )
    ]


def _writable(connection: Connection, bound: Bound) -> CheckItem:
    name = f"{bound.name}: writable"
    if not bound.transactional:
        return CheckItem(
            name,
            True,
            "the table's storage engine has no transactions: writes are checked, not atomic",
            "use InnoDB",
        )
    if bound.dialect == "postgresql":
        table = connection.dialect.identifier_preparer.format_table(bound.clause)
        held = connection.execute(
            sa.text(
                "select has_table_privilege(:t, 'insert'), has_any_column_privilege(:t, 'update'),"
                " has_table_privilege(:t, 'delete'), pg_is_in_recovery(), quote_ident(current_user)"
            ),
            {"t": table},
        ).one()
        missing = [word for word, ok in zip(("INSERT", "UPDATE", "DELETE"), held, strict=False) if not ok]
        if held[3]:
            return CheckItem(
                name, False, "this is a standby, which takes no writes", "use the primary's address"
            )
        if missing:
            listed = ", ".join(missing)
            return CheckItem(name, False, f"no {listed}", f"GRANT {listed} ON {table} TO {held[4]}")
        return CheckItem(name, True, "insert, update and delete granted")
    if bound.dialect == "sqlite":
        try:
            connection.rollback()
            with connection.execution_options(writing=True).begin():
                return CheckItem(name, True, "the file can be locked for writing")
        except DATABASE_ERRORS as error:
            return CheckItem(
                name, False, str(diagnose(error).said), "make file and folder writable for this user"
            )
        finally:
            connection.execution_options(writing=False)
    read_only = connection.scalar(sa.text("select @@global.read_only"))
    if read_only:
        return CheckItem(name, False, "the server is read-only", "use the primary's address")
    return _granted(connection, bound, name)


def _granted(connection: Connection, bound: Bound, name: str) -> CheckItem:
    """MariaDB and MySQL: to explain a statement takes the privileges to run it, and does nothing."""
    preparer = connection.dialect.identifier_preparer
    table, key = preparer.format_table(bound.clause), preparer.quote_identifier(bound.key.name)
    statements = {
        "INSERT": f"explain insert into {table} ({key}) select {key} from {table} where 1 = 0",  # noqa: S608
        "UPDATE": f"explain update {table} set {key} = {key} where 1 = 0",  # noqa: S608
        "DELETE": f"explain delete from {table} where 1 = 0",  # noqa: S608
    }
    missing = []
    for word, statement in statements.items():
        try:
            connection.exec_driver_sql(statement)
        except DATABASE_ERRORS as error:
            fault = diagnose(error).fault
            if fault is Fault.SETUP:
                missing.append(word)
            elif fault is not Fault.REFUSED:  # refused for its values: the privilege is there
                raise
    if missing:
        return CheckItem(name, False, f"no {', '.join(missing)}", f"GRANT {', '.join(missing)} ON {table}")
    return CheckItem(name, True, "insert, update and delete granted")


def _finds_changes(connection: Connection, bound: Bound, errors: Errors) -> list[CheckItem]:
    if bound.config.mode is ChangeMode.TRACKING:
        aim = target(connection, bound, (), errors)
        return [_tracked(connection, with_registers(connection, bound, aim))]
    if bound.modified is None:
        return []
    column = bound.modified.name
    indexes = sa.inspect(connection).get_indexes(bound.clause.name, schema=bound.clause.schema)
    first = {index["column_names"][0] for index in indexes if index["column_names"]}
    name = f"{bound.name}: changes"
    if column not in first:
        detail = f"by {column}, without an index: each read goes through the whole table"
        return [CheckItem(name, True, detail, f"create an index on ({column}, {bound.key.name})")]
    if bound.dialect == "postgresql" and not connection.scalar(sa.text(_SEES_OTHERS)):
        detail = (
            f"by {column}; transactions of others cannot be seen, so only the overlap covers late commits"
        )
        return [CheckItem(name, True, detail, "GRANT pg_read_all_stats to this user, or raise `overlap`")]
    return [CheckItem(name, True, f"by {column}, which has an index")]


def _tracked(connection: Connection, bound: Bound) -> CheckItem:
    """Whether the triggers are installed and whole; whether they log enough, each read tells."""
    found = standing(connection, bound)
    name = f"{bound.name}: changes"
    if found.wrong:
        return CheckItem(name, False, f"by triggers: {found.wrong}", "run manage.py track for it")
    kept = f"and stamp {', '.join(bound.registers) or 'no column'}"
    return CheckItem(name, True, f"by triggers, which log {', '.join(found.columns) or 'no column'}, {kept}")
