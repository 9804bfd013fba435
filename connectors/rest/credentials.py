"""How the connector is let in, as configuration: one model for each kind of credentials.

The models only; `auth` and `tokens` act by them. Every secret is a SecretStr.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.offers import gettext_noop as _

from .selectors import Selector
from .strict import Duration, Strict


class NoAuth(Strict):
    """The system asks for no credentials."""

    type: Literal["none"] = "none"


class BasicAuth(Strict):
    """HTTP Basic."""

    type: Literal["basic"]
    username: str = Field("", title=_("User"))
    password: SecretStr = Field(SecretStr(""), title=_("Password"))


class BearerAuth(Strict):
    """A fixed token in the Authorization header, by default after the word `Bearer`."""

    type: Literal["bearer"]
    token: SecretStr = Field(title=_("Token"), description=_("As the system gave it for programs"))
    scheme: str = Field("Bearer", description="The word before the token: Token, ApiKey...; may be empty")


class HeaderAuth(Strict):
    """One or several headers that hold secrets."""

    type: Literal["header"]
    headers: dict[str, SecretStr] = Field(description="Each header with its secret")


class ApiKeyAuth(Strict):
    """One key, in a header, in the query, in a cookie, or as the user of HTTP Basic."""

    type: Literal["api_key"]
    name: str = Field(
        "X-API-Key", title=_("Name"), description=_("Of the header, parameter or cookie that holds the key")
    )
    api_key: SecretStr = Field(title=_("Key"), description=_("As the system gave it for programs"))
    location: Literal["header", "query", "cookie", "basic"] = Field(
        "header", title=_("Place of the key"), description=_("header, query, cookie, or basic: as the user")
    )


class BodyAuth(Strict):
    """A secret in the body of each request, where its template says {secret}."""

    type: Literal["body"]
    secret: SecretStr = Field(title=_("Key"), description=_("As the system gave it for programs"))


class LoginAuth(Strict):
    """A login call that answers a token or sets cookies; done again when refused or near their end."""

    type: Literal["login"]
    path: str = Field(title=_("Path of the login"), description=_("Below the address; it answers a token"))
    username: str = Field("", title=_("User"))
    password: SecretStr = Field(SecretStr(""), title=_("Password"))
    method: str = Field("POST", description="Method of the login call")
    body: dict[str, str] = Field(
        default={"username": "{username}", "password": "{password}"},
        description="What is sent; {username} and {password} are filled in",
    )
    encoding: Literal["json", "form"] = Field("json", description="How the login's body is written")
    session: Literal["token", "cookie"] = Field(
        "token", description="What the login gives: a token in its answer, or cookies"
    )
    token: Selector = Field(Selector("token"), description="Where the token is in the answer")
    header: str = Field("Authorization", description="The header that carries the token")
    scheme: str = Field("Bearer", description="The word before the token; may be empty")
    lifetime: Duration | None = Field(None, description="How long a login is good for, if it does not say")
    relogin_on: tuple[int, ...] = Field((401,), description="Statuses that say: log in again")


class JwtAuth(Strict):
    """A signed JSON web token of our own, made anew for each request."""

    type: Literal["jwt"]
    key: SecretStr = Field(
        title=_("Key to sign with"), description=_("A shared secret, or a private key as PEM")
    )
    algorithm: Literal[
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"
    ] = Field("HS256", description="How it is signed")
    claims: dict[str, str | int] = Field(
        default_factory=dict,
        description="What it says: iss, sub, aud...; iat, exp and jti come by themselves",
    )
    key_id: str = Field("", title=_("Name of the key"), description=_("The kid in its head; may be empty"))
    lifetime: Duration = Field(timedelta(minutes=2), description="How long each one is good for")
    header: str = Field("Authorization", description="The header that carries it")
    scheme: str = Field("Bearer", description="The word before it; may be empty")


class OAuth(Strict):
    """What both ways of OAuth 2 share."""

    access_token_url: str = Field(
        title=_("Address of the tokens"), description=_("Where access tokens are given; may be another host")
    )
    client_id: str = Field(title=_("Client"), description=_("The client's id, as the system gave it"))
    client_secret: SecretStr = Field(SecretStr(""), title=_("Secret of the client"))
    scope: str = Field("", title=_("Scopes"), description=_("Asked for, with blanks between; may be empty"))
    client_in: Literal["header", "body"] = Field(
        "header", description="Whether the client shows itself by HTTP Basic or in the body"
    )
    access_token_request_data: dict[str, str] = Field(
        default_factory=dict, description="More that the token's address wants: audience, resource..."
    )
    default_token_expiration: Duration = Field(
        timedelta(hours=1), description="How long a token is good for, if it does not say"
    )
    scheme: str = Field("Bearer", description="The word before the token")
    relogin_on: tuple[int, ...] = Field((401,), description="Statuses that say: get a new token")

    @field_validator("access_token_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("access_token_url begins with https:// (or http://)")
        return value


class ClientCredentialsAuth(OAuth):
    """OAuth 2, client credentials: the hub is let in as itself."""

    type: Literal["oauth2_client_credentials"]


class RefreshTokenAuth(OAuth):
    """OAuth 2 with a refresh token that a person got once. One that rotates is kept by the hub, encrypted."""

    type: Literal["oauth2_refresh_token"]
    refresh_token: SecretStr = Field(title=_("Refresh token"), description=_("A new one starts all over"))


Auth = Annotated[
    NoAuth
    | BasicAuth
    | BearerAuth
    | HeaderAuth
    | ApiKeyAuth
    | BodyAuth
    | LoginAuth
    | JwtAuth
    | ClientCredentialsAuth
    | RefreshTokenAuth,
    Field(discriminator="type"),
]


class Csrf(Strict):
    """A token against forged requests that the system wants to see with each write, beside the credentials.

    It is asked for at `path` and taken from a header, a cookie or the body of that answer, whose cookies
    are sent along with it.
    """

    path: str = Field(description="Where the token is asked for")
    method: str = Field("GET", description="Method of that request")
    ask: dict[str, str] = Field(default={"X-CSRF-Token": "Fetch"}, description="Headers of that request")
    from_header: str | None = Field(None, description="The header of the answer that holds the token")
    from_cookie: str | None = Field(None, description="The cookie of the answer that holds it")
    from_body: Selector | None = Field(None, description="Where it is in the body of the answer")
    header: str = Field("X-CSRF-Token", description="The header that carries it")
    renew_on: tuple[int, ...] = Field((403,), description="Statuses that say: the token is too old")

    @model_validator(mode="after")
    def _one_place(self) -> Csrf:
        if sum(place is not None for place in (self.from_header, self.from_cookie, self.from_body)) != 1:
            raise ValueError("csrf needs one of `from_header`, `from_cookie` and `from_body`")
        return self
