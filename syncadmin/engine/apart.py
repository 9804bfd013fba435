"""Deciding apart: what a pass would store goes to temporary copies of the hub's tables.

The copies have the names of the tables and hide them from this connection, on SQLite as on PostgreSQL, so
that a preview is made by the very code of a pass. Nothing is locked and no transaction is open meanwhile,
however long the systems take to answer. Only a mapping's own rows are copied, and links that its references
name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import DatabaseError, connection

from syncadmin.models import Cursor, Link, Mapping, MappingState, Mark, Unlinked

READ = (Unlinked, Mark, Cursor, MappingState)  # what reading changes stores to
_REFERENCES = re.compile(r' REFERENCES "\w+" \("\w+"\)( DEFERRABLE INITIALLY DEFERRED)?')


@contextmanager
def apart(mapping: Mapping, *, links: bool) -> Iterator[None]:
    """Until the end of the context this connection sees copies of the mapping's rows, and stores to those.

    `links` are copied too if they are to be made, as a full comparison does.
    """
    targets = sorted({f.target_id for f in mapping.fields.all() if f.target_id is not None})
    copied: list[str] = []
    try:
        for model in (*READ, Link) if links else READ:
            table = model._meta.db_table
            copied.append(table)
            _copy(table, [mapping.pk, *targets] if model is Link else [mapping.pk])
        yield
    finally:
        _drop(copied)


def _copy(table: str, mapping_ids: Sequence[int]) -> None:
    wanted = ", ".join(["%s"] * len(mapping_ids))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = %s::regclass", [table]
            )
            (schema,) = cursor.fetchone()
            cursor.execute(f"CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table} INCLUDING ALL)")
            source = f"SELECT * FROM {schema}.{table} WHERE mapping_id IN ({wanted})"
            cursor.execute(f"INSERT INTO pg_temp.{table} {source}", list(mapping_ids))
            _number_on(table)
            return
        cursor.execute("SELECT sql FROM main.sqlite_master WHERE tbl_name = %s AND type = 'table'", [table])
        (made,) = cursor.fetchone()
        # a reference would be looked for among the temporary tables
        cursor.execute(_REFERENCES.sub("", made).replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1))
        source = f"SELECT * FROM main.{table} WHERE mapping_id IN ({wanted})"
        cursor.execute(f"INSERT INTO temp.{table} {source}", list(mapping_ids))
        cursor.execute(
            "SELECT sql FROM main.sqlite_master WHERE tbl_name = %s AND type = 'index' AND sql IS NOT NULL",
            [table],
        )
        for (index,) in cursor.fetchall():
            cursor.execute(index.replace("INDEX ", "INDEX temp.", 1))


def _number_on(table: str) -> None:
    """On PostgreSQL: have a copy give numbers that its rows have not got."""
    with connection.cursor() as cursor:
        named = f"pg_temp.{table}"
        numbered = "attname = 'id' AND attidentity <> ''"
        cursor.execute(f"SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND {numbered}", [named])
        if cursor.fetchone():
            first = f"(SELECT COALESCE(MAX(id), 0) + 1 FROM {named})"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence(%s, 'id'), {first}, false)", [named])


def _drop(tables: Sequence[str]) -> None:
    """Drop copies; a connection that can't is closed, so that they never stay in the way of a pass."""
    schema = "pg_temp" if connection.vendor == "postgresql" else "temp"
    try:
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"DROP TABLE IF EXISTS {schema}.{table}")
    except DatabaseError:
        connection.close()
        raise
