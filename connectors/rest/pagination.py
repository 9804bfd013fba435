"""Ways of paging, as generators that ask for requests and are sent answers: pure, without any I/O.

Each knows when the list has ended, and refuses to turn in a circle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from .asking import (
    AfterLast,
    Continuation,
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
from .bodies import Text
from .values import pick, quoted


class Loop(ValueError):
    """The system sends the same page again and again."""


@dataclass(frozen=True, slots=True)
class Request:
    """A listing to ask for. A `link` is an address that the system gave, complete with its parameters.

    A `question` is one of ours about the resource, which goes as its `listing` says.
    """

    path: str
    params: Mapping[str, str]
    link: bool = False
    question: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

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


def pages(
    paginator: Paginator, request: Request, *, limit: int, after: After | None = None, key: str = "id"
) -> Flow:
    """Requests for one page after the other. Raises Loop.

    `after` gives the parameters that continue behind a record, by filter; `key` is the key's field.
    """
    asked = min(limit, paginator.max_limit or limit)
    if paginator.limit_param:
        request = request.with_params(**{paginator.limit_param: str(asked)})
    before: list[dict[str, Any]] | None = None
    behind: Mapping[str, str] = {}
    while True:
        flow = _flow(paginator, request.with_params(**behind), asked, after, key)
        taken, wanted = 0, next(flow)
        while True:
            listed = yield wanted
            if listed.entries and listed.entries == before:
                raise Loop(f"a page repeats the one before: check `paginator` (type {paginator.type})")
            before, taken = listed.entries, taken + len(listed.entries)
            try:
                wanted = flow.send(listed)
            except StopIteration:
                return
            if paginator.cap and after and taken + asked > paginator.cap:
                behind = after(listed.entries[-1])
                break


def _flow(paginator: Paginator, request: Request, asked: int, after: After | None, key: str) -> Flow:
    """One question, page by page."""
    match paginator:
        case PageNumber() | Offset():
            return _counted(paginator, request, asked)
        case Keyset():
            return _keyset(paginator, request, asked, after)
        case AfterLast():
            return _keyset(paginator, request, asked, lambda entry: _named(paginator, entry, key))
        case CursorToken() | Continuation():
            return _token(paginator, request)
        case NextUrl() | LinkHeader() | HeaderNext():
            return _linked(paginator, request)
        case _:
            return _single(request)


def _named(paginator: AfterLast, entry: dict[str, Any], key: str) -> Mapping[str, str]:
    """The parameter that names the last record."""
    named = str(pick(entry, paginator.field or key)) + paginator.suffix
    return {paginator.param: quoted(named, paginator.quote)}


def _single(request: Request) -> Flow:
    yield request


def _last(paginator: Paging, listed: Listed, asked: int, taken: int = 0) -> bool:
    """Is this certainly the last page? A short page is, where the page size is known for certain."""
    if not listed.entries:
        return True
    if paginator.has_more is not None:
        return _no(paginator.has_more(listed.data))
    if taken and (there := total(paginator, listed)) is not None:
        return taken >= there
    told = paginator.size(listed.data) if paginator.size else None
    if isinstance(told, int):
        return len(listed.entries) < told
    return bool(paginator.max_limit and paginator.limit_param) and len(listed.entries) < asked


def total(paginator: Paging, listed: Listed) -> int | None:
    """How many records there are in all, if the answer tells exactly."""
    found = paginator.total(listed.data) if paginator.total else None
    if paginator.total_header:
        told = listed.headers.get(paginator.total_header, "")
        found = int(told) if told.isdecimal() else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _no(told: Any) -> bool:
    """Whether a flag says no, however it is written."""
    return str(told).lower() in ("false", "none", "0", "no", "")


def _counted(paginator: PageNumber | Offset, request: Request, asked: int) -> Flow:
    number, taken = paginator.first, 0
    while True:
        listed = yield request.with_params(**{paginator.param: str(number)})
        taken += len(listed.entries)
        if _last(paginator, listed, asked, taken):
            return
        number += 1 if isinstance(paginator, PageNumber) else len(listed.entries)


def _keyset(paginator: Keyset | AfterLast, request: Request, asked: int, after: After | None) -> Flow:
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


def _token(paginator: CursorToken | Continuation, request: Request) -> Flow:
    seen: list[Mapping[str, str]] = []
    listed = yield request
    while params := _continued(paginator, listed):
        if params in seen[-1000:]:
            raise Loop("the same cursor came twice: check `paginator.next` and `paginator.param`")
        seen.append(params)
        listed = yield request.with_params(**params)


def _continued(paginator: CursorToken | Continuation, listed: Listed) -> Mapping[str, str]:
    """The parameters that the answer gives for the next page; none at the end."""
    if paginator.has_more is not None and _no(paginator.has_more(listed.data)):
        return {}
    if isinstance(paginator, Continuation):
        found = paginator.next(listed.data)
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, Mapping) else {}
    told = listed.headers.get(paginator.header) if paginator.header else None
    token = paginator.next(listed.data) if paginator.next else told
    return {} if token in (None, "", False) else {paginator.param: _as_told(token)}


def _as_told(token: Any) -> str:
    """A token that goes back as it came, also in a body: a text, or a number."""
    return Text(token) if isinstance(token, str) else str(token)


def _linked(paginator: NextUrl | LinkHeader | HeaderNext, request: Request) -> Flow:
    seen: set[str] = set()
    listed = yield request
    while url := _link(paginator, listed):
        if url in seen:
            raise Loop("the same next address came twice")
        seen.add(url)
        listed = yield Request(url, {}, link=True, headers=request.headers)


def _link(paginator: NextUrl | LinkHeader | HeaderNext, listed: Listed) -> str:
    if paginator.has_more is not None and _no(paginator.has_more(listed.data)):
        return ""
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
