"""A configured table as the database has it now: its columns, key, modified and version columns.

Everything the rest of the connector does starts from a `Bound` table. Binding fails with words
for a person when the table, a column or an identifying key is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Inspector
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from connectors.base import FieldInfo, ResourceInfo

from .columns import Column, Family
from .config import SqlResource
from .errors import Errors


@dataclass(frozen=True, slots=True)
class Bound:
    """A resource bound to its table.

    `clause` names the table and its columns in statements, without types: values pass through
    SQLAlchemy untouched. `transactional` is false for tables that ignore transactions (MyISAM). Of
    the columns in `registers` the table `register` keeps stamps (see `tracking.stamps`), and `log` is told
    what they decided; `receipts` keeps those of our writes, since it was made as `receipts_since` (see
    `tracking.receipts`).
    """

    name: str
    config: SqlResource
    dialect: str
    clause: sa.TableClause
    columns: dict[str, Column]
    key: Column
    modified: Column | None
    version: Column | None
    transactional: bool = True
    count: int | None = None
    registers: tuple[str, ...] = ()
    register: sa.TableClause | None = None
    log: str = ""
    receipts: str = ""
    receipts_since: str = ""

    def named(self, names: Iterable[str], errors: Errors) -> list[Column]:
        """The columns of these names. Raises Misconfigured that says what there is."""
        names = list(names)
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise errors.misconfigured(
                f"table {self.config.table} has no column {', '.join(missing)}; "
                f"it has {', '.join(self.columns)}",
                resource=self.name,
            )
        return [self.columns[name] for name in names]

    def info(self) -> ResourceInfo:
        """What a configuration is built from and checked against."""
        return ResourceInfo(self.name, self.key.name, field_infos(self.columns.values()), count=self.count)


def field_infos(columns: Iterable[Column]) -> tuple[FieldInfo, ...]:
    """The columns in the contract's words."""
    return tuple(_field_info(c) for c in columns)


def _field_info(column: Column) -> FieldInfo:
    low, high = column.bounds or (None, None)
    return FieldInfo(
        column.name,
        column.kind,
        column.nullable,
        column.writable,
        column.max_length,
        column.native,
        precision=column.precision,
        scale=column.scale,
        low=low,
        high=high,
        choices=column.choices,
        needed=column.needed,
    )


def bind(connection: Connection, name: str, config: SqlResource, schema: str | None, errors: Errors) -> Bound:
    """The resource bound to its table as it is now. Raises Misconfigured."""
    inspector = sa.inspect(connection)
    table, schema = _located(inspector, config.table, schema)
    if not inspector.has_table(table, schema=schema):
        there = sorted([*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)])
        raise errors.misconfigured(
            f"there is no table {config.table}; "
            f"there are {', '.join(there[:50]) or 'none that this user may see'}",
            resource=name,
        )
    columns = reflect_columns(connection, inspector, table, schema)
    key = _key(inspector, table, schema, columns, config, name, errors)
    for role, wanted in (("modified", config.modified), ("version", config.version and config.version.field)):
        if wanted and wanted not in columns:
            raise errors.misconfigured(
                f"table {config.table} has no column {wanted} (configured as `{role}`); "
                f"it has {', '.join(columns)}",
                resource=name,
            )
    if config.modified:
        _check_modified(columns[config.modified], connection.dialect.name, config, name, errors)
    version = columns[config.version.field] if config.version else None
    if version and config.version and config.version.bump and version.family is not Family.INTEGER:
        raise errors.misconfigured(
            f"`version.bump` counts up, but column {version.name} of table {config.table} is of type "
            f"{version.native}; use an integer column, or leave `bump` out",
            resource=name,
        )
    return Bound(
        name=name,
        config=config,
        dialect=connection.dialect.name,
        clause=sa.table(table, *(sa.column(c) for c in columns), schema=schema),
        columns=columns,
        key=columns[key],
        modified=columns[config.modified] if config.modified else None,
        version=version,
        transactional=_transactional(inspector, table, schema),
        count=_estimate(connection, table, schema),
    )


def _check_modified(column: Column, dialect: str, config: SqlResource, name: str, errors: Errors) -> None:
    """SQLite keeps times as text or numbers in any column; elsewhere the type must be one that grows."""
    if dialect != "sqlite" and column.family not in (
        Family.AWARE, Family.NAIVE, Family.DATE, Family.INTEGER, Family.DECIMAL, Family.FLOAT,
    ):  # fmt: skip
        raise errors.misconfigured(
            f"column {column.name} of table {config.table} is of type {column.native} "
            "and cannot tell when a row was changed; use a timestamp, a date or a number that grows",
            resource=name,
        )


def discover(connection: Connection, schema: str | None) -> list[ResourceInfo]:
    """Every table that this user may see, with its key if one column identifies a row."""
    inspector = sa.inspect(connection)
    found = []
    for table in sorted(inspector.get_table_names(schema=schema)):
        columns = reflect_columns(connection, inspector, table, schema)
        candidates = identifying(inspector, table, schema, columns)
        count = _estimate(connection, table, schema)
        key = next(iter(candidates), "")
        primary = inspector.get_pk_constraint(table, schema=schema).get("constrained_columns") or []
        parts = () if key else tuple(primary)
        found.append(ResourceInfo(table, key, field_infos(columns.values()), count=count, parts=parts))
    return found


def _located(inspector: Inspector, table: str, schema: str | None) -> tuple[str, str | None]:
    """Table and schema; a table may be written as schema.table."""
    if "." in table and not inspector.has_table(table, schema=schema):
        schema, table = table.split(".", 1)
    return table, schema


def _key(
    inspector: Inspector,
    table: str,
    schema: str | None,
    columns: dict[str, Column],
    config: SqlResource,
    name: str,
    errors: Errors,
) -> str:
    if config.key and config.key not in columns:
        raise errors.misconfigured(
            f"table {table} has no column {config.key} (configured as `key`); it has {', '.join(columns)}",
            resource=name,
        )
    candidates = identifying(inspector, table, schema, columns)
    primary = inspector.get_pk_constraint(table, schema=schema).get("constrained_columns") or []
    if config.key:
        if config.key in candidates:
            return config.key
        more = "add such a constraint"
        choices = f"use one of {', '.join(candidates)}, or {more}" if candidates else more
        raise errors.misconfigured(
            f"column {config.key} does not identify a row of table {table}: "
            f"it must be the primary key, or unique and not null; {choices}",
            resource=name,
        )
    if len(primary) == 1:
        return primary[0]
    why = (
        f"its primary key has several columns ({', '.join(primary)})"
        if primary
        else "there is no primary key"
    )
    choices = (
        f"set `key` to one of {', '.join(candidates)}" if candidates else "add a unique, not null column"
    )
    raise errors.misconfigured(
        f"table {table} has no key by which a row can be told from the others: {why}; {choices}",
        resource=name,
    )


def identifying(
    inspector: Inspector, table: str, schema: str | None, columns: dict[str, Column]
) -> list[str]:
    """Columns that each alone identify a row, the primary key first."""
    found: list[str] = []
    primary = inspector.get_pk_constraint(table, schema=schema).get("constrained_columns") or []
    if len(primary) == 1:
        found.append(primary[0])
    sets: list[list[str | None]] = [
        list(c["column_names"]) for c in inspector.get_unique_constraints(table, schema)
    ]
    for index in inspector.get_indexes(table, schema=schema):
        partial = any(k.endswith("_where") and v for k, v in (index.get("dialect_options") or {}).items())
        if index["unique"] and not partial:
            sets.append(list(index["column_names"]))
    for names in sets:
        if (
            len(names) == 1
            and names[0] in columns
            and not columns[names[0]].nullable
            and names[0] not in found
        ):
            found.append(names[0])
    return found


# ---------------------------------------------------------------- columns


def reflect_columns(
    connection: Connection, inspector: Inspector, table: str, schema: str | None
) -> dict[str, Column]:
    """The table's columns, by name, in order."""
    natives = _natives(connection, table, schema)
    json_checked = _json_checked(connection, table, schema)
    found = {}
    columns = inspector.get_columns(table, schema=schema)
    alone = sum(bool(column.get("primary_key")) for column in columns) == 1
    for column in columns:
        name, kind = column["name"], column["type"]
        if connection.dialect.name == "mysql":
            name = name.replace("``", "`")  # which SQLAlchemy leaves as it stands in SHOW CREATE TABLE
        native = natives.get(name) or kind.compile(connection.dialect)
        family = _sqlite_family(native) if connection.dialect.name == "sqlite" else _family(kind)
        if name in json_checked:
            family = Family.JSON
        identity = column.get("identity")
        default = column.get("default") or ""
        if identity:
            default = "identity"
        elif not default and column.get("autoincrement") is True:
            default = "autoincrement"
        rowid = connection.dialect.name == "sqlite" and native.upper() == "INTEGER"
        numbered = rowid and alone and bool(column.get("primary_key"))
        writable = not column.get("computed") and not (identity and identity.get("always"))
        exact = family is Family.DECIMAL and connection.dialect.name != "sqlite"
        found[name] = Column(
            name=name,
            family=family,
            native=native,
            nullable=bool(column["nullable"]),
            writable=writable,
            max_length=getattr(kind, "length", None) if family is Family.TEXT else None,
            default=default,
            # SQLite takes any number of digits, whatever was declared
            precision=getattr(kind, "precision", None) if exact else None,
            scale=getattr(kind, "scale", None) if exact else None,
            choices=tuple(getattr(kind, "enums", None) or ()) if family is Family.CHOICE else (),
            needed=not column["nullable"] and not default and writable and not numbered,
        )
    return found


def _family(kind: TypeEngine[Any]) -> Family:
    if isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    if isinstance(kind, mysql.TINYINT) and kind.display_width == 1:
        return Family.BOOLEAN
    if isinstance(kind, mysql.BIT) and (kind.length or 1) == 1:
        return Family.BOOLEAN
    if isinstance(kind, sa.TIMESTAMP | sa.DateTime):
        zoned = kind.timezone or isinstance(kind, mysql.TIMESTAMP)
        return Family.AWARE if zoned else Family.NAIVE
    for cls, family in _FAMILIES:
        if isinstance(kind, cls):
            return family
    return Family.OTHER


_FAMILIES: tuple[tuple[type[TypeEngine[Any]], Family], ...] = (
    (sa.Boolean, Family.BOOLEAN),
    (mysql.SET, Family.MEMBERS),
    (sa.Enum, Family.CHOICE),
    (sa.JSON, Family.JSON),
    (sa.ARRAY, Family.ARRAY),
    (sa.Uuid, Family.UUID),
    (sa.Integer, Family.INTEGER),
    (mysql.YEAR, Family.INTEGER),
    (sa.Float, Family.FLOAT),
    (sa.Numeric, Family.DECIMAL),
    (sa.Date, Family.DATE),
    (sa.LargeBinary, Family.BINARY),
    (postgresql.BYTEA, Family.BINARY),
    (sa.String, Family.TEXT),
)


def _sqlite_family(declared: str) -> Family:
    """SQLite takes any word for a type: what its author meant by it."""
    words = declared.upper()
    for parts, family in _SQLITE_WORDS:
        if any(part in words for part in parts):
            return family
    return Family.OTHER


_SQLITE_WORDS: tuple[tuple[tuple[str, ...], Family], ...] = (
    (("BOOL",), Family.BOOLEAN),
    (("TIMESTAMPTZ", "WITH TIME ZONE"), Family.AWARE),
    (("DATETIME", "TIMESTAMP"), Family.NAIVE),
    (("DATE",), Family.DATE),
    (("JSON",), Family.JSON),
    (("INT",), Family.INTEGER),
    (("DEC", "NUMERIC"), Family.DECIMAL),
    (("REAL", "FLOA", "DOUB"), Family.FLOAT),
    (("CHAR", "CLOB", "TEXT", "UUID"), Family.TEXT),
    (("BLOB",), Family.BINARY),
)


def _natives(connection: Connection, table: str, schema: str | None) -> dict[str, str]:
    """Type names as the database writes them, where SQLAlchemy's are not exact enough."""
    if connection.dialect.name == "postgresql":
        rows = connection.execute(
            sa.text(
                "select attname, format_type(atttypid, -1) from pg_attribute"
                " where attrelid = to_regclass(:name) and attnum > 0 and not attisdropped"
            ),
            {"name": _qualified(connection, table, schema)},
        )
        return {row[0]: row[1] for row in rows}
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"PRAGMA table_xinfo({_qualified(connection, table, None)})")
        return {row[1]: row[2] for row in rows}
    return {}


def _json_checked(connection: Connection, table: str, schema: str | None) -> set[str]:
    """MariaDB keeps JSON as text with a check: the columns that have it."""
    if not getattr(connection.dialect, "is_mariadb", False):
        return set()
    checks = connection.scalars(
        sa.text(
            "select check_clause from information_schema.check_constraints"
            " where constraint_schema = coalesce(:schema, database()) and table_name = :table"
        ),
        {"schema": schema, "table": table},
    )
    found = (re.fullmatch(r"json_valid\(`(.+)`\)", str(check)) for check in checks)
    return {match[1] for match in found if match}


def _transactional(inspector: Inspector, table: str, schema: str | None) -> bool:
    if inspector.dialect.name not in ("mysql", "mariadb"):
        return True
    options = {str(k): v for k, v in inspector.get_table_options(table, schema=schema).items()}
    engine = next((str(v) for k, v in options.items() if k.endswith("_engine")), "InnoDB")
    return engine.lower() not in ("myisam", "aria", "memory", "csv", "archive", "merge", "mrg_myisam")


def _estimate(connection: Connection, table: str, schema: str | None) -> int | None:
    """About how many rows there are, where the database keeps an estimate."""
    if connection.dialect.name != "postgresql":
        return None
    count = connection.scalar(
        sa.text("select reltuples::bigint from pg_class where oid = to_regclass(:name)"),
        {"name": _qualified(connection, table, schema)},
    )
    return count if count is not None and count >= 0 else None


def _qualified(connection: Connection, table: str, schema: str | None) -> str:
    preparer = connection.dialect.identifier_preparer
    quoted = preparer.quote_identifier(table)
    return f"{preparer.quote_identifier(schema)}.{quoted}" if schema else quoted
