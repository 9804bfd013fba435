"""What another version of a mapping would have made of the changes that the journal has captured.

Each decision of the past is made again by the pure `decide`, once by the policy that runs and once by the new
one, on what both sides held then; after it, what really happened goes on, so that one other outcome does not
hide the next. First contacts are left out: their records were not known before. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection

from syncadmin.core.plan import Disposition
from syncadmin.core.policy import Policy
from syncadmin.core.replay import ASK, Outcome, Past, appeared
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import decode
from syncadmin.models import EntryKind, Link, bulk
from syncadmin.models import Mapping as MappingRow

from .compare import EXAMPLES, shortened

LOOKED_BACK = timedelta(days=90)
MOST = 200_000  # changes that are looked at, the newest
CHUNK = 2000
_OPEN = (Disposition.HELD, Disposition.REJECTED)
_json = msgspec.json.Decoder()
_SINCE = """
    SELECT MIN(seq), MIN(at) FROM (
        SELECT seq, at FROM syncadmin_entry WHERE mapping_id = %s AND kind = 'change' AND at >= %s
        ORDER BY seq DESC LIMIT %s
    ) AS newest
"""
_READ = """
    SELECT link_id, seq, kind, side, key, field, old, new, disposition, changed_at, at FROM syncadmin_entry
    WHERE mapping_id = %s AND seq >= %s AND kind IN ('change', 'write', 'disposition')
    ORDER BY link_id, seq
"""


@dataclass(slots=True)
class _Rows:
    """What differs, counted: (field, what runs, what is new) -> how many, with examples."""

    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    examples: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    changes: int = 0
    asked: dict[str, list[int]] = field(default_factory=dict)

    def take(self, name: str, old: Outcome, new: Outcome, who: Mapping[str, Any]) -> None:
        """One change, as both policies decide it."""
        self.changes += 1
        asked = self.asked.setdefault(name, [0, 0])
        asked[0] += old.what == ASK
        asked[1] += new.what == ASK
        if old == new:
            return
        key = name, old.what, new.what
        self.counts[key] = self.counts.get(key, 0) + 1
        shown = self.examples.setdefault(key, [])
        if len(shown) < EXAMPLES:
            shown.append({**who, "from": shortened(old.value), "to": shortened(new.value)})


def backtest(old: MappingRow, new: MappingRow, renamed: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The captured changes decided by both, as plain data. `renamed`: new -> old name of fields of `new`."""
    policies = old.policy(), new.policy()
    names: tuple[dict[str, str], dict[str, str]] = {}, {was: is_ for is_, was in renamed.items()}
    rows = _Rows()
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, [old.pk, bulk.moment(now - LOOKED_BACK), MOST])
        first, since = cursor.fetchone()
    if first is not None:
        for link_id, entries in _by_link(old.pk, first):
            if link_id is None:
                _appearances(entries, policies, rows)
            else:
                _replay(link_id, entries, policies, names, rows)
    return {
        "since": moment.isoformat() if (moment := bulk.as_moment(since)) is not None else None,
        "changes": rows.changes,
        "rows": [
            {"field": name, "old": was, "new": is_, "count": count, "examples": rows.examples[name, was, is_]}
            for (name, was, is_), count in sorted(rows.counts.items(), key=lambda row: -row[1])
        ],
        "asked": [
            {"field": name, "old": was, "new": is_}
            for name, (was, is_) in sorted(rows.asked.items())
            if was or is_
        ],
    }


def _by_link(mapping_id: int, first: int) -> Iterator[tuple[int | None, list[tuple[Any, ...]]]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_READ, [mapping_id, first])
        rows = (row for page in iter(lambda: cursor.fetchmany(CHUNK), []) for row in page)
        for link_id, entries in groupby(rows, key=itemgetter(0)):
            yield link_id, list(entries)


def _appearances(entries: Sequence[tuple[Any, ...]], policies: tuple[Policy, Policy], rows: _Rows) -> None:
    """New records: their change tells the whole record."""
    for _, _, kind, side, key, name, _, new, *_ in entries:
        if kind != EntryKind.CHANGE or name or not isinstance(values := _value(new), dict):
            continue
        old, other = (appeared(Side(side), values, policy) for policy in policies)
        rows.take("", old, other, {"label": key, "side": side, "key": key})


def _replay(
    link_id: int,
    entries: Sequence[tuple[Any, ...]],
    policies: tuple[Policy, Policy],
    names: tuple[Mapping[str, str], Mapping[str, str]],
    rows: _Rows,
) -> None:
    past = _began(link_id, entries)
    if past is None:
        return
    key = ""
    for _, _, kind, side, of, name, _, new, disposition, changed_at, at in entries:
        if kind == EntryKind.CHANGE:
            if not name and new is not None:
                return  # it is there again: another story begins
            key = of
            past.change(Side(side), name, _value(new), bulk.as_moment(changed_at or at))
            continue
        _decide(past, policies, names, rows, {"label": key, "link": link_id})
        if past.gone:
            return
        if kind == EntryKind.WRITE and name and side:
            past.write(Side(side), name, _value(new))
        elif kind == EntryKind.DISPOSITION and name and disposition not in _OPEN:
            past.settle(name)


def _decide(
    past: Past,
    policies: tuple[Policy, Policy],
    names: tuple[Mapping[str, str], Mapping[str, str]],
    rows: _Rows,
    who: Mapping[str, Any],
) -> None:
    if not past.changed:
        return
    old, new = (past.outcomes(policy, called) for policy, called in zip(policies, names, strict=True))
    for name in past.asked():
        rows.take(names[1].get(name, name), old[name], new[name], who)
    past.changed.clear()


def _began(link_id: int, entries: Sequence[tuple[Any, ...]]) -> Past | None:
    """The pair as it was before the first of its entries: what it agrees on now, taken back to what was."""
    row = Link.objects.filter(pk=link_id).values_list("left_shadow", "right_shadow").first()
    if row is None:
        return None
    left, right = row
    values = {Side.LEFT: decode(left), Side.RIGHT: decode(left if right is None else right)}
    known: set[tuple[str, str]] = set()
    for _, _, kind, side, _, name, old, *_ in entries:
        if kind != EntryKind.DISPOSITION and side and name and (side, name) not in known:
            known.add((side, name))
            if old is not None:
                values[Side(side)][name] = _value(old)
    return Past(values, {side: dict(values[side]) for side in SIDES})


def _value(text: str | None) -> Any:
    return None if text is None else _json.decode(text)
