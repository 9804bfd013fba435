"""Values on the wire: exact JSON both ways, moments in the system's own format, fields by dotted names.

JSON numbers with a fraction are read as Decimal and written digit by digit, so that no cent is
lost. Nothing here knows of requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from .asking import Quote
from .moments import Moments

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_ISO = Moments()


class Unwritable(ValueError):
    """A value that cannot be put into JSON."""


def decode(body: bytes) -> Any:
    """JSON to plain values. Raises ValueError if it is none, or nested deeper than anybody means."""
    try:
        return _decoder.decode(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def encode(value: Any) -> bytes:
    """Plain values to JSON. Raises Unwritable for what JSON cannot hold (NaN, half a surrogate pair...)."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise Unwritable(str(error)) from error


def wire(value: Any, times: Moments = _ISO, decimals: str = "number") -> Any:
    """A raw value as JSON can hold it: moments as text or number, sets as lists."""
    match value:
        case datetime():
            try:
                return times.write(value)
            except OverflowError:
                raise Unwritable(f"{value} is no time in the zone {times.zone}") from None
        case date():
            return value.isoformat()
        case Decimal():
            if not value.is_finite():
                raise Unwritable(f"{value} is not a number that JSON can hold")
            return format(value, "f") if decimals == "string" else value
        case Mapping():
            return {str(name): wire(part, times, decimals) for name, part in value.items()}
        case str() | bytes():
            return value
        case set() | frozenset():
            return [wire(part, times, decimals) for part in sorted(value, key=str)]
        case Sequence():
            return [wire(part, times, decimals) for part in value]
        case float() if value != value or value in (float("inf"), float("-inf")):
            raise Unwritable(f"{value} is not a number that JSON can hold")
        case _:
            return value


# ---------------------------------------------------------------- records


_MISSING = object()


def pick(record: Mapping[str, Any], name: str) -> Any:
    """The value of a field by its dotted name. Raises KeyError if the system did not deliver it."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if value is None:
            return None  # the parent is empty, and so is what it would hold
        value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
        if value is _MISSING:
            raise KeyError(name)
    return value


def chosen(record: Mapping[str, Any], fields: Iterable[str], *, sparse: bool = False) -> dict[str, Any]:
    """The wanted fields of a record; one that was not delivered is left out (or empty, if sparse)."""
    values = {}
    for name in fields:
        try:
            values[name] = pick(record, name)
        except KeyError:
            if sparse:
                values[name] = None
    return values


def nested(values: Mapping[str, Any], onto: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Dotted names as nested objects. With `onto`, objects are completed with what is there already."""
    body: dict[str, Any] = {}
    for name, value in values.items():
        first, *rest = (name,) if onto is not None and name in onto else name.split(".")
        if not rest:
            body[first] = value
            continue
        if first not in body:
            there = onto.get(first) if onto is not None else None
            body[first] = dict(there) if isinstance(there, Mapping) else {}
        inner = body[first]
        for part in rest[:-1]:
            deeper = inner.get(part)
            inner[part] = dict(deeper) if isinstance(deeper, Mapping) else {}
            inner = inner[part]
        inner[rest[-1]] = value
    return body


def same(expected: Any, actual: Any, times: Moments = _ISO) -> bool:
    """Do an expected value and one just read mean the same, whatever their form?

    Numbers by value, moments by moment, lists of plain values without regard to order; empty text,
    empty list and null are all empty.
    """
    if expected in (None, "", [], ()) or actual in (None, "", []):
        return expected in (None, "", [], ()) and actual in (None, "", [])
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, datetime | date) or isinstance(actual, datetime | date):
        return bool(_moment(expected, times) == _moment(actual, times))
    if isinstance(expected, int | float | Decimal) and isinstance(actual, int | float | Decimal):
        return Decimal(str(expected)) == Decimal(str(actual))
    if isinstance(expected, list | tuple | set | frozenset) and isinstance(actual, list):
        if len(expected) != len(actual):
            return False
        if all(isinstance(part, str) for part in (*expected, *actual)):
            return sorted(expected) == sorted(actual)
        return all(same(one, other, times) for one, other in zip(expected, actual, strict=True))
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return expected.keys() == actual.keys() and all(
            same(expected[name], actual[name], times) for name in expected
        )
    return bool(expected == actual)


def _moment(value: Any, times: Moments) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str | int | Decimal):
        return times.read(value) or _ISO.read(value)
    return value


# ---------------------------------------------------------------- texts in queries


def quoted(value: Any, quote: Quote, null: str = "null") -> str:
    """A value as a query writes it."""
    match value:
        case None:
            return null
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
    text = str(value)
    match quote:
        case Quote.BACKSLASH:
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case Quote.DOUBLED:
            return "'" + text.replace("'", "''") + "'"
        case Quote.JSON:
            return encode(text).decode()
        case _:
            return text
