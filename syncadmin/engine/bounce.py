"""Stopping bounces: a value that has been turned back three times is held, shown, and takes no more quota.

What was written lately is told by the journal (see `lately`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncadmin.core import plan as core
from syncadmin.core.asked import BOUNCES
from syncadmin.core.bounce import TURNS, turns
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value

from .effort import Item
from .lately import Written


def hold_bounces(items: Sequence[Item], written: Written) -> None:
    """Turn writes that would continue a bounce into conflicts; what a person picked is written anyway."""
    for item in items:
        if item.link is None or item.link.id not in written:
            continue
        of_record = written[item.link.id]
        bouncing = {
            name
            for write in item.decided.writes
            if write.op is core.Op.UPDATE
            for name, value in write.values.items()
            if name not in item.decided.used_picks
            and turns(of_record.get(name, []), (write.side, value)) >= TURNS
        }
        if bouncing:
            item.plan = held(item, item.decided, bouncing, BOUNCES)


def held(item: Item, plan: core.Plan, names: set[str], reason: str) -> core.Plan:
    """The plan with these fields in the inbox instead of in a write."""
    values = {side: o.record.values for side, o in item.observations.items() if isinstance(o, core.Present)}
    left, right = (item.link.shadow(side) if item.link is not None else {} for side in SIDES)

    def base(name: str) -> tuple[Value, Value] | None:
        return (left[name], right[name]) if name in left and name in right else None

    fields = tuple(
        core.FieldConflict(
            name, values[Side.LEFT].get(name), values[Side.RIGHT].get(name), base(name), reason
        )
        for name in sorted(names)
    )
    writes = tuple(
        replace(w, values={name: v for name, v in w.values.items() if name not in names})
        for w in plan.writes
        if w.op is not core.Op.UPDATE or w.values.keys() - names
    )
    before = plan.conflict
    merged = replace(before, fields=(*before.fields, *fields)) if before is not None else None
    return replace(
        plan,
        writes=writes,
        settled={name: pair for name, pair in plan.settled.items() if name not in names},
        changes=tuple(
            replace(c, disposition=core.Disposition.HELD, rule=reason) if c.field in names else c
            for c in plan.changes
        ),
        conflict=merged or core.Conflict(core.ConflictKind.FIELD, reason, fields=fields),
    )
