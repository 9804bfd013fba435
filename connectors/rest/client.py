"""One kept HTTP client per connector, and what its answers mean.

It sends requests and classifies failures: not sent, refused for now, sent without an answer, not
allowed, not readable. It never repeats a request, sleeps, follows a redirect, or lets a secret out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from connectors.base import ConnectorError, Misconfigured, Retry, Surroundings, Unknown, Unreadable

from . import bodies
from .auth import secrets
from .bodies import Lists
from .clock import ClockWatch
from .config import System
from .gates import gate
from .selectors import Selector, kind, shortened
from .values import decode, encode
from .waiting import http_date, retry_after

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CONNECT = 10.0  # seconds at most to reach a host
_IDLE = 4.0  # seconds; below the 5 after which many servers close an idle connection, maybe under a request
LATER = (408, 423, 425, 429, 503)
_WORDS = ("message", "error", "error_description", "detail", "title", "description", "reason")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: httpx.Headers
    content: bytes
    path: str

    @property
    def ok(self) -> bool:
        """Did the system do what was asked?"""
        return 200 <= self.status < 300

    @property
    def date(self) -> datetime | None:
        """The system's clock, as it tells."""
        return http_date(self.headers.get("Date"))

    @property
    def after(self) -> timedelta | None:
        """How long the system asks us to wait."""
        return retry_after(self.headers)

    def json(self) -> Any:
        """The answer as plain values, None for an empty one. Raises ValueError if it is not JSON."""
        return decode(self.content) if self.content.strip() else None


class Client:
    """Requests to one system."""

    def __init__(self, config: System, *, system: str) -> None:
        self.system = system
        self._config = config
        seconds = config.timeout.total_seconds()
        self._http = httpx.Client(
            base_url=config.base_url,
            timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT)),
            limits=httpx.Limits(keepalive_expiry=_IDLE),
            # loading the certificates takes 20 ms, and plain http (never redirected) needs none
            verify=config.verify_tls and config.base_url.startswith("https:"),
            follow_redirects=False,
            headers={
                "Accept": "application/json",
                "User-Agent": "SyncAdmin",
                **{name: secret.get_secret_value() for name, secret in config.headers.items()},
            },
        )
        self.clock = ClockWatch()
        self._secrets = secrets(config.auth, config.headers)
        self.surround(Surroundings())

    def surround(self, surroundings: Surroundings) -> None:
        """Where tokens are kept that outlive this client."""
        self._auth = gate(self._config, self.url, self.system, surroundings.memory)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @property
    def base_path(self) -> str:
        """The path of the base address, without a slash at its end."""
        return self._http.base_url.path.rstrip("/")

    def url(self, path: str) -> httpx.URL:
        """The address of a path below the base address, or of a complete address on the same host."""
        if not path.startswith(("http://", "https://")):
            return self._http.build_request("GET", path).url
        return self.follow(path)

    def follow(self, link: str, origin: str = "") -> httpx.URL:
        """The address that a link in an answer means. Raises Misconfigured if it leads to another host."""
        base = self._http.base_url
        try:
            url = self.url(origin).join(link) if origin else httpx.URL(link)
        except httpx.InvalidURL as error:
            raise Unreadable(f"{shortened(link, 80)!r} is no address", system=self.system) from error
        if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            raise Misconfigured(
                f"the system points to another host ({url.scheme}://{url.netloc.decode()}), where our "
                "credentials must not go: use that host as base_url, or correct the address it gives",
                system=self.system,
            )
        return url

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        form: Lists | None = None,
        safe: str = "",
    ) -> Answer:
        """Send one request. Raises Retry if it was not sent, Unknown if it was and no answer came.

        `form` says that the body is one, and how it writes lists; `safe` is left as it is in parameters.
        """
        content = None if body is None else encode(body) if form is None else bodies.form(body, form)
        written = "application/json" if form is None else "application/x-www-form-urlencoded"
        kinds = {} if content is None else {"Content-Type": written}
        url = self.url(path)
        if params:
            asked_for = bodies.query(params, safe).encode()
            url = url.copy_with(query=b"&".join(filter(None, (url.query, asked_for))))
        request = self._http.build_request(method, url, content=content, headers={**kinds, **(headers or {})})
        place = request.url.path
        asked = datetime.now(UTC)
        try:
            response = self._http.send(request, auth=self._auth)
        except _NOT_SENT as error:
            raise Retry(
                f"{self._config.base_url} cannot be reached", system=self.system, said=str(error)
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            if error.request is not request:  # a login: what we meant to send was not sent, or refused
                raise Retry(
                    f"{error.request.url.host} gave no answer to a login", system=self.system
                ) from error
            reason = (
                "no answer in time"
                if isinstance(error, httpx.TimeoutException)
                else "the connection was lost"
            )
            raise Unknown(f"{method} {place}: {reason}", system=self.system, said=str(error)) from error
        answer = Answer(response.status_code, response.headers, response.content, place)
        if "Age" not in response.headers:
            self.clock.note(asked, answer.date, datetime.now(UTC))
        return answer

    def read(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        safe: str = "",
    ) -> Answer:
        """An answer that must be a success, or unchanged (304) where that was asked for.

        Raises Retry, Misconfigured or Unreadable.
        """
        try:
            answer = self.send(method, path, params=params, body=body, headers=headers, safe=safe)
        except Unknown as error:
            raise Retry(error.message, system=self.system, said=error.said) from error
        if not answer.ok and not (headers and answer.status == 304):
            raise self.failure(answer)
        return answer

    def failure(self, answer: Answer) -> ConnectorError:
        """What an answer to a read that is no success means."""
        status, said = answer.status, self.words(answer)
        where = f"{answer.path} answered with status {status}"
        if status in LATER or status >= 500:
            return Retry(where, after=answer.after, system=self.system, said=said)
        if status == 401:
            text = f"{where}: the credentials are missing or wrong: check `auth`"
        elif status == 403:
            text = f"{where}: these credentials may not read it: check `auth`, or give them the permission"
        elif 300 <= status < 400:
            location = httpx.URL(answer.headers.get("Location", "")).host or "another path"
            text = f"{where}: it redirects to {location}, which is not followed: correct base_url or path"
        elif status in (404, 405, 410):
            text = f"{where}: there is no such address: check base_url and path"
        else:
            text = f"{where}: the request does not fit this system: check params, filter, order and paginator"
        return Misconfigured(text, system=self.system, said=said)

    def json(self, answer: Answer) -> Any:
        """The answer as plain values. Raises Unreadable if it is not JSON."""
        try:
            return answer.json()
        except ValueError as error:
            told = answer.headers.get("Content-Type", "no content type")
            raise Unreadable(
                f"{answer.path} did not answer JSON but {told}: check base_url and path",
                system=self.system,
                said=self.clean(answer.content[:400].decode("utf-8", "replace")),
            ) from error

    def objects(self, data: Any, selector: Selector, what: str, place: str) -> list[dict[str, Any]]:
        """The list of objects that `selector` must find in `data`. Raises Unreadable."""
        found = selector(data)
        if not isinstance(found, list):
            raise Unreadable(
                f"{place}: `{what}: {selector.text}` must select a list of records but found {kind(found)} "
                f"in {kind(data)}: correct `{what}`",
                system=self.system,
            )
        for entry in found:
            if not isinstance(entry, dict):
                raise Unreadable(
                    f"{place}: `{what}: {selector.text}` must select objects but found {kind(entry)}",
                    system=self.system,
                )
        return found

    def words(self, answer: Answer) -> str:
        """The system's own words about a failure, shortened, without secrets."""
        try:
            data = answer.json()
        except ValueError:
            return self.clean(answer.content[:400].decode("utf-8", "replace"))
        told = "; ".join(dict.fromkeys(_sentences(data, "")))
        return self.clean(told or ("" if data is None else str(data)))

    def clean(self, text: str) -> str:
        """A text without any of our secrets, as one short line."""
        for secret in sorted({*self._secrets, *self._auth.secrets}, key=len, reverse=True):
            if secret:
                text = text.replace(secret, "***")
        return shortened(text)


def _sentences(data: Any, place: str) -> list[str]:
    """What an error's body tells a person: its messages, with the field that each is about."""
    if isinstance(data, str):
        return [f"{place}: {data}" if place else data]
    if isinstance(data, list):
        return [sentence for part in data for sentence in _sentences(part, place)]
    if not isinstance(data, dict):
        return []
    found = []
    for name in _WORDS:
        if data.get(name):
            found += _sentences(data[name], place)
    for name, part in data.items():
        if name not in _WORDS and isinstance(part, dict | list):
            inner = place if name in ("data", "errors", "details", "response", "requests") else name
            found += (
                []
                if isinstance(part, list) and not any(isinstance(p, dict) for p in part)
                else _sentences(part, inner)
            )
    return found
