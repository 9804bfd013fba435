"""Two real systems that were never seen before, filled, and configured on the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from syncadmin.embedded import PocketBaseServer, PostgresServer
from syncadmin.models import Resource, System
from tests.survey.tables import contacts

CRM = """
    CREATE TABLE contacts (
        id serial PRIMARY KEY, company text, email varchar(80) UNIQUE, phone text, city text,
        credit_limit numeric(12, 2), status text, born date, updated_at timestamptz
    )
"""
ERP = """
    CREATE TABLE kunden (
        kundennr integer PRIMARY KEY, "Firma" text, "E_Mail_Adresse" text, "Telefon" text, "Ort" text,
        "Kreditlimit" double precision, "Zustand" text, "Geburtstag" date, geaendert_am timestamp
    )
"""


@dataclass
class Database:
    """A PostgreSQL database with one table, and the hub's resource of it."""

    url: str
    resource: Resource

    def run(self, statement: str | sql.Composed, *values: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement, values or None)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()


def insert(url: str, table: str, rows: list[dict[str, Any]]) -> None:
    """Rows as an application would write them."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
        blanks = sql.SQL(", ").join(sql.Placeholder() * len(rows[0]))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), columns, blanks)
        cursor.executemany(statement, [tuple(row.values()) for row in rows])


def configured(system: str, url: str, resource: str, config: dict[str, Any]) -> Resource:
    """A system with one resource, reached at `url`, as if an integrator had made it."""
    row, _ = System.objects.update_or_create(
        name=system, defaults={"connector": "sql", "config": {"url": url, "connect_timeout": 2}}
    )
    return Resource.objects.update_or_create(system=row, name=resource, defaults={"config": config})[0]


@pytest.fixture
def new_database(
    postgres_server: PostgresServer, unique_name: Callable[[str], str]
) -> Iterator[Callable[[], str]]:
    """Makes URLs of fresh databases."""
    names: list[str] = []

    def make() -> str:
        names.append(unique_name("survey"))
        return postgres_server.create_database(names[-1])

    yield make
    for name in names:
        postgres_server.drop_database(name)


@pytest.fixture
def crm(db: None, new_database: Callable[[], str]) -> Database:
    """300 contacts, in English."""
    url = new_database()
    config = {"table": "contacts", "key": "id", "modified": "updated_at", "changes": "cursor"}
    made = Database(url, configured("crm", url, "contacts", config))
    made.run(CRM)
    insert(url, "contacts", contacts()[0])
    return made


@pytest.fixture
def erp(db: None, new_database: Callable[[], str]) -> Database:
    """300 customers, in German; 250 of them are contacts of the CRM."""
    url = new_database()
    config = {"table": "kunden", "key": "kundennr", "modified": "geaendert_am", "changes": "cursor"}
    made = Database(url, configured("erp", url, "kunden", config))
    made.run(ERP)
    insert(url, "kunden", contacts()[1])
    return made


def members(server: PocketBaseServer, name: str) -> None:
    """A PocketBase collection with some of the CRM's people."""
    fields = [
        {"name": "full_name", "type": "text"},
        {"name": "mail", "type": "email"},
        {"name": "tel", "type": "text"},
        {"name": "town", "type": "text"},
        {"name": "state", "type": "select", "maxSelect": 1, "values": ["N", "A", "C"]},
    ]
    server.create_collection(name, fields)
    words = {"new": "N", "active": "A", "closed": "C"}
    with server.client() as client:
        for row in contacts()[0][:80]:
            body = {
                "full_name": row["company"],
                "mail": row["email"].lower(),
                "tel": row["phone"],
                "town": row["city"],
                "state": words[row["status"]],
            }
            client.post(f"/api/collections/{name}/records", json=body).raise_for_status()


@pytest.fixture
def shop(
    db: None, pocketbase_server: PocketBaseServer, unique_name: Callable[[str], str]
) -> Callable[..., Resource]:
    """Such a collection; the hub reaches it directly or at `base_url`."""
    name = unique_name("members")
    members(pocketbase_server, name)

    def make(base_url: str = "") -> Resource:
        auth = {"type": "login", "username": pocketbase_server.email, "password": pocketbase_server.password}
        config = {"preset": "pocketbase", "base_url": base_url or pocketbase_server.url, "auth": auth}
        system, _ = System.objects.update_or_create(
            name="shop", defaults={"connector": "rest", "config": config}
        )
        defaults = {"config": {"preset": "pocketbase", "collection": name}}
        return Resource.objects.update_or_create(system=system, name="members", defaults=defaults)[0]

    return make


def through(url: str, port: int) -> str:
    """A database's URL by way of a proxy."""
    parts = urlsplit(url)
    return url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{port}")
