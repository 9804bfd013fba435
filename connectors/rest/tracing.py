"""Requests and answers as a person may see them: without secrets, and cut where they are long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import httpx

from connectors.trying import Exchange

LONGEST = 8000  # characters of a body that are shown
MOST = 50  # requests that are kept
SHOWN = ("content-type", "content-length", "etag", "last-modified", "link", "retry-after", "date", "allow")


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came, with its whole body and how long it took."""

    response: httpx.Response
    content: bytes
    seconds: float


def exchanges(heard: Iterable[Heard], clean: Callable[[str], str]) -> list[Exchange]:
    """What was heard, for a person to see. `clean` takes secrets out of a text."""
    return [_exchange(one, clean) for one in heard]


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
    )


def _text(content: bytes, clean: Callable[[str], str]) -> str:
    """The beginning of a body. Secrets go before it is cut, so that none is left in halves."""
    text = clean(content[: 8 * LONGEST].decode("utf-8", "replace"))
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
