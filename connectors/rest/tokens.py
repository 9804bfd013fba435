"""Tokens by standards: our own signed JSON web tokens, OAuth 2, and tokens against forged requests.

A refresh token that rotates is put into the memory before anything is asked with what came along with it:
the one before is dead by then.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

import httpx
import jwt
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error

from connectors.base import Misconfigured, Retry
from connectors.surroundings import Memory

from .auth import EARLY, FRESH, Gate, Steps, Ticket, cookies_of
from .credentials import Csrf, JwtAuth, OAuth, RefreshTokenAuth
from .selectors import shortened
from .values import decode
from .waiting import retry_after

Asking = Generator[httpx.Request, httpx.Response, Ticket]
_SAFE = ("GET", "HEAD", "OPTIONS")


class Minted(Gate):
    """A signed token of our own, made anew for each request."""

    def __init__(self, config: JwtAuth, system: str, clock: Callable[[], float]) -> None:
        self._config, self._system, self._clock = config, system, clock
        self._minted: deque[str] = deque(maxlen=64)  # more than are on their way at the same time

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(self._minted)

    def auth_flow(self, request: httpx.Request) -> Steps:
        told, now = self._config, int(self._clock())
        end = now + int(told.lifetime.total_seconds())
        claims = {**told.claims, "iat": now, "exp": end, "jti": uuid.uuid4().hex}
        head = {"kid": told.key_id} if told.key_id else None
        try:
            token = jwt.encode(claims, told.key.get_secret_value(), told.algorithm, headers=head)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Misconfigured(
                f"`auth.key` can't sign by {told.algorithm}: check the key and `auth.algorithm`",
                system=self._system,
            ) from None
        self._minted.append(token)
        request.headers[told.header] = f"{told.scheme} {token}".strip()
        yield request


class ClientCredentials:
    """Access tokens by OAuth 2, for the hub itself."""

    def __init__(self, config: OAuth, system: str, clock: Callable[[], float]) -> None:
        self._config, self._system, self._clock = config, system, clock
        self._client = BackendApplicationClient(config.client_id)
        self.refused_on = config.relogin_on

    def get(self, request: httpx.Request, refused: Ticket | None) -> Asking:
        told = self._config
        body = self._client.prepare_request_body(
            scope=told.scope or None, include_client_id=told.client_in == "body", **self._more()
        )
        answer = yield from self._asked(request, body)
        return self._shown(answer)

    def _more(self) -> dict[str, str]:
        """What stands in the body besides."""
        told = self._config
        shown = {"client_secret": told.client_secret.get_secret_value()} if told.client_in == "body" else {}
        return {**told.access_token_request_data, **shown}

    def _asked(
        self, request: httpx.Request, body: str
    ) -> Generator[httpx.Request, httpx.Response, dict[str, Any]]:
        told = self._config
        asked = httpx.Request(
            "POST",
            told.access_token_url,
            content=body.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            extensions=request.extensions,
        )
        if told.client_in == "header":
            basic = httpx.BasicAuth(told.client_id, told.client_secret.get_secret_value())
            next(basic.auth_flow(asked))
        response = yield asked
        response.read()
        if response.status_code == 429 or response.status_code >= 500:
            raise Retry(
                f"no access token now (status {response.status_code})",
                after=retry_after(response.headers),
                system=self._system,
            )
        try:
            answer: dict[str, Any] = dict(self._client.parse_request_body_response(response.text))
        except (OAuth2Error, ValueError, TypeError, AttributeError) as error:
            said = getattr(error, "error", "") or type(error).__name__
            raise Misconfigured(
                f"{asked.url.host} gave no access token (status {response.status_code}): "
                "check the client, its secret, the scopes and the address of the tokens",
                system=self._system,
                said=shortened(said, 80),
            ) from None
        return answer

    def _shown(self, answer: dict[str, Any]) -> Ticket:
        token = str(answer["access_token"])
        lasts = answer.get("expires_in")
        seconds = self._config.default_token_expiration.total_seconds() if lasts is None else float(lasts)
        return Ticket(
            {"Authorization": f"{self._config.scheme} {token}".strip()},
            until=self._clock() + seconds,
            secrets=(token, *filter(None, (str(answer.get("refresh_token") or ""),))),
        )


class RefreshToken(ClientCredentials):
    """Access tokens by a refresh token, which may be replaced each time; all workers share what came last."""

    def __init__(
        self, config: RefreshTokenAuth, system: str, memory: Memory, clock: Callable[[], float]
    ) -> None:
        super().__init__(config, system, clock)
        self._first, self._memory = config.refresh_token.get_secret_value(), memory
        root = "\n".join((config.access_token_url, config.client_id, self._first))
        self._name = "oauth2:" + hashlib.sha256(root.encode()).hexdigest()

    def get(self, request: httpx.Request, refused: Ticket | None) -> Asking:
        if (ticket := self._good(refused)) is not None:
            return ticket
        with self._memory.alone(self._name):
            if (ticket := self._good(refused)) is not None:
                return ticket  # someone else was first
            token = self._kept().get("refresh_token") or self._first
            shown = {"client_id": self._config.client_id} if self._config.client_in == "body" else {}
            body = self._client.prepare_refresh_body(
                refresh_token=token, scope=self._config.scope or None, **shown, **self._more()
            )
            answer = yield from self._asked(request, body)
            ticket = self._shown(answer)
            kept = {
                "access_token": answer["access_token"],
                "refresh_token": answer.get("refresh_token") or token,
                "until": ticket.until,
            }
            self._memory.put(self._name, json.dumps(kept))
            return ticket

    def _good(self, refused: Ticket | None) -> Ticket | None:
        """The ticket that someone got and that was not refused, if it is good for a while."""
        kept = self._kept()
        left = float(kept.get("until") or 0) - self._clock()
        if left < EARLY:
            return None
        shown = self._shown({**kept, "expires_in": left})
        return None if refused is not None and shown.headers == refused.headers else shown

    def _kept(self) -> dict[str, Any]:
        kept = self._memory.get(self._name)
        return dict(json.loads(kept)) if kept else {}


class Guarded(Gate):
    """Any way in, with a token against forged requests on each write."""

    def __init__(
        self,
        config: Csrf,
        url: httpx.URL,
        inner: httpx.Auth,
        system: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._url, self.inner, self._system, self._clock = config, url, inner, system, clock
        self._shown: Ticket | None = None
        self._since = 0.0
        self._lock = threading.Lock()

    @property
    def secrets(self) -> tuple[str, ...]:
        inner = self.inner.secrets if isinstance(self.inner, Gate) else ()
        return (*inner, *(self._shown.secrets if self._shown else ()))

    def sync_auth_flow(self, request: httpx.Request) -> Steps:
        if request.method in _SAFE:
            yield from self._through(request)
            return
        shown = yield from self._current(request, None)
        shown.put_on(request)
        response = yield from self._through(request)
        if response.status_code in self._config.renew_on and self._clock() - self._since > FRESH:
            shown = yield from self._current(request, shown)
            shown.put_on(request)
            yield from self._through(request)

    def _through(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
        """The answer to a request that goes the inner way in."""
        flow = self.inner.sync_auth_flow(request)
        asked = next(flow)
        while True:
            response = yield asked
            try:
                asked = flow.send(response)
            except StopIteration:
                return response

    def _current(self, request: httpx.Request, refused: Ticket | None) -> Asking:
        with self._lock:
            if self._shown is None or self._shown is refused:
                self._shown = None
                self._shown = yield from self._ask(request)
                self._since = self._clock()
            return self._shown

    def _ask(self, request: httpx.Request) -> Asking:
        told = self._config
        headers = {"Accept": "application/json", **told.ask}
        asked = httpx.Request(told.method, self._url, headers=headers, extensions=request.extensions)
        response = yield from self._through(asked)
        response.read()
        if response.status_code == 429 or response.status_code >= 500:
            raise Retry(
                f"{told.path} gives no token now (status {response.status_code})",
                after=retry_after(response.headers),
                system=self._system,
            )
        cookies = cookies_of(response)
        token = cookies.get(told.from_cookie) if told.from_cookie else None
        token = response.headers.get(told.from_header) if told.from_header else token
        if told.from_body:
            try:
                token = told.from_body(decode(response.content))
            except ValueError:
                token = None
        if not isinstance(token, str) or not token:
            raise Misconfigured(
                f"{told.path} answered status {response.status_code} and no token: check `csrf` and `auth`",
                system=self._system,
            )
        return Ticket({told.header: token}, cookies=cookies, secrets=(token, *cookies.values()))
