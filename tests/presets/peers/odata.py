"""A service of SAP's CAP from the npm registry, by OData 4, on a PostgreSQL of its own."""

from __future__ import annotations

import json
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

USER, SECRET, PATH = "sync", "not-a-secret", "/odata/v4/catalog"
MODEL = """
entity shop.Things {
  key ID     : UUID;
  modifiedAt : Timestamp @cds.on.insert: $now @cds.on.update: $now @odata.etag;
  name       : LargeString;
  stock      : Integer;
  credit     : Decimal(12, 2);
  active     : Boolean;
  day        : Date;
  born       : Timestamp;
  status     : String(20) @assert.range enum { open };
}
@path: '/odata/v4/catalog'
@requires: 'authenticated-user'
@cds.query.limit: 20
service Catalog { entity Things as projection on shop.Things; }
"""


class ODataHarness(RestHarness):
    """The one entity set, emptied."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "date": "day",
        "datetime": "born",
    }
    refused: Mapping[str, Any] | None = {"name": "x", "status": "no such choice"}
    secret = SECRET
    key = "ID"

    def __init__(self, url: str) -> None:
        anyhow = {"If-Match": "*"}
        super().__init__(
            httpx.Client(base_url=url + PATH, auth=(USER, SECRET), headers=anyhow, timeout=30), "/Things"
        )
        self._url = url + PATH
        while there := self._http.get(self._records).raise_for_status().json()["value"]:
            for record in there:
                self.delete(record[self.key])

    def system(self, password: str) -> dict[str, Any]:
        auth = {"username": USER, "password": password}
        return {"preset": "odata", "base_url": self._url, "auth": auth}

    def told(self) -> dict[str, Any]:
        told = {"preset": "odata", "collection": "Things", "modified": "modifiedAt"}
        return {**told, "key_quote": "none", "filter": {"bare": ["ID"]}, "create": {"id": {"type": "uuid"}}}

    def new_key(self) -> str:
        return str(uuid.uuid4())

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.patch(self._at(key), json=self.body(values)).raise_for_status()

    def delete(self, key: str) -> None:
        self._http.delete(self._at(key)).raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        answer = self._http.get(self._at(key))
        return None if answer.status_code == 404 else self.taken(answer)

    def _at(self, key: str) -> str:
        return f"{self._records}({key})"

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """The service and its database."""
    program, site = npm.installed("cap"), directory / "site"
    database = PostgresServer(directory / "postgres", durable=False).start()
    port = free_port()
    files = {"package.json": json.dumps(settings(database.create_database("cap"))), "srv/catalog.cds": MODEL}
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "node_modules").symlink_to(program / "node_modules")
    env = {**npm.node_environment(), "PORT": str(port)}

    def command(name: str) -> list[str]:
        return [npm.node(), str(program / "node_modules" / ".bin" / name)]

    child = Child(name="cap", command=command("cds-serve"), log=directory / "cap.log", env=env, cwd=site)
    try:
        subprocess.run(command("cds-deploy"), env=env, cwd=site, capture_output=True, check=True)
        child.start()
        child.wait_ready(lambda: answers(f"http://127.0.0.1:{port}/"), timeout=120)
        what = f"SAP CAP {npm.version(program, '@sap/cds')} on PostgreSQL"
        yield Served(what, lambda name: ODataHarness(f"http://127.0.0.1:{port}"))
    finally:
        child.stop()
        database.stop()


def settings(database: str) -> dict[str, Any]:
    """The project's file, with its database and its one user."""
    parts = urlsplit(database)
    place = {"host": parts.hostname, "port": parts.port, "database": parts.path.strip("/")}
    credentials = {**place, "user": parts.username, "password": parts.password or ""}
    requires = {
        "db": {"kind": "postgres", "credentials": credentials},
        "auth": {"kind": "basic", "users": {USER: {"password": SECRET}}},
    }
    plugins = {"@cap-js/postgres": "*"}  # which are found by the project's dependencies
    return {"name": "cap-peer", "private": True, "dependencies": plugins, "cds": {"requires": requires}}


PEER = Peer(Against.REAL, serve)
