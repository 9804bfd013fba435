"""Text merged by hunk: a field's two texts in parts, and the text that a person's picks make of them.

The parts are worked out anew from the stored values when a decision is stored, so nothing that a browser
sends is ever taken for the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from syncadmin.core.hunks import Part, Take, compose, parts
from syncadmin.core.text import Overlap
from syncadmin.core.values import Kind, same
from syncadmin.models import FieldMapping

from .models import ConflictField
from .typed import Unreadable

LONGEST = 20_000  # characters of a text that is merged on a page
SHORTEST = 40  # shorter texts are picked or typed
MOST = 40  # hunks that a person can be asked to look at


def hunks(row: ConflictField, mapped: FieldMapping | None) -> list[Part]:
    """The field's texts in parts, empty if merging them by hunk makes no sense."""
    if mapped is None or mapped.type != Kind.TEXT:
        return []
    left, right = row.left, row.right
    if not (isinstance(left, str) and isinstance(right, str)):
        return []
    length = max(len(left), len(right))
    if length > LONGEST or (length < SHORTEST and "\n" not in left + right) or not left or not right:
        return []
    base = row.base_left if row.has_base and same(row.base_left, row.base_right) else None
    try:
        found = parts(base if isinstance(base, str) and base else None, left, right)
    except Overlap:
        return []
    places = sum(not part.agreed for part in found)
    alike = any(part.agreed and part.left.strip() for part in found)
    return found if places <= MOST and alike else []


def merged(row: ConflictField, mapped: FieldMapping | None, takes: Sequence[str]) -> str:
    """The text that these picks make. Raises `Unreadable` if they do not fit the field."""
    found = hunks(row, mapped)
    try:
        wanted = [Take(take) for take in takes]
        if not found:
            raise ValueError
        return compose(found, wanted)
    except ValueError:
        raise Unreadable(_("Pick one of the texts at each place where they differ.")) from None
