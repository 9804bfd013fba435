"""GitHub's issues: a stateful fake of ours behind the description that GitHub publishes."""

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

SECRET = "github_pat_not_a_secret"
PLACE = "/repos/octo-org/octo-repo/issues"
PAGES = ("comments_url", "events_url", "html_url", "labels_url", "repository_url", "url")


class GitHub:
    """Issues of one repository in memory, as far as GitHub's pages say what it does. Times are in seconds.

    Every third number is a pull request's, which is listed among the issues.
    """

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.deleted: set[int] = set()
        self._numbers, self._lock = itertools.count(1), Lock()

    def __call__(self, asked: Asked, path: str) -> Say:
        with self._lock:
            if path == PLACE:
                return self.listed(asked.params) if asked.method == "GET" else self.made(asked.json)
            key = int(path.rpartition("/")[2])
            if key in self.deleted:
                return Say({"message": "This issue was deleted"}, 410)
            if key not in self.rows:
                return Say({"message": "Not Found"}, 404)
            return self.kept(key, asked.json) if asked.method == "PATCH" else Say(self.rows[key])

    def made(self, values: Mapping[str, Any]) -> Say:
        number = next(self._numbers)
        if number % 3 == 0:
            self.rows[number] = {**issue(number), "pull_request": dict.fromkeys(("url", *PULL), "https://x")}
            number = next(self._numbers)
        said = self.kept(number, values)
        return Say(said.body, 201) if said.status == 200 else said

    def kept(self, number: int, values: Mapping[str, Any]) -> Say:
        if not values.get("title", "there is one"):
            return Say(
                {"message": "Validation Failed", "errors": [{"field": "title", "code": "missing"}]}, 422
            )
        row = {**self.rows.get(number, issue(number)), **values, "updated_at": now()}
        closed = row["closed_at"] or now() if row["state"] == "closed" else None
        self.rows[number] = {**row, "closed_at": closed}
        return Say(self.rows[number])

    def listed(self, params: Mapping[str, str]) -> Say:
        rows = [row for row in self.rows.values() if params.get("state", "open") in ("all", row["state"])]
        since = params.get("since", "2000-01-01T00:00:00Z")
        rows = [row for row in rows if moment(row["updated_at"]) >= moment(since)]
        by = "updated_at" if params.get("sort") == "updated" else "created_at"
        rows.sort(key=lambda row: (row[by], row["number"]), reverse=params.get("direction") != "asc")
        size = min(int(params.get("per_page", 30)), 100)
        start = (int(params.get("page", 1)) - 1) * size
        return Say(rows[start : start + size])


PULL = ("diff_url", "html_url", "patch_url")


def issue(number: int) -> dict[str, Any]:
    """A new one."""
    return {
        **dict.fromkeys(PAGES, f"https://api.github.example{PLACE}/{number}"),
        "id": 7000 + number, "node_id": "I_k", "number": number, "title": "by nobody", "body": None,
        "state": "open", "state_reason": None, "locked": False, "comments": 0, "labels": [], "user": None,
        "assignee": None, "milestone": None, "author_association": "OWNER", "closed_at": None,
        "created_at": now(), "updated_at": now(),
    }  # fmt: skip


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class GitHubHarness(RestHarness):
    """The one repository, emptied for each test. A delete is a person's in the browser."""

    fields: ClassVar[Mapping[str, str]] = {"text": "body"}
    refused: Mapping[str, Any] | None = {"body": "x", "title": ""}
    resource = "issues"
    secret = SECRET
    key = "number"

    def __init__(self, url: str, fake: GitHub) -> None:
        super().__init__(httpx.Client(headers={"Authorization": f"Bearer {SECRET}"}), f"{url}{PLACE}")
        self._url, self._fake, self._numbers = url, fake, itertools.count(1_000_000)
        fake.rows.clear()
        fake.deleted.clear()

    def system(self, password: str) -> dict[str, Any]:
        blanks = {"owner": "octo-org", "repo": "octo-repo"}
        return {
            "preset": "github-issues", "base_url": self._url, "auth": {"token": password}, "blanks": blanks,
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        # a title is short and of one line, so that the body is the text that is tried
        return {"preset": "github-issues", "create": {"body": {"title": "from the hub"}}}

    def new_key(self) -> str:
        return str(next(self._numbers))

    def insert(self, values: Mapping[str, Any]) -> str:
        return super().insert({"title": "by hand", **values})

    def delete(self, key: str) -> None:
        del self._fake.rows[int(key)]
        self._fake.deleted.add(int(key))

    def close(self) -> None:
        self._http.close()


@contextmanager
def serve(directory: Path) -> Iterator[Served]:
    """One for the whole run."""
    fake, shown = GitHub(), f"Bearer {SECRET}"
    with standing_in(
        "github.com/api.github.com", fake, lambda asked: asked.headers.get("Authorization") == shown
    ) as (url, what):
        yield Served(what, lambda name: GitHubHarness(url, fake))


PEER = Peer(Against.DESCRIPTION, serve)
