"""Jira's issues: a stateful fake of ours, by what its pages say.

The descriptions of Jira that the registries hold are older than its search of today, so they can't prove it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import httpx

from connectors.rest.proving import Against
from tests.connectors.odd_server import Asked, OddServer, Say
from tests.presets.harness import Peer, RestHarness, Served

USER, SECRET = "anna@example.com", "not-a-token-of-jira"
PROJECT = "SALES"
MISSING = "Issue does not exist or you do not have permission to see it."
JQL = re.compile(r'project = "SALES"(?: AND updated >= (\d+))?(?: ORDER BY (key|updated) (ASC|DESC))?')
KEPT = ("summary", "description", "labels", "duedate", "priority", "customfield_10001", "customfield_10002")


class Jira:
    """Issues in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._numbers, self._lock = itertools.count(10000), Lock()
        self._let_in = httpx.BasicAuth(USER, SECRET)._auth_header

    def __call__(self, asked: Asked) -> Say:
        with self._lock:
            if asked.headers.get("Authorization") != self._let_in:
                return Say(b"Client must be authenticated to access this resource.", 401)
            path = asked.path.removeprefix("/rest/api/3/")
            if path == "search/jql":
                return self.found(asked.params)
            if path == "issue/bulkfetch":
                wanted = asked.json["issueIdsOrKeys"]
                return Say({"issues": [self.rows[key] for key in wanted if key in self.rows]})
            if path in ("myself", f"project/{PROJECT}"):
                return Say({"self": path})
            key = path.removeprefix("issue").strip("/")
            if asked.method == "POST" and not key:
                return self.kept("", asked.json["fields"])
            if key not in self.rows:
                return Say({"errorMessages": [MISSING], "errors": {}}, 404)
            if asked.method == "GET":
                return Say(self.rows[key])
            if asked.method == "PUT":
                return self.kept(key, asked.json["fields"])
            del self.rows[key]
            return Say(b"", 204)

    def kept(self, key: str, values: dict[str, Any]) -> Say:
        errors = {}
        if not key and (values.pop("project", {}).get("key"), values.pop("issuetype", {}).get("name")) != (
            PROJECT,
            "Task",
        ):
            errors["project"] = "valid project and issue type are required"
        if not key and not values.get("summary"):
            errors["summary"] = "You must specify a summary of the issue."
        for unknown in values.keys() - set(KEPT):
            errors[unknown] = (
                f"Field '{unknown}' cannot be set. It is not on the appropriate screen, or unknown."
            )
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", values.get("duedate") or "2026-01-01"):
            errors["duedate"] = "Date must be of the format yyyy-MM-dd."
        if any(" " in label for label in values.get("labels") or ()):
            errors["labels"] = "The label can't contain spaces."
        if errors:
            return Say({"errorMessages": [], "errors": errors}, 400)
        made = key or str(next(self._numbers))
        empty = {**dict.fromkeys(KEPT), "created": now(), "status": {"name": "To Do"}}
        row = self.rows.get(made, {"id": made, "key": f"{PROJECT}-{made}", "fields": empty})
        self.rows[made] = {**row, "fields": {**row["fields"], **values, "updated": now()}}
        return Say(b"", 204) if key else Say({"id": made, "key": row["key"]}, 201)

    def found(self, params: Mapping[str, str]) -> Say:
        if not (told := JQL.fullmatch(params["jql"])):
            return Say({"errorMessages": [f"Error in the JQL Query: {params['jql']}"]}, 400)
        since, order, way = told.groups()
        rows = [row for row in self.rows.values() if millis(row) >= int(since or 0)]
        rows.sort(key=millis if order == "updated" else lambda row: int(row["id"]), reverse=way == "DESC")
        start, size = int(params.get("nextPageToken", "p0")[1:]), min(int(params["maxResults"]), 100)
        last = start + size >= len(rows)
        token = {} if last else {"nextPageToken": f"p{start + size}"}
        issues = rows[start : start + size] if params.get("fields") == "*all" else []
        return Say({"issues": issues, "isLast": last, **token})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def millis(row: Mapping[str, Any]) -> int:
    return round(datetime.fromisoformat(row["fields"]["updated"]).timestamp() * 1000)


class JiraHarness(RestHarness):
    """The one project, emptied for each test. Fields are named with dots, as the connector names them."""

    fields: ClassVar[Mapping[str, str]] = {
        "text": "fields.customfield_10001", "decimal": "fields.customfield_10002",
        "date": "fields.duedate",
    }  # fmt: skip
    refused: Mapping[str, Any] | None = {"fields.customfield_10001": "x", "fields.labels": ["two words"]}
    resource = "issues"
    secret = SECRET

    def __init__(self, url: str, fake: Jira) -> None:
        super().__init__(httpx.Client(auth=(USER, SECRET)), f"{url}/rest/api/3/issue")
        self._url, self._numbers = url, itertools.count()
        fake.rows.clear()

    def system(self, password: str) -> dict[str, Any]:
        auth = {"username": USER, "password": password}
        blanks = {"project": PROJECT, "issuetype": "Task"}
        return {"preset": "jira", "base_url": self._url, "auth": auth, "blanks": blanks}

    def told(self) -> dict[str, Any]:
        # summaries are short and of one line, so a field of one's own stands for text
        fields = {"fields": {"summary": "from the hub"}}
        return {"preset": "jira", "create": {"body": fields}}

    def new_key(self) -> str:
        return str(9_000_000 + next(self._numbers))

    def body(self, values: Mapping[str, Any]) -> dict[str, Any]:
        plain = super().body(values)
        return {"fields": {name.removeprefix("fields."): value for name, value in plain.items()}}

    def insert(self, values: Mapping[str, Any]) -> str:
        body = self.body(values)
        body["fields"] |= {"project": {"key": PROJECT}, "issuetype": {"name": "Task"}, "summary": "by hand"}
        return str(self.taken(self._http.post(self._records, json=body))["id"])

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        self._http.put(f"{self._records}/{key}", json=self.body(values)).raise_for_status()

    def read(self, key: str) -> Mapping[str, Any] | None:
        found = super().read(key)
        return found and {f"fields.{name}": value for name, value in found["fields"].items()}

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake = Jira()
    with OddServer(fake) as server:
        yield Served("a stateful fake of ours, by Jira's pages", lambda name: JiraHarness(server.url, fake))


PEER = Peer(Against.PAGES, serve)
