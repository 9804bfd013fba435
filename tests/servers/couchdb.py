"""A CouchDB as a child process: express-pouchdb, which speaks its HTTP interface, all in memory."""

import json
from pathlib import Path
from urllib.parse import quote

import httpx

from syncadmin.embedded import Child, Server, free_port
from tests.servers import npm

USER = "syncadmin"
PASSWORD = "not a secret"


class CouchServer(Server):
    """`url` is its address, `auth` the pair of its administrator, the only one who may see databases."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.port = free_port()
        self.auth = (USER, PASSWORD)
        program = npm.installed("couchdb")
        self.what = f"express-pouchdb {npm.version(program, 'express-pouchdb')} (not Apache CouchDB)"
        self.child = Child(
            name="couchdb",
            command=[npm.node(), str(program / "server.js"), str(self.port), str(self.data_dir)],
            log=self.data_dir / "couchdb.log",
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "CouchServer":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.child.start()
        self.child.wait_ready(self.answers, timeout=60)
        admin = f"{self.url}/_config/admins/{USER}"
        httpx.put(admin, content=json.dumps(PASSWORD)).raise_for_status()
        return self

    def answers(self) -> bool:
        try:
            return httpx.get(self.url).is_success
        except httpx.TransportError:
            return False

    def create_database(self, name: str) -> str:
        """Make an empty database that its members alone may see; returns its URL."""
        url = f"{self.url}/{quote(name, safe='')}"
        nobody_else = {"members": {"names": [USER], "roles": []}, "admins": {"names": [USER], "roles": []}}
        with httpx.Client(auth=self.auth) as client:
            client.put(url).raise_for_status()
            client.put(f"{url}/_security", json=nobody_else).raise_for_status()
        return url
