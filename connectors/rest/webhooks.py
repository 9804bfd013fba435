"""Webhooks of a REST system, as configuration: how deliveries are signed, and what they are about.

A delivery only names records; their values are never taken from it. The models only: `signatures` checks
deliveries by them, `payloads` reads them, `registering` tells the system where to send them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from connectors.offers import gettext_noop as _

from .presets import merged
from .selectors import Selector
from .strict import Duration, Strict

KEPT_BYTES = 256 * 1024
MOST_BYTES = 4 * 1024 * 1024
PREVIOUS = "The secret before, while it is being replaced: both count"
TOLERANCE = "What was sent longer ago than this, or so far in the future, is refused as a replay"


def key_of(secret: str, encoding: str) -> bytes:
    """The key that a secret stands for. Raises ValueError, without the secret in it."""
    try:
        if encoding == "hex":
            return bytes.fromhex(secret)
        if encoding == "base64":
            return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"is not {encoding}, as `secret_encoding` says") from None
    return secret.encode()


class Parts(Strict):
    """A header that holds several things, such as `t=1700000000,v1=5257a8`: what each is called in it."""

    signature: str = Field("v1", description="What the signature is called; it may be there several times")
    timestamp: str | None = Field(None, description="What the time of sending is called, if it is signed")
    separator: str = Field(",", min_length=1, max_length=2, description="What stands between two of them")


class HmacSigned(Strict):
    """The body, and what `content` puts beside it, is signed with a secret that both know."""

    type: Literal["hmac"]
    secret_encoding: Literal["text", "hex", "base64"] = Field(
        "text", description="How the secret is written: the key is its text, or what it decodes to"
    )
    secret: SecretStr = Field(
        title=_("Secret"), description=_("As the other system shows it, or as you gave it there")
    )
    previous: SecretStr | None = Field(None, description=PREVIOUS)
    header: str = Field(
        title=_("Header"),
        description=_("It holds the signature, or the secret itself"),
    )
    algorithm: Literal["sha256", "sha512"] = Field("sha256", title=_("Algorithm"))
    encoding: Literal["hex", "base64"] = Field("hex", title=_("Written as"))
    prefix: str = Field(
        "", title=_("Before it in the header"), description=_("Such as sha256= or Bearer; empty if nothing")
    )
    parts: Parts | None = Field(None, description="Where that header holds several things, their names")
    content: str = Field("{body}", description="What is signed, made of {body}, {timestamp} and {id}")
    timestamp: str | None = Field(
        None, description="The header that holds the time of sending, if it is signed"
    )
    id: str | None = Field(None, description="The header that holds the delivery's own id")
    time: Literal["seconds", "milliseconds", "iso"] = Field(
        "seconds", description="How that time is written: since 1970, or as a date"
    )
    tolerance: Duration = Field(
        timedelta(minutes=5), gt=timedelta(0), le=timedelta(days=1), description=TOLERANCE
    )

    @field_validator("secret", "previous")
    @classmethod
    def _decodes(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and not key_of(
            value.get_secret_value(), info.data.get("secret_encoding", "text")
        ):
            raise ValueError("is empty")
        return value

    @model_validator(mode="after")
    def _whole(self) -> HmacSigned:
        if self.content.count("{body}") != 1:
            raise ValueError("content holds {body} once, since that is what is signed")
        timed = self.timestamp is not None or (self.parts is not None and self.parts.timestamp is not None)
        if timed != ("{timestamp}" in self.content):
            raise ValueError(
                "a time counts only if it is signed: name where it comes from (timestamp, or "
                "parts.timestamp), and write {timestamp} in content; or neither"
            )
        if "{id}" in self.content and self.id is None:
            raise ValueError("content has {id}: name the header that holds it, with `id`")
        return self


class StandardSigned(Strict):
    """Standard Webhooks: id, time and body are signed; headers begin with `webhook-` (or `svix-`)."""

    type: Literal["standard"]
    secret: SecretStr = Field(title=_("Secret"), description=_("Begins with whsec_ in many systems"))
    previous: SecretStr | None = Field(None, description=PREVIOUS)
    headers: str = Field(
        "webhook",
        pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
        description="What the names of its headers begin with, before -id, -timestamp and -signature",
    )
    tolerance: Duration = Field(
        timedelta(minutes=5), gt=timedelta(0), le=timedelta(days=1), description=TOLERANCE
    )

    @field_validator("secret", "previous")
    @classmethod
    def _decodes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not standard_key(value.get_secret_value()):
            raise ValueError("is empty")
        return value


def standard_key(secret: str) -> bytes:
    """The key that a secret of Standard Webhooks stands for. Raises ValueError, without the secret in it."""
    try:
        return key_of(secret.removeprefix("whsec_"), "base64")
    except ValueError:
        raise ValueError("is no secret of Standard Webhooks: whsec_ and base64") from None


class HeaderSigned(Strict):
    """A header that holds the secret itself. Whoever sees one delivery can make others: TLS is a must."""

    type: Literal["header"]
    secret: SecretStr = Field(title=_("Secret"), min_length=8)
    previous: SecretStr | None = Field(None, description=PREVIOUS)
    header: str = Field(title=_("Header"))
    prefix: str = Field("", title=_("Before it in the header"))


Signed = Annotated[HmacSigned | StandardSigned | HeaderSigned, Field(discriminator="type")]


class QueryChallenge(Strict):
    """Before it sends anything the system asks for a text to be sent back: `?hub.challenge=...`.

    `token_param` is where it shows the `token` that was agreed, if it does.
    """

    type: Literal["query"]
    param: str = Field(description="The parameter that holds the text, such as hub.challenge")
    method: Literal["GET", "POST"] = Field("GET", description="How it asks")
    token_param: str | None = Field(None, description="The parameter that shows the token, if one was agreed")
    token: SecretStr | None = Field(
        None, description="The token that was agreed: who shows another is refused"
    )

    @model_validator(mode="after")
    def _whole(self) -> QueryChallenge:
        if (self.token is None) != (self.token_param is None):
            raise ValueError("token and token_param go together")
        return self


class BodyChallenge(Strict):
    """A signed delivery whose body holds a text to be sent back."""

    type: Literal["body"]
    challenge: Selector = Field(description="Where the text is; a delivery without it is one as any other")


Challenge = Annotated[QueryChallenge | BodyChallenge, Field(discriminator="type")]


class Listed(Strict):
    """How the registrations that the system has are listed."""

    path: str = Field(description="Where they are listed")
    items: Selector = Field(Selector("@"), description="Where the list is in the answer")
    url: Selector = Field(Selector("url"), description="In a registration, the address that it sends to")
    id: Selector = Field(
        Selector("id"), description="In a registration, and in the answer to a new one, its id"
    )
    topic: Selector | None = Field(None, description="In a registration, its topic; needed with `topics`")


class Removed(Strict):
    """How a registration is taken back."""

    method: str = Field("DELETE", description="The method of the request")
    path: str = Field(description="Where a registration is; holds {id}")


class Register(Strict):
    """How the system is told to send webhooks. Blanks of `body`: {url}, {secret}, {topic}; of `remove`: {id}.

    With `topics` there is one registration for each. `secret` is where the system answers a secret that it
    has made itself.
    """

    method: str = Field("POST", description="The method of the request")
    path: str = Field(description="Where webhooks are registered")
    body: dict[str, Any] = Field(
        description="What is sent; may hold {url}, {secret} and {topic} at any depth"
    )
    topics: tuple[str, ...] = Field((), description="What is registered for, one registration each")
    secret: Selector | None = Field(
        None, description="Where the answer holds the secret that the system made"
    )
    list: Listed = Field(description="How registrations are listed: what is there is not registered twice")
    remove: Removed = Field(description="How a registration is taken back")

    @model_validator(mode="after")
    def _whole(self) -> Register:
        if self.topics and self.list.topic is None:
            raise ValueError("topics need list.topic: where a registration says for which one it is")
        if "{id}" not in self.remove.path:
            raise ValueError("remove.path holds {id}: which registration is taken back")
        return self


class Webhook(Strict):
    """How a system tells that records changed. Selectors other than `events` look into one event."""

    signed: Signed = Field(title=_("How deliveries are signed"))
    format: Literal["json", "form"] = Field("json", description="How bodies are written")
    events: Selector = Field(
        Selector("@"), description="Where the events are in the body; `@`: it is one, or a list of them"
    )
    records: Selector | None = Field(
        Selector("id"),
        title=_("Where the key is"),
        description=_(
            "Of the record, in what is sent, as JMESPath, such as data.id; or of several: data[].id"
        ),
    )
    resource: Selector | None = Field(
        None,
        title=_("Where the resource is named"),
        description=_("In what is sent, such as type; empty if another place says it"),
    )
    resource_header: str | None = Field(None, description="The header that names the resource, or the topic")
    resources: dict[str, str] = Field(
        default_factory=dict,
        description="Its names for our resources; * stands for anything. Without it the names are ours",
    )
    id: Selector | None = Field(
        None, description="Where the body holds the delivery's own id: one that comes again is only counted"
    )
    id_header: str | None = Field(None, description="The header that holds that id")
    time: Selector | None = Field(
        None, description="Where an event tells when it happened, if no signed time does"
    )
    challenge: Challenge | None = Field(None, description="How the system asks whether the address is right")
    registration: Register | None = Field(
        default=None, alias="register", description="How the system is told to send webhooks, by its own API"
    )
    max_bytes: int = Field(
        KEPT_BYTES, ge=1024, le=MOST_BYTES, description="Bytes of the largest delivery that is taken"
    )

    @model_validator(mode="after")
    def _whole(self) -> Webhook:
        if self.resource is not None and self.resource_header is not None:
            raise ValueError("resource and resource_header: only one of them names the resource")
        if self.id is not None and self.id_header is not None:
            raise ValueError("id and id_header: only one of them holds the delivery's id")
        return self


def written(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the settings of a system, with those of its preset, say of its webhook; None if nothing."""
    section = merged(settings, "system").get("webhook")
    return section if isinstance(section, Mapping) else None
