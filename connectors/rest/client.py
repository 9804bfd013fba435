"""One kept HTTP client per connector, and what its answers mean.

It sends requests and classifies failures: not sent, refused for now, sent without an answer, not
allowed, not readable. It waits for its turn, but never repeats a request, follows a redirect, connects
where it must not, takes more than it may, or lets a secret out.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from connectors.base import ConnectorError, Misconfigured, Retry, Spent, Unknown, Unreadable
from connectors.pacing import Quota
from connectors.surroundings import Purpose, Surroundings
from connectors.trying import Exchange

from . import bodies
from .auth import secrets
from .bodies import Lists
from .clock import ClockWatch
from .config import System
from .credentials import BodyAuth
from .gates import gate
from .network import Backend, TooMuch, within_reach
from .network import content as whole
from .selectors import Selector, kind, shortened
from .telling import forms, sentences
from .tracing import GIVEN, MOST, Heard, exchanges, foreseen
from .values import decode, encode
from .waiting import exhausted, http_date, retry_after

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CONNECT = 10.0  # seconds at most to reach a host
_IDLE = 4.0  # seconds; below the 5 after which many servers close an idle connection, maybe under a request
LATER = (408, 423, 425, 429, 503)
_IN_ALL = 10  # times the time-out: how long a whole answer may take


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
            verify=config.verify_tls and _is_secure(config),
            follow_redirects=False,
            headers={
                "Accept": "application/json",
                "User-Agent": "SyncAdmin",
                **{name: secret.get_secret_value() for name, secret in config.headers.items()},
            },
        )
        self.clock = ClockWatch()
        self._heard: list[Heard] | None = None  # while somebody watches
        self._secrets = secrets(config.auth, config.headers)
        # stands for the secret in bodies until they are bytes: nothing that a record holds can stand for it
        self.sealed = uuid.uuid4().hex
        self._closed_until = 0.0
        self.surround(Surroundings())

    def surround(self, surroundings: Surroundings) -> None:
        """Where tokens are kept that outlive this client, who hands out turns, and where it may connect."""
        self._auth = gate(self._config, self.url, self.system, surroundings.memory)
        self._pacer, self._purpose, self.memory = (
            surroundings.pacer,
            surroundings.purpose,
            surroundings.memory,
        )
        within_reach(self._http, Backend(surroundings.reach, self.system))

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
            said = shortened(self.clean(link), 80)
            raise Unreadable(f"{said!r} is no address", system=self.system) from error
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
        request = self._request(method, path, params or {}, body, headers or {}, form, safe)
        place = request.url.path
        self._wait_for_turn()
        asked = datetime.now(UTC)
        try:
            taken, response = self._taken(request)
        except TooMuch as error:
            raise Unknown(f"{method} {place}: {error}", system=self.system) from error
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
        answer = Answer(response.status_code, response.headers, taken, place)
        if exhausted(response.headers) and answer.after:
            self._closed_until = time.monotonic() + answer.after.total_seconds()
        if "Age" not in response.headers:
            self.clock.note(asked, answer.date, datetime.now(UTC))
        return answer

    def foresee(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        form: Lists | None = None,
    ) -> Exchange:
        """The request that `send` would send, but for what lets us in; nothing is sent."""
        request = self._request(method, path, params or {}, body, headers or {}, form, "")
        return foreseen(request, self.masked)

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Any,
        headers: Mapping[str, str],
        form: Lists | None,
        safe: str,
    ) -> httpx.Request:
        content = None if body is None else encode(body) if form is None else bodies.form(body, form)
        if content is not None and isinstance(self._config.auth, BodyAuth):
            secret = self._config.auth.secret.get_secret_value()
            told = encode(secret)[1:-1] if form is None else quote(secret, safe="").encode()
            content = content.replace(self.sealed.encode(), told)
        written = "application/json" if form is None else "application/x-www-form-urlencoded"
        kinds = {} if content is None else {"Content-Type": written}
        url = self.url(path)
        if params:
            asked_for = bodies.query(params, safe).encode()
            url = url.copy_with(query=b"&".join(filter(None, (url.query, asked_for))))
        return self._http.build_request(
            method,
            url,
            content=content,
            headers={**kinds, **headers},
            extensions={GIVEN: [name.lower() for name in headers]},
        )

    def _taken(self, request: httpx.Request) -> tuple[bytes, httpx.Response]:
        """The answer to a request, and all of its body. Raises TooMuch, httpx.HTTPError."""
        told, began = self._config, time.monotonic()
        response = self._http.send(request, auth=self._auth, stream=True)
        try:
            content = whole(response, told.max_answer, told.timeout.total_seconds() * _IN_ALL)
        finally:
            response.close()
        if self._heard is not None and len(self._heard) < MOST:
            self._heard.append(Heard(response, content, time.monotonic() - began))
        return content, response

    @property
    def _paced(self) -> str:
        """Whose turns and requests are counted: another address is another system."""
        return f"{self.system} {self._config.base_url}"

    @property
    def quota(self) -> Quota | None:
        """How much may be asked in a day."""
        told = self._config.limits
        if told.per_day is None:
            return None
        shares = {str(purpose): told.per_day * told.share(purpose) // 100 for purpose in Purpose}
        return Quota(self._paced, told.per_day, shares)

    def _wait_for_turn(self) -> None:
        """Wait until it is our turn. Raises Retry if that takes too long, or none is left today."""
        told, quota = self._config.limits, self.quota
        if (closed := self._closed_until - time.monotonic()) > 0:
            self._later("no request is left before the system's limit is anew", closed)
        if quota is not None:
            share = quota.shares[self._purpose]
            if self._pacer.spend(quota.name, share, self._purpose) is None:
                self._tomorrow(quota.per_day, told.share(self._purpose))
        if told.requests is not None:
            interval, patience = told.per.total_seconds() / told.requests, told.wait.total_seconds()
            wait = self._pacer.take(self._paced, interval, told.burst, patience)
            if wait > patience:
                self._later("too many requests wait for their turn", wait)
            time.sleep(wait)

    def _tomorrow(self, per_day: int, share: int) -> NoReturn:
        now = datetime.now(UTC)
        tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        part = "" if share == 100 else f"the {share} % for a {self._purpose} of "
        message, wait = f"{part}all {per_day} requests of today are made", tomorrow - now
        if share == 100:
            raise Retry(message, after=wait, system=self.system)
        raise Spent(message, after=wait, system=self.system)

    def _later(self, message: str, seconds: float) -> NoReturn:
        raise Retry(message, after=timedelta(seconds=seconds), system=self.system)

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
            if isinstance(error.__cause__, TooMuch):
                raise Unreadable(error.message, system=self.system) from error
            raise Retry(error.message, system=self.system, said=error.said) from error
        if not answer.ok and not (headers and answer.status == 304):
            raise self.failure(answer)
        return answer

    def failure(self, answer: Answer) -> ConnectorError:
        """What an answer to a read that is no success means."""
        status, said = answer.status, self.words(answer)
        where = f"{answer.path} answered with status {status}"
        if status in LATER or status >= 500 or (status == 403 and exhausted(answer.headers)):
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
        told = "; ".join(dict.fromkeys(sentences(data, "")))
        return self.clean(told or ("" if data is None else str(data)))

    def clean(self, text: str) -> str:
        """A text without any of our secrets, as one short line."""
        return shortened(self.masked(text))

    def masked(self, text: str) -> str:
        """A text without any of our secrets, however they are written in it."""
        known = {form for secret in (*self._secrets, *self._auth.secrets) if secret for form in forms(secret)}
        for secret in sorted(known, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    @contextmanager
    def watched(self) -> Iterator[list[Exchange]]:
        """Note every request and its answer until the end of the context; the list is filled then."""
        found: list[Exchange] = []
        self._heard = []
        try:
            yield found
        finally:
            found += exchanges(self._heard, self.masked)
            self._heard = None


def _is_secure(config: System) -> bool:
    """Is anything asked by https: the system itself, or who gives its tokens?"""
    addresses = (config.base_url, getattr(config.auth, "access_token_url", ""))
    return any(address.startswith("https:") for address in addresses)
