"""Records that only one side has, and why: from the hub's tables alone, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from conflicts.models import Conflict
from syncadmin.core.policy import Create
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import decode
from syncadmin.models import Intent, Mapping, Mark, Unlinked

MOST = 1000  # more are not counted: "1000+" says enough


@dataclass(frozen=True, slots=True)
class OneSided:
    """A record without a partner: `name` are its match values, `why` nothing (more) is done about it.

    `conflict` is the item of the inbox that asks about it, if any.
    """

    row: Unlinked
    system: str
    other: str
    name: str
    why: str
    conflict: Conflict | None


def counts() -> dict[int, dict[Side, int]]:
    """By mapping: how many records only each side has, counted up to MOST + 1. One query."""
    of_side = (
        "(SELECT count(*) FROM (SELECT 1 FROM syncadmin_unlinked u "
        "WHERE u.mapping_id = m.id AND u.side = '{}' LIMIT {}) AS found)"
    )
    columns = ", ".join(of_side.format(side, MOST + 1) for side in SIDES)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT m.id, {columns} FROM syncadmin_mapping m")
        return {pk: dict(zip(SIDES, found, strict=True)) for pk, *found in cursor.fetchall()}


def counted(number: int) -> str:
    """A number as it is shown."""
    return f"{MOST}+" if number > MOST else str(number)


def explained(rows: Sequence[Unlinked]) -> list[OneSided]:
    """The rows, each with why it has no partner. A bounded number of queries."""
    asked = _by_place(Conflict.objects.live().filter(link=None, key__in=[row.key for row in rows]))
    marks = _by_place(Mark.objects.filter(key__in=[row.key for row in rows]))
    making = {
        (intent.mapping_id, str(Side(intent.side).other), intent.key)
        for intent in Intent.objects.filter(op="create", link=None, key__in=[row.key for row in rows])
    }
    found = []
    for row in rows:
        place = (row.mapping_id, row.side, row.key)
        systems = {side: str(getattr(row.mapping, side).system) for side in SIDES}
        side = Side(row.side)
        other = systems[side.other]
        conflict = asked.get(place)
        if place in making:
            why = _("It is being created in %(system)s.") % {"system": other}
        elif conflict is not None:
            why = _("The inbox asks about it.")
        else:
            why = _why(row, row.mapping, side, marks.get(place), other)
        found.append(OneSided(row, systems[side], other, _name(row), why, conflict))
    return found


def _why(row: Unlinked, mapping: Mapping, side: Side, mark: Mark | None, other: str) -> str:
    told = {"system": other}
    if row.ignored:
        return _("Somebody decided that it is never to be synced.")
    if row.alone is not None:
        return _("Somebody decided to leave it as it is until a value changes.")
    if mark is not None and mark.attempts and mark.not_before > timezone.now():
        return _("It waits, for a record that it refers to or for its system, and is tried again by itself.")
    if mark is not None:
        return _("A pass will handle it.")
    if not Create(mapping.create).allows(side.other):
        return _("The mapping creates no records in %(system)s, and none there has its match values.") % told
    if mapping.owner == side.other.value:
        return _("%(system)s owns the records of this mapping, and has none with its match values.") % told
    return _("A rule keeps it here: it has another owner, or its partner is outside the row filter.")


def _name(row: Unlinked) -> str:
    """The match values, readable."""
    if row.match is None:
        return ""
    values = decode(bytes(row.match))
    return ", ".join(str(values[name]) for name in sorted(values) if values[name] not in (None, ""))


def _by_place(rows: Any) -> dict[tuple[int, str, str], Any]:
    return {(row.mapping_id, row.side, row.key): row for row in rows}
