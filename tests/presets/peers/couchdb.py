"""CouchDB's HTTP interface as express-pouchdb serves it, from the npm registry, with everything in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from tests.presets.harness import Peer, RestHarness, Served, plain
from tests.servers.couchdb import CouchServer


class CouchHarness(RestHarness):
    """A fresh database, where documents are whatever one makes them."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "date": "day",
        "datetime": "born",
        "json": "extra",
        "set": "tags",
    }

    def __init__(self, server: CouchServer, name: str) -> None:
        super().__init__(httpx.Client(auth=server.auth), server.create_database(name))
        self._server, self._name = server, name
        self.secret = server.auth[1]
        self._http.put(f"{self._records}/_design/of-the-application", json={"views": {}}).raise_for_status()

    def system(self, password: str) -> dict[str, Any]:
        auth = {"username": self._server.auth[0], "password": password}
        return {"preset": "couchdb", "base_url": self._server.url, "auth": auth}

    def told(self) -> dict[str, Any]:
        return {"preset": "couchdb", "collection": self._name}

    def new_key(self) -> str:
        return str(uuid.uuid4())

    def insert(self, values: Mapping[str, Any]) -> str:
        body = {name: plain(value) for name, value in values.items()}
        return str(self._http.post(self._records, json=body).raise_for_status().json()["id"])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        body = {**(self.read(key) or {}), **values}
        self._http.put(
            f"{self._records}/{key}", json={name: plain(value) for name, value in body.items()}
        ).raise_for_status()

    def delete(self, key: str) -> None:
        held = self.read(key) or {}
        self._http.delete(f"{self._records}/{key}", params={"rev": held["_rev"]}).raise_for_status()

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for one run."""
    server = CouchServer(directory).start()
    try:
        yield Served(server.what, lambda name: CouchHarness(server, name))
    finally:
        server.stop()


PEER = Peer(Against.REAL, serve)
