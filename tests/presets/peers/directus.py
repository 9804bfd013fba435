"""Directus from the npm registry, on a PostgreSQL of its own; without its sandbox for scripts."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx

from connectors.rest.proving import Against
from syncadmin.embedded import Child, PostgresServer, free_port
from tests.presets.harness import Peer, RestHarness, Served
from tests.presets.peers import answers
from tests.servers import npm

TOKEN = "not-a-secret-token"
COLLECTION = "things"
NOT_OPEN = {"_and": [{"status": {"_neq": "no such choice"}}]}
FIELDS: list[dict[str, Any]] = [
    {"field": "id", "type": "uuid", "meta": {"special": ["uuid"]}, "schema": {"is_primary_key": True}},
    {"field": "date_created", "type": "timestamp", "meta": {"special": ["date-created"]}},
    {"field": "date_updated", "type": "timestamp", "meta": {"special": ["date-updated"]}},
    {"field": "name", "type": "text"},
    {"field": "stock", "type": "integer"},
    {"field": "credit", "type": "decimal", "schema": {"numeric_precision": 12, "numeric_scale": 2}},
    {"field": "active", "type": "boolean"},
    {"field": "day", "type": "date"},
    {"field": "born", "type": "timestamp"},
    {"field": "extra", "type": "json", "meta": {"special": ["cast-json"]}},
    {"field": "status", "type": "string", "meta": {"validation": NOT_OPEN}},
]


class DirectusHarness(RestHarness):
    """The one collection, emptied: without a licence there may be only some."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "date": "day",
        "datetime": "born",
        "json": "extra",
    }
    refused: Mapping[str, Any] | None = {"name": "x", "status": "no such choice"}
    secret = TOKEN

    def __init__(self, url: str) -> None:
        http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        super().__init__(http, f"/items/{COLLECTION}", "data")
        self._url = url
        http.request("DELETE", self._records, json={"query": {"limit": -1}}).raise_for_status()

    def system(self, password: str) -> dict[str, Any]:
        return {"preset": "directus", "base_url": self._url, "auth": {"token": password}}

    def told(self) -> dict[str, Any]:
        return {"preset": "directus", "collection": COLLECTION}

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(super().body(values)["data"])

    def new_key(self) -> str:
        return str(uuid.uuid4())

    def read(self, key: str) -> Mapping[str, Any] | None:
        answer = self._http.get(f"{self._records}/{key}")
        return None if answer.status_code == 403 else self.taken(answer)

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """Directus and its database."""
    program = npm.installed("directus")
    command = [npm.node(), str(program / "node_modules" / "directus" / "cli.js")]
    database = PostgresServer(directory / "postgres", durable=False).start()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {**npm.node_environment(), **settings(database.create_database("directus"), port, directory)}
    child = Child(
        name="directus",
        command=[*command, "start"],
        log=directory / "directus.log",
        env=env,
        cwd=directory,
    )
    try:
        subprocess.run([*command, "bootstrap"], env=env, cwd=directory, capture_output=True, check=True)
        child.start()
        child.wait_ready(lambda: answers(f"{url}/server/ping"), timeout=120)
        what = f"Directus {npm.version(program, 'directus')} on PostgreSQL"
        body = {"collection": COLLECTION, "schema": {}, "meta": {}, "fields": FIELDS}
        signed_in = {"Authorization": f"Bearer {TOKEN}"}
        httpx.post(f"{url}/collections", json=body, headers=signed_in, timeout=60).raise_for_status()
        yield Served(what, lambda name: DirectusHarness(url))
    finally:
        child.stop()
        database.stop()


def settings(database: str, port: int, directory: Path) -> dict[str, str]:
    """Its environment."""
    parts = urlsplit(database)
    return {
        "DB_CLIENT": "pg",
        "DB_HOST": str(parts.hostname),
        "DB_PORT": str(parts.port),
        "DB_DATABASE": parts.path.strip("/"),
        "DB_USER": str(parts.username),
        "DB_PASSWORD": parts.password or "",
        "SECRET": "only-for-tests-only-for-tests-only-for-tests",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ADMIN_EMAIL": "admin@example.com",
        "ADMIN_PASSWORD": "not-a-secret",
        "ADMIN_TOKEN": TOKEN,
        "TELEMETRY": "false",
        "LOG_LEVEL": "warn",
        "STORAGE_LOCAL_ROOT": str(directory / "uploads"),
        "EXTENSIONS_PATH": str(directory / "extensions"),
    }


PEER = Peer(Against.REAL, serve)
