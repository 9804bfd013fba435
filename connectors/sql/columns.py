"""Columns and their values: what Python value a column holds, and how each database is given it.

`plain` brings any value that may be written or expected to the one Python form its column has, so
that equal values are `==`. `bind` is that form as the driver takes it, `read` the way back. A
value that cannot be of the column's type raises `UnfitValue` with words for a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from uuid import UUID


class Family(StrEnum):
    """Kinds of columns that are treated alike."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    NAIVE = "timestamp without zone"
    AWARE = "timestamp with zone"
    JSON = "json"
    ARRAY = "array"
    MEMBERS = "set"  # MySQL SET
    CHOICE = "enum"
    UUID = "uuid"
    BINARY = "binary"
    OTHER = "other"


# the canonical kind of each family; what is not here is 'unknown'
KINDS = {
    Family.TEXT: "text",
    Family.INTEGER: "integer",
    Family.FLOAT: "decimal",
    Family.DECIMAL: "decimal",
    Family.BOOLEAN: "boolean",
    Family.DATE: "date",
    Family.NAIVE: "datetime",
    Family.AWARE: "datetime",
    Family.JSON: "json",
    Family.ARRAY: "set",
    Family.MEMBERS: "set",
    Family.CHOICE: "choice",
    Family.UUID: "text",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column as reflection found it. `native` is the database's own name of its type."""

    name: str
    family: Family
    native: str
    nullable: bool = True
    writable: bool = True
    max_length: int | None = None
    default: str = ""
    precision: int | None = None
    scale: int | None = None
    choices: tuple[str, ...] = ()
    needed: bool = False

    @property
    def kind(self) -> str:
        """Name of the canonical kind, or 'unknown'."""
        return KINDS.get(self.family, "unknown")

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The least and the greatest number that a column of integers holds, if its type says so."""
        words = self.native.upper()
        if self.family is not Family.INTEGER or "YEAR" in words:
            return None
        bits = next((bits for word, bits in _BITS if word in words), 0)
        if not bits:
            return None
        return (0, 2**bits - 1) if "UNSIGNED" in words else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


# bits of an integer, by the first of these words that its type's name has
_BITS = (
    ("TINYINT", 8), ("SMALL", 16), ("INT2", 16), ("MEDIUMINT", 24), ("BIG", 64), ("INT8", 64), ("SERIAL", 32),
    ("INT", 32),
)  # fmt: skip
_WORDS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


class UnfitValue(ValueError):
    """A value that a column of this type cannot hold."""


# ---------------------------------------------------------------- the Python form of a value


def plain(column: Column, value: Any) -> Any:
    """The value in the one Python form that the column's family has. Raises UnfitValue."""
    if value is None:
        return None
    try:
        found = _PLAIN[column.family](value)
        if column.family is Family.INTEGER and not _fits(column, found):
            raise OverflowError
        return found
    except (ValueError, TypeError, KeyError, InvalidOperation, OverflowError):
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise UnfitValue(f"column {column.name} is of type {column.native} and cannot hold {shown}") from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # half a surrogate pair is no text
        return value
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)


def _fits(column: Column, number: int) -> bool:
    """No database holds an integer beyond 64 bits; drivers fail on them in ways of their own."""
    return -(2**63) <= number < (2**64 if "UNSIGNED" in column.native.upper() else 2**63)


def json_text(value: Any) -> str:
    """A value as JSON, readable; half a surrogate pair stays escaped, for the database to refuse."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def _integer(value: Any) -> int:
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError
    return number


def _decimal(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        return _WORDS[value.lower()]
    if value in (0, 1):
        return bool(value)
    raise ValueError


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _aware(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  the next line says which zone
    if not isinstance(value, datetime):
        raise TypeError
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _naive(value: Any) -> datetime:
    return _aware(value).replace(tzinfo=None)


def _members(value: Any) -> list[str]:
    if isinstance(value, str):
        return sorted(part for part in value.split(",") if part)
    return sorted(str(part) for part in value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError


def _binary(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(value).hex()
    bytes.fromhex(value.removeprefix("\\x"))
    return str(value).lower()


_PLAIN: dict[Family, Callable[[Any], Any]] = {
    Family.TEXT: _text,
    Family.INTEGER: _integer,
    Family.FLOAT: float,
    Family.DECIMAL: _decimal,
    Family.BOOLEAN: _boolean,
    Family.DATE: _date,
    Family.NAIVE: _naive,
    Family.AWARE: _aware,
    Family.JSON: lambda value: value,
    Family.ARRAY: _list,
    Family.MEMBERS: _members,
    Family.CHOICE: _text,
    Family.UUID: lambda value: str(UUID(str(value))),
    Family.BINARY: _binary,
    Family.OTHER: _text,
}


# ---------------------------------------------------------------- to and from the drivers
# (PostgreSQL is given and gives plain values by itself: see write_postgres)


def bind_sqlite(column: Column, value: Any) -> Any:
    """A plain value as SQLite is given it: times as ISO text, decimals as text, lists as JSON."""
    if value is None:
        return None
    match column.family:
        case Family.DECIMAL:
            return str(value)
        case Family.BOOLEAN:
            return int(value)
        case Family.DATE:
            return value.isoformat()
        case Family.NAIVE | Family.AWARE:
            return value.isoformat(sep=" ")
        case Family.JSON | Family.ARRAY:
            return json_text(value)
        case Family.BINARY:
            return bytes.fromhex(value[2:])
        case _:
            return value


def bind_mysql(column: Column, value: Any) -> Any:
    """A plain value as MariaDB and MySQL are given it (the session is in UTC)."""
    if value is None:
        return None
    match column.family:
        case Family.AWARE:
            return value.replace(tzinfo=None)
        case Family.BOOLEAN:
            return int(value)
        case Family.MEMBERS:
            return ",".join(value)
        case Family.JSON | Family.ARRAY:
            return json_text(value)
        case Family.BINARY:
            return bytes.fromhex(value[2:])
        case _:
            return value


def read_any(column: Column, value: Any) -> Any:
    """A driver's value as a raw value; one that does not look like its column's type stays as it is."""
    if value is None:
        return None
    if isinstance(value, (bytes, bytearray)) and column.family is not Family.BOOLEAN:
        return "\\x" + bytes(value).hex()
    reader = _READ.get(column.family)
    if reader is None:
        return _odd(value) if isinstance(value, (timedelta, time)) else value
    try:
        return reader(value)
    except (ValueError, TypeError, InvalidOperation):
        return value


def needs_reading(column: Column) -> bool:
    """False if the drivers of SQLite, MariaDB and MySQL give this column's values as they should be."""
    return column.family not in (Family.INTEGER, Family.FLOAT)


def _read_boolean(value: Any) -> Any:
    if isinstance(value, bytes):
        return bool(int.from_bytes(value, "big"))
    return bool(value) if value in (0, 1) else value


def _read_decimal(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _read_time(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _read_aware(value: Any) -> Any:
    value = _read_time(value)
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _odd(value: Any) -> str:
    return value.isoformat() if isinstance(value, time) else str(value)


_READ: dict[Family, Callable[[Any], Any]] = {
    Family.DECIMAL: _read_decimal,
    Family.BOOLEAN: _read_boolean,
    Family.DATE: lambda value: date.fromisoformat(value) if isinstance(value, str) else value,
    Family.NAIVE: _read_time,
    Family.AWARE: _read_aware,
    Family.JSON: lambda value: json.loads(value) if isinstance(value, str) else value,
    Family.MEMBERS: lambda value: _members(value) if isinstance(value, str) else value,
}
