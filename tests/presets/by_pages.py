"""Stateful fakes of ours by what products say in their pages, where no description is to be had.

What they have in common is here; how each product differs is with its preset, in `peers/`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from connectors.rest.proving import Against
from tests.connectors.odd_server import Asked, OddServer, Say
from tests.presets.harness import Peer, RestHarness, Served

Row = dict[str, Any]


@dataclass(frozen=True)
class Ways:
    """How a product differs from others.

    Records are below `place`, each address ends with `suffix`. Values go in and out in `envelope`, and come
    out in `answered`, if that is another one; `inside` is the field that holds them, if they are not a
    record's own. `listed` makes a page of a list, of all records, the parameters and its own address.
    `outside` is what other addresses answer.
    """

    preset: str
    product: str
    place: str
    let_in: Mapping[str, str]
    text: str
    listed: Callable[[list[Row], Mapping[str, str], str], Say]
    system: Mapping[str, Any]
    resource: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    envelope: str = ""
    answered: str = ""
    inside: str = ""
    outside: Mapping[str, Any] = field(default_factory=dict)
    update: str = "PATCH"
    changed: str = "updated_at"
    soft: Mapping[str, Any] | None = None
    """What a deleted record is left with, where it can still be read."""


class Fake:
    """Records in memory."""

    def __init__(self, ways: Ways) -> None:
        self.ways, self.rows = ways, dict[str, Row]()
        self.url = ""
        self._numbers, self._lock = itertools.count(1), Lock()

    def __call__(self, asked: Asked) -> Say:
        ways = self.ways
        given = {name.lower(): value for name, value in asked.headers.items()}
        if any(given.get(name.lower()) != value for name, value in ways.let_in.items()):
            return Say({"message": "who are you?"}, 401)
        if not asked.path.startswith(ways.place):
            return Say(ways.outside)
        key = asked.path.removesuffix(ways.suffix).removeprefix(ways.place).strip("/")
        with self._lock:
            if asked.method == "GET" and not key:
                rows = [row for row in self.rows.values() if not self.is_deleted(row)]
                return ways.listed(rows, asked.params, self.url + asked.path)
            if key and key not in self.rows:
                return Say({"message": "there is no such record"}, 404)
            if asked.method == "DELETE":
                if ways.soft is None:
                    return Say(self.rows.pop(key) and {})
                return self.answer(key, {**self.rows[key], **ways.soft, ways.changed: now()})
            return self.answer(key, self.rows[key]) if asked.method == "GET" else self.kept(key, asked.json)

    def kept(self, key: str, body: Mapping[str, Any]) -> Say:
        name = self.ways.envelope or self.ways.inside
        values = dict(body[name] if name else body)
        if "@" not in (values.get("email") or "@"):
            return Say({"message": "email: is no address"}, 422)
        number = next(self._numbers)
        made = key or str(number)
        inside, empty = self.ways.inside, {"email": None, self.ways.text: None}
        new = {"id": made if inside else number, "createdAt": now(), **({inside: empty} if inside else empty)}
        row = self.rows.get(made, new)
        values = {inside: {**row[inside], **values}} if inside else values
        return self.answer(made, {**row, **values, self.ways.changed: now()}, 200 if key else 201)

    def answer(self, key: str, row: Row, status: int = 200) -> Say:
        self.rows[key] = row
        name = self.ways.answered or self.ways.envelope
        return Say({name: row} if name else row, status)

    def is_deleted(self, row: Row) -> bool:
        return bool(self.ways.soft) and self.ways.soft.items() <= row.items()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(rows: list[Row], size: str, after: str) -> tuple[list[Row], str]:
    """A page of a list, and the token of the next one; '' at the end."""
    start = int(after or 0)
    end = start + int(size)
    return rows[start:end], str(end) if end < len(rows) else ""


class PagesHarness(RestHarness):
    """The one collection, emptied for each test."""

    secret = "not-a-secret"

    def __init__(self, url: str, fake: Fake) -> None:
        ways = self._ways = fake.ways
        super().__init__(httpx.Client(headers=dict(ways.let_in)), f"{url}{ways.place}", ways.envelope)
        self._url, self._fake, self._numbers = url, fake, itertools.count(1_000_000)
        self._prefix = f"{ways.inside}." if ways.inside else ""
        self.fields: Mapping[str, str] = {"text": f"{self._prefix}{ways.text}"}
        self.refused: Mapping[str, Any] | None = {
            f"{self._prefix}{ways.text}": "x", f"{self._prefix}email": "no address",
        }  # fmt: skip
        self.resource = ways.place.rpartition("/")[2]
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        def filled(told: Any) -> Any:
            if isinstance(told, Mapping):
                return {name: filled(part) for name, part in told.items()}
            return password if told == self.secret else told

        limits = {"requests": 1000}
        system = filled(self._ways.system)
        return {"preset": self._ways.preset, "base_url": self._url, "limits": limits, **system}

    def told(self) -> dict[str, Any]:
        return {"preset": self._ways.preset, **self._ways.resource}

    def new_key(self) -> str:
        return str(next(self._numbers))

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        own = {name.removeprefix(self._prefix): value for name, value in values.items()}
        return {self._ways.inside: own} if self._ways.inside else super().body(own)

    def insert(self, values: Mapping[str, Any]) -> str:
        return self._sent("POST", "", values)

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._sent(self._ways.update, f"/{key}", values)

    def _sent(self, method: str, below: str, values: Mapping[str, Any]) -> str:
        url = f"{self._records}{below}{self._ways.suffix}"
        data = self._http.request(method, url, json=self.body(values)).raise_for_status().json()
        name = self._ways.answered or self._ways.envelope
        return str((data[name] if name else data)["id"])

    def delete(self, key: str) -> None:
        self._http.delete(f"{self._records}/{key}{self._ways.suffix}").raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        row = self._fake.rows.get(key)
        if row is None or self._fake.is_deleted(row):
            return None
        held = row[self._ways.inside] if self._ways.inside else row
        return {f"{self._prefix}{name}": value for name, value in held.items()}

    def close(self) -> None:
        self._http.close()


def peer(ways: Ways) -> Peer:
    """What a preset is run against."""

    @contextmanager
    def serve(directory: Path) -> Iterator[Served]:
        fake = Fake(ways)
        with OddServer(fake) as server:
            fake.url = server.url
            what = f"a stateful fake of ours, by {ways.product}'s pages"
            yield Served(what, lambda name: PagesHarness(server.url, fake))

    return Peer(Against.PAGES, serve)
