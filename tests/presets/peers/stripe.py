"""Stripe's customers: localstripe, a stateful fake of others, behind the description that Stripe publishes.

By itself localstripe listens on all interfaces and keeps everything in one file for everybody. Here it
answers on a socket in a directory of ours, which no network reaches, and keeps nothing.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from syncadmin.embedded import Child
from syncadmin.embedded.process import socket_is_open
from tests.connectors.odd_server import Asked, Say
from tests.presets.harness import Peer, RestHarness, Served
from tests.presets.published import standing_in

SECRET = "sk_test_not_a_secret"
SHOWN = {"Authorization": f"Bearer {SECRET}"}
SERVER = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
web.run_app(server.app, path=sys.argv[1], access_log=None)
"""


class Stripe:
    """localstripe, and what Stripe's pages say beyond it.

    A deleted customer can be read and says so; a repeated Idempotency-Key is answered as the first time.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http, self._lock = http, Lock()
        self._deleted: set[str] = set()
        self._made: dict[str, Say] = {}

    def __call__(self, asked: Asked, path: str) -> Say:
        with self._lock:
            once = asked.headers.get("Idempotency-Key", "")
            key = path.rpartition("/")[2]
            if once in self._made:
                return self._made[once]
            if asked.method == "GET" and key in self._deleted:
                return Say({"id": key, "object": "customer", "deleted": True})
            kind = {name: text for name, text in asked.headers.items() if name == "Content-Type"}
            answer = self._http.request(asked.method, asked.line, content=asked.body, headers=kind)
            said = Say(answer.json(), answer.status_code)
            if said.status == 200 and asked.method == "DELETE":
                self._deleted.add(key)
            if said.status == 200 and once:
                self._made[once] = said
            return said

    def empty(self) -> None:
        """Forget all customers."""
        self._http.delete("/_config/data").raise_for_status()


class StripeHarness(RestHarness):
    """The one collection, emptied for each test."""

    fields: ClassVar[Mapping[str, str]] = {"text": "description"}
    refused: Mapping[str, Any] | None = {"description": "x", "email": "x" * 513}
    resource = "customers"
    secret = SECRET

    def __init__(self, url: str, fake: Stripe) -> None:
        super().__init__(httpx.Client(headers=SHOWN), f"{url}/v1/customers")
        self._url, self._numbers = url, itertools.count()
        fake.empty()

    def system(self, password: str) -> dict[str, Any]:
        return {
            "preset": "stripe", "base_url": self._url, "auth": {"token": password},
            "limits": {"requests": 1000},
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        return {"preset": "stripe"}

    def new_key(self) -> str:
        return f"cus_nobody{next(self._numbers)}"

    def insert(self, values: Mapping[str, Any]) -> str:
        return str(self.taken(self._http.post(self._records, data=dict(values)))["id"])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.post(f"{self._records}/{key}", data=dict(values)).raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        found = super().read(key)
        return None if found is None or found.get("deleted") else found

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / "socket"
    child = Child(
        name="localstripe",
        command=[sys.executable, "-c", SERVER, str(place)],
        log=directory / "localstripe.log",
        cwd=directory,
    )
    http = httpx.Client(
        transport=httpx.HTTPTransport(uds=str(place)), base_url="http://stripe", headers=SHOWN
    )
    try:
        child.start()
        child.wait_ready(lambda: socket_is_open(place), timeout=60)
        fake = Stripe(http)
        with standing_in(
            "stripe.com", fake, lambda asked: asked.headers.get("Authorization") == SHOWN["Authorization"]
        ) as (url, what):
            what = what.replace("a stateful fake", f"the stateful fake localstripe {version('localstripe')}")
            yield Served(what, lambda name: StripeHarness(url, fake))
    finally:
        http.close()
        child.stop()


PEER = Peer(Against.DESCRIPTION, serve)
