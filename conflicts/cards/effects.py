"""The consequence of each choice for a field, in words: what is written where, and what it overwrites."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from syncadmin.core.plan import PickKind
from syncadmin.core.values import Value, same
from syncadmin.show import brief

if TYPE_CHECKING:
    from .fields import FieldCard, SideValue

SHOWN = 48  # characters of a value in a sentence


def effects(field: FieldCard) -> dict[str, str]:
    """By choice, what it does; only the choices that the field has."""
    sides = (field.left, field.right)
    found = {
        PickKind.LEFT.value: _taking(field.left.value, sides, (field.left.value, field.left.value)),
        PickKind.RIGHT.value: _taking(field.right.value, sides, (field.right.value, field.right.value)),
        PickKind.VALUE.value: _typed(_("Writes what you type to %(left)s and %(right)s; %(lost)s."), sides),
        PickKind.LEAVE.value: _(
            "Writes nothing. Both keep what they have, and you are asked again when one of them changes."
        ),
    }
    if field.has_base:
        found[PickKind.BASE.value] = _taking(field.base, sides, (field.base, field.base_right))
    if field.hunks:
        found["merge"] = _typed(_("Writes the merged text to %(left)s and %(right)s; %(lost)s."), sides)
    return found


def _taking(value: Value, sides: tuple[SideValue, SideValue], wanted: tuple[Value, Value]) -> str:
    """What it means that both sides get these values."""
    moved = [side for side, new in zip(sides, wanted, strict=True) if not same(side.value, new)]
    if not moved:
        return _("Writes nothing: both sides hold it already.")
    return _("Writes %(value)s to %(systems)s; %(lost)s.") % {
        "value": brief(value, SHOWN),
        "systems": _(" and ").join(side.system for side in moved),
        "lost": _lost(moved, named=len(moved) > 1),
    }


def _typed(words: str, sides: tuple[SideValue, SideValue]) -> str:
    lost = _lost(list(sides), named=True)
    return words % {"left": sides[0].system, "right": sides[1].system, "lost": lost}


def _lost(sides: list[SideValue], *, named: bool) -> str:
    """What is overwritten, with when it was changed."""
    parts = []
    for side in sides:
        when = ""
        if side.moment is not None and side.changed:
            when = _(" of %(time)s") % {"time": _clock(side.moment.at)}
        where = f" ({side.system})" if named else ""
        parts.append(f"{brief(side.value, SHOWN)}{where}{when}")
    return _("overwrites %(values)s") % {"values": _(" and ").join(parts)}


def _clock(at: datetime) -> str:
    """A time of today, else with its day, in the reader's zone."""
    local = timezone.localtime(at)
    today = local.date() == timezone.localdate()
    return date_format(local, "H:i" if today else "j M H:i")
