"""What the hub wrote lately, as the journal tells: nothing else has to be remembered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from syncadmin.core.side import Side
from syncadmin.core.values import Value
from syncadmin.models import bulk

from .effort import Item, Run

WITHIN = timedelta(minutes=15)
Written = dict[int, dict[str, list[tuple[Side, Value]]]]


def written(run: Run, items: Sequence[Item]) -> Written:
    """Recent writes to the linked ones of these items that have something to do.

    By link and by field ('' for a whole record), oldest first.
    """
    links = [i.link.id for i in items if i.link is not None and i.link.id is not None and not i.decided.idle]
    if not links:
        return {}
    where, params = bulk.one_of("link_id", links, "int8")
    found: Written = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link_id, field, side, new FROM syncadmin_entry "
            f"WHERE mapping_id = %s AND kind = 'write' AND at > %s AND {where} ORDER BY seq",
            [run.binding.id, run.clock() - WITHIN, *params],
        )
        for link_id, name, side, new in cursor.fetchall():
            of_field = found.setdefault(link_id, {}).setdefault(name, [])
            of_field.append((Side(side), json.loads(new) if new else None))
    return found
