"""Parse Server from the npm registry, on a PostgreSQL of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from syncadmin.embedded import Child, PostgresServer, free_port
from tests.presets.harness import Peer, RestHarness, Served
from tests.presets.peers import answers
from tests.servers import npm

APPLICATION, MASTER_KEY = "syncadmin", "not a secret"
NOBODY_BUT_US: Mapping[str, Any] = {
    act: {} for act in ("find", "count", "get", "create", "update", "delete", "addField")
}
FIELDS = {"name": "String", "stock": "Number", "credit": "Number", "active": "Boolean"}


class ParseHarness(RestHarness):
    """A fresh class, which the master key alone opens."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "set": "tags",
    }
    refused: Mapping[str, Any] | None = {"name": "x", "stock": "not a number"}
    secret = MASTER_KEY
    key = "objectId"

    def __init__(self, url: str, name: str) -> None:
        super().__init__(httpx.Client(base_url=url, headers=headers(MASTER_KEY)), f"/classes/{name}")
        self._url, self._name, self._numbers = url, name, itertools.count()
        fields = {field: {"type": kind} for field, kind in {**FIELDS, "tags": "Array"}.items()}
        body = {"className": name, "fields": fields, "classLevelPermissions": NOBODY_BUT_US}
        self._http.post(f"/schemas/{name}", json=body).raise_for_status()

    def system(self, password: str) -> dict[str, Any]:
        return {
            "preset": "parse-server",
            "base_url": self._url,
            "auth": {"type": "header", "headers": headers(password)},
        }

    def told(self) -> dict[str, Any]:
        return {"preset": "parse-server", "collection": self._name}

    def new_key(self) -> str:
        return f"nobody{next(self._numbers):04d}"

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.put(f"{self._records}/{key}", json=self.body(values)).raise_for_status()

    def close(self) -> None:
        self._http.close()


def headers(master_key: str) -> dict[str, str]:
    """What lets one in."""
    return {"X-Parse-Application-Id": APPLICATION, "X-Parse-Master-Key": master_key}


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """Parse Server and its database."""
    program = npm.installed("parse-server")
    database = PostgresServer(directory / "postgres", durable=False).start()
    port = free_port()
    url = f"http://127.0.0.1:{port}/parse"
    child = Child(
        name="parse-server",
        command=[npm.node(), str(program / "server.js"), str(port), database.create_database("parse")],
        log=directory / "parse-server.log",
        env={**npm.node_environment(), "APPLICATION_ID": APPLICATION, "MASTER_KEY": MASTER_KEY},
        cwd=directory,
    )
    try:
        child.start()
        child.wait_ready(lambda: answers(f"{url}/health"), timeout=120)
        what = f"Parse Server {npm.version(program, 'parse-server')} on PostgreSQL"
        yield Served(what, lambda name: ParseHarness(url, name))
    finally:
        child.stop()
        database.stop()


PEER = Peer(Against.REAL, serve)
