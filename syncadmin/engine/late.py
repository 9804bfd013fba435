"""Writes that were given up and may still arrive: a worker that was taken for dead can be slow.

While the worker that was about to write sleeps, the values may be decided anew, by a person or by an edit.
Nobody can stop its write then, and a system that holds what it expects takes it. So a link remembers for a
day what was given up. A side that holds just that may have been reached by the late write, or by somebody who
has entered the same: carried to the other side, it could put back what was replaced. So a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connectors.base import Guarantee
from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.asked import LATE, LATE_DELETE
from syncadmin.core.values import decode, encode, same

from .binding import Binding
from .effort import Item, efforts_of
from .links import GivenUp, unpack_given_up

KEPT = timedelta(days=1)


def remembered(item: Item, now: datetime) -> list[GivenUp]:
    """What the item's link is to remember: writes that are given up now, or were and are not asked about."""
    if item.link is None or (item.link.alone is None and not item.intents):
        return []
    conflict = item.decided.conflict
    asked = {f.field for f in conflict.fields if f.reason == LATE} if conflict is not None else set()
    found = {
        encode({"": [g.side.value, g.field, g.expected, g.value]}): g
        for g in (*unpack_given_up(item.link.alone), *_left_open(item, now))
        if g.until > now and g.field not in asked
    }
    return list(found.values())


def _left_open(item: Item, now: datetime) -> Iterator[GivenUp]:
    """The parts of the item's writes that have no end, and what these had to remember in their turn."""
    for intent in item.intents:
        yield from unpack_given_up(decode(bytes(intent.body))["alone"])
    for effort in efforts_of(item.intents, item.link):
        for attempt in (a for a in effort.attempts if a.in_doubt):
            wanted, until = attempt.write, now + KEPT
            if wanted.op is core.Op.DELETE:
                yield GivenUp(wanted.side, "", None, None, until)
            for name, value in wanted.values.items() if wanted.op is core.Op.UPDATE else ():
                yield GivenUp(wanted.side, name, wanted.expected.get(name), value, until)


def arrived(binding: Binding, item: Item, now: datetime) -> set[str]:
    """The fields that are to be carried on from a side that a late write may have reached."""
    found: set[str] = set()
    for given_up in unpack_given_up(item.link.alone) if item.link is not None else ():
        side, name = given_up.side, given_up.field
        seen = item.observations.get(side)
        if item.link is None or not isinstance(seen, core.Present) or given_up.until <= now:
            continue
        was, held = item.link.shadow(side).get(name), seen.record.values.get(name)
        fits = same(was, given_up.expected) or binding.sides[side].can.update is not Guarantee.ATOMIC
        carried = any(w.side is side.other and name in w.values for w in item.decided.writes)
        if carried and fits and alike(held, given_up.value) and not same(held, was):
            found.add(name)
    return found


def hold_late_delete(item: Item, now: datetime) -> None:
    """Ask before a delete is carried on that a late one of our own may have made; a pick is carried out."""
    plan, link = item.decided, item.link
    deletes = [w for w in plan.writes if w.op is core.Op.DELETE]
    if link is None or plan.used_record_pick or not deletes:
        return
    gone = deletes[0].side.other
    told = unpack_given_up(link.alone)
    due = any(g.side is gone and not g.field and g.until > now for g in told)
    if not due and (item.conflict is None or item.conflict.reason != LATE_DELETE):
        return
    changed = any(c.side is deletes[0].side for c in plan.changes)
    kind = core.ConflictKind.DELETED_CHANGED if changed else core.ConflictKind.DELETE_REVIEW
    alone, alone_record = link.left_alone()
    item.plan = core.Plan(
        core.LinkAction.KEEP,
        link.left_key,
        link.right_key,
        changes=tuple(
            core.Change(c.side, c.field, c.old, c.new, core.Disposition.HELD, LATE_DELETE)
            for c in plan.changes
        ),
        conflict=core.Conflict(kind, LATE_DELETE, gone),
        alone=alone,
        alone_record=alone_record,
        reopened=link.reopened(),
    )
