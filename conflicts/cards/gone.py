"""What was changed in a record whose partner is deleted: what nobody has agreed on, and would go with it.

Such an item is about the record as a whole and has no fields of its own; its link knows what was agreed.
"""

from __future__ import annotations

from collections.abc import Mapping

from conflicts.models import Conflict, ConflictField, ConflictState
from syncadmin.core.diff import unagreed
from syncadmin.core.side import Side
from syncadmin.core.values import decode
from syncadmin.models import Entry, FieldMapping

from .places import about_side


def edits(conflict: Conflict, mapped: Mapping[str, FieldMapping]) -> list[ConflictField]:
    """The changed fields as rows to be shown, never saved. No query, or one for when they were changed."""
    side = about_side(conflict)
    if conflict.link is None or conflict.state == ConflictState.CLOSED or side is None:
        return []
    there = side.other
    record = conflict.snapshot.get(there.value) or {}
    left, right = conflict.link.left_shadow, conflict.link.right_shadow
    agreed = {
        Side.LEFT: decode(bytes(left)),
        Side.RIGHT: decode(bytes(left if right is None else right)),
    }
    names = unagreed(record, agreed[there], mapped)
    numbers = {name: conflict.seqs[at][0] for name in names if (at := f"{there}/{name}") in conflict.seqs}
    told = Entry.objects.filter(mapping_id=conflict.mapping_id, seq__in=numbers.values())
    known = (
        {seq: (at, who) for seq, at, who in told.values_list("seq", "changed_at", "actor")} if numbers else {}
    )
    by = {name: known.get(numbers.get(name), (None, "")) for name in names}
    return [
        ConflictField(
            conflict=conflict,
            field=name,
            has_base=all(name in values for values in agreed.values()),
            base_left=agreed[Side.LEFT].get(name),
            base_right=agreed[Side.RIGHT].get(name),
            **{there.value: record[name], f"{there}_time": by[name][0], f"{there}_who": by[name][1]},
        )
        for name in names
    ]
