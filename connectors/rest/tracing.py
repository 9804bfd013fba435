"""Requests and answers as a person may see them: without secrets, and cut where they are long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import httpx

from connectors.trying import Exchange

LONGEST = 8000  # characters of a body that are shown
MOST = 50  # requests that are kept
ASKED = ("accept", "content-type", "prefer")  # of a request, besides those that its operation gives
SHOWN = ("content-type", "content-length", "etag", "last-modified", "link", "retry-after", "date", "allow")
DULL = ("host", "accept-encoding", "connection", "user-agent", "content-length", "transfer-encoding")
GIVEN = "syncadmin.given"  # the extension of a request that names the headers that its operation gives


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came, with its whole body and how long it took."""

    response: httpx.Response
    content: bytes
    seconds: float


def exchanges(heard: Iterable[Heard], clean: Callable[[str], str]) -> list[Exchange]:
    """What was heard, for a person to see. `clean` takes secrets out of a text."""
    return [_exchange(one, clean) for one in heard]


def foreseen(request: httpx.Request, clean: Callable[[str], str]) -> Exchange:
    """A request that has not been sent, for a person to see."""
    return Exchange(
        request.method, clean(str(request.url)), _text(request.content, clean), asked=_asked(request, clean)
    )


def _asked(request: httpx.Request, clean: Callable[[str], str]) -> tuple[tuple[str, str], ...]:
    """Headers of a request: those of its operation as they are, of any other that matters its name alone."""
    open_, given = {*ASKED, *request.extensions.get(GIVEN, ())}, request.headers
    return tuple((name, clean(given[name]) if name in open_ else "***") for name in given if name not in DULL)


def _exchange(heard: Heard, clean: Callable[[str], str]) -> Exchange:
    request, headers = heard.response.request, heard.response.headers
    return Exchange(
        request.method,
        clean(str(request.url)),
        _text(request.content, clean),
        heard.response.status_code,
        tuple((name, clean(headers[name])) for name in headers if name in SHOWN or name.startswith("x-")),
        _text(heard.content, clean),
        len(heard.content),
        heard.seconds,
        _asked(request, clean),
    )


def _text(content: bytes, clean: Callable[[str], str]) -> str:
    """The beginning of a body. Secrets go before it is cut, so that none is left in halves."""
    text = clean(content[: 8 * LONGEST].decode("utf-8", "replace"))
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
