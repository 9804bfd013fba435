"""Salesforce's contacts: a stateful fake of ours, by what its pages say. No description of it is published.

It knows as much of SOQL as is asked here; text is compared without regard to case, as Salesforce does.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from tests.connectors.odd_server import Asked, OddServer, Say
from tests.presets.harness import Peer, RestHarness, Served

SECRET = "not-a-secret-of-salesforce"
CLIENT = "the-connected-app"
TOKEN = "00D-not-a-token"
DATA = "/services/data/v62.0"
PAGE = 5
FIELDS = {
    "Id": "id", "IsDeleted": "boolean", "SystemModstamp": "datetime", "Description": "textarea",
    "Age__c": "int", "Credit__c": "currency", "HasOptedOutOfEmail": "boolean", "Birthdate": "date",
    "Born__c": "datetime", "Email": "email",
}  # fmt: skip
READ_ONLY = ("Id", "IsDeleted", "SystemModstamp")
STATEMENT = re.compile(
    r"SELECT (?P<fields>.+?) FROM Contact(?: WHERE (?P<where>.+?))?"
    r"(?: ORDER BY (?P<order>.+?))?(?: LIMIT (?P<limit>\d+))?"
)
TOKENS = re.compile(r"\(|\)|'(?:[^'\\]|\\.)*'|[^\s()]+")
Test = Callable[[Mapping[str, Any]], bool]


class Salesforce:
    """Contacts in memory. Those deleted are in the recycle bin."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._cursors: dict[str, list[dict[str, Any]]] = {}
        self._numbers, self._lock = itertools.count(1), Lock()

    def __call__(self, asked: Asked) -> Say:
        with self._lock:
            if asked.path == "/services/oauth2/token":
                return self.let_in(asked)
            if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
                return wrong(401, "INVALID_SESSION_ID", "Session expired or invalid")
            path = asked.path.removeprefix(DATA)
            if path == "/sobjects":
                able = dict.fromkeys(("queryable", "createable", "updateable"), True)
                return Say({"sobjects": [{"name": "Contact", **able, "deprecatedAndHidden": False}]})
            if path == "/queryAll":
                return self.query(asked.params["q"])
            if path.startswith("/queryAll/"):
                return self.more(path.rpartition("/")[2])
            if path == "/sobjects/Contact/describe":
                return Say({"fields": [described(name, kind) for name, kind in FIELDS.items()]})
            return self.row(asked, path.removeprefix("/sobjects/Contact").strip("/"))

    def let_in(self, asked: Asked) -> Say:
        shown = dict(part.split("=") for part in asked.body.decode().split("&"))
        if shown.get("client_secret") != SECRET:
            return Say({"error": "invalid_client"}, 400)
        return Say({"access_token": TOKEN, "token_type": "Bearer"})

    def row(self, asked: Asked, key: str) -> Say:
        if asked.method == "POST":
            return self.kept("", asked.json)
        if key not in self.rows or self.rows[key]["IsDeleted"]:
            return wrong(404, "NOT_FOUND", "The requested resource does not exist")
        if asked.method == "GET":
            return Say(self.rows[key])
        if asked.method == "DELETE":
            if "If-Unmodified-Since" in asked.headers:
                return wrong(400, "INVALID_HEADER", "DELETE requests take no conditions")
            self.rows[key] |= {"IsDeleted": True, "SystemModstamp": now()}
            return Say(b"", 204)
        since = asked.headers.get("If-Unmodified-Since")
        if since and datetime.fromisoformat(self.rows[key]["SystemModstamp"]) > parsedate_to_datetime(since):
            return wrong(412, "PRECONDITION_FAILED", "It was modified since")
        return self.kept(key, asked.json)

    def kept(self, key: str, values: Mapping[str, Any]) -> Say:
        if unknown := set(values) - (set(FIELDS) - set(READ_ONLY)):
            return wrong(400, "INVALID_FIELD", f"No such column {unknown} on sobject of type Contact")
        if "@" not in (values.get("Email") or "@"):
            return wrong(400, "INVALID_EMAIL_ADDRESS", "Email: invalid email address")
        made = key or f"003{next(self._numbers):015d}"
        empty = dict.fromkeys(FIELDS) | {"Id": made, "IsDeleted": False, "HasOptedOutOfEmail": False}
        held = self.rows.get(made, empty)
        said = {name: None if value == "" else value for name, value in values.items()}
        self.rows[made] = {**held, **said, "SystemModstamp": now()}
        return Say(b"", 204) if key else Say({"id": made, "success": True, "errors": []}, 201)

    def query(self, statement: str) -> Say:
        if not (told := STATEMENT.fullmatch(statement)):
            return wrong(400, "MALFORMED_QUERY", f"unexpected token: {statement}")
        test = parsed(told["where"]) if told["where"] else lambda _: True
        rows = [row for row in self.rows.values() if test(row)]
        for part in reversed((told["order"] or "Id").split(", ")):
            name, _, way = part.partition(" ")
            rows.sort(key=lambda row: str(row[name]), reverse=way == "DESC")
        if told["fields"] == "COUNT()":
            return Say({"totalSize": len(rows), "done": True, "records": []})
        names = told["fields"].split(",")
        if told["fields"] == "FIELDS(ALL)":
            if not told["limit"] or int(told["limit"]) > 200:
                return wrong(400, "MALFORMED_QUERY", "FIELDS(ALL) wants a LIMIT of at most 200")
            names = list(FIELDS)
        if len(set(names)) < len(names) or not set(names) <= FIELDS.keys():
            return wrong(400, "INVALID_FIELD", "duplicate or unknown field selected")
        rows = rows[: int(told["limit"] or len(rows))]
        cursor = f"01g{len(self._cursors)}"
        self._cursors[cursor] = [{name: row[name] for name in names} for row in rows]
        return self.more(f"{cursor}-0")

    def more(self, place: str) -> Say:
        cursor, _, start = place.partition("-")
        rows, end = self._cursors[cursor], int(start) + PAGE
        said = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[int(start) : end]}
        link = {} if end >= len(rows) else {"nextRecordsUrl": f"{DATA}/queryAll/{cursor}-{end}"}
        return Say({**said, **link})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def described(name: str, kind: str) -> dict[str, Any]:
    """A field as `describe` tells it."""
    open_ = name not in READ_ONLY
    length = 32000 if kind == "textarea" else 80 if kind == "email" else 0
    return {
        "name": name, "type": kind, "nillable": kind != "boolean", "defaultedOnCreate": kind == "boolean",
        "createable": open_, "updateable": open_, "length": length, "restrictedPicklist": False,
        "picklistValues": [],
    }  # fmt: skip


def parsed(where: str) -> Test:
    """A condition: comparisons, AND, OR, and parentheses around each two of them."""
    tokens = TOKENS.findall(where)

    def either() -> Test:
        left = one()
        while tokens and tokens[0] in ("AND", "OR"):
            left = joined(tokens.pop(0), left, one())
        return left

    def one() -> Test:
        if tokens[0] == "(":
            tokens.pop(0)
            inner = either()
            assert tokens.pop(0) == ")"
            return inner
        return compared(tokens.pop(0), tokens.pop(0), tokens.pop(0))

    return either()


def joined(word: str, left: Test, right: Test) -> Test:
    if word == "AND":
        return lambda row: left(row) and right(row)
    return lambda row: left(row) or right(row)


def compared(name: str, how: str, text: str) -> Test:
    wanted = re.sub(r"\\(.)", r"\1", text[1:-1]).lower() if text[0] == "'" else text
    if FIELDS[name] == "datetime":
        wanted = datetime.fromisoformat(text)

    def value(row: Mapping[str, Any]) -> Any:
        found = row[name]
        if FIELDS[name] == "datetime":
            return datetime.fromisoformat(found) if found else datetime.min.replace(tzinfo=UTC)
        return ("null" if found is None else str(found)).lower()

    match how:
        case "=":
            return lambda row: value(row) == wanted
        case ">":
            return lambda row: value(row) > wanted
        case _:
            return lambda row: value(row) >= wanted


def wrong(status: int, code: str, message: str) -> Say:
    return Say([{"errorCode": code, "message": message}], status)


class SalesforceHarness(RestHarness):
    """The one object, emptied for each test."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "Description", "integer": "Age__c", "decimal": "Credit__c", "boolean": "HasOptedOutOfEmail",
        "date": "Birthdate", "datetime": "Born__c",
    }  # fmt: skip
    refused: Mapping[str, Any] | None = {"Description": "x", "Email": "no address"}
    resource = "Contact"
    secret = SECRET
    key = "id"

    def __init__(self, url: str, fake: Salesforce) -> None:
        http = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"})
        super().__init__(http, f"{url}{DATA}/sobjects/Contact")
        self._url, self._numbers = url, itertools.count()
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        place = f"{self._url}/services/oauth2/token"
        auth = {"client_id": CLIENT, "client_secret": password, "access_token_url": place}
        return {"preset": "salesforce", "base_url": self._url, "auth": auth}

    def told(self) -> dict[str, Any]:
        return {"preset": "salesforce"}

    def new_key(self) -> str:
        return f"003NOBODY{next(self._numbers):09d}"

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake = Salesforce()
    with OddServer(fake) as server:
        what = "a stateful fake of ours, by Salesforce's pages"
        yield Served(what, lambda name: SalesforceHarness(server.url, fake))


PEER = Peer(Against.PAGES, serve)
