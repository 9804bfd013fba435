"""A value as a person types it, read as the field's type into canonical form, or refused in plain words.

The same rules as for values that come from a system (`syncadmin.core.values`), plus what a form needs: a
set is one element a line, an empty box is an empty value, a boolean may be said as yes or no.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncadmin.core import values
from syncadmin.core.side import Side
from syncadmin.core.values import Kind, Unfit, Value
from syncadmin.models import FieldMapping
from syncadmin.reasons import translated

_WORDS = {
    "yes": True,
    "true": True,
    "1": True,
    "on": True,
    "no": False,
    "false": False,
    "0": False,
    "off": False,
}
_HINTS = {
    Kind.INTEGER: gettext_lazy("Type a whole number, such as 42."),
    Kind.DECIMAL: gettext_lazy("Type a number, such as 1250.00."),
    Kind.DATE: gettext_lazy("Type a date, such as 2026-03-31."),
    Kind.DATETIME: gettext_lazy("Type a date and time, such as 2026-03-31 14:05."),
    Kind.BOOLEAN: gettext_lazy("Type yes or no."),
    Kind.JSON: gettext_lazy("Type valid JSON."),
}


class Unreadable(ValueError):
    """The typed text is no value of the field's type; the message says what would be."""


def read_typed(field: FieldMapping | None, text: str) -> Value:
    """The canonical value of `text` for `field`. Raises `Unreadable`."""
    if field is None:
        raise Unreadable(_("This field is no longer mapped, so no value can be typed for it."))
    kind = Kind(field.type)
    if kind is Kind.REFERENCE:
        raise Unreadable(_("A reference cannot be typed: take the left or the right one."))
    if kind is Kind.CHOICE:
        return _choice(field, text)
    # times are shown in the reader's zone, so one typed without a zone is in that zone too
    zone = str(timezone.get_current_timezone())
    field_type = replace(field.field_type(), zones={Side.LEFT.value: zone})
    try:
        value = values.canonical(_raw(kind, text), field_type, Side.LEFT)
    except Unfit as error:
        hint = f" {_HINTS[kind]}" if kind in _HINTS else ""
        raise Unreadable(f"{translated(str(error)).rstrip('.')}.{hint}") from error
    if kind is Kind.DECIMAL and value is not None and Decimal(value) != Decimal(text.strip()):
        words = {"scale": field.scale, "value": value}
        raise Unreadable(_("This field keeps %(scale)s digits after the point: %(value)s?") % words)
    return value


def _choice(field: FieldMapping, text: str) -> Value:
    """A canonical choice is the left system's value; it may be typed as either system's."""
    if not text:
        return None
    if not field.choices:
        return text
    for left, right in field.choices.items():
        if text in (str(left), str(right)):
            return str(left)
    allowed = ", ".join(str(left) for left in field.choices)
    words = {"value": text[:80], "choices": allowed}
    raise Unreadable(_("“%(value)s” is not one of the choices: %(choices)s.") % words)


def _raw(kind: Kind, text: str) -> Any:
    """What a system would have sent for the text that a person typed."""
    if kind is Kind.TEXT:
        return text
    if kind is Kind.SET:
        return [line.strip() for line in text.splitlines() if line.strip()]
    if not text.strip():
        return None
    text = text.strip()
    if kind is Kind.BOOLEAN:
        return _WORDS.get(text.lower(), text)
    if kind is Kind.JSON:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            words = {"error": error.msg, "line": error.lineno}
            raise Unreadable(_("This is not valid JSON: %(error)s at line %(line)s.") % words) from error
    return text
