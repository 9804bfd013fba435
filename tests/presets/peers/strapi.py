"""Strapi from the npm registry, on a PostgreSQL of its own; without what builds its pages for people."""

from __future__ import annotations

import itertools
import json
import re
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

FIELDS = {
    "name": {"type": "text"},
    "stock": {"type": "integer"},
    "credit": {"type": "decimal"},
    "active": {"type": "boolean"},
    "day": {"type": "date"},
    "born": {"type": "datetime"},
    "extra": {"type": "json"},
    "status": {"type": "enumeration", "enum": ["open"]},
}
TYPE = {
    "kind": "collectionType",
    "collectionName": "things",
    "info": {"singularName": "thing", "pluralName": "things", "displayName": "Thing"},
    "options": {"draftAndPublish": True},
    "attributes": FIELDS,
}
MIDDLEWARES = ("logger", "errors", "security", "cors", "query", "body", "session", "favicon", "public")
# makes a token as a person would in its pages
START = """
module.exports = {
  async bootstrap({ strapi }) {
    const wanted = { name: 'sync', description: '', type: 'full-access', lifespan: null };
    const made = await strapi.service('admin::api-token').create(wanted);
    console.log('TOKEN ' + made.accessKey);
  },
};
"""
FILES = {
    "package.json": json.dumps({"name": "peer", "version": "0.1.0", "strapi": {"uuid": False}}),
    "server.js": "require('@strapi/strapi').createStrapi({ appDir: __dirname, distDir: __dirname }).start();",
    "config/database.js": (
        "module.exports = ({ env }) => ({ connection: { client: 'postgres', "
        "connection: { connectionString: env('DATABASE') }, pool: { min: 0, max: 10 } } });"
    ),
    "config/server.js": (
        "module.exports = ({ env }) => ({ host: '127.0.0.1', port: env.int('PORT'), "
        "app: { keys: ['only', 'for tests'] } });"
    ),
    "config/admin.js": (
        "module.exports = () => ({ serveAdminPanel: false, auth: { secret: 'only for tests' }, "
        "apiToken: { salt: 'only for tests' }, transfer: { token: { salt: 'only for tests' } } });"
    ),
    "config/api.js": "module.exports = { rest: { defaultLimit: 25, maxLimit: 100 } };",
    "config/middlewares.js": f"module.exports = {json.dumps([f'strapi::{name}' for name in MIDDLEWARES])};",
    "src/index.js": START,
    "src/api/thing/content-types/thing/schema.json": json.dumps(TYPE),
    **{
        f"src/api/thing/{folder}/thing.js": (
            f"module.exports = require('@strapi/strapi').factories.createCore{part}('api::thing.thing');"
        )
        for folder, part in (("controllers", "Controller"), ("services", "Service"), ("routes", "Router"))
    },
}


class StrapiHarness(RestHarness):
    """The one type, emptied. It has drafts: what is written is published, as it is by default."""

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
    key = "documentId"

    def __init__(self, url: str, token: str) -> None:
        http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        super().__init__(http, "/things", "data")
        self._url, self.secret, self._numbers = url, token, itertools.count()
        while there := http.get(self._records).raise_for_status().json()["data"]:
            for record in there:
                self.delete(record[self.key])

    def system(self, password: str) -> dict[str, Any]:
        return {"preset": "strapi", "base_url": self._url, "auth": {"token": password}}

    def told(self) -> dict[str, Any]:
        return {"preset": "strapi"}

    def new_key(self) -> str:
        return f"nobody{next(self._numbers):018d}"

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        """As an editor does it: a draft first, which is published some time later."""
        self._http.put(
            f"{self._records}/{key}", params={"status": "draft"}, json=self.body(values)
        ).raise_for_status()
        self._http.put(f"{self._records}/{key}", json=self.body({})).raise_for_status()

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """Strapi and its database."""
    program, site, log = npm.installed("strapi"), directory / "site", directory / "strapi.log"
    for name, text in FILES.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "public" / "uploads").mkdir(parents=True)
    (site / "node_modules").symlink_to(program / "node_modules")
    database = PostgresServer(directory / "postgres", durable=False).start()
    port = free_port()
    told = {
        "DATABASE": database.create_database("strapi"),
        "PORT": str(port),
        "NODE_ENV": "production",
        "STRAPI_TELEMETRY_DISABLED": "true",
        "STRAPI_DISABLE_UPDATE_NOTIFICATION": "true",
    }
    env = {**npm.node_environment(), **told}
    child = Child(name="strapi", command=[npm.node(), str(site / "server.js")], log=log, env=env, cwd=site)
    try:
        child.start()
        child.wait_ready(lambda: answers(f"http://127.0.0.1:{port}/_health"), timeout=180)
        (token,) = re.findall(r"TOKEN (\w+)", log.read_text())
        what = f"Strapi {npm.version(program, '@strapi/strapi')} on PostgreSQL"
        yield Served(what, lambda name: StrapiHarness(f"http://127.0.0.1:{port}/api", token))
    finally:
        child.stop()
        database.stop()


PEER = Peer(Against.REAL, serve)
