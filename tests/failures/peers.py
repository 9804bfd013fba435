"""Real web systems with the same contacts and companies as `tests.engine.world.Peer`."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from tests.servers.kinto import KintoServer
from tests.servers.pocketbase import SharedPocketBase

TEXTS = ("email", "phone", "city", "tags", "notes", "status", "birthday", "company_id")


class PocketBasePeer:
    """A shop in PocketBase, with collections of its own in a shared server."""

    connector: ClassVar[str] = "rest"

    def __init__(self, server: SharedPocketBase, suffix: str) -> None:
        self.server, self.suffix = server, suffix
        self.http = server.client()
        numbers = [
            {"name": "points", "type": "number", "onlyInt": True},
            {"name": "credit", "type": "number"},
        ]
        texts = [{"name": name, "type": "text"} for name in TEXTS]
        shapes = {"companies": [{"name": "name", "type": "text"}], "contacts": [*texts, *numbers]}
        for table, fields in shapes.items():
            server.create_collection(self.collection(table), fields, self.http)

    def collection(self, table: str = "contacts") -> str:
        """The collection's name in the server."""
        return f"{table}_{self.suffix}"

    def system(self) -> dict[str, Any]:
        """How the hub reaches it."""
        return {"preset": "pocketbase", "base_url": self.server.url, "auth": self.server.auth}

    def login(self) -> dict[str, Any]:
        """The account, for a hub that is to sign in by itself."""
        return {"username": self.server.email, "password": self.server.password}

    def resource(self, table: str) -> dict[str, Any]:
        """How the hub reads a collection."""
        return {"preset": "pocketbase", "collection": self.collection(table)}

    def _path(self, table: str, key: str = "") -> str:
        return f"/api/collections/{self.collection(table)}/records" + (f"/{key}" if key else "")

    def add(self, table: str = "contacts", **values: Any) -> str:
        """Make a record; returns its id."""
        return str(self.http.post(self._path(table), json=values).raise_for_status().json()["id"])

    def edit(self, row_id: str, table: str = "contacts", **values: Any) -> None:
        """Change a record."""
        self.http.patch(self._path(table, row_id), json=values).raise_for_status()

    def delete(self, row_id: str, table: str = "contacts") -> None:
        """Delete a record."""
        self.http.delete(self._path(table, row_id)).raise_for_status()

    def rows(self, table: str = "contacts") -> list[dict[str, Any]]:
        """All records, oldest first."""
        params = {"perPage": "1000", "sort": "created,id"}
        return list(self.http.get(self._path(table), params=params).raise_for_status().json()["items"])

    def row(self, row_id: str, table: str = "contacts") -> dict[str, Any]:
        """One record."""
        return dict(self.http.get(self._path(table, row_id)).raise_for_status().json())

    def alter(self, table: str = "contacts", **changes: Any) -> None:
        """Change the collection itself: its name, rules or fields."""
        self.http.patch(f"/api/collections/{self.collection(table)}", json=changes).raise_for_status()

    def fields(self, table: str = "contacts") -> list[dict[str, Any]]:
        """The collection's fields, as PocketBase describes them."""
        found = self.http.get(f"/api/collections/{self.collection(table)}").raise_for_status().json()
        return list(found["fields"])

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()


class KintoPeer:
    """A CRM in Kinto, with collections of its own in a shared server."""

    connector: ClassVar[str] = "rest"

    def __init__(self, server: KintoServer, suffix: str) -> None:
        self.server, self.suffix = server, suffix
        self.paths = {
            table: server.create_collection(f"{table}_{suffix}") for table in ("contacts", "companies")
        }
        self.http = httpx.Client(auth=server.auth)

    def system(self) -> dict[str, Any]:
        """How the hub reaches it."""
        account = {"username": self.server.auth[0], "password": self.server.auth[1]}
        return {
            "preset": "kinto",
            "base_url": self.server.url,
            "blanks": {"bucket": "tests"},
            "auth": account,
        }

    def resource(self, table: str) -> dict[str, Any]:
        """How the hub reads a collection."""
        return {"preset": "kinto", "collection": f"{table}_{self.suffix}"}

    def add(self, table: str = "contacts", **values: Any) -> str:
        """Make a record with all its fields; returns its id."""
        empty: dict[str, Any] = {"points": 0, "credit": None, **dict.fromkeys(TEXTS)}
        data = {**(empty if table == "contacts" else {}), **values}
        answer = self.http.post(self.paths[table], json={"data": data}).raise_for_status()
        return str(answer.json()["data"]["id"])

    def edit(self, row_id: str, table: str = "contacts", **values: Any) -> None:
        """Change a record."""
        self.http.patch(f"{self.paths[table]}/{row_id}", json={"data": values}).raise_for_status()

    def delete(self, row_id: str, table: str = "contacts") -> None:
        """Delete a record."""
        self.http.delete(f"{self.paths[table]}/{row_id}").raise_for_status()

    def rows(self, table: str = "contacts") -> list[dict[str, Any]]:
        """All records, oldest first."""
        params = {"_sort": "last_modified"}
        return list(self.http.get(self.paths[table], params=params).raise_for_status().json()["data"])

    def row(self, row_id: str, table: str = "contacts") -> dict[str, Any]:
        """One record."""
        return dict(self.http.get(f"{self.paths[table]}/{row_id}").raise_for_status().json()["data"])

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()
