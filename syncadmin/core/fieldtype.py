"""The types of field mappings: what kind of value a field holds and how it is refined.

Plain data, shared by the readers and writers of values, the merge strategies and the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The canonical types of a field mapping."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"
    SET = "set"
    JSON = "json"
    REFERENCE = "reference"


_NUMBERS = {Kind.INTEGER, Kind.DECIMAL}
# the types of a system's field that each canonical type can be read from and written to
FITS: Mapping[Kind, set[Kind]] = {
    Kind.TEXT: {Kind.TEXT, Kind.CHOICE, Kind.REFERENCE, *_NUMBERS, Kind.BOOLEAN},
    Kind.INTEGER: {*_NUMBERS, Kind.TEXT, Kind.BOOLEAN},
    Kind.DECIMAL: {*_NUMBERS, Kind.TEXT},
    Kind.BOOLEAN: {Kind.BOOLEAN, Kind.INTEGER, Kind.TEXT, Kind.CHOICE},
    Kind.DATE: {Kind.DATE, Kind.DATETIME, Kind.TEXT},
    Kind.DATETIME: {Kind.DATETIME, Kind.TEXT},
    Kind.CHOICE: {Kind.CHOICE, Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN},
    Kind.SET: {Kind.SET, Kind.JSON, Kind.TEXT},
    Kind.JSON: {Kind.JSON, Kind.SET, Kind.TEXT},
    Kind.REFERENCE: {Kind.REFERENCE, Kind.TEXT, Kind.INTEGER, Kind.CHOICE},
}


class Normalize(StrEnum):
    """Optional normalisation of text before it is compared (and so of what is written)."""

    TRIM = "trim"
    LOWER = "lower"
    UPPER = "upper"
    EMPTY_AS_NULL = "empty_as_null"
    EMAIL = "email"
    PHONE = "phone"
    NFC = "nfc"


@dataclass(frozen=True, slots=True)
class FieldType:
    """The type of a field mapping: kind plus what refines it.

    `scale` counts decimal digits; `choices` maps the left system's value to the right's (the
    canonical choice is the left's, as text); `separators` holds, by side, the separator of a set that a
    system keeps as text (absent: the system keeps a list); `zones` the IANA zone, by side, of
    datetimes that come without one (absent: UTC).
    """

    kind: Kind
    scale: int = 2
    normalize: tuple[Normalize, ...] = ()
    choices: Mapping[Any, Any] = field(default_factory=dict)
    separators: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)


class Unfit(ValueError):
    """A raw value cannot be read as the field's type. Says the value (shortened) and what fits."""
