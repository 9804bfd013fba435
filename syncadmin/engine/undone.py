"""Undo, carried out: what a decision had settled waits in the inbox again, and the journal says so.

A change that had its final disposition gets the entry `reverted`: that one no longer counts, the change is
held once more. Called inside the transaction that stores what is agreed on, once the writes of the undo are
applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from conflicts import intake
from connectors.base import Result
from syncadmin.core import plan as core
from syncadmin.core.asked import TAKEN_BACK
from syncadmin.core.side import SIDES, at
from syncadmin.models import EntryKind, ledger, marks

from .effort import Effort, Item, Restored, Run

RULE = "person: undo"  # as the core gives it


def undisturbed(items: Sequence[Item]) -> list[Item]:
    """Those items whose decision, if they carry one out, still stands. The others are decided anew."""
    picked = [
        item.conflict
        for item in items
        if item.conflict is not None and (item.decided.used_picks or item.decided.used_record_pick)
    ]
    if not picked:
        return list(items)
    gone = {conflict.pk for conflict in picked} - intake.undisturbed(picked)
    return [item for item in items if item.conflict is None or item.conflict.pk not in gone]


def bring_back(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    """Journal and reopen what these efforts have brought back.

    Their records are dirty again, so that the inbox shows them as they are by then.
    """
    rows: list[ledger.Row] = []
    for effort in efforts:
        back = effort.brought_back
        applied = {name for a in effort.attempts if a.applied for name in a.write.values}
        # a field that was brought back on one side only is that side's own change from now on, unless it
        # turns out that the other side has it too
        over = back.keys() | (applied - _in_doubt(effort))
        effort.restored = {n: r for n, r in effort.restored.items() if n not in over}
        if not back or effort.conflict is None:
            continue
        rows += [row for name, restored in back.items() for row in _reverted(run, effort, name, restored)]
        fields = [
            intake.Reopened(
                name, dict(zip(SIDES, r.values, strict=True)), r.ancestor, r.seqs, TAKEN_BACK, r.decision
            )
            for name, r in back.items()
        ]
        intake.reopen(effort.conflict, fields, now)
        run.count("undone")
        marks.mark(run.binding.id, effort.places, "undo", now)
    ledger.append(run.binding.id, rows, now)


def _in_doubt(effort: Effort) -> set[str]:
    unknown = [a for a in effort.attempts if a.outcome is not None and a.outcome.result is Result.UNKNOWN]
    return {name for a in unknown for name in a.write.values}


def _reverted(run: Run, effort: Effort, name: str, restored: Restored) -> list[ledger.Row]:
    """The changes of a field are no longer settled; `old` is the ancestor that counts again."""
    link = effort.link
    return [
        ledger.Row(
            EntryKind.DISPOSITION,
            side,
            link.key(side) if link is not None else "",
            name,
            old=msgspec.UNSET if restored.ancestor is None else at(restored.ancestor, side),
            new=at(restored.values, side),
            disposition=str(core.Disposition.REVERTED),
            rule=RULE,
            of=seq,
            actor=effort.actor,
            link_id=link.id if link is not None else None,
            pass_id=run.pass_id,
        )
        for side, seq in sorted(restored.seqs.items())
    ]
