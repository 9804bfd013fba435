"""Notion's pages: a stateful fake of ours behind the description that Notion publishes."""

from __future__ import annotations

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
from tests.presets.harness import Peer, RestHarness, Served, plain
from tests.presets.published import standing_in

SECRET = "ntn_not_a_secret"
DATA_SOURCE = "164b19c5-58e5-4a47-a3a9-c905d9519c65"
DATABASE = "d9824bdc-8445-4327-be8b-5b47500af6ce"
KINDS = {
    "Name": "title", "Notes": "rich_text", "Credit": "number", "Active": "checkbox", "Day": "date",
    "Tags": "multi_select", "Status": "select", "Mail": "email",
}  # fmt: skip
PROPERTIES = {name: {"id": name[:4], "name": name, "type": kind, kind: {}} for name, kind in KINDS.items()}
LONGEST = 2000


class Notion:
    """Pages in memory, as far as Notion's pages say what it does. Times are to the minute."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def __call__(self, asked: Asked, path: str) -> Say:
        with self._lock:
            if path == "/v1/users/me":
                return Say({"object": "user", "id": "1", "name": "hub", "type": "bot", "bot": {}})
            if path == f"/v1/data_sources/{DATA_SOURCE}":
                options = {"select": {"options": [{"name": "open"}]}}
                told = {**PROPERTIES, "Status": {**PROPERTIES["Status"], **options}}
                return Say({"object": "data_source", "id": DATA_SOURCE, "properties": told})
            if path == f"/v1/data_sources/{DATA_SOURCE}/query":
                return self.found(asked.json)
            if path == "/v1/pages":
                return self.kept("", asked.json)
            key = path.removeprefix("/v1/pages/")
            if key not in self.rows:
                return wrong(404, "object_not_found", f"Could not find page with ID: {key}.")
            if asked.method == "GET":
                return Say(self.rows[key])
            if self.rows[key]["in_trash"]:
                return wrong(400, "validation_error", "Can't edit block that is archived.")
            if asked.json.get("in_trash"):
                self.rows[key] |= {"in_trash": True, "archived": True, "last_edited_time": now()}
                return Say(self.rows[key])
            return self.kept(key, asked.json)

    def kept(self, key: str, body: Mapping[str, Any]) -> Say:
        if not key and body["parent"] != {"database_id": DATABASE}:
            return wrong(404, "object_not_found", "Could not find the parent.")
        given = {}
        for name, value in body["properties"].items():
            if name not in KINDS or set(value) != {KINDS[name]}:
                return wrong(400, "validation_error", f"{name} is not a property that exists.")
            told = value[KINDS[name]]
            if said := impossible(KINDS[name], told):
                return wrong(400, "validation_error", said)
            given[name] = {"id": name[:4], "type": KINDS[name], KINDS[name]: held(KINDS[name], told)}
        made = key or str(uuid.uuid4())
        none = {"title": [], "rich_text": [], "multi_select": [], "checkbox": False}
        empty = {name: {"id": name[:4], "type": kind, kind: none.get(kind)} for name, kind in KINDS.items()}
        new = {"object": "page", "id": made, "created_time": now(), "url": f"https://notion.example/{made}"}
        row = self.rows.get(made, {**new, "in_trash": False, "archived": False, "properties": empty})
        self.rows[made] = {**row, "last_edited_time": now(), "properties": {**row["properties"], **given}}
        return Say(self.rows[made])

    def found(self, body: Mapping[str, Any]) -> Say:
        since = body.get("filter", {}).get("last_edited_time", {}).get("on_or_after", "")
        rows = [row for row in self.rows.values() if not row["in_trash"] and row["last_edited_time"] >= since]
        keys = [row["id"] for row in rows]
        start = keys.index(body["start_cursor"]) if "start_cursor" in body else 0
        end = start + min(body.get("page_size", 100), 100)
        more = end < len(rows)
        said = {"object": "list", "results": rows[start:end], "has_more": more}
        return Say({**said, "next_cursor": keys[end] if more else None})


def impossible(kind: str, told: Any) -> str:
    """What is wrong with the value of a property; nothing, if it is good."""
    if kind in ("title", "rich_text") and any(len(part["text"]["content"]) > LONGEST for part in told):
        return f"text.content should be at most {LONGEST} characters"
    if kind == "email" and "@" not in (told or "@"):
        return "email should be a valid email"
    return ""


def held(kind: str, told: Any) -> Any:
    """A property as it is answered."""
    if kind in ("title", "rich_text"):
        return [{"type": "text", **part, "plain_text": part["text"]["content"]} for part in told]
    return told


def now() -> str:
    return datetime.now(UTC).replace(second=0, microsecond=0).isoformat(timespec="milliseconds")[:23] + "Z"


def wrong(status: int, code: str, message: str) -> Say:
    return Say({"object": "error", "status": status, "code": code, "message": message}, status)


class NotionHarness(RestHarness):
    """The one data source, emptied for each test. Fields are named with dots, as the connector names them."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "properties.Name", "decimal": "properties.Credit", "boolean": "properties.Active",
        "date": "properties.Day", "set": "properties.Tags",
    }  # fmt: skip
    refused: Mapping[str, Any] | None = {"properties.Name": "x", "properties.Mail": "no address"}
    resource = "pages"
    secret = SECRET

    def __init__(self, url: str, fake: Notion) -> None:
        super().__init__(httpx.Client(headers={"Authorization": f"Bearer {SECRET}"}), f"{url}/v1/pages")
        self._url, self._fake = url, fake
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        return {
            "preset": "notion", "base_url": self._url, "auth": {"token": password},
            "blanks": {"database": DATABASE, "data_source": DATA_SOURCE}, "limits": {"requests": 1000},
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        return {"preset": "notion"}

    def new_key(self) -> str:
        return str(uuid.uuid4())

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        given = {name.removeprefix("properties."): plain(value) for name, value in values.items()}
        return {"properties": {name: written(KINDS[name], value) for name, value in given.items()}}

    def insert(self, values: Mapping[str, Any]) -> str:
        parent = {"database_id": DATABASE}
        body = {"parent": parent, **self.body(values)}
        return str(self.taken(self._http.post(self._records, json=body))["id"])

    def delete(self, key: str) -> None:
        self._http.patch(f"{self._records}/{key}", json={"in_trash": True}).raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        found = super().read(key)
        if found is None or found["in_trash"]:
            return None
        return {f"properties.{name}": simple(told) for name, told in found["properties"].items()}

    def close(self) -> None:
        self._http.close()


def written(kind: str, value: Any) -> dict[str, Any]:
    """A property as a user's own program would write it."""
    match kind:
        case "title" | "rich_text":
            return {kind: [{"text": {"content": value}}]}
        case "multi_select":
            return {kind: [{"name": name} for name in value]}
        case "date":
            return {kind: {"start": value}}
    return {kind: value}


def simple(told: Mapping[str, Any]) -> Any:
    """The value in a property."""
    value = told[told["type"]]
    match told["type"]:
        case "title" | "rich_text":
            return "".join(part["plain_text"] for part in value)
        case "multi_select":
            return [part["name"] for part in value]
        case "date":
            return value and value["start"]
    return value


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake, shown = Notion(), f"Bearer {SECRET}"
    with standing_in("notion.com", fake, lambda asked: asked.headers.get("Authorization") == shown) as told:
        url, what = told
        yield Served(what, lambda name: NotionHarness(url, fake))


PEER = Peer(Against.DESCRIPTION, serve)
