"""From the configured credentials to the way in: which kind of gate stands there."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import httpx

from connectors.surroundings import Memory

from .auth import Fixed, Gate, Login, Renewing, Ticket
from .config import System
from .credentials import (
    ApiKeyAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCredentialsAuth,
    HeaderAuth,
    JwtAuth,
    LoginAuth,
    RefreshTokenAuth,
)
from .tokens import ClientCredentials, Guarded, Minted, RefreshToken

Clock = Callable[[], float]


def gate(
    config: System, url: Callable[[str], httpx.URL], system: str, memory: Memory, clock: Clock = time.time
) -> Gate:
    """The way in that the configuration asks for. `url` tells what a path means."""
    inner = _inner(config.auth, url, system, memory, clock)
    if config.csrf is None:
        return inner
    return Guarded(config.csrf, url(config.csrf.path), inner, system, clock)


def _inner(auth: Auth, url: Callable[[str], httpx.URL], system: str, memory: Memory, clock: Clock) -> Gate:
    match auth:
        case BasicAuth():
            return Fixed(_basic(auth.username, auth.password.get_secret_value()))
        case BearerAuth():
            secret = auth.token.get_secret_value()
            return Fixed(Ticket({"Authorization": f"{auth.scheme} {secret}".strip()}, secrets=(secret,)))
        case HeaderAuth():
            shown = {name: secret.get_secret_value() for name, secret in auth.headers.items()}
            return Fixed(Ticket(shown, secrets=tuple(shown.values())))
        case ApiKeyAuth():
            return Fixed(_api_key(auth))
        case LoginAuth():
            return Renewing(Login(auth, url(auth.path), system, clock), clock)
        case JwtAuth():
            return Minted(auth, system, clock)
        case ClientCredentialsAuth():
            return Renewing(ClientCredentials(auth, system, clock), clock)
        case RefreshTokenAuth():
            return Renewing(RefreshToken(auth, system, memory, clock), clock)
        case _:
            return Gate()


def _basic(username: str, password: str) -> Ticket:
    shown = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Ticket({"Authorization": f"Basic {shown}"}, secrets=(password or username, shown))


def _api_key(auth: ApiKeyAuth) -> Ticket:
    secret = auth.api_key.get_secret_value()
    match auth.location:
        case "header":
            return Ticket({auth.name: secret}, secrets=(secret,))
        case "query":
            return Ticket(params={auth.name: secret}, secrets=(secret,))
        case "cookie":
            return Ticket(cookies={auth.name: secret}, secrets=(secret,))
        case _:
            return _basic(secret, "")
