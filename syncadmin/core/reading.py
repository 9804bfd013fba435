"""Reading: from what a connector delivers to canonical values (see `values`).

Both kinds of systems are understood, those with types and those that know text only: numbers as text,
booleans as 0 and 1, ISO times with a space or a T, sets as separated text, JSON as text. What does not fit
the field's type raises `Unfit`; nothing is guessed and nothing is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from .fieldtype import FieldType, Kind, Unfit
from .normalize import normalizer
from .side import Side

Value = Any
Reader = Callable[[Any], Value]

_DIGITS = 1000  # more digits than this are no number anybody keeps
_CONTEXT = Context(prec=2 * _DIGITS, rounding=ROUND_HALF_EVEN)
_INTEGER = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T].+)?", re.ASCII)
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def canonical(raw: Any, field_type: FieldType, side: Side) -> Value:
    """`raw`, as a connector delivered it from `side`, in canonical form. Raises `Unfit`."""
    return reader(field_type, side)(raw)


def reader(field_type: FieldType, side: Side) -> Reader:
    """A function from what `side` delivers to the canonical value. It raises `Unfit`."""
    return _READERS[field_type.kind](field_type, side)


def unfit(raw: Any, wanted: str) -> Unfit:
    shown = repr(raw)
    return Unfit(f"{shown if len(shown) <= 80 else shown[:77] + '...'} is not {wanted}")


def _checked(text: str) -> str:
    """`text`, if every system can hold it: a lone surrogate is no character."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise unfit(text, "valid Unicode text") from None
    return text


def text_of(raw: Any) -> str:
    """A single value that is not null as text, however its system types it."""
    if isinstance(raw, str):
        return _checked(str(raw))
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | UUID):
        return str(raw)
    if isinstance(raw, float):  # a number that a system without integers keeps: 42.0 is 42
        return str(int(raw)) if raw.is_integer() else f"{_number(raw):f}"
    if isinstance(raw, Decimal):
        return f"{_number(raw):f}"
    if isinstance(raw, date | time):
        return raw.isoformat()
    raise unfit(raw, "text")


def _text(field_type: FieldType, side: Side) -> Reader:
    normalize = normalizer(field_type.normalize)
    if normalize is None:

        def read(raw: Any) -> Value:
            if type(raw) is str and raw.isascii():
                return raw
            return None if raw is None else text_of(raw)
    else:

        def read(raw: Any) -> Value:
            return None if raw is None else normalize(text_of(raw))

    return read


def _integer(field_type: FieldType, side: Side) -> Reader:
    def read(raw: Any) -> Value:
        if type(raw) is int or raw is None:
            return raw
        if isinstance(raw, int):
            return int(raw)
        if isinstance(raw, str):
            text = raw.strip()
            if not text:
                return None
            if len(text) <= _DIGITS and _INTEGER.fullmatch(text):
                return int(text.partition(".")[0])
        elif isinstance(raw, float | Decimal) and (number := _number(raw)) == int(number):
            return int(number)
        raise unfit(raw, "a whole number")

    return read


def _number(raw: Any) -> Decimal:
    """`raw` as an exact, finite number; a float means the shortest decimal that reads back as it."""
    if isinstance(raw, Decimal):
        number = raw
    elif isinstance(raw, int):
        number = Decimal(int(raw))
    elif isinstance(raw, float):
        number = Decimal(repr(float(raw)))
    elif isinstance(raw, str) and _NUMBER.fullmatch(raw.strip()):
        number = Decimal(raw.strip())
    else:
        raise unfit(raw, "a decimal number")
    if not number.is_finite() or number.adjusted() >= _DIGITS:
        raise unfit(raw, "a decimal number of reasonable size")
    return number


def _decimal(field_type: FieldType, side: Side) -> Reader:
    step = Decimal(1).scaleb(-field_type.scale)

    def read(raw: Any) -> Value:
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        try:
            number = _number(raw).quantize(step, context=_CONTEXT)
        except InvalidOperation:
            raise unfit(raw, f"a decimal number with {field_type.scale} digits") from None
        return f"{number if number else abs(number):f}"

    return read


def _boolean(field_type: FieldType, side: Side) -> Reader:
    def read(raw: Any) -> Value:
        if type(raw) is bool or raw is None:
            return raw
        if isinstance(raw, int | float | Decimal):
            if raw == 0 or raw == 1:
                return bool(raw)
        elif isinstance(raw, str):
            word = raw.strip().lower()
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
            if not word:
                return None
        elif raw == b"\x00" or raw == b"\x01":  # a column of one bit
            return raw == b"\x01"
        raise unfit(raw, "a boolean")

    return read


def zone_of(field_type: FieldType, side: Side) -> tzinfo:
    name = field_type.zones.get(side.value)
    return ZoneInfo(name) if name else UTC


def _moment(raw: Any, wanted: str) -> date | datetime | None:
    """`raw` as a date or datetime, whichever it is. ISO text may use a space for the T."""
    if raw is None or isinstance(raw, date):
        return raw
    if isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        if _ISO.fullmatch(text):
            try:
                return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
            except ValueError:
                raise unfit(raw, wanted) from None
    raise unfit(raw, wanted)


def _date(field_type: FieldType, side: Side) -> Reader:
    zone = zone_of(field_type, side)

    def read(raw: Any) -> Value:
        moment = _moment(raw, "a date like 2024-12-31")
        if isinstance(moment, datetime):  # a system without dates keeps midnight of its own zone
            moment = (moment if moment.tzinfo is None else moment.astimezone(zone)).date()
        return None if moment is None else moment.isoformat()

    return read


def _datetime(field_type: FieldType, side: Side) -> Reader:
    zone = zone_of(field_type, side)

    def read(raw: Any) -> Value:
        moment = _moment(raw, "a time like 2024-12-31T23:59:00Z")
        if moment is None:
            return None
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(), zone)
        elif moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        try:
            utc = moment.astimezone(UTC)
        except OverflowError:
            raise unfit(raw, "a time between the years 1 and 9999") from None
        return utc.replace(tzinfo=None).isoformat("T", "microseconds") + "Z"

    return read


def _choice(field_type: FieldType, side: Side) -> Reader:
    if not field_type.choices:
        return _text(field_type, side)
    names: dict[str | None, str | None] = {}
    for left, right in field_type.choices.items():
        raw = left if side is Side.LEFT else right
        # where two choices share a name, the first is meant; shadows are per side, so this is no change
        names.setdefault(None if raw is None else text_of(raw), None if left is None else text_of(left))
    if None not in names:
        names[None] = None
    if "" not in names:
        names[""] = names[None]
    allowed = ", ".join(sorted(repr(name) for name in names if name))

    def read(raw: Any) -> Value:
        name = None if raw is None else text_of(raw)
        try:
            return names[name]
        except KeyError:
            raise unfit(raw, f"one of {allowed}") from None

    return read


def _set(field_type: FieldType, side: Side) -> Reader:
    separator = field_type.separators.get(side.value)
    normalize = normalizer(field_type.normalize)

    def read(raw: Any) -> Value:
        if raw is None:
            return []
        items: Any = raw
        if isinstance(raw, str):
            if separator:
                items = [item.strip() for item in raw.split(separator)]
            elif not raw.strip():
                return []
            else:
                items = _json_of(raw)
        if not isinstance(items, list | tuple | set | frozenset):
            raise unfit(raw, "a list (a set kept as text needs a separator)")
        texts = {text_of(item) for item in items if item is not None}
        if normalize is not None:
            texts = {text for item in texts if (text := normalize(item)) is not None}
        texts.discard("")
        return sorted(texts)

    return read


def _json_of(text: str) -> Any:
    """What a system that keeps JSON as text means: an object or a list, else the text itself."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return text
    return text


def _json_value(raw: Any) -> Value:
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return _checked(str(raw))
    if isinstance(raw, int):
        return int(raw)
    if isinstance(raw, float | Decimal):
        number = _number(raw)
        return int(number) if number == int(number) else float(number)
    if isinstance(raw, Mapping):
        for key in raw:
            if not isinstance(key, str):
                raise unfit(key, "a JSON key")
        return {_checked(key): _json_value(raw[key]) for key in sorted(raw)}
    if isinstance(raw, list | tuple):
        return [_json_value(item) for item in raw]
    return text_of(raw)


def _json(field_type: FieldType, side: Side) -> Reader:
    def read(raw: Any) -> Value:
        if isinstance(raw, str):
            raw = _json_of(raw) or None
        try:
            return _json_value(raw)
        except RecursionError:
            raise Unfit("a JSON value is nested too deeply") from None

    return read


def _reference(field_type: FieldType, side: Side) -> Reader:
    def read(raw: Any) -> Value:
        if isinstance(raw, list | tuple):  # some systems keep a single relation as a list
            if len(raw) > 1:
                raise unfit(raw, "a single reference")
            raw = raw[0] if raw else None
        return None if raw is None or raw == "" else text_of(raw)

    return read


_READERS: dict[Kind, Callable[[FieldType, Side], Reader]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.CHOICE: _choice,
    Kind.SET: _set,
    Kind.JSON: _json,
    Kind.REFERENCE: _reference,
}
