"""Writing: from canonical values to what a connector is given (see `values`).

Connectors get native Python values (Decimal, date, aware datetime, list) and turn them into what their
system speaks. A datetime carries the zone of the side it is for, so that a system that keeps times without
a zone can drop it and keep the right wall clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .fieldtype import FieldType, Kind, Unfit
from .reading import Value, text_of, unfit, zone_of
from .side import Side

Writer = Callable[[Value], Any]


def writer(field_type: FieldType, side: Side) -> Writer:
    """A function from a canonical value to the native value for `side`. It raises `Unfit`."""
    make = _WRITERS.get(field_type.kind)
    return make(field_type, side) if make else _as_it_is


def _as_it_is(value: Value) -> Any:
    return value


def _nullable(convert: Callable[[str], Any]) -> Writer:
    def write(value: Value) -> Any:
        return None if value is None else convert(value)

    return write


def _decimal(field_type: FieldType, side: Side) -> Writer:
    return _nullable(Decimal)


def _date(field_type: FieldType, side: Side) -> Writer:
    return _nullable(date.fromisoformat)


def _datetime(field_type: FieldType, side: Side) -> Writer:
    zone = zone_of(field_type, side)

    def convert(value: str) -> datetime:
        try:
            return datetime.fromisoformat(value).astimezone(zone)
        except OverflowError:
            raise unfit(value, f"a time that exists in the zone {zone}") from None

    return _nullable(convert)


def _choice(field_type: FieldType, side: Side) -> Writer:
    if not field_type.choices:
        return _as_it_is
    natives = {
        None if left is None else text_of(left): left if side is Side.LEFT else right
        for left, right in field_type.choices.items()
    }
    natives.setdefault(None, None)

    def write(value: Value) -> Any:
        try:
            return natives[value]
        except KeyError:
            raise unfit(value, "one of the mapped choices") from None

    return write


def _set(field_type: FieldType, side: Side) -> Writer:
    separator = field_type.separators.get(side.value)
    if not separator:
        return lambda value: list(value or ())

    def write(value: Value) -> str:
        for item in value or ():
            if separator in item:
                raise Unfit(f"{item!r} holds the separator {separator!r} and would become two")
        return separator.join(value or ())

    return write


_WRITERS: dict[Kind, Callable[[FieldType, Side], Writer]] = {
    Kind.DECIMAL: _decimal,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.CHOICE: _choice,
    Kind.SET: _set,
}
