"""Canonical values: the form in which the two sides are compared, kept and shown.

A canonical value is JSON-native, so that equality is simple, encoding is trivial and the journal is
readable: text, choice, reference and formatted numbers are `str`; integers `int`; booleans
`bool`; decimals a `str` with exactly `scale` digits; dates `YYYY-MM-DD`; datetimes
`YYYY-MM-DDTHH:MM:SS.ffffffZ` in UTC; sets a sorted list of `str`; json any JSON value with
sorted keys; empty is None (an empty set is `[]`). Text keeps the difference between null and "", since a
system may accept only one of them; comparing does not (see `same`).

Conversion is compiled once a field (`reader`, `writer`), because it runs for every value of every record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .fieldtype import FieldType, Kind, Normalize, Unfit
from .reading import Reader, Value, canonical, reader
from .writing import Writer, writer

__all__ = [
    "FieldType",
    "Kind",
    "Normalize",
    "Reader",
    "Unfit",
    "Value",
    "Writer",
    "canonical",
    "decode",
    "empty",
    "encode",
    "reader",
    "same",
    "writer",
]

# ---------------------------------------------------------------- comparing


def empty(value: Value) -> bool:
    """Whether `value` says nothing: null, an empty text, list or object. False and 0 say something."""
    return value is None or value == "" or value == [] or value == {}


def same(one: Value, two: Value) -> bool:
    """Whether two canonical values mean the same.

    Empty values are the same, however they are spelled; unlike in Python, true is not 1.
    """
    if one is two:
        return True
    if one == two:
        kind = type(one)
        if kind is not type(two):
            return False
        return kind not in (list, dict) or _pack(one) == _pack(two)
    return empty(one) and empty(two)


# ---------------------------------------------------------------- encoding


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_BIG_INTEGER = 1  # code of our MessagePack extension: an integer beyond 64 bits, as decimal text


def _decode_extension(code: int, data: memoryview) -> Value:
    if code != _BIG_INTEGER:
        raise ValueError(f"unknown extension {code} in an encoded record")
    return int(bytes(data))


_DECODER = msgspec.msgpack.Decoder(ext_hook=_decode_extension)


def encode(values: Mapping[str, Value]) -> bytes:
    """Canonical values of a record as bytes: equal values give equal bytes, whatever their order."""
    return _pack(values)


def decode(data: bytes | bytearray | memoryview) -> dict[str, Value]:
    """The values that `encode` was given."""
    values: dict[str, Value] = _DECODER.decode(data)
    return values


def _pack(value: Any) -> bytes:
    try:
        return _ENCODER.encode(value)
    except OverflowError:
        return _ENCODER.encode(_wrap_big(value))


def _wrap_big(value: Value) -> Any:
    if isinstance(value, dict):
        return {key: _wrap_big(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_wrap_big(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return msgspec.msgpack.Ext(_BIG_INTEGER, str(value).encode())
    return value
