"""Kinto, from its wheel, with everything in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from tests.presets.harness import Peer, RestHarness, Served
from tests.servers.kinto import KintoServer


class KintoHarness(RestHarness):
    """A fresh collection in Kinto, where records are whatever one makes them."""

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

    def __init__(self, server: KintoServer, name: str) -> None:
        super().__init__(httpx.Client(auth=server.auth), server.create_collection(name), "data")
        self._server, self._name = server, name
        self.secret = server.auth[1]

    def system(self, password: str) -> dict[str, Any]:
        return {
            "preset": "kinto",
            "base_url": self._server.url,
            "blanks": {"bucket": "tests"},
            "auth": {"username": self._server.auth[0], "password": password},
        }

    def told(self) -> dict[str, Any]:
        return {"preset": "kinto", "collection": self._name, "sparse": True}

    def new_key(self) -> str:
        return str(uuid.uuid4())

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """Kinto for one run."""
    server = KintoServer(directory).start()
    try:
        yield Served(f"Kinto {version('kinto')}", lambda name: KintoHarness(server, name))
    finally:
        server.stop()


PEER = Peer(Against.REAL, serve)
