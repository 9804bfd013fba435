"""Writes that met edits which nobody has read yet, and which are older than what is written (PostgreSQL).

The rows are locked until the commit, so that what is compared here is what is replaced. What is replaced goes
into the table's log in the same transaction: whoever reads the log accounts for it, whatever happens to us.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from .columns import plain
from .prepare import Prepared
from .read import fetch
from .select import among, run
from .table import Bound
from .tracking import registers


def allowed(connection: Connection, bound: Bound, writes: Sequence[Prepared]) -> list[Prepared]:
    """Those writes whose unexpected values are all older; they now expect them. The rows are locked."""
    key = bound.clause.c[bound.key.name]
    mine = among(bound, bound.key, [write.key_value for write in writes])
    run(connection, sa.select(key).where(mine).order_by(key).with_for_update(key_share=True))
    names = dict.fromkeys(name for write in writes for name in write.newer)
    columns = [bound.columns[name] for name in names]
    held = fetch(connection, bound, [write.key or "" for write in writes], columns).found
    anew = []
    for write in writes:
        record = held.get(write.key or "")
        if record is None:
            continue
        now = {name: plain(bound.columns[name], record.values[name]) for name in write.newer}
        unseen = {name: value for name, value in now.items() if value != write.expected[name]}
        stamps = record.stamps or {}
        if unseen and all("" < stamps.get(name, "") < write.stamps[name] for name in unseen):
            anew.append(replace(write, expected={**write.expected, **unseen}, newer=frozenset(unseen)))
    return anew


def note(connection: Connection, bound: Bound, replaced: Iterable[tuple[Prepared, Prepared]]) -> None:
    """Log what was replaced: each write as it was asked for, and as it was carried out."""
    rows = [
        {
            "key": done.key,
            "expected": _json({name: asked.expected[name] for name in done.newer}),
            "values": _json({name: done.expected[name] for name in done.newer}),
        }
        for asked, done in replaced
    ]
    if rows:
        log = f"{registers.SCHEMA}.{registers.log_of(bound)}"
        connection.execute(
            sa.text(
                f"insert into {log} (op, record_key, old_values, new_values)"  # noqa: S608
                " values ('R', :key, cast(:expected as jsonb), cast(:values as jsonb))"
            ),
            rows,
        )


def _json(values: dict[str, object]) -> str:
    return json.dumps(values, default=str)
