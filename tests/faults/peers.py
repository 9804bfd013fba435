"""Real systems with people in them, edited behind the hub's back: databases, PocketBase, Kinto, CouchDB."""

from __future__ import annotations

from typing import Any, Protocol

import httpx
import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.rows import dict_row

from tests.engine.world import DIALECT
from tests.servers.couchdb import CouchServer
from tests.servers.kinto import KintoServer
from tests.servers.pocketbase import SharedPocketBase

FIELDS = {"email": "text", "city": "text", "phone": "text", "points": "integer"}
Row = dict[str, Any]


class Peer(Protocol):
    """One live system. A row is a dictionary of FIELDS and `id`."""

    connector: str
    config: dict[str, Any]
    resource: dict[str, Any]

    def add(self, **values: Any) -> None: ...
    def edit(self, email: str, **values: Any) -> None: ...
    def delete(self, email: str) -> None: ...
    def rows(self) -> list[Row]: ...
    def close(self) -> None: ...


def row_of(peer: Peer, email: str) -> Row:
    """The only row with this e-mail address."""
    (row,) = (row for row in peer.rows() if row["email"] == email)
    return row


class Postgres:
    """A table of a PostgreSQL database. `through` is the URL that the hub uses, if another."""

    connector = "sql"

    def __init__(self, url: str, through: str = "") -> None:
        self.connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self.connection.execute(
            "CREATE TABLE people (id serial PRIMARY KEY, email text NOT NULL, city text, phone text, "
            "points integer NOT NULL DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        self.config = {"url": through or url}
        self.resource = {"table": "people", "modified": "updated_at", "changes": "cursor"}

    def add(self, **values: Any) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join(map(sql.Placeholder, values))
        self.connection.execute(sql.SQL("INSERT INTO people ({}) VALUES ({})").format(names, marks), values)

    def edit(self, email: str, **values: Any) -> None:
        sets = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
        )
        statement = sql.SQL("UPDATE people SET {}, updated_at = clock_timestamp() WHERE email = %(_email)s")
        self.connection.execute(statement.format(sets), {**values, "_email": email})

    def delete(self, email: str) -> None:
        self.connection.execute("DELETE FROM people WHERE email = %s", [email])

    def rows(self) -> list[Row]:
        return self.connection.execute("SELECT id, email, city, phone, points FROM people").fetchall()

    def close(self) -> None:
        self.connection.close()


class OtherDatabase:
    """A table of a MariaDB or SQLite database."""

    connector = "sql"

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        self.words = DIALECT[self.engine.dialect.name]
        self._run(
            "CREATE TABLE people (id {serial}, email text NOT NULL, city text, phone text, "
            "points integer NOT NULL DEFAULT 0, updated_at {stamp} NOT NULL DEFAULT {now})"
        )
        self.config = {"url": url}
        self.resource = {"table": "people", "modified": "updated_at", "changes": "cursor"}

    def _run(self, statement: str, **values: Any) -> list[Row]:
        with self.engine.begin() as connection:
            result = connection.execute(sa.text(statement.format(**self.words)), values)
            return [dict(row._mapping) for row in result] if result.returns_rows else []

    def add(self, **values: Any) -> None:
        marks = ", ".join(f":{name}" for name in values)
        self._run(f"INSERT INTO people ({', '.join(values)}) VALUES ({marks})", **values)

    def edit(self, email: str, **values: Any) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in values)
        self._run(
            f"UPDATE people SET {sets}, updated_at = {{now}} WHERE email = :_email", **values, _email=email
        )

    def delete(self, email: str) -> None:
        self._run("DELETE FROM people WHERE email = :email", email=email)

    def rows(self) -> list[Row]:
        return self._run("SELECT id, email, city, phone, points FROM people")

    def close(self) -> None:
        self.engine.dispose()


class PocketBase:
    """A collection of a PocketBase."""

    connector = "rest"

    def __init__(self, server: SharedPocketBase, name: str, through: str = "") -> None:
        kinds = {"text": {"type": "text"}, "integer": {"type": "number", "onlyInt": True}}
        fields = [{"name": field, **kinds[kind]} for field, kind in FIELDS.items()]
        self.http = server.client()
        server.create_collection(name, fields, self.http)
        self.path = f"/api/collections/{name}/records"
        self.config = {"preset": "pocketbase", "base_url": through or server.url, "auth": server.auth}
        self.resource = {"preset": "pocketbase", "collection": name}

    def add(self, **values: Any) -> None:
        self.http.post(self.path, json=values).raise_for_status()

    def edit(self, email: str, **values: Any) -> None:
        self.http.patch(f"{self.path}/{row_of(self, email)['id']}", json=values).raise_for_status()

    def delete(self, email: str) -> None:
        self.http.delete(f"{self.path}/{row_of(self, email)['id']}").raise_for_status()

    def rows(self) -> list[Row]:
        return self.http.get(self.path, params={"perPage": 500}).raise_for_status().json()["items"]

    def close(self) -> None:
        self.http.close()


class Kinto:
    """A collection of a Kinto. `through` is the URL that the hub uses, if another."""

    connector = "rest"

    def __init__(self, server: KintoServer, name: str, through: str = "") -> None:
        self.records = server.create_collection(name)
        self.http = httpx.Client(auth=server.auth)
        self.config = {
            "preset": "kinto",
            "base_url": through or server.url,
            "blanks": {"bucket": "tests"},
            "auth": {"username": server.auth[0], "password": server.auth[1]},
        }
        self.resource = {"preset": "kinto", "collection": name}

    def add(self, **values: Any) -> None:
        self.http.post(self.records, json={"data": values}).raise_for_status()

    def edit(self, email: str, **values: Any) -> None:
        url = f"{self.records}/{row_of(self, email)['id']}"
        self.http.patch(url, json={"data": values}).raise_for_status()

    def delete(self, email: str) -> None:
        self.http.delete(f"{self.records}/{row_of(self, email)['id']}").raise_for_status()

    def rows(self) -> list[Row]:
        return self.http.get(self.records).raise_for_status().json()["data"]

    def close(self) -> None:
        self.http.close()


class CouchDB:
    """A database of a CouchDB. `through` is the URL that the hub uses, if another."""

    connector = "rest"

    def __init__(self, server: CouchServer, name: str, through: str = "") -> None:
        self.database = server.create_database(name)
        self.http = httpx.Client(auth=server.auth)
        account = {"username": server.auth[0], "password": server.auth[1]}
        self.config = {"preset": "couchdb", "base_url": through or server.url, "auth": account}
        self.resource = {"preset": "couchdb", "collection": name}

    def add(self, **values: Any) -> None:
        self.http.post(self.database, json=values).raise_for_status()

    def edit(self, email: str, **values: Any) -> None:
        row = {**row_of(self, email), **values}
        self.http.put(f"{self.database}/{row.pop('id')}", json=row).raise_for_status()

    def delete(self, email: str) -> None:
        row = row_of(self, email)
        self.http.delete(f"{self.database}/{row['id']}", params={"rev": row["_rev"]}).raise_for_status()

    def rows(self) -> list[Row]:
        answer = self.http.get(f"{self.database}/_all_docs", params={"include_docs": "true"})
        return [{"id": row["id"], **row["doc"]} for row in answer.raise_for_status().json()["rows"]]

    def close(self) -> None:
        self.http.close()
