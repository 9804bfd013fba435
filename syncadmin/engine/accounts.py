"""Accounting: every observed change is journaled once, and gets one disposition (DESIGN section 5).

Rows that need no write are made here; those that a write carries are made with its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from conflicts import intake
from conflicts.models import Conflict
from syncadmin.core import plan as core
from syncadmin.core.side import Side, at
from syncadmin.core.values import Value, same
from syncadmin.models import EntryKind, ledger

from . import links
from .effort import ChangeRow, Item, Run
from .indoubt import replacing

NOT_MAPPED = "the field is no longer synced"


def journal_changes(run: Run, items: Sequence[Item], now: datetime) -> dict[int, list[ChangeRow]]:
    """Journal each change that was not seen before; gives every planned change its number."""
    rows: list[ledger.Row] = []
    fresh: list[ChangeRow] = []
    by_item: dict[int, list[ChangeRow]] = {}
    for item in items:
        mine: list[ChangeRow] = []
        for c in item.decided.changes:
            name = c.field or ""
            seen = item.observations.get(c.side)
            told = seen.record if isinstance(seen, core.Present) else None
            at, who = (told.modified, told.who) if told is not None else (None, "")
            row = ChangeRow(c.side, name, c.old, c.new, str(c.disposition), c.rule, changed_at=at)
            before = item.pending.get((c.side, name))
            if before is not None and same(before[1], c.new):
                row.seq = before[0]
            else:
                old = before[1] if before is not None else c.old
                rows.append(_change_row(run, item, row, old, who))
                fresh.append(row)
            mine.append(row)
        by_item[id(item)] = mine
    for row, seq in zip(fresh, ledger.append(run.binding.id, rows, now), strict=True):
        row.seq = seq
    return by_item


def _change_row(run: Run, item: Item, row: ChangeRow, old: object, who: str) -> ledger.Row:
    return ledger.Row(
        EntryKind.CHANGE,
        row.side,
        item.link.key(row.side) if item.link is not None else _own_key(item, row.side),
        row.field,
        old,
        row.new,
        actor=who,
        link_id=item.link.id if item.link is not None else None,
        pass_id=run.pass_id,
        changed_at=row.changed_at,
    )


def _own_key(item: Item, side: Side) -> str:
    """The key of the record on `side` of an item that is about to become a pair."""
    key = item.decided.left_key if side is Side.LEFT else item.decided.right_key
    return item.key if key is None else key


def dispose(
    run: Run, items: Sequence[Item], changes: dict[int, list[ChangeRow]], paired: set[int], now: datetime
) -> None:
    """Dispositions that need no write: held, converged, superseded, overridden without a write.

    `paired` are the changes that were settled as their records became a pair.
    """
    rows = []
    for item in items:
        mine = changes[id(item)]
        for c in mine:
            place = (c.side, c.field)
            already_held = (
                place in item.pending and item.pending[place][0] == c.seq and place not in item.planned
            )
            if c.disposition == core.Disposition.HELD:
                if not already_held:
                    rows.append(disposition_row(run, item.link, item.key, c))
            elif not item.decided.writes:
                rows.append(disposition_row(run, item.link, item.key, c))
        current = {(c.side, c.field): c.seq for c in mine}
        # also where the item stays as it is because a person has decided since it was read
        settled = [c.seq for c in mine if c.disposition != core.Disposition.HELD]
        over = [] if item.decided.writes else settled
        # a decision that waits for a referenced record has not been carried out
        asked = waiting_in(item.conflict) if item.postponed else set()
        for (side, name), (seq, value) in item.pending.items():
            waits = name in item.stuck or seq in asked
            if seq and seq not in paired and current.get((side, name)) != seq and not waits:
                fate, rule = _fate_of_gone(run, item, side, name, seq, value)
                gone = ChangeRow(side, name, None, value, fate, rule, seq)
                rows.append(disposition_row(run, item.link, item.key, gone))
                over.append(seq)
        if over and item.conflict is not None:
            intake.forget(item.conflict, over)
    ledger.append(run.binding.id, rows, now)


def _fate_of_gone(run: Run, item: Item, side: Side, name: str, seq: int, value: Value) -> tuple[str, str]:
    """What became of a change that is no longer there to be seen, and why."""
    if name and name not in run.binding.policy.by_name:
        return str(core.Disposition.OVERRIDDEN), NOT_MAPPED
    planned = item.planned.get((side, name))
    if planned is not None and planned.disposition == core.Disposition.OVERRIDDEN:
        # a write that nobody can tell the end of may have replaced it: it is accounted for as planned
        return planned.disposition, planned.rule
    given_up = replacing(item)
    if seq in given_up:
        return str(core.Disposition.OVERRIDDEN), given_up[seq]
    agreed = item.decided.settled.get(name)
    if agreed is not None and same(at(agreed, side), value):
        return str(core.Disposition.CONVERGED), "equal"
    return str(core.Disposition.SUPERSEDED), "the side changed it again"


def waiting_in(conflict: Conflict | None) -> set[int]:
    """The numbers of the changes that wait for an item."""
    return set() if conflict is None else {change[0] for change in conflict.seqs.values()}


def disposition_row(
    run: Run, link: links.LinkRow | None, key: str, c: ChangeRow, actor: str = ""
) -> ledger.Row:
    """A journal row that says what became of change `c`."""
    return ledger.Row(
        EntryKind.DISPOSITION,
        c.side,
        link.key(c.side) if link is not None else key,
        c.field,
        new=c.new,
        disposition=c.disposition,
        rule=c.rule,
        of=c.seq,
        actor=actor,
        link_id=link.id if link is not None else None,
        pass_id=run.pass_id,
    )


def link_row(run: Run, link: links.LinkRow, what: str) -> ledger.Row:
    return ledger.Row(
        EntryKind.LINK,
        key=link.left_key,
        new=[link.left_key, link.right_key],
        rule=what,
        link_id=link.id,
        pass_id=run.pass_id,
    )
