"""Xero's contacts: a stateful fake of ours behind the description that Xero publishes.

Unlike Xero it lets two contacts have one name, since the kit makes such.
"""

from __future__ import annotations

import itertools
import json
import re
import uuid
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

SECRET = "not-a-real-token-of-xero"
TENANT = "45e4708e-d862-4111-ab3a-dd8cd03913e1"
PAGE = 100
BELOW = "/api.xro/2.0"


class Xero:
    """Contacts in memory, as far as Xero's pages say what it does."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def __call__(self, asked: Asked, path: str) -> Say:
        with self._lock:
            if path == "/Organisation":
                return Say({"Organisations": []})
            key = path.removeprefix("/Contacts").strip("/")
            if not key:
                return self.listed(asked) if asked.method == "GET" else self.made(asked.json)
            if key not in self.rows:
                return Say({"Title": "Not Found", "Detail": "The resource you requested can't be found"}, 404)
            if asked.method == "POST":
                return self.kept(key, asked.json["Contacts"][0])
            return Say({"Contacts": [self.rows[key]]})

    def made(self, body: Mapping[str, Any]) -> Say:
        (values,) = body["Contacts"]
        if not values.get("Name"):
            return refused("The contact name must be specified.")
        return self.kept(str(uuid.uuid4()), values)

    def kept(self, key: str, values: Mapping[str, Any]) -> Say:
        if "@" not in (values.get("EmailAddress") or "@"):
            return refused("Email address must be valid.")
        now = int(datetime.now(UTC).timestamp() * 1000)
        held = self.rows.get(key, {"ContactID": key, "ContactStatus": "ACTIVE"})
        row = {**held, **values, "UpdatedDateUTC": f"/Date({now}+0000)/"}
        self.rows[key] = {name: value for name, value in row.items() if value not in (None, "")}
        return Say({"Contacts": [self.rows[key]]})

    def listed(self, asked: Asked) -> Say:
        rows = list(self.rows.values())
        if asked.params.get("includeArchived") != "true":
            rows = [row for row in rows if row["ContactStatus"] != "ARCHIVED"]
        if since := asked.headers.get("If-Modified-Since"):
            least = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp() * 1000
            rows = [row for row in rows if stamp(row) >= least]
        if ids := asked.params.get("IDs"):
            rows = [row for row in rows if row["ContactID"] in ids.split(",")]
        if where := asked.params.get("where"):
            rows = [row for row in rows if fits(row, where)]
        if asked.params.get("order") == "UpdatedDateUTC ASC":
            rows.sort(key=stamp)
        start = (int(asked.params.get("page", 1)) - 1) * PAGE
        return Say({"Contacts": rows[start : start + PAGE]})


def stamp(row: Mapping[str, Any]) -> int:
    return int(re.sub(r"\D.*", "", row["UpdatedDateUTC"].removeprefix("/Date(")))


def fits(row: Mapping[str, Any], where: str) -> bool:
    """`(Name!=null AND Name=="a") OR ...`; Xero compares without regard to case."""
    for name, text in re.findall(r'AND (\w+)==("(?:[^"\\]|\\.)*")\)', where):
        if str(row.get(name, "")).lower() == json.loads(text).lower():
            return True
    return False


def refused(text: str) -> Say:
    elements = [{"ValidationErrors": [{"Message": text}]}]
    said = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred"}
    return Say({**said, "Elements": elements}, 400)


class XeroHarness(RestHarness):
    """The one collection, emptied for each test."""

    fields: ClassVar[Mapping[str, str]] = {"text": "Name"}
    refused: Mapping[str, Any] | None = {"Name": "x", "EmailAddress": "no address"}
    resource = "contacts"
    secret = SECRET
    key = "ContactID"

    def __init__(self, url: str, fake: Xero) -> None:
        shown = {"Authorization": f"Bearer {SECRET}", "xero-tenant-id": TENANT}
        super().__init__(httpx.Client(headers=shown), f"{url}/Contacts")
        self._url, self._numbers = url, itertools.count()
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        auth = {"type": "bearer", "token": password}
        return {
            "preset": "xero", "base_url": self._url, "auth": auth, "headers": {"xero-tenant-id": TENANT},
            "limits": {"requests": 1000},
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        return {"preset": "xero"}

    def new_key(self) -> str:
        return str(uuid.UUID(int=next(self._numbers)))

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"Contacts": [dict(values)]}

    def taken(self, answer: httpx.Response) -> dict[str, Any]:
        return dict(answer.raise_for_status().json()["Contacts"][0])

    def insert(self, values: Mapping[str, Any]) -> str:
        return str(self.taken(self._http.put(self._records, json=self.body(values)))[self.key])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.post(f"{self._records}/{key}", json=self.body(values)).raise_for_status()

    def delete(self, key: str) -> None:
        self.update(key, {"ContactStatus": "ARCHIVED"})

    def read(self, key: str) -> Mapping[str, Any] | None:
        found = super().read(key)
        return None if found is None or found["ContactStatus"] == "ARCHIVED" else found

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake = Xero()
    shown = f"Bearer {SECRET}"
    with standing_in(
        "xero.com/xero_accounting", fake, lambda asked: asked.headers.get("Authorization") == shown, BELOW
    ) as (url, what):
        yield Served(what, lambda name: XeroHarness(url, fake))


PEER = Peer(Against.DESCRIPTION, serve)
