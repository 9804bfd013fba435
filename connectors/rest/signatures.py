"""Does a delivery come from who knows the secret, and was it sent just now? Pure: the time is an argument.

Standard Webhooks is one of many ways to put the same HMAC together, so there is one piece of code for all; it
takes what a header holds as it came, and compares in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import SecretStr

from .webhooks import HeaderSigned, HmacSigned, StandardSigned, key_of, standard_key

MOST_SIGNATURES = 10
LONGEST_TIME = 40


class Why(StrEnum):
    """Why a delivery is refused."""

    UNSIGNED = "unsigned"  # what the scheme asks for is missing, or can't be read
    FORGED = "forged"  # the secret is another one, or the body is
    OLD = "old"  # rightly signed, and too long ago (or in the future): a replay


class Refused(Exception):
    """The delivery proves nothing. `why` is all that may be told of it."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Verified:
    """What the signature covers besides the body: the delivery's id and time, where the scheme has them."""

    id: str = ""
    sent_at: datetime | None = None


def verify(
    signed: HmacSigned | StandardSigned | HeaderSigned,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> Verified:
    """What is proven of a delivery. `headers` are found by name whatever its case. Raises Refused."""
    if isinstance(signed, HeaderSigned):
        return _by_secret(signed, headers)
    return (
        _by_hmac(signed, headers, body, now)
        if isinstance(signed, HmacSigned)
        else _by_standard(signed, headers, body, now)
    )


def same_secret(given: str, *wanted: SecretStr | None) -> bool:
    """Whether a text is one of the secrets, in a time that tells nothing of them."""
    found = False
    for secret in wanted:
        if secret is not None and secret.get_secret_value():
            found |= hmac.compare_digest(_bytes(given), secret.get_secret_value().encode())
    return found


def _by_secret(signed: HeaderSigned, headers: Mapping[str, str]) -> Verified:
    given = _header(headers, signed.header)
    if not given.startswith(signed.prefix):
        raise Refused(Why.UNSIGNED)
    if not same_secret(given[len(signed.prefix) :].lstrip(" "), signed.secret, signed.previous):
        raise Refused(Why.FORGED)
    return Verified()


def _by_standard(signed: StandardSigned, headers: Mapping[str, str], body: bytes, now: datetime) -> Verified:
    name, time = (_header(headers, f"{signed.headers}-{part}") for part in ("id", "timestamp"))
    given = _header(headers, f"{signed.headers}-signature").split()
    signatures = [one.removeprefix("v1,") for one in given if one.startswith("v1,")]
    content = b".".join((_bytes(name), _bytes(time), body))
    keys = [standard_key(s.get_secret_value()) for s in (signed.secret, signed.previous) if s is not None]
    _ensure_signed(signatures, content, keys, "sha256", "base64")
    return Verified(name, _in_time(time, "seconds", signed.tolerance, now))


def _by_hmac(signed: HmacSigned, headers: Mapping[str, str], body: bytes, now: datetime) -> Verified:
    given = _header(headers, signed.header)
    name = _header(headers, signed.id) if signed.id is not None else ""
    time = _header(headers, signed.timestamp) if signed.timestamp is not None else ""
    signatures = [given]
    if signed.parts is not None:
        parts = [part.strip().partition("=") for part in given.split(signed.parts.separator)]
        signatures = [value for key, _, value in parts if key == signed.parts.signature]
        if signed.parts.timestamp is not None:
            time = next((value for key, _, value in parts if key == signed.parts.timestamp), "")
    signatures = [s[len(signed.prefix) :] for s in signatures if s.startswith(signed.prefix)]
    content = b"".join(
        {"{body}": body, "{timestamp}": _bytes(time), "{id}": _bytes(name)}.get(part, part.encode())
        for part in _pieces(signed.content)
    )
    secrets = [s.get_secret_value() for s in (signed.secret, signed.previous) if s is not None]
    keys = [key_of(secret, signed.secret_encoding) for secret in secrets]
    _ensure_signed(signatures, content, keys, signed.algorithm, signed.encoding)
    timed = "{timestamp}" in signed.content
    sent_at = _in_time(time, signed.time, signed.tolerance, now) if timed else None
    return Verified(name if "{id}" in signed.content else "", sent_at)


def _pieces(content: str) -> list[str]:
    """A template cut at its blanks, so that what fills one is not looked into again."""
    return re.split(r"(\{(?:body|timestamp|id)\})", content)


def _ensure_signed(
    given: Iterable[str], content: bytes, keys: Iterable[bytes], algorithm: str, encoding: str
) -> None:
    """Raise Refused unless one of the signatures is right for one of the keys."""
    decoded = [_decoded(text, encoding) for text in list(given)[:MOST_SIGNATURES]]
    if not any(decoded):
        raise Refused(Why.UNSIGNED)
    well = False
    for key in keys:
        right = hmac.new(key, content, getattr(hashlib, algorithm)).digest()
        for signature in decoded:
            well |= hmac.compare_digest(signature, right)
    if not well:
        raise Refused(Why.FORGED)


def _decoded(text: str, encoding: str) -> bytes:
    """The bytes of a signature; none if it is not written as it should be."""
    if len(text) > 200 or not text.isascii():
        return b""
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _in_time(text: str, how: str, tolerance: timedelta, now: datetime) -> datetime:
    """When it was sent. Raises Refused if that can't be read, or is not near `now`."""
    sent_at = moment(text, how)
    if sent_at is None:
        raise Refused(Why.UNSIGNED)
    if abs(now - sent_at) > tolerance:
        raise Refused(Why.OLD)
    return sent_at


def moment(text: str, how: str) -> datetime | None:
    """A time as systems write it (`seconds`, `milliseconds`, `iso`); None if it is none."""
    if not text.isascii() or len(text) > LONGEST_TIME:
        return None
    try:
        if how == "iso":
            found = datetime.fromisoformat(text)
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(text) / (1000 if how == "milliseconds" else 1), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header's value. Raises Refused if it is not there."""
    found = headers.get(name)
    if found is None:
        wanted = name.lower()
        found = next((value for key, value in headers.items() if key.lower() == wanted), None)
    if not found:
        raise Refused(Why.UNSIGNED)
    return found


def _bytes(text: str) -> bytes:
    """A header's bytes as they came: servers read them as Latin-1."""
    return text.encode("latin-1", "replace")
