"""Times that are our own: a record that the hub wrote last tells nothing of when its users changed it.

Where the last writer wins, a record's modified time stands for the time of its user's change. Our own write
moves it too, and would make an older value win over a newer one. Such a time counts as unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import connection

from syncadmin.core import plan as core
from syncadmin.core.policy import FirstContact, Merge
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Entry, bulk

from .clocks import on_our_clock
from .effort import Item, Run


def forget_own_times(run: Run, items: Sequence[Item]) -> None:
    """Take the time from each record that was not changed since our own last write, where times decide."""
    policy = run.binding.policy
    if not any(u.merge is Merge.NEWEST or u.first_contact is FirstContact.NEWEST for u in policy.units):
        return
    both = [
        item
        for item in items
        if item.link is not None and item.link.id is not None and all(_timed(item, side) for side in SIDES)
    ]
    written = _written(run, [item.link.id for item in both if item.link is not None])
    for item in both:
        link_id = item.link.id if item.link is not None else None
        for side in SIDES:
            seen, at = item.observations[side], written.get((link_id, side))
            if not isinstance(seen, core.Present) or seen.record.modified is None or at is None:
                continue
            if on_our_clock(run.binding, side, seen.record.modified) <= at + policy.clock_tolerance:
                item.observations[side] = replace(seen, record=replace(seen.record, modified=None))


def _timed(item: Item, side: Side) -> bool:
    seen = item.observations.get(side)
    return isinstance(seen, core.Present) and seen.record.modified is not None


def _written(run: Run, link_ids: Sequence[int | None]) -> dict[tuple[int | None, Side], datetime]:
    """When the hub last wrote to these links' records, by link and side."""
    if not link_ids:
        return {}
    where, params = bulk.one_of("link_id", list(link_ids), "int8")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link_id, side, MAX(seq) FROM syncadmin_entry "
            f"WHERE mapping_id = %s AND kind = 'write' AND {where} GROUP BY link_id, side",
            [run.binding.id, *params],
        )
        last = {seq: (link_id, Side(side)) for link_id, side, seq in cursor.fetchall()}
    entries = Entry.objects.filter(mapping_id=run.binding.id, seq__in=list(last))
    return {last[seq]: at for seq, at in entries.values_list("seq", "at")}
