"""Sets, never rows: bulk inserts, updates and key look-ups on the hub database.

On PostgreSQL by binary COPY and `unnest`, on SQLite by `executemany` and `json_each`, all inside the caller's
transaction. Columns are named by attribute name (`mapping_id`); values must be what the driver takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)
FEW = 20  # rows; COPY is one more exchange with the database

_COPY_TYPES = {
    "bigint": "int8",
    "integer": "int4",
    "smallint": "int2",
    "boolean": "bool",
    "timestamp with time zone": "timestamptz",
    "double precision": "float8",
}


def _postgres() -> bool:
    return connection.vendor == "postgresql"


@lru_cache(maxsize=64)
def _types(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, ...]:
    types = []
    for column in columns if _postgres() else ():  # SQLite needs none
        db_type = model._meta.get_field(column).db_type(connection) or "text"
        db_type = db_type.split("(")[0].split(" GENERATED")[0].strip()
        types.append(_COPY_TYPES.get(db_type, "text" if db_type.startswith("varchar") else db_type))
    return tuple(types)


def _names(model: type[models.Model], columns: Sequence[str]) -> list[str]:
    return [f'"{model._meta.get_field(column).column}"' for column in columns]


def add(row: models.Model) -> None:
    """Insert a row and give it its number. As its `save`, at a fraction of the cost."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    statement = f'INSERT INTO "{row._meta.db_table}" ({names}) VALUES ({marks})'
    params = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        if _postgres():
            cursor.execute(f"{statement} RETURNING id", params)
            row.pk = cursor.fetchone()[0]
        else:
            cursor.execute(statement, params)
            row.pk = cursor.lastrowid
    row._state.adding, row._state.db = False, connection.alias


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows (tuples in the order of `columns`) into the model's table."""
    table, names = model._meta.db_table, _names(model, columns)
    copy_into(table, names, _types(model, tuple(columns)), _as_stored(model, columns, rows))


def _as_stored(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterable[Sequence[Any]]:
    """The rows with their times as the ORM stores them: SQLite's driver would write a zone behind them."""
    fields = [model._meta.get_field(column) for column in columns]
    times = [at for at, field in enumerate(fields) if isinstance(field, models.DateTimeField)]
    if _postgres() or not times:
        return rows
    return [[moment(value) if at in times else value for at, value in enumerate(row)] for row in rows]


def copy_into(table: str, names: Sequence[str], types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows into any table; `types` are PostgreSQL type names (unused on SQLite)."""
    listed, rows = ", ".join(names), list(rows)
    if not rows:
        return
    with connection.cursor() as cursor:
        if len(rows) <= FEW:
            marks = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(rows))
            cursor.execute(
                f'INSERT INTO "{table}" ({listed}) VALUES {marks}', [value for row in rows for value in row]
            )
        elif _postgres():
            with cursor.copy(f'COPY "{table}" ({listed}) FROM STDIN (FORMAT BINARY)') as copy:
                copy.set_types(types)
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(names))
            cursor.executemany(f'INSERT INTO "{table}" ({listed}) VALUES ({marks})', list(rows))


def update(model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Update rows by id: each row is (id, *values in the order of `columns`). Returns how many."""
    if not rows:
        return 0
    table, names = model._meta.db_table, _names(model, columns)
    with connection.cursor() as cursor:
        if not _postgres():
            assignments = ", ".join(f"{name} = %s" for name in names)
            sql = f'UPDATE "{table}" SET {assignments} WHERE id = %s'
            stored = _as_stored(model, columns, [row[1:] for row in rows])
            cursor.executemany(sql, [(*new, row[0]) for new, row in zip(stored, rows, strict=True)])
            return len(rows)
        types = ["int8", *_types(model, tuple(columns))]
        arrays = ", ".join(f"%s::{kind}[]" for kind in types)
        aliases = ", ".join(["id", *(f"c{n}" for n in range(len(names)))])
        assignments = ", ".join(f"{name} = v.c{n}" for n, name in enumerate(names))
        cursor.execute(
            f'UPDATE "{table}" t SET {assignments} FROM unnest({arrays}) AS v({aliases}) WHERE t.id = v.id',
            [list(column) for column in zip(*rows, strict=True)],
        )
        return int(cursor.rowcount)


def assign(model: type[models.Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Update the rows for which all of `where` holds. Returns how many. Names are attribute names.

    As `filter(**where).update(**values)`, at a tenth of its cost: for what every pass does many times.
    """
    assignments, of_values = _equalities(model, values)
    conditions, of_where = _equalities(model, where)
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{model._meta.db_table}" SET {", ".join(assignments)} WHERE {" AND ".join(conditions)}',
            [*of_values, *of_where],
        )
        return int(cursor.rowcount)


def _equalities(model: type[models.Model], values: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    fields = [model._meta.get_field(name) for name in values]
    params = [f.get_db_prep_save(v, connection) for f, v in zip(fields, values.values(), strict=True)]
    return [f'"{f.column}" = %s' for f in fields], params


def delete(model: type[models.Model], ids: Sequence[int]) -> None:
    """Delete rows by id. Nothing that refers to them is looked at: the database checks that."""
    if ids:
        where, params = one_of("id", ids, "int8")
        with connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{model._meta.db_table}" WHERE {where}', params)


def some(model: type[Row], where: str, params: Sequence[Any]) -> list[Row]:
    """The model's rows that the SQL condition holds for, by id; made for questions mostly answered 'none'."""
    if not any_row(model, where, params):
        return []
    statement = f'SELECT * FROM "{model._meta.db_table}" WHERE {where} ORDER BY id'
    return list(model.objects.raw(statement, params))


def any_row(model: type[models.Model], where: str, params: Sequence[Any]) -> bool:
    """Whether the SQL condition holds for any of the model's rows."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM "{model._meta.db_table}" WHERE {where} LIMIT 1', params)
        return cursor.fetchone() is not None


def one_of(column: str, values: Sequence[Any], kind: str = "text") -> tuple[str, list[Any]]:
    """SQL and parameters for `column IN values`, for any number of values."""
    if _postgres():
        return f"{column} = ANY(%s::{kind}[])", [list(values)]
    if kind == "bytea":
        return f"{column} IN ({', '.join(['%s'] * len(values)) or 'NULL'})", list(values)
    return f"{column} IN (SELECT value FROM json_each(%s))", [json.dumps(list(values))]


def moment(value: datetime) -> Any:
    """A time as the ORM stores it, to compare with a stored one or to store."""
    return connection.ops.adapt_datetimefield_value(value)


def as_moment(stored: Any) -> datetime | None:
    """A time as a statement of ours reads it: SQLite keeps it as text without a zone."""
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """New primary keys, so that rows can be inserted in bulk and still be referred to."""
    if not count:
        return []
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if _postgres():
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [f'"{table}"', count],
            )
            return [row[0] for row in cursor.fetchall()]
        # The transaction holds SQLite's only write lock, so nobody else takes these numbers.
        cursor.execute(
            f"SELECT MAX(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = %s), 0), "
            f'COALESCE((SELECT MAX(id) FROM "{table}"), 0))',
            [table],
        )
        first = cursor.fetchone()[0] + 1
        return list(range(first, first + count))
