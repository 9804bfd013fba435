"""Medusa from the npm registry, on a PostgreSQL of its own; without what builds its pages for people."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx

from connectors.rest.presets import preset
from connectors.rest.proving import Against
from syncadmin.embedded import Child, ChildFailed, PostgresServer, free_port
from tests.presets.harness import Peer, RestHarness, Served
from tests.presets.peers import answers
from tests.servers import npm

EMAIL, PASSWORD = "admin@example.com", "not-a-secret"
SETTINGS = """
const { defineConfig } = require('@medusajs/framework/utils');
module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE,
    databaseDriverOptions: { connection: { ssl: false } },
    http: { storeCors: '', adminCors: '', authCors: '', jwtSecret: 'for tests', cookieSecret: 'for tests' },
  },
});
"""


class MedusaHarness(RestHarness):
    """The shop's customers, emptied."""

    fields: ClassVar[Mapping[str, str]] = {"text": "first_name"}
    refused: Mapping[str, Any] | None = {"first_name": "x", "email": "no address"}

    def __init__(self, url: str, api_key: str) -> None:
        http = httpx.Client(base_url=url, auth=(api_key, ""), timeout=30)
        super().__init__(http, "/admin/customers")
        self._url, self.secret, self._numbers = url, api_key, itertools.count()
        while there := http.get(self._records).raise_for_status().json()["customers"]:
            for customer in there:
                self.delete(customer["id"])

    def system(self, password: str) -> dict[str, Any]:
        return {"preset": "medusa", "base_url": self._url, "auth": {"api_key": password}}

    def told(self) -> dict[str, Any]:
        """As it is suggested to a person."""
        known: Mapping[str, Any] = preset("medusa")["system"]["discover"]["known"]["customers"]
        return {"preset": "medusa", "collection": "customers", **known}

    def taken(self, answer: httpx.Response) -> dict[str, Any]:
        return dict(super().taken(answer)["customer"])

    def new_key(self) -> str:
        return f"cus_nobody{next(self._numbers):04d}"

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.post(f"{self._records}/{key}", json=self.body(values)).raise_for_status()

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """Medusa and its database."""
    program, shop, port = npm.installed("medusa"), directory / "shop", free_port()
    shop.mkdir(parents=True)
    needs = {"@medusajs/medusa": npm.version(program, "@medusajs/medusa")}
    (shop / "package.json").write_text(json.dumps({"name": "shop", "private": True, "dependencies": needs}))
    (shop / "medusa-config.js").write_text(SETTINGS)
    (shop / "node_modules").symlink_to(program / "node_modules")
    command = [npm.node(), str(program / "node_modules" / "@medusajs" / "cli" / "cli.js")]
    database = PostgresServer(directory / "postgres", durable=False).start()
    told = {"DATABASE": database.create_database("medusa"), "MEDUSA_DISABLE_TELEMETRY": "true"}
    env = {**npm.node_environment(), **told, "NODE_ENV": "production", "LOG_LEVEL": "warn"}
    child = Child(
        name="medusa",
        command=[*command, "start", "--host", "127.0.0.1", "--port", str(port)],
        log=directory / "medusa.log",
        env=env,
        cwd=shop,
    )
    try:
        for step in (("db:migrate", "--skip-scripts"), ("user", "-e", EMAIL, "-p", PASSWORD)):
            done = subprocess.run(
                [*command, *step], env=env, cwd=shop, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise ChildFailed(f"medusa {step[0]} failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        child.start()
        url = f"http://127.0.0.1:{port}"
        child.wait_ready(lambda: answers(f"{url}/health"), timeout=180)
        what = f"Medusa {needs['@medusajs/medusa']} on PostgreSQL"
        api_key = secret_key(url)
        yield Served(what, lambda name: MedusaHarness(url, api_key))
    finally:
        child.stop()
        database.stop()


def secret_key(url: str) -> str:
    """A secret API key, made as a person would in Medusa's pages."""
    user = {"email": EMAIL, "password": PASSWORD}
    token = httpx.post(f"{url}/auth/user/emailpass", json=user).raise_for_status().json()["token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    wanted = {"title": "sync", "type": "secret"}
    made = httpx.post(f"{url}/admin/api-keys", json=wanted, headers=signed_in).raise_for_status()
    return str(made.json()["api_key"]["token"])


PEER = Peer(Against.REAL, serve)
