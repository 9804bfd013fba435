"""A record as JSON that a person edits, and back: what is offered, what was entered, what of it is new.

Characters that leave no trace on a page are written as escapes, so that what is sent is what is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from connectors.base import FieldInfo, Record, ResourceInfo

from .pieces import unseen

OFFERED = 2  # fields of a new record, where the system does not tell which it needs
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_ESCAPED = re.compile(r'"(?:[^"\\]|\\.)*"')


class NoRecord(ValueError):
    """What was entered is no record. Says why, in the words of the JSON reader."""


def written(values: Mapping[str, Any]) -> str:
    """Raw values as JSON, a field a line."""
    text = msgspec.json.format(_encoder.encode(dict(values)), indent=2).decode()
    return _ESCAPED.sub(lambda found: "".join(map(_visible, found[0])), text)


def compact(value: Any) -> str:
    """A raw value as JSON on one line; a moment is its text alone."""
    return _encoder.encode(value).decode().strip('"')


def _visible(char: str) -> str:
    return json.dumps(char)[1:-1] if unseen(char) else char


def entered(text: str) -> dict[str, Any]:
    """The raw values that a person entered. Raises NoRecord."""
    try:
        found = _decoder.decode(text.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise NoRecord(str(error)) from error
    if not isinstance(found, dict) or not found:
        raise NoRecord("")
    return found


def changed(shown: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What was entered in another way than it was shown; a field that was left out is not touched."""
    found = {}
    for name, value in now.items():
        before = shown.get(name)
        if name in shown and _encoder.encode(before) == _encoder.encode(value):
            continue
        found[name] = _moment(value) if isinstance(before, datetime) else value
    return found


def _moment(value: Any) -> Any:
    """A moment, where a moment was before; what is none goes as it is, and the system says what it thinks."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def editable(info: ResourceInfo, record: Record) -> dict[str, Any]:
    """What of a record may be changed, as far as the system tells; not its key."""
    fixed = {field.name for field in info.fields if not field.writable} | {info.key}
    return {name: value for name, value in record.values.items() if name not in fixed}


def offered(info: ResourceInfo, today: date) -> dict[str, Any]:
    """A new record to begin with: what the system needs, else its first texts."""
    open_ = [field for field in info.fields if field.writable and field.name not in (info.key, *info.parts)]
    needed = [field for field in open_ if field.needed]
    texts = [f for f in open_ if f.type == "text" and not f.name.startswith("_") and "." not in f.name]
    return {field.name: _example(field, today) for field in needed or texts[:OFFERED] or open_[:1]}


def _example(field: FieldInfo, today: date) -> Any:
    if field.choices:
        return field.choices[0]
    if field.type in ("integer", "decimal"):
        return max(field.low or 1, 1)
    examples: dict[str, Any] = {
        "boolean": False,
        "date": today.isoformat(),
        "datetime": f"{today.isoformat()}T12:00:00Z",
        "set": [],
        "json": {},
    }
    return examples.get(field.type, "SyncAdmin test"[: field.max_length])


def other(info: ResourceInfo, values: Mapping[str, Any]) -> dict[str, Any]:
    """One of these values changed, to try an update with; nothing where none can be told to take another."""
    fields = {field.name: field for field in info.fields}
    for name, value in values.items():
        field = fields.get(name, FieldInfo(name, "unknown"))
        if isinstance(value, str) and value and field.type in ("text", "unknown") and not field.choices:
            fits = field.max_length is None or len(value) + 2 <= field.max_length
            return {name: f"{value} 2" if fits else value[::-1]}
    return {}
