"""How the connector is let in: each kind of credentials as an httpx authentication flow.

Secrets live in the configuration as SecretStr and appear in requests only; never in errors or logs.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Generator, Mapping

import httpx
from pydantic import SecretStr

from connectors.base import Misconfigured, Retry

from .config import Auth, BasicAuth, BearerAuth, HeaderAuth, LoginAuth
from .selectors import kind
from .values import decode, encode
from .waiting import retry_after

_EARLY = 60  # seconds before its end at which a token is replaced
_FRESH = 30  # seconds in which a token that is refused is not taken for a stale one


class Headers(httpx.Auth):
    """Fixed headers."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


class Login(httpx.Auth):
    """A token from a login call, shared by all threads; renewed once when it is refused or near its end."""

    requires_response_body = True

    def __init__(self, config: LoginAuth, url: httpx.URL, system: str, clock: Callable[[], float]) -> None:
        self._config, self._url, self._system, self._clock = config, url, system, clock
        self._token, self._since = "", 0.0
        self._lock = threading.Lock()

    @property
    def token(self) -> str:
        """The current token, to be kept out of messages."""
        return self._token

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = yield from self._current(request, refused=None)
        self._sign(request, token)
        response = yield request
        if response.status_code in self._config.relogin_on and self._clock() - self._since > _FRESH:
            token = yield from self._current(request, refused=token)
            self._sign(request, token)
            yield request

    def _sign(self, request: httpx.Request, token: str) -> None:
        scheme = self._config.scheme
        request.headers[self._config.header] = f"{scheme} {token}" if scheme else token

    def _current(
        self, request: httpx.Request, refused: str | None
    ) -> Generator[httpx.Request, httpx.Response, str]:
        with self._lock:
            if not self._token or self._token == refused or expires(self._token) - _EARLY < self._clock():
                self._token = ""
                response = yield self._login(request)
                response.read()
                self._token, self._since = self._taken(response), self._clock()
            return self._token

    def _login(self, request: httpx.Request) -> httpx.Request:
        known = {"username": self._config.username, "password": self._config.password.get_secret_value()}
        body = {name: text.format_map(known) for name, text in self._config.body.items()}
        return httpx.Request(
            self._config.method,
            self._url,
            content=encode(body),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            extensions=request.extensions,  # the same time-outs
        )

    def _taken(self, response: httpx.Response) -> str:
        if response.status_code == 429 or response.status_code >= 500:
            raise Retry(
                f"login is not possible now (status {response.status_code})",
                after=retry_after(response.headers),
                system=self._system,
            )
        if not response.is_success:
            raise Misconfigured(
                f"login as {self._config.username!r} at {self._config.path} was refused "
                f"(status {response.status_code}): check username, password and path",
                system=self._system,
            )
        try:
            token = self._config.token(decode(response.content))
        except ValueError:
            token = None
        if not isinstance(token, str) or not token:
            raise Misconfigured(
                f"the login's answer holds no token at {self._config.token.text!r} but {kind(token)}",
                system=self._system,
            )
        return token


def expires(token: str) -> float:
    """The end of a JSON web token, in seconds since 1970; infinity for any other token."""
    try:
        payload = token.split(".")[1]
        told = decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(told["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return float("inf")


def flow(auth: Auth, url: Callable[[str], httpx.URL], system: str) -> httpx.Auth | None:
    """The authentication that the configuration asks for."""
    match auth:
        case BasicAuth():
            return httpx.BasicAuth(auth.username, auth.password.get_secret_value())
        case BearerAuth():
            return Headers({"Authorization": f"{auth.scheme} {auth.token.get_secret_value()}".strip()})
        case HeaderAuth():
            return Headers({name: secret.get_secret_value() for name, secret in auth.headers.items()})
        case LoginAuth():
            return Login(auth, url(auth.path), system, time.time)
        case _:
            return None


def secrets(auth: Auth, headers: Mapping[str, SecretStr]) -> list[str]:
    """All secrets of the configuration, to be kept out of what is said."""
    found = [secret.get_secret_value() for secret in headers.values()]
    match auth:
        case BasicAuth() | LoginAuth():
            found.append(auth.password.get_secret_value())
        case BearerAuth():
            found.append(auth.token.get_secret_value())
        case HeaderAuth():
            found.extend(secret.get_secret_value() for secret in auth.headers.values())
    return [secret for secret in found if secret]
