"""What the harnesses of all REST peers share: records over plain HTTP, past the connector."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import httpx

from connectors.rest import Resource, RestConnector, System
from connectors.rest.proving import Against

NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Served:
    """A system that runs. `what` names it with its version; `harness` makes one with an empty collection."""

    what: str
    harness: Callable[[str], RestHarness]


@dataclass(frozen=True)
class Peer:
    """What a preset is proven against. `serve` starts it with its data in a directory, and stops it."""

    against: Against
    serve: Callable[[Path], AbstractContextManager[Served]]


def plain(value: Any) -> Any:
    """A value as a user's own program would send it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


class RestHarness:
    """One collection, seen past the connector: at `records`, with values inside of `envelope`.

    `system` and `told` are what a user would write to reach it; `wrong` is the same with wrong credentials.
    """

    gives_keys = True
    resource = "things"
    fields: ClassVar[Mapping[str, str]]
    refused: Mapping[str, Any] | None = None
    secret: str
    key = "id"

    def __init__(self, http: httpx.Client, records: str, envelope: str = "") -> None:
        self._http, self._records, self._envelope = http, records, envelope

    # ------------------------------------------------------------ the connector

    def system(self, password: str) -> dict[str, Any]:
        """The system as a user would configure it, with this password."""
        raise NotImplementedError

    def told(self) -> dict[str, Any]:
        """The resource as a user would configure it."""
        raise NotImplementedError

    def connector(self, url: str = "", password: str = "") -> RestConnector:
        config = self.system(password or self.secret)
        config["base_url"] = url or config["base_url"]
        resource = Resource.model_validate(self.told())
        return RestConnector(System.model_validate(config), {self.resource: resource}, system="peer")

    def unreachable(self) -> RestConnector:
        return self.connector(NOBODY)

    def unauthorised(self) -> RestConnector | None:
        return self.connector(password="not-" + self.secret)

    # ------------------------------------------------------------ past the connector

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as a body that makes or changes a record."""
        body = {name: plain(value) for name, value in values.items()}
        return {self._envelope: body} if self._envelope else body

    def taken(self, answer: httpx.Response) -> dict[str, Any]:
        """The record in an answer."""
        data = json.loads(answer.raise_for_status().content, parse_float=Decimal)
        return dict(data[self._envelope] if self._envelope else data)

    def insert(self, values: Mapping[str, Any]) -> str:
        return str(self.taken(self._http.post(self._records, json=self.body(values)))[self.key])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.patch(f"{self._records}/{key}", json=self.body(values)).raise_for_status()

    def delete(self, key: str) -> None:
        self._http.delete(f"{self._records}/{key}").raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        answer = self._http.get(f"{self._records}/{key}")
        return None if answer.status_code == 404 else self.taken(answer)

    def stamp(self, keys: Sequence[str], at: datetime) -> bool:
        return False

    def close(self) -> None:
        """Let go of what is this harness's own."""
