"""Swapping the sides: the mirror image of whatever goes into a decision or comes out of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from syncadmin.core.plan import (
    Conflict,
    LinkState,
    Pick,
    PickKind,
    Plan,
    RecordPick,
    Undo,
    Unlinked,
)
from syncadmin.core.policy import Create, FieldPolicy, FirstContact, Merge, Policy
from syncadmin.core.side import Side

_WORDS = {"left": "right", "right": "left"}


def words(text: str) -> str:
    """Text that names the other side wherever `text` names one."""
    return re.sub("left|right", lambda found: _WORDS[found[0]], text)


def swapped(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """(right, left)."""
    return pair[1], pair[0]


def other(side: Side | None) -> Side | None:
    """The other side, if any."""
    return None if side is None else side.other


def by_side(mapping: Any) -> Any:
    """A mapping whose keys are sides, or None."""
    return None if mapping is None else {side.other: value for side, value in mapping.items()}


def field_policy(field: FieldPolicy) -> FieldPolicy:
    """The mirrored field policy."""
    contact = field.first_contact
    return replace(
        field,
        owner=other(field.owner),
        merge=Merge(words(field.merge)),
        rule=words(field.rule),
        first_contact=None if contact is None else FirstContact(words(contact)),
    )


def policy(original: Policy) -> Policy:
    """The mirrored policy."""
    return replace(
        original,
        fields=tuple(map(field_policy, original.fields)),
        owner=other(original.owner),
        row_owners=tuple(replace(r, when=words(r.when), owner=r.owner.other) for r in original.row_owners),
        create=Create(words(original.create)),
        first_contact=FirstContact(words(original.first_contact)),
        filters=by_side(original.filters),
    )


def pick(original: Pick | Undo) -> Pick | Undo:
    """The mirrored choice for a field."""
    if isinstance(original, Undo):
        ancestor = None if original.ancestor is None else swapped(original.ancestor)
        return Undo(original.seen_right, original.seen_left, swapped(original.values), ancestor)
    kind = PickKind(words(original.kind))
    return Pick(kind, original.seen_right, original.seen_left, original.value)


def record_pick(original: RecordPick | None) -> RecordPick | None:
    """The mirrored choice for a record."""
    return None if original is None else replace(original, seen=by_side(original.seen))


def link(original: LinkState | Unlinked) -> LinkState | Unlinked:
    """The mirrored link."""
    if isinstance(original, Unlinked):
        return replace(
            original,
            record_pick=record_pick(original.record_pick),
            alone_record=by_side(original.alone_record),
        )
    return LinkState(
        original.right_key,
        original.left_key,
        by_side(original.shadows),
        {name: swapped(values) for name, values in original.alone.items()},
        {name: pick(choice) for name, choice in original.picks.items()},
        record_pick(original.record_pick),
        by_side(original.alone_record),
        original.reopened,
    )


def conflict(original: Conflict | None) -> Conflict | None:
    """The mirrored conflict."""
    if original is None:
        return None
    fields = tuple(
        replace(
            f,
            left=f.right,
            right=f.left,
            base=None if f.base is None else swapped(f.base),
            reason=words(f.reason),
        )
        for f in original.fields
    )
    return replace(original, side=other(original.side), reason=words(original.reason), fields=fields)


def plan(original: Plan) -> Plan:
    """The mirrored plan."""
    return ordered(
        replace(
            original,
            left_key=original.right_key,
            right_key=original.left_key,
            writes=tuple(replace(w, side=w.side.other) for w in original.writes),
            settled={name: swapped(values) for name, values in original.settled.items()},
            changes=tuple(replace(c, side=c.side.other, rule=words(c.rule)) for c in original.changes),
            conflict=conflict(original.conflict),
            alone={name: swapped(values) for name, values in original.alone.items()},
            alone_record=by_side(original.alone_record),
            restored={
                name: None if values is None else swapped(values)
                for name, values in original.restored.items()
            },
        )
    )


def ordered(original: Plan) -> Plan:
    """The plan with everything that has no order of its own in one order."""
    asked = original.conflict
    if asked is not None:
        fields = tuple(sorted(asked.fields, key=lambda f: f.field))
        reason = "; ".join(sorted(asked.reason.split("; "))) if fields else asked.reason
        asked = replace(asked, fields=fields, reason=reason)
    return replace(
        original,
        writes=tuple(sorted(original.writes, key=lambda w: (w.side, w.op))),
        changes=tuple(sorted(original.changes, key=lambda c: (c.side, c.field or ""))),
        waits=tuple(sorted(original.waits)),
        conflict=asked,
    )
