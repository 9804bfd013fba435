"""Square's customers: a stateful fake of ours behind the description that Square publishes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from tests.connectors.odd_server import Asked, Say
from tests.presets.harness import Peer, RestHarness, Served
from tests.presets.published import standing_in

SECRET = "EAAA-not-a-real-token"


class Square:
    """Customers in memory, as far as Square's pages say what it does."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._made: dict[str, str] = {}
        self._numbers, self._lock = itertools.count(1), Lock()

    def __call__(self, asked: Asked, path: str) -> Say:
        with self._lock:
            key = path.removeprefix("/v2/customers").strip("/")
            if path == "/v2/locations":
                return Say({"locations": []})
            if key == "search":
                return self.found(asked.json)
            if not key:
                return self.create(asked.json)
            if key not in self.rows:
                return wrong(404, "NOT_FOUND", f"Customer with ID `{key}` not found.")
            if asked.method == "GET":
                return Say({"customer": self.rows[key]})
            given = asked.params.get("version") if asked.method == "DELETE" else asked.json.get("version")
            if given is not None and int(given) != self.rows[key]["version"]:
                return wrong(409, "VERSION_MISMATCH", "The object version does not match.")
            if asked.method == "DELETE":
                del self.rows[key]
                return Say({})
            return self.kept(key, {name: value for name, value in asked.json.items() if name != "version"})

    def create(self, body: Mapping[str, Any]) -> Say:
        values = {name: value for name, value in body.items() if name != "idempotency_key"}
        before = self._made.get(body.get("idempotency_key", ""))
        if before in self.rows:
            return Say({"customer": self.rows[before]})
        key = f"CUST{next(self._numbers):022d}"
        said = self.kept(key, values)
        if said.status == 200 and "idempotency_key" in body:
            self._made[body["idempotency_key"]] = key
        return said

    def kept(self, key: str, values: Mapping[str, Any]) -> Say:
        if "@" not in (values.get("email_address") or "@"):
            return wrong(400, "INVALID_EMAIL_ADDRESS", "Expected email_address to be a valid email address")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        held = self.rows.get(
            key, {"id": key, "created_at": now, "version": -1, "creation_source": "THIRD_PARTY"}
        )
        row = {**held, **values, "updated_at": now, "version": held["version"] + 1}
        self.rows[key] = {name: value for name, value in row.items() if value not in (None, "")}
        return Say({"customer": self.rows[key]})

    def found(self, body: Mapping[str, Any]) -> Say:
        wanted = body.get("query", {}).get("filter", {})
        rows = [row for row in self.rows.values() if _fits(row, wanted)]
        start, size = int(body.get("cursor", 0)), min(body.get("limit", 100), 100)
        said: dict[str, Any] = {"customers": rows[start : start + size]} if rows else {}
        if start + size < len(rows):
            said["cursor"] = str(start + size)
        return Say(said)


def _fits(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    since = wanted.get("updated_at", {}).get("start_at", "")
    exact = {name: told["exact"] for name, told in wanted.items() if "exact" in told}
    return row["updated_at"] >= since and all(
        str(row.get(name, "")).lower() == value.lower() for name, value in exact.items()
    )


def wrong(status: int, code: str, detail: str) -> Say:
    kind = "INVALID_REQUEST_ERROR"
    return Say({"errors": [{"category": kind, "code": code, "detail": detail}]}, status)


class SquareHarness(RestHarness):
    """The one collection, emptied for each test."""

    fields: ClassVar[Mapping[str, str]] = {"text": "reference_id"}
    refused: Mapping[str, Any] | None = {"reference_id": "x", "email_address": "no address"}
    resource = "customers"
    secret = SECRET

    def __init__(self, url: str, fake: Square) -> None:
        super().__init__(httpx.Client(headers={"Authorization": f"Bearer {SECRET}"}), f"{url}/v2/customers")
        self._url, self._numbers = url, itertools.count()
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        return {"preset": "square", "base_url": self._url, "auth": {"token": password}}

    def told(self) -> dict[str, Any]:
        return {"preset": "square"}

    def new_key(self) -> str:
        return f"NOBODY{next(self._numbers)}"

    def taken(self, answer: httpx.Response) -> dict[str, Any]:
        return dict(answer.raise_for_status().json()["customer"])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.put(f"{self._records}/{key}", json=self.body(values)).raise_for_status()

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake = Square()
    with standing_in(
        "squareup.com", fake, lambda asked: asked.headers.get("Authorization") == f"Bearer {SECRET}"
    ) as told:
        url, what = told
        yield Served(what, lambda name: SquareHarness(url, fake))


PEER = Peer(Against.DESCRIPTION, serve)
