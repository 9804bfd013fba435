"""Stopping bounces: a value that has been turned back three times is held, shown, and takes no more quota.

What was written lately is read from the journal, so nothing else has to be remembered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.db import connection

from syncadmin.core import plan as core
from syncadmin.core.asked import BOUNCES
from syncadmin.core.bounce import TURNS, turns
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value
from syncadmin.models import bulk

from .effort import Item, Run

WITHIN = timedelta(minutes=15)
Written = dict[tuple[int, str], list[tuple[Side, Value]]]


def hold_bounces(run: Run, items: Sequence[Item]) -> None:
    """Turn writes that would continue a bounce into conflicts; what a person picked is written anyway."""
    links = [i.link.id for i in items if i.link is not None and i.link.id is not None and i.decided.writes]
    written = _written(run, links)
    if not written:
        return
    for item in items:
        if item.link is None or item.link.id is None:
            continue
        bouncing = {
            name
            for write in item.decided.writes
            if write.op is core.Op.UPDATE
            for name, value in write.values.items()
            if name not in item.decided.used_picks
            and turns(written.get((item.link.id, name), []), (write.side, value)) >= TURNS
        }
        if bouncing:
            item.plan = held(item, item.decided, bouncing, BOUNCES)


def _written(run: Run, links: Sequence[int]) -> Written:
    """Recent writes by link and field, oldest first."""
    if not links:
        return {}
    where, params = bulk.one_of("link_id", list(links), "int8")
    found: Written = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link_id, field, side, new FROM syncadmin_entry "
            f"WHERE mapping_id = %s AND kind = 'write' AND field <> '' AND at > %s AND {where} ORDER BY seq",
            [run.binding.id, run.clock() - WITHIN, *params],
        )
        for link_id, name, side, new in cursor.fetchall():
            found.setdefault((link_id, name), []).append((Side(side), json.loads(new) if new else None))
    return found


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
