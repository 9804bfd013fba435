"""Ways of paging, as generators that ask for requests and are sent answers: pure, without any I/O.

Each knows when the list has ended, and refuses to turn in a circle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from .asking import (
    CursorToken,
    HeaderNext,
    Keyset,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
    Paginator,
    Paging,
)


class Loop(ValueError):
    """The system sends the same page again and again."""


@dataclass(frozen=True, slots=True)
class Request:
    """A listing to ask for. A `link` is an address that the system gave, complete with its parameters."""

    path: str
    params: Mapping[str, str]
    link: bool = False

    def with_params(self, **params: str) -> Request:
        """The same with more parameters."""
        return replace(self, params={**self.params, **params})


@dataclass(frozen=True, slots=True)
class Listed:
    """What came: the whole answer, its records, its headers, and which request it answers."""

    data: Any
    entries: list[dict[str, Any]]
    headers: httpx.Headers
    request: Request


Flow = Generator[Request, Listed, None]
After = Callable[[dict[str, Any]], Mapping[str, str]]


def pages(paginator: Paginator, request: Request, *, limit: int, after: After | None = None) -> Flow:
    """Requests for one page after the other. `after` gives the parameters that continue behind a record."""
    asked = min(limit, paginator.max_limit or limit)
    if paginator.limit_param:
        request = request.with_params(**{paginator.limit_param: str(asked)})
    match paginator:
        case PageNumber():
            yield from _numbered(paginator, request, asked)
        case Offset():
            yield from _offset(paginator, request, asked)
        case Keyset():
            yield from _keyset(paginator, request, asked, after)
        case CursorToken():
            yield from _token(paginator, request)
        case NextUrl() | LinkHeader() | HeaderNext():
            yield from _linked(paginator, request)
        case _:
            yield request


def _last(paginator: Paging, listed: Listed, asked: int) -> bool:
    """Is this certainly the last page? A short page is, where the page size is known for certain."""
    if not listed.entries:
        return True
    told = paginator.size(listed.data) if paginator.size else None
    if isinstance(told, int):
        return len(listed.entries) < told
    return bool(paginator.max_limit and paginator.limit_param) and len(listed.entries) < asked


def _numbered(paginator: PageNumber, request: Request, asked: int) -> Flow:
    number, before = paginator.first, None
    while True:
        listed = yield request.with_params(**{paginator.param: str(number)})
        if listed.entries and listed.entries == before:
            raise Loop(
                f"page {number} repeats the one before: `paginator.param: {paginator.param}` has no effect"
            )
        if _last(paginator, listed, asked):
            return
        number, before = number + 1, listed.entries


def _offset(paginator: Offset, request: Request, asked: int) -> Flow:
    skip, before = 0, None
    while True:
        listed = yield request.with_params(**{paginator.param: str(skip)})
        if listed.entries and listed.entries == before:
            raise Loop(
                f"offset {skip} repeats the page before: `paginator.param: {paginator.param}` has no effect"
            )
        if _last(paginator, listed, asked):
            return
        skip, before = skip + len(listed.entries), listed.entries


def _keyset(paginator: Keyset, request: Request, asked: int, after: After | None) -> Flow:
    seen: Mapping[str, str] | None = None
    params: Mapping[str, str] = {}
    while True:
        listed = yield request.with_params(**params)
        if _last(paginator, listed, asked) or after is None:
            return
        params = after(listed.entries[-1])
        if params == seen:
            raise Loop("the page after the last record ends with that record again: check filter and order")
        seen = params


def _token(paginator: CursorToken, request: Request) -> Flow:
    seen: set[str] = set()
    listed = yield request
    while (token := paginator.next(listed.data)) not in (None, "", False):
        if str(token) in seen:
            raise Loop(f"the same cursor came twice: check `paginator.next: {paginator.next.text}`")
        seen.add(str(token))
        listed = yield request.with_params(**{paginator.param: str(token)})


def _linked(paginator: NextUrl | LinkHeader | HeaderNext, request: Request) -> Flow:
    seen: set[str] = set()
    listed = yield request
    while url := _link(paginator, listed):
        if url in seen:
            raise Loop("the same next address came twice")
        seen.add(url)
        listed = yield Request(url, {}, link=True)


def _link(paginator: NextUrl | LinkHeader | HeaderNext, listed: Listed) -> str:
    match paginator:
        case NextUrl():
            return str(paginator.next(listed.data) or "")
        case HeaderNext():
            return str(listed.headers.get(paginator.header, ""))
    for part in re.finditer(r"<([^>]*)>([^<]*)", str(listed.headers.get("Link", ""))):
        rel = re.search(r'rel\s*=\s*"?([^";,]+)', part[2])
        if rel and paginator.rel in rel[1].split():
            return part[1]
    return ""
