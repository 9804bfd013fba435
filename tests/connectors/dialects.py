"""Systems of records that speak dialects of HTTP: one small real server, switched from one to the next.

Each dialect keeps its records in memory, knows how it is configured for the connector, and can be seen and
changed past it. They differ in what real systems differ in: addresses, envelopes, paging, versions, changes.
"""

import base64
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

from connectors.rest import Resource, RestConnector, System
from tests.connectors.odd_server import Asked, OddServer, Say

SECRET = "pa55-word-of-the-account"
BASIC = "Basic " + base64.b64encode(f"{SECRET}:".encode()).decode()
NOBODY = "http://127.0.0.1:9"
Row = dict[str, Any]


def plain(value: Any) -> Any:
    """A value as a user's own program would send it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


class Dialect:
    """What all have: records with a version, a sequence of changes, and a door."""

    resource = "things"
    fields: ClassVar[Mapping[str, str]] = {
        "text": "name", "integer": "stock", "decimal": "credit", "boolean": "active", "date": "day",
        "datetime": "born", "json": "extra", "set": "tags",
    }  # fmt: skip
    gives_keys = True
    secret = SECRET
    refused: Mapping[str, Any] | None = {"name": "x", "stock": "not a number"}
    auth: ClassVar[Mapping[str, Any]] = {"type": "bearer", "token": SECRET}
    told: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, server: OddServer) -> None:
        self.rows: dict[str, Row] = {}
        self.log: list[tuple[str, bool]] = []
        self.seen: dict[str, str] = {}
        self._server, self._numbers, self._lock = server, itertools.count(1), threading.Lock()
        server.answer = self

    # ------------------------------------------------------------ past the connector

    def connector(self, url: str = "", auth: Mapping[str, Any] | None = None) -> RestConnector:
        system = {"base_url": url or f"{self._server.url}/v1", "auth": auth or self.auth, "timeout": "5s"}
        resource = Resource.model_validate({"path": "things", "sparse": True, **self.told})
        return RestConnector(System.model_validate(system), {self.resource: resource}, system="shop")

    def unreachable(self) -> RestConnector:
        return self.connector(NOBODY)

    def unauthorised(self) -> RestConnector:
        wrong = {name: f"not-{value}" if value == SECRET else value for name, value in self.auth.items()}
        return self.connector(auth=wrong)

    def new_key(self) -> str:
        return str(next(self._numbers))

    def insert(self, values: Mapping[str, Any]) -> str:
        with self._lock:
            return self.put(self.new_key(), {name: plain(value) for name, value in values.items()})["id"]

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        with self._lock:
            self.put(key, {**self.rows[key], **{name: plain(value) for name, value in values.items()}})

    def delete(self, key: str) -> None:
        with self._lock:
            self.drop(key)

    def read(self, key: str) -> Mapping[str, Any] | None:
        return self.rows.get(key)

    def stamp(self, keys: Sequence[str], at: datetime) -> bool:
        return False

    # ------------------------------------------------------------ the system itself

    def put(self, key: str, values: Row) -> Row:
        """Store a record with its next version."""
        before = self.rows.get(key, {"rev": 0})
        self.log.append((key, False))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.rows[key] = {**values, "id": key, "rev": before["rev"] + 1, "seq": len(self.log), "changed": now}
        return self.rows[key]

    def drop(self, key: str) -> None:
        del self.rows[key]
        self.log.append((key, True))

    def __call__(self, asked: Asked) -> Say:
        with self._lock:
            if not self.let_in(asked):
                return Say({"message": "who are you?"}, 401)
            return self.answer(asked, unquote(asked.path).removeprefix("/v1"))

    def let_in(self, asked: Asked) -> bool:
        return asked.headers.get("Authorization") == f"Bearer {SECRET}"

    def answer(self, asked: Asked, path: str) -> Say:
        """The answer to a request that was let in."""
        key = path.removeprefix("/things").strip("/")
        if not key:
            return self.listed(asked) if asked.method == "GET" else self.made(asked, asked.json)
        if key not in self.rows:
            return Say({"message": "no such thing"}, 404)
        if asked.method == "GET":
            return self.shown(self.rows[key])
        if (said := self.stale(asked, self.rows[key])) is not None:
            return said
        if asked.method == "DELETE":
            self.drop(key)
            return Say(b"", 204)
        return self.changed(asked, key, asked.json)

    def bad(self, values: Any) -> bool:
        return isinstance(values.get("stock"), str)

    def shown(self, row: Row) -> Say:
        return Say(row)

    def listed(self, asked: Asked) -> Say:
        raise NotImplementedError

    def made(self, asked: Asked, values: Row) -> Say:
        if self.bad(values):
            return Say({"message": "stock is a number"}, 422)
        return self.shown(self.put(self.new_key(), values))

    def stale(self, asked: Asked, row: Row) -> Say | None:
        return None

    def changed(self, asked: Asked, key: str, values: Row) -> Say:
        if self.bad(values):
            return Say({"message": "stock is a number"}, 422)
        return self.shown(self.put(key, {**self.rows[key], **values}))

    def in_order(self) -> list[Row]:
        return sorted(self.rows.values(), key=lambda row: int(row["id"]))


class OffsetAndPut(Dialect):
    """Pages by offset; PUT replaces the record and must bring its version; nothing tells what changed.

    A new record's key stands in the Location alone.
    """

    auth: ClassVar[Mapping[str, Any]] = {"type": "api_key", "api_key": SECRET, "location": "query"}
    told: ClassVar[Mapping[str, Any]] = {
        "records": "data.list", "record": "data", "answers": False,
        "paginator": {"type": "offset", "param": "start", "first": 1, "total": "data.total", "max_limit": 4},
        "version": {"type": "field", "field": "rev"},
        "create": {"envelope": "data", "key": {"type": "location"}},
        "update": {"method": "PUT", "whole": True, "envelope": "data", "omit": ["seq", "changed"]},
        "delete": {"params": {"rev": "{version}"}},
    }  # fmt: skip

    def let_in(self, asked: Asked) -> bool:
        return asked.params.get("X-API-Key") == SECRET

    def listed(self, asked: Asked) -> Say:
        start, size = int(asked.params.get("start", 1)) - 1, min(int(asked.params.get("limit", 4)), 4)
        return Say({"data": {"list": self.in_order()[start : start + size], "total": len(self.rows)}})

    def shown(self, row: Row) -> Say:
        return Say({"data": row})

    def made(self, asked: Asked, values: Row) -> Say:
        said = super().made(asked, values["data"])
        if said.status != 200:
            return said
        return Say(b"", 201, {"Location": f"/v1/things/{said.body['data']['id']}"})

    def stale(self, asked: Asked, row: Row) -> Say | None:
        given = asked.params.get("rev") if asked.method == "DELETE" else asked.json["data"].get("rev")
        return None if str(given) == str(row["rev"]) else Say({"message": "another version"}, 409)

    def changed(self, asked: Asked, key: str, values: Row) -> Say:
        if self.bad(values["data"]):
            return Say({"message": "stock is a number"}, 422)
        self.put(key, values["data"])
        return Say(b"", 204)


class CursorAndWeakTags(Dialect):
    """The cursor is in a header; weak ETags, told by a record's own GET only, and wanted with each write."""

    told: ClassVar[Mapping[str, Any]] = {
        "paginator": {"type": "cursor", "header": "X-Next", "param": "cursor", "limit_param": "n"},
        "version": {"type": "etag", "weak": "strip", "mandatory": True},
        "update": {"method": "POST"},
    }  # fmt: skip

    def listed(self, asked: Asked) -> Say:
        start, size = int(asked.params.get("cursor", 0)), min(int(asked.params.get("n", 5)), 5)
        more = {"X-Next": str(start + size)} if start + size < len(self.rows) else {}
        return Say(self.in_order()[start : start + size], headers=more)

    def shown(self, row: Row) -> Say:
        return Say(row, headers={"ETag": f'W/"v{row["rev"]}"'})

    def stale(self, asked: Asked, row: Row) -> Say | None:
        given = asked.headers.get("If-Match")
        if given is None:
            return Say({"message": "If-Match is missing"}, 428)
        return None if given == f'"v{row["rev"]}"' else Say({"message": "another version"}, 412)


class Predicates(Dialect):
    """Like OData: keys as predicates, a filter language, addresses of next pages, versions in the records."""

    gives_keys = False
    told: ClassVar[Mapping[str, Any]] = {
        "path": "Things", "records": "value", "item": "{path}({key})", "key_quote": "doubled",
        "modified": "changed",
        "paginator": {"type": "next_url", "next": '"@odata.nextLink"', "limit_param": "$top"},
        "filter": {
            "param": "$filter", "equals": "{field} eq {value}", "at_least": "{field} ge {value}",
            "either": "{left} or {right}", "quote": "doubled", "moment": "{value}",
        },
        "order": {"param": "$orderby", "key": "id", "modified": "changed,id", "newest": "changed desc"},
        "incremental": {"overlap": "0s"},
        "version": {"type": "etag", "field": "rev", "format": 'W/"{version}"'},
        "create": {"exists": [409]},
    }  # fmt: skip

    def answer(self, asked: Asked, path: str) -> Say:
        if path.startswith("/Things('"):
            path = "/things/" + path.removeprefix("/Things('").removesuffix("')").replace("''", "'")
        return super().answer(asked, path.replace("/Things", "/things"))

    def in_order(self) -> list[Row]:
        return sorted(self.rows.values(), key=lambda row: row["id"])

    def listed(self, asked: Asked) -> Say:
        rows = [row for row in self.in_order() if self.fits(row, asked.params.get("$filter", ""))]
        order = asked.params.get("$orderby", "id")
        rows.sort(key=lambda row: (row["changed"], row["id"]) if "changed" in order else (row["id"],))
        rows = rows[::-1] if "desc" in order else rows
        skip, size = int(asked.params.get("$skip", 0)), min(int(asked.params.get("$top", 5)), 5)
        body: Row = {"value": rows[skip : skip + size]}
        if skip + size < len(rows):
            line = asked.line.partition("&$skip=")[0]
            body["@odata.nextLink"] = f"{self._server.url}{line}&$skip={skip + size}"
        return Say(body)

    def fits(self, row: Row, question: str) -> bool:
        """A filter of `field eq 'x' or field ge 2026-...`."""
        if not question:
            return True
        for part in question.split(" or "):
            field, how, value = part.split(" ", 2)
            wanted = value[1:-1].replace("''", "'") if value.startswith("'") else value
            held = str(row.get(field))
            if (how == "eq" and held == wanted) or (
                how == "ge" and datetime.fromisoformat(held) >= datetime.fromisoformat(wanted)
            ):
                return True
        return False

    def made(self, asked: Asked, values: Row) -> Say:
        if self.bad(values):
            return Say({"message": "stock is a number"}, 400)
        return self.shown(self.put(values["id"], values))

    def stale(self, asked: Asked, row: Row) -> Say | None:
        given = asked.headers.get("If-Match", "*")
        return None if given in ("*", f'W/"{row["rev"]}"') else Say({"message": "another version"}, 412)


class FeedAndBulk(Dialect):
    """A feed by sequence number with tombstones; many writes in one request, each with its own status."""

    told: ClassVar[Mapping[str, Any]] = {
        "records": "rows", "feed": {
            "path": "changes", "records": "results", "token": "last", "key": "key", "deleted": "deleted",
            "record": "row", "start": {"since": "now"}, "limit_param": "limit",
        },
        "version": {"type": "field", "field": "rev"},
        "create": {"many": {"path": "bulk/create", "envelope": "docs", "status": "code", "record": "row"}},
        "update": {
            "method": "POST",
            "many": {"path": "bulk/update", "envelope": "docs", "status": "code", "record": "row"},
        },
        "delete": {"params": {"rev": "{version}"}},
        "pace": {"chunk": 20},
    }  # fmt: skip

    def answer(self, asked: Asked, path: str) -> Say:
        if path == "/changes":
            return self.fed(asked)
        if path.startswith("/bulk/"):
            return Say([self.one_of_many(path, values) for values in asked.json["docs"]], 207)
        return super().answer(asked, path)

    def one_of_many(self, path: str, values: Row) -> Row:
        if path == "/bulk/update" and values["id"] not in self.rows:
            return {"code": 404, "message": "no such thing"}
        if self.bad(values):
            return {"code": 422, "message": "stock is a number"}
        if path == "/bulk/create":
            return {"code": 201, "row": self.put(self.new_key(), values)}
        held = self.rows[values["id"]]
        if "rev" in values and values["rev"] != held["rev"]:
            return {"code": 409, "message": "another version"}
        return {"code": 200, "row": self.put(values["id"], {**held, **values})}

    def fed(self, asked: Asked) -> Say:
        told = asked.params.get("since", "0")
        since = len(self.log) if told == "now" else int(told)
        found = self.log[since : since + int(asked.params["limit"])]
        results = [
            {"key": key, "deleted": gone or key not in self.rows, "row": self.rows.get(key)}
            for key, gone in found
        ]
        return Say({"results": results, "last": since + len(found)})

    def listed(self, asked: Asked) -> Say:
        return Say({"rows": self.in_order()})

    def stale(self, asked: Asked, row: Row) -> Say | None:
        given = asked.params.get("rev") if asked.method == "DELETE" else asked.json.get("rev")
        return (
            None if given in (None, row["rev"], str(row["rev"])) else Say({"message": "another version"}, 409)
        )


class FormsAndKeys(Dialect):
    """Form-encoded writes, idempotency keys, pages after the last record, refusals inside of a 200."""

    fields: ClassVar[Mapping[str, str]] = {"text": "name", "boolean": "active"}
    auth: ClassVar[Mapping[str, Any]] = {"type": "api_key", "api_key": SECRET, "location": "basic"}
    told: ClassVar[Mapping[str, Any]] = {
        "records": "data", "encoding": "form",
        "paginator": {
            "type": "after", "param": "starting_after", "has_more": "has_more", "limit_param": "limit",
        },
        "create": {"idempotency_header": "Idempotency-Key"},
        "update": {"method": "POST"},
        "errors": {
            "when": "error", "code": "error.code", "message": "error.message", "codes": {"missing": "gone"},
        },
    }  # fmt: skip

    def let_in(self, asked: Asked) -> bool:
        return asked.headers.get("Authorization") == BASIC

    def answer(self, asked: Asked, path: str) -> Say:
        if asked.body:
            assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
            pairs = parse_qsl(asked.body.decode(), keep_blank_values=True)
            values = {name: {"true": True, "false": False}.get(value, value) for name, value in pairs}
            asked = Asked(
                asked.method, asked.path, asked.params, asked.headers, json.dumps(values).encode(), asked.line
            )
        said = super().answer(asked, path)
        if said.status in (404, 422):
            code = "missing" if said.status == 404 else "invalid"
            return Say({"error": {"code": code, "message": said.body["message"]}})
        return said

    def listed(self, asked: Asked) -> Say:
        last, size = int(asked.params.get("starting_after", 0)), min(int(asked.params.get("limit", 5)), 5)
        rows = [row for row in self.in_order() if int(row["id"]) > last]
        return Say({"data": rows[:size], "has_more": len(rows) > size})

    def made(self, asked: Asked, values: Row) -> Say:
        told = asked.headers.get("Idempotency-Key", "")
        if told in self.seen:
            return self.shown(self.rows[self.seen[told]])
        said = super().made(asked, values)
        if told and said.status == 200:
            self.seen[told] = said.body["id"]
        return said
