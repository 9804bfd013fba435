"""The conformance kit, passed by the REST connector against a real PocketBase and a real Kinto."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.rest import Resource, RestConnector, System
from connectors.testing import ConnectorConformance
from syncadmin.embedded import PocketBaseServer
from tests.servers.kinto import KintoServer

NOBODY = "http://127.0.0.1:9"


def _json(value: Any) -> Any:
    """A value as a user's own program would send it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


class RestHarness:
    """What the harnesses of both servers share: records over plain HTTP, past the connector."""

    gives_keys = True
    resource = "things"

    def __init__(self, http: httpx.Client, records: str, envelope: str) -> None:
        self._http, self._records, self._envelope = http, records, envelope

    def _body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        body = {name: _json(value) for name, value in values.items()}
        return {self._envelope: body} if self._envelope else body

    def _taken(self, answer: httpx.Response) -> dict[str, Any]:
        data = json.loads(answer.raise_for_status().content, parse_float=Decimal)
        return dict(data[self._envelope] if self._envelope else data)

    def insert(self, values: Mapping[str, Any]) -> str:
        return str(self._taken(self._http.post(self._records, json=self._body(values)))["id"])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._taken(self._http.patch(f"{self._records}/{key}", json=self._body(values)))

    def delete(self, key: str) -> None:
        self._http.delete(f"{self._records}/{key}").raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        answer = self._http.get(f"{self._records}/{key}")
        return None if answer.status_code == 404 else self._taken(answer)

    def stamp(self, keys: Sequence[str], at: datetime) -> bool:
        return False


class PocketBaseHarness(RestHarness):
    """A fresh collection in PocketBase."""

    fields = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "datetime": "born",
        "json": "extra",
        "set": "tags",
    }
    refused: Mapping[str, Any] | None = {"name": "x", "status": "no such choice"}

    def __init__(self, server: PocketBaseServer, http: httpx.Client, name: str) -> None:
        super().__init__(http, f"/api/collections/{name}/records", "")
        self._server, self._name, self._numbers = server, name, itertools.count()
        self.secret = server.password
        create_collection(
            http,
            name,
            [
                {"name": "name", "type": "text"},
                {"name": "stock", "type": "number", "onlyInt": True},
                {"name": "credit", "type": "number"},
                {"name": "active", "type": "bool"},
                {"name": "born", "type": "date"},
                {"name": "extra", "type": "json"},
                {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b c", 'd"e,f']},
                {"name": "status", "type": "select", "maxSelect": 1, "values": ["open"]},
            ],
        )

    def connector(self, url: str = "", password: str = "") -> RestConnector:
        auth = {"username": self._server.email, "password": password or self.secret}
        config = {"preset": "pocketbase", "base_url": url or self._server.url, "auth": auth}
        resource = Resource.model_validate({"preset": "pocketbase", "collection": self._name})
        return RestConnector(System.model_validate(config), {self.resource: resource}, system="shop")

    def unreachable(self) -> RestConnector:
        return self.connector(NOBODY)

    def unauthorised(self) -> RestConnector:
        return self.connector(password="not-" + self.secret)

    def new_key(self) -> str:
        return f"nobody{next(self._numbers):09d}"

    def batches(self, enabled: bool) -> None:
        body = {"batch": {"enabled": enabled, "maxRequests": 50, "timeout": 3}}
        self._http.patch("/api/settings", json=body).raise_for_status()


class KintoHarness(RestHarness):
    """A fresh collection in Kinto, where records are whatever one makes them."""

    fields = {
        "text": "name",
        "integer": "stock",
        "decimal": "credit",
        "boolean": "active",
        "date": "day",
        "datetime": "born",
        "json": "extra",
        "set": "tags",
    }
    refused: Mapping[str, Any] | None = None

    def __init__(self, server: KintoServer, name: str) -> None:
        super().__init__(httpx.Client(auth=server.auth), server.create_collection(name), "data")
        self._server, self._name = server, name
        self.secret = server.auth[1]

    def connector(self, url: str = "", password: str = "") -> RestConnector:
        config = {
            "preset": "kinto",
            "base_url": url or self._server.url,
            "blanks": {"bucket": "tests"},
            "auth": {"username": self._server.auth[0], "password": password or self.secret},
        }
        resource = Resource.model_validate({"preset": "kinto", "collection": self._name, "sparse": True})
        return RestConnector(System.model_validate(config), {self.resource: resource}, system="crm")

    def unreachable(self) -> RestConnector:
        return self.connector(NOBODY)

    def unauthorised(self) -> RestConnector:
        return self.connector(password="not " + self.secret)

    def new_key(self) -> str:
        return str(uuid.uuid4())

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def pocketbase(pocketbase_server: PocketBaseServer) -> Iterator[httpx.Client]:
    """A superuser's client, signed in once: it costs PocketBase 50 ms each time."""
    with pocketbase_server.client() as client:
        yield client


def create_collection(http: httpx.Client, name: str, fields: Sequence[Mapping[str, Any]]) -> None:
    """An empty collection with times, as PocketBase's own page makes one."""
    times = [
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ]
    body = {"name": name, "type": "base", "fields": [*fields, *times]}
    http.post("/api/collections", json=body).raise_for_status()


class TestPocketBase(ConnectorConformance):
    """PocketBase as it comes: writes one by one."""

    @pytest.fixture
    def harness(
        self, pocketbase_server: PocketBaseServer, pocketbase: httpx.Client, unique_name: Callable[[str], str]
    ) -> PocketBaseHarness:
        return PocketBaseHarness(pocketbase_server, pocketbase, unique_name("things"))


class TestPocketBaseInBatches(ConnectorConformance):
    """PocketBase with its batch interface switched on."""

    @pytest.fixture
    def harness(
        self, pocketbase_server: PocketBaseServer, pocketbase: httpx.Client, unique_name: Callable[[str], str]
    ) -> Iterator[PocketBaseHarness]:
        harness = PocketBaseHarness(pocketbase_server, pocketbase, unique_name("things"))
        harness.batches(enabled=True)
        yield harness
        harness.batches(enabled=False)


class TestKinto(ConnectorConformance):
    """Kinto, with its batch interface."""

    @pytest.fixture
    def harness(self, kinto_server: KintoServer, unique_name: Callable[[str], str]) -> Iterator[KintoHarness]:
        harness = KintoHarness(kinto_server, unique_name("things"))
        yield harness
        harness.close()
