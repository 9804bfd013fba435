"""What values both systems take for a field: said to the person who types one, and checked before storing it.

A pass keeps what the connectors found (`MappingState.limits`); the field mapping adds its type and choices. A
limit that is not known is no limit: the system itself still has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind, Value, empty, writer
from syncadmin.models import FieldMapping, MappingState
from syncadmin.models import Mapping as SyncMapping

from .typed import Unreadable

Limits = Mapping[str, Any]


def limits_of(mapping: SyncMapping, field: str) -> dict[Side, Limits]:
    """What each side takes for a field mapping, as far as the last pass found it."""
    state: MappingState | None = getattr(mapping, "state", None)
    kept = state.limits if state is not None else {}
    return {side: kept.get(side.value, {}).get(field, {}) for side in SIDES}


def check(
    field: FieldMapping, value: Value, limits: Mapping[Side, Limits], names: Mapping[Side, str]
) -> None:
    """Raise `Unreadable`, naming the system, if one of them would not take this canonical value."""
    if field.type == Kind.REFERENCE:
        return
    for side in SIDES:
        if limits[side]:
            raw = writer(field.field_type(), side)(value)
            if problem := _problem(raw, value, limits[side], names[side]):
                raise Unreadable(problem)


def _problem(raw: Any, value: Value, limits: Limits, system: str) -> str:
    words = {"system": system}
    if raw is None or (empty(value) and raw in ("", [])):
        return _("%(system)s needs a value here.") % words if limits.get("required") and raw is None else ""
    longest = limits.get("max_length")
    if isinstance(raw, str) and longest is not None and len(raw) > longest:
        words |= {"limit": longest, "length": len(raw)}
        return _("%(system)s takes at most %(limit)s characters; these are %(length)s.") % words
    choices = limits.get("choices")
    wrong = [one for one in (raw if isinstance(raw, list) else [raw]) if choices and str(one) not in choices]
    if wrong:
        words |= {"value": str(wrong[0])[:60], "choices": ", ".join(choices[:20])}
        return _("%(system)s does not take “%(value)s”. It takes: %(choices)s.") % words
    if isinstance(raw, int | Decimal) and not isinstance(raw, bool):
        return _number(Decimal(raw), limits, words)
    return ""


def _number(number: Decimal, limits: Limits, words: dict[str, Any]) -> str:
    low, high = limits.get("low"), limits.get("high")
    if low is not None and number < low:
        return _("%(system)s takes no number below %(limit)s.") % {**words, "limit": low}
    if high is not None and number > high:
        return _("%(system)s takes no number above %(limit)s.") % {**words, "limit": high}
    precision = limits.get("precision")
    if precision is not None:
        before = precision - (limits.get("scale") or 0)
        if abs(number) >= Decimal(10) ** before:
            return _("%(system)s takes at most %(limit)s digits before the point.") % {
                **words,
                "limit": before,
            }
    return ""


def said(field: FieldMapping | None, limits: Mapping[Side, Limits], names: Mapping[Side, str]) -> list[str]:
    """The limits in words, for beside the box; one that both systems share is said once."""
    if field is None:
        return []
    told = {side: _told(limits[side]) for side in SIDES}
    both = [words for words in told[Side.LEFT] if words in told[Side.RIGHT]]
    lines = both[:]
    for side in SIDES:
        lines += [
            _("%(system)s: %(limit)s") % {"system": names[side], "limit": words}
            for words in told[side]
            if words not in both
        ]
    if field.type == Kind.DECIMAL:
        lines.insert(0, _("%(scale)s digits after the point") % {"scale": field.scale})
    return lines


def _told(limits: Limits) -> list[str]:
    lines = []
    if limits.get("max_length") is not None:
        lines.append(_("at most %(limit)s characters") % {"limit": limits["max_length"]})
    low, high = limits.get("low"), limits.get("high")
    if low is not None and high is not None and high < 2**53:
        lines.append(_("from %(low)s to %(high)s") % {"low": low, "high": high})
    if limits.get("choices"):
        lines.append(_("one of %(choices)s") % {"choices": ", ".join(limits["choices"][:12])})
    if limits.get("required"):
        lines.append(_("not empty"))
    return lines
