"""Writes that met edits which nobody has read yet, and that can be made all the same.

A value that is older than what is written is replaced, by stamps. Into a counter or a set goes what is made
of the value that is there. The rows are locked until the commit, so that what is looked at here is what is
written over. What is replaced goes into the table's log in the same transaction: whoever reads the log
accounts for it, whatever happens to us.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from connectors.base import Outcome, Record

from .columns import UnfitValue, plain
from .prepare import Prepared
from .read import fetch
from .select import among, run
from .table import Bound


def allowed(connection: Connection, bound: Bound, writes: Sequence[Prepared]) -> list[Prepared]:
    """Those writes that can be made over what is there; they now expect it. The rows are locked."""
    key = bound.clause.c[bound.key.name]
    mine = among(bound, bound.key, [write.key_value for write in writes])
    run(connection, sa.select(key).where(mine).order_by(key).with_for_update(key_share=True))
    names = dict.fromkeys(name for write in writes for name in (*write.newer, *write.merges))
    columns = [bound.columns[name] for name in names]
    held = fetch(connection, bound, [write.key or "" for write in writes], columns).found
    made = [over(bound, write, held[write.key]) for write in writes if write.key and write.key in held]
    return [write for write in made if write is not None]


def over(bound: Bound, write: Prepared, held: Record) -> Prepared | None:
    """The write as it may be made over a record, None if it may not, or is as expected there.

    Of what remains of its `newer` and `merges` the record held something else than expected.
    """
    values, expected = dict(write.values), dict(write.expected)
    newer, merges = set(), {}
    stamps = held.stamps or {}
    try:
        for name in write.newer | write.merges.keys():
            column = bound.columns[name]
            now = plain(column, held.values[name])
            if now == expected[name]:
                continue
            if name in write.merges:
                merges[name] = write.merges[name]
                values[name] = plain(column, merges[name](held.values[name]))
            elif "" < stamps.get(name, "") < write.stamps[name]:
                newer.add(name)
            else:
                return None
            expected[name] = now
    except (UnfitValue, ValueError):  # nothing can be made of what is there
        return None
    if not (newer or merges):
        return None
    return replace(write, values=values, expected=expected, newer=frozenset(newer), merges=merges)


def told(outcome: Outcome, done: Prepared) -> Outcome:
    """The outcome of a write that was made over something else than expected: with what was written."""
    return replace(outcome, merged={name: done.values[name] for name in done.merges})


def note(connection: Connection, bound: Bound, replaced: Iterable[tuple[Prepared, Prepared]]) -> None:
    """Log what was replaced: each write as it was asked for, and as it was carried out."""
    rows = [
        {
            "key": done.key,
            "expected": _json({name: asked.expected[name] for name in done.newer}),
            "values": _json({name: done.expected[name] for name in done.newer}),
        }
        for asked, done in replaced
        if done.newer
    ]
    if rows:
        connection.execute(sa.text(_NOTE[bound.dialect].format(bound.log)), rows)


_NOTE = {
    "postgresql": "insert into {} (op, record_key, old_values, new_values)"
    " values ('R', :key, cast(:expected as jsonb), cast(:values as jsonb))",
    "mysql": "insert into {} (op, record_key, old_values, new_values, changed_at, origin)"
    " values ('R', :key, :expected, :values, utc_timestamp(6), 'syncadmin')",
    "sqlite": "insert into {} (op, record_key, old_values, new_values, origin)"
    " values ('R', :key, :expected, :values, 'syncadmin')",
}


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, default=str)
