"""The sample ERP: a PostgreSQL database with its schema (erp.sql), its accounts and its first rows.

Seeding and the simulator come here as the ERP's own programs would; the hub has an account of its own
and uses its connector.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from syncadmin.demo.data import Data, Row

DATABASE = "erp"
SCHEMA = Path(__file__).with_name("erp.sql")
ACCOUNTS = ("staff", "syncadmin")
TABLES = ("companies", "customers", "products")
KEYS = {"companies": "company_no", "customers": "customer_no", "products": "product_no"}


def make_schema(url: str, passwords: dict[str, str]) -> None:
    """Make accounts, tables and triggers in an empty database. `url` is the owner's."""
    with psycopg.connect(url) as connection:
        for name in ACCOUNTS:
            role, password = sql.Identifier(name), sql.Literal(passwords[name])
            there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            verb = sql.SQL("ALTER" if there else "CREATE")
            connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, password))
        connection.execute(SCHEMA.read_bytes())


def load(url: str, data: Data) -> None:
    """Fill the empty tables, in one transaction. `url` is the owner's."""
    with psycopg.connect(url) as connection:
        for table in TABLES:
            copy_rows(connection, table, getattr(data, table))
        for table in TABLES:
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))


def copy_rows(connection: psycopg.Connection[Any], table: str, rows: list[Row]) -> None:
    """Rows by COPY; all have the same columns."""
    columns = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])


def read_all(connection: psycopg.Connection[Any], table: str) -> list[Row]:
    """All rows of a table, as dicts."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
