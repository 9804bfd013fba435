"""Odoo's partners: a stateful fake of ours, by what its pages say of the external JSON-RPC API.

No Odoo is in the registries, so nothing here proves anything about one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from connectors.rest.proving import Against
from tests.connectors.odd_server import Asked, OddServer, Say
from tests.presets.harness import Peer, RestHarness, Served

DATABASE, UID, KEY, MODEL = "prod", 2, "not-a-secret-key", "res.partner"
FIELDS = {
    "id": "integer",
    "name": "char",
    "comment": "text",
    "color": "integer",
    "credit": "float",
    "active": "boolean",
    "is_company": "boolean",
    "date": "date",
    "signed_at": "datetime",
    "parent_id": "many2one",
    "category_id": "many2many",
    "write_date": "datetime",
}
FIXED = ("id", "write_date")
HOW: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "in": lambda value, among: value in among,
}


class Fault(Exception):
    """An exception of the server, which it tells inside of an answer."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Odoo:
    """One model and one user, in memory."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self._last, self._lock = 0, Lock()

    def __call__(self, asked: Asked) -> Say:
        if (asked.method, asked.path) != ("POST", "/jsonrpc"):
            return Say(b"", 303, {"Location": "/odoo"})
        told = asked.json
        head = {"jsonrpc": "2.0", "id": told["id"]}
        try:
            with self._lock:
                return Say({**head, "result": self._called(told["params"])})
        except Fault as fault:
            data = {
                "name": fault.name,
                "message": str(fault),
                "debug": "Traceback",
                "arguments": [str(fault)],
            }
            return Say({**head, "error": {"code": 200, "message": "Odoo Server Error", "data": data}})

    def _called(self, params: Mapping[str, Any]) -> Any:
        assert (params["service"], params["method"]) == ("object", "execute_kw")
        database, uid, key, model, method, args, *more = params["args"]
        if (database, uid, key) != (DATABASE, UID, KEY):
            raise Fault("odoo.exceptions.AccessDenied", "Access Denied")
        named = more[0] if more else {}
        if model == "ir.model":
            return [{"id": 1, "model": MODEL}]
        if model == "ir.model.fields":
            return [
                {"id": place, "name": name, "ttype": kind, "required": name == "name", "size": 0}
                | {"readonly": name in FIXED}
                for place, (name, kind) in enumerate(FIELDS.items())
            ]
        if model != MODEL:
            raise Fault("odoo.exceptions.UserError", f"Object {model} doesn't exist")
        return getattr(self, method)(*args, **named)

    # ------------------------------------------------------------ the methods of a model

    def search_read(
        self,
        domain: list[Any] | None = None,
        fields: list[str] | None = None,
        offset: int = 0,
        limit: int | None = None,
        order: str = "id asc",
        load: str = "_classic_read",
        context: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        found = [row for row in self.rows.values() if self._seen(row, context) and holds(row, domain or [])]
        for part in reversed(order.split(", ")):
            name, _, way = part.partition(" ")
            found.sort(key=lambda row, name=name: row[name], reverse=way == "desc")
        found = found[offset:][:limit]
        names = fields or list(FIELDS)
        return [{"id": row["id"], **{name: self._told(row, name, load) for name in names}} for row in found]

    def search_count(self, domain: list[Any], context: Mapping[str, Any] | None = None) -> int:
        return sum(self._seen(row, context) and holds(row, domain) for row in self.rows.values())

    def create(self, values: Mapping[str, Any]) -> int:
        if not values.get("name"):
            raise Fault(
                "odoo.exceptions.ValidationError", "Missing required value for the field 'Name' (name)"
            )
        self._check(values)
        self._last += 1
        empty = dict.fromkeys(FIELDS, False) | {"active": True, "color": 0, "credit": 0.0, "category_id": []}
        self.rows[self._last] = {**empty, "id": self._last}
        self._write(self._last, values)
        return self._last

    def write(self, ids: list[int], values: Mapping[str, Any]) -> bool:
        for key in ids:
            self._there(key)
            self._write(key, values)
        return True

    def unlink(self, ids: list[int]) -> bool:
        for key in ids:
            self._there(key)
            del self.rows[key]
        return True

    def _there(self, key: int) -> None:
        if key not in self.rows:
            raise Fault("odoo.exceptions.MissingError", "Record does not exist or has been deleted.")

    def _write(self, key: int, values: Mapping[str, Any]) -> None:
        self._check(values)
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.rows[key] |= {**values, "write_date": stamp}

    def _check(self, values: Mapping[str, Any]) -> None:
        unknown = values.keys() - FIELDS.keys()
        if unknown:
            raise Fault("ValueError", f"Invalid field {unknown.pop()!r} on model {MODEL!r}")
        if values.get("color", 0) and values["color"] > 2**31:
            raise Fault("odoo.exceptions.ValidationError", "integer out of range")

    def _seen(self, row: Mapping[str, Any], context: Mapping[str, Any] | None) -> bool:
        return bool(row["active"]) or (context or {}).get("active_test") is False

    def _told(self, row: Mapping[str, Any], name: str, load: str) -> Any:
        if name not in FIELDS:
            raise Fault("ValueError", f"Invalid field {name!r} on model {MODEL!r}")
        value = row[name]
        if name == "parent_id" and value and load == "_classic_read":
            return [value, self.rows[value]["name"]]
        return value


def holds(row: Mapping[str, Any], domain: list[Any]) -> bool:
    """A domain in prefix notation; terms without an operator before them must all hold."""
    terms = list(domain)

    def one() -> bool:
        term = terms.pop(0)
        if term in ("&", "|"):
            left, right = one(), one()
            return (left and right) if term == "&" else (left or right)
        field, how, value = term
        return HOW[how](row[field], value)

    found = True
    while terms:
        found = one() and found
    return found


class OdooHarness(RestHarness):
    """All partners."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "name",
        "integer": "color",
        "decimal": "credit",
        "boolean": "is_company",
        "date": "date",  # its times are of whole seconds, which the kit's are not
    }
    refused: Mapping[str, Any] | None = {"name": "x", "color": 2**40}
    secret = KEY

    def __init__(self, url: str, fake: Odoo) -> None:
        self._url, self._fake = url, fake
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        blanks = {"database": DATABASE, "uid": str(UID)}
        return {"preset": "odoo", "base_url": self._url, "auth": {"secret": password}, "blanks": blanks}

    def told(self) -> dict[str, Any]:
        return {"preset": "odoo", "collection": MODEL}

    def new_key(self) -> str:
        return "900000"

    def insert(self, values: Mapping[str, Any]) -> str:
        return str(self._fake.create(as_sent(values)))

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._fake.write([int(key)], as_sent(values))

    def delete(self, key: str) -> None:
        self._fake.unlink([int(key)])

    def read(self, key: str) -> Mapping[str, Any] | None:
        found = self._fake.rows.get(int(key))
        return found and {
            name: None if value is False and FIELDS[name] != "boolean" else value
            for name, value in found.items()
        }

    def close(self) -> None:
        """Nothing is its own."""


def as_sent(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a program that knows Odoo would send them."""

    def one(value: Any) -> Any:
        match value:
            case None:
                return False
            case datetime():
                return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
            case date():
                return value.isoformat()
            case Decimal():
                return float(value)
            case _:
                return value

    return {name: one(value) for name, value in values.items()}


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake = Odoo()
    with OddServer(fake) as server:
        yield Served("a stateful fake of ours, by Odoo's pages", lambda name: OdooHarness(server.url, fake))


PEER = Peer(Against.PAGES, serve)
