"""How two values differ, said in words where the eye alone would not see it, or would have to count."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncadmin.core.values import Kind, Value
from syncadmin.lookalikes import look_the_same
from syncadmin.pieces import unseen

_LONGEST = 5_000  # characters of a text that is looked at so closely


def difference(kind: Kind, left: Value, right: Value, names: tuple[str, str]) -> str:
    """What sets the two sides' values apart, '' if that is plain to see. `names` are the systems'."""
    if kind in (Kind.INTEGER, Kind.DECIMAL):
        return _numbers(left, right, names)
    if kind in (Kind.DATE, Kind.DATETIME):
        return _times(left, right, names)
    if isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) <= _LONGEST:
        return _texts(left, right)
    return ""


def _texts(left: str, right: str) -> str:
    if not left or not right or left == right:
        return ""
    if unicodedata.normalize("NFC", left) == unicodedata.normalize("NFC", right):
        return _("They look the same: only their accents are stored in different ways.")
    if look_the_same(left, right):
        return _("They look the same, but some letters are of another alphabet.")
    if _bare(left) == _bare(right):
        return _("Only spaces or characters that cannot be seen differ.")
    if left.casefold() == right.casefold():
        return _("Only upper and lower case differ.")
    one, two = _letters(left), _letters(right)
    if one and one == two:
        return _("Only spaces and punctuation differ.")
    if one and one.casefold() == two.casefold():
        return _("Only case, spaces and punctuation differ.")
    return ""


def _bare(text: str) -> str:
    return "".join(char for char in text if not char.isspace() and not unseen(char))


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _numbers(left: Value, right: Value, names: tuple[str, str]) -> str:
    try:
        one, two = Decimal(str(left)), Decimal(str(right))
    except InvalidOperation:
        return ""
    if not (one.is_finite() and two.is_finite()) or one == two:
        return ""
    higher = names[0] if one > two else names[1]
    return _("%(system)s has %(amount)s more.") % {"system": higher, "amount": f"{abs(one - two):f}"}


def _times(left: Value, right: Value, names: tuple[str, str]) -> str:
    try:
        one, two = datetime.fromisoformat(str(left)), datetime.fromisoformat(str(right))
    except ValueError:
        return ""
    if one == two:
        return ""
    later = names[0] if one > two else names[1]
    apart = abs(one - two)
    if apart.days:
        words = ngettext(
            "%(system)s is %(days)s day later.", "%(system)s is %(days)s days later.", apart.days
        )
        return words % {"system": later, "days": apart.days}
    return _("%(system)s is %(time)s later.") % {"system": later, "time": str(apart).split(".")[0]}
