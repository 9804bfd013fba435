"""How the connector is let in: each kind of credentials as an httpx authentication flow.

Secrets live in the configuration as SecretStr and appear in requests only; never in errors or logs.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from connectors.base import Misconfigured, Retry

from .credentials import Auth, HeaderAuth, LoginAuth
from .selectors import kind
from .values import decode, encode
from .waiting import retry_after

EARLY = 60  # seconds before its end at which a token is replaced
FRESH = 30  # seconds in which a token that is refused is not taken for a stale one

Steps = Generator[httpx.Request, httpx.Response, None]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is put on a request to be let in, until when it is good, and what of it must not be told."""

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    until: float = float("inf")
    secrets: tuple[str, ...] = ()

    def put_on(self, request: httpx.Request) -> None:
        """Show it."""
        request.headers.update(self.headers)
        if self.cookies:
            request.headers["Cookie"] = _with_cookies(request.headers.get("Cookie", ""), self.cookies)
        if self.params:
            request.url = _with_params(request.url, self.params)


class Gate(httpx.Auth):
    """Lets requests in, and knows what of that is secret."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that must be kept out of messages now."""
        return ()

    def auth_flow(self, request: httpx.Request) -> Steps:
        yield request


class Fixed(Gate):
    """The same with each request."""

    def __init__(self, shown: Ticket) -> None:
        self._shown = shown

    @property
    def secrets(self) -> tuple[str, ...]:
        return self._shown.secrets

    def auth_flow(self, request: httpx.Request) -> Steps:
        self._shown.put_on(request)
        yield request


class Source(Protocol):
    """Where a ticket comes from that does not last."""

    refused_on: tuple[int, ...]

    def get(
        self, request: httpx.Request, refused: Ticket | None
    ) -> Generator[httpx.Request, httpx.Response, Ticket]:
        """A new ticket, in place of one that was refused; what has to be asked is yielded.

        `request` is the one that needs it. Raises Misconfigured or Retry.
        """
        ...


class Renewing(Gate):
    """A ticket that does not last, shared by all threads; renewed once when it is refused or near its end."""

    requires_response_body = True

    def __init__(self, source: Source, clock: Callable[[], float] = time.time) -> None:
        self.source, self._clock = source, clock
        self._shown: Ticket | None = None
        self._since = 0.0
        self._lock = threading.Lock()

    @property
    def secrets(self) -> tuple[str, ...]:
        return self._shown.secrets if self._shown else ()

    def sync_auth_flow(self, request: httpx.Request) -> Steps:
        shown = yield from self._current(request, refused=None)
        shown.put_on(request)
        response = yield request
        if response.status_code in self.source.refused_on and self._clock() - self._since > FRESH:
            shown = yield from self._current(request, refused=shown)
            shown.put_on(request)
            yield request

    def _current(
        self, request: httpx.Request, refused: Ticket | None
    ) -> Generator[httpx.Request, httpx.Response, Ticket]:
        with self._lock:
            now = self._shown
            if now is None or now is refused or now.until - EARLY < self._clock():
                self._shown = None
                self._shown = now = yield from self.source.get(request, refused)
                self._since = self._clock()
            return now


class NoLogin(Misconfigured):
    """Nothing is there that would let anybody in: the address is wrong, or the path of the login."""


class Login:
    """A login call that answers a token or sets cookies."""

    def __init__(self, config: LoginAuth, url: httpx.URL, system: str, clock: Callable[[], float]) -> None:
        self._config, self._url, self._system, self._clock = config, url, system, clock
        self.refused_on = config.relogin_on

    def get(
        self, request: httpx.Request, refused: Ticket | None
    ) -> Generator[httpx.Request, httpx.Response, Ticket]:
        response = yield self._login(request)
        response.read()
        if response.status_code == 429 or response.status_code >= 500:
            raise Retry(
                f"login is not possible now (status {response.status_code})",
                after=retry_after(response.headers),
                system=self._system,
            )
        if response.status_code in (404, 405):
            raise NoLogin(
                f"there is no login at {self._config.path} (status {response.status_code}): "
                "check the address; it may have a path too many",
                system=self._system,
            )
        if not (response.is_success or (self._config.session == "cookie" and response.has_redirect_location)):
            raise Misconfigured(
                f"login as {self._config.username!r} at {self._config.path} was refused "
                f"(status {response.status_code}): check username, password and path",
                system=self._system,
            )
        return self._by_cookie(response) if self._config.session == "cookie" else self._by_token(response)

    def _login(self, request: httpx.Request) -> httpx.Request:
        known = {"username": self._config.username, "password": self._config.password.get_secret_value()}
        body = {name: text.format_map(known) for name, text in self._config.body.items()}
        form = self._config.encoding == "form"
        return httpx.Request(
            self._config.method,
            self._url,
            content=urlencode(body, quote_via=quote).encode() if form else encode(body),
            headers={
                "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
                "Accept": "application/json",
            },
            extensions=request.extensions,  # the same time-outs
        )

    def _by_token(self, response: httpx.Response) -> Ticket:
        told = self._config
        try:
            token = told.token(decode(response.content))
        except ValueError:
            token = None
        if not isinstance(token, str) or not token:
            raise Misconfigured(
                f"the login's answer holds no token at {told.token.text!r} but {kind(token)}",
                system=self._system,
            )
        return Ticket(
            {told.header: f"{told.scheme} {token}".strip()}, until=self._until(token), secrets=(token,)
        )

    def _by_cookie(self, response: httpx.Response) -> Ticket:
        cookies = cookies_of(response)
        if not cookies:
            raise Misconfigured(
                f"the login at {self._config.path} set no cookie: check username, password and path",
                system=self._system,
            )
        return Ticket(cookies=cookies, until=self._until(""), secrets=tuple(cookies.values()))

    def _until(self, token: str) -> float:
        told = self._config.lifetime
        return self._clock() + told.total_seconds() if told is not None else expires(token)


def expires(token: str) -> float:
    """The end of a JSON web token, in seconds since 1970; infinity for any other token."""
    try:
        payload = token.split(".")[1]
        told = decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(told["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return float("inf")


def cookies_of(response: httpx.Response) -> dict[str, str]:
    """The cookies that an answer sets, by name."""
    found: dict[str, str] = {}
    for line in response.headers.get_list("Set-Cookie"):
        try:
            found.update({name: morsel.coded_value for name, morsel in SimpleCookie(line).items()})
        except CookieError:
            continue
    return {name: value for name, value in found.items() if value}


def secrets(auth: Auth, headers: Mapping[str, SecretStr]) -> list[str]:
    """All secrets of the configuration, to be kept out of what is said."""
    told = [getattr(auth, name) for name in type(auth).model_fields]
    of_auth = auth.headers.values() if isinstance(auth, HeaderAuth) else told
    found = (one.get_secret_value() for one in (*headers.values(), *of_auth) if isinstance(one, SecretStr))
    return [secret for secret in found if secret]


def _with_cookies(header: str, cookies: Mapping[str, str]) -> str:
    """A Cookie header with these cookies, in place of others of the same name."""
    others = [part for part in header.split("; ") if part and part.partition("=")[0] not in cookies]
    return "; ".join([*others, *(f"{name}={value}" for name, value in cookies.items())])


def _with_params(url: httpx.URL, params: Mapping[str, str]) -> httpx.URL:
    """An address with these parameters, in place of others of the same name; the rest stays byte by byte."""
    names = {quote(name, safe="") for name in params} | params.keys()
    others = [part for part in url.query.decode().split("&") if part and part.partition("=")[0] not in names]
    added = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params.items()]
    return url.copy_with(query="&".join([*others, *added]).encode())
