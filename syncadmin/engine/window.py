"""Writes that no system guards: each is counted, its window measured, and an edit in it is told, if it shows.

A system without compare-and-set is read just before it is written. What somebody saves between the two is
overwritten unseen. Where the record's own versions show it, the journal names the record (`raced`); where the
system keeps no trace, nobody can tell: then the measured windows say how much could have been lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.side import Side
from syncadmin.core.values import decode
from syncadmin.models import EntryKind, Intent, IntentState, Pass, ledger
from syncadmin.models.risk import add_to_day

from .effort import Attempt, Effort, Run

RACED = "raced: the record was changed between the checking read and this write, which may have replaced it"
Days = dict[Side, Counter[str]]  # what to add to the lost-update meter, by side
_SENT = (base.Result.APPLIED, base.Result.UNKNOWN)


def guarded(run: Run, side: Side, op: core.Op) -> bool:
    """Whether the system itself refuses a write of this kind if the record is not as expected."""
    can = run.binding.sides[side].can
    given = {core.Op.UPDATE: can.update, core.Op.DELETE: can.delete}
    return given.get(op, base.Guarantee.ATOMIC) is base.Guarantee.ATOMIC


def meter(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    """Count the unguarded writes that were sent, and journal those that were raced. In a transaction."""
    rows: list[ledger.Row] = []
    days: Days = defaultdict(Counter)
    for effort in efforts:
        for attempt in effort.attempts:
            outcome, write = attempt.outcome, attempt.write
            if attempt.raw is None or outcome is None or outcome.result not in _SENT:
                continue  # found by recovery, which has counted it, or not carried out
            if guarded(run, write.side, write.op):
                continue
            mine = days[write.side]
            run.count("unguarded")
            mine["writes"] += 1
            if outcome.window is None:
                run.count("unmeasured")
                mine["unmeasured"] += 1
            else:
                run.count("window ms", max(1, round(outcome.window * 1000)))
                mine["microseconds"] += max(1, round(outcome.window * 1_000_000))
            if outcome.raced:
                run.count("raced")
                mine["raced"] += 1
                rows.append(_row(run, effort, attempt))
    if not days:
        return
    _store(run, days, now)
    ledger.append(run.binding.id, rows, now)
    Pass.objects.filter(pk=run.pass_id).update(counts=run.counts)


def _store(run: Run, days: Days, now: datetime) -> None:
    for side, counts in sorted(days.items()):
        add_to_day(run.binding.id, side.value, now.astimezone(UTC).date(), **counts)


def _row(run: Run, effort: Effort, attempt: Attempt) -> ledger.Row:
    side = attempt.write.side
    key = effort.left_key if side is Side.LEFT else effort.right_key
    return ledger.Row(
        EntryKind.NOTE,
        side,
        str(key),
        old=dict(attempt.write.expected),
        new=dict(attempt.write.values),
        rule=RACED,
        link_id=effort.link.id if effort.link is not None else None,
        pass_id=run.pass_id,
    )


def doubt_orphans(run: Run, intents: Sequence[Intent]) -> None:
    """Intents that a dead worker left may have been sent: they are in doubt, their windows unmeasured.

    In a transaction.
    """
    planned = [intent for intent in intents if intent.state == IntentState.PLANNED]
    orphans = [intent for intent in planned if not decode(bytes(intent.body)).get("undone")]
    days: Days = defaultdict(Counter)
    for intent in orphans:
        if not guarded(run, Side(intent.side), core.Op(intent.op)):
            run.count("unguarded")
            run.count("unmeasured")
            days[Side(intent.side)].update(("writes", "unmeasured"))
    _store(run, days, run.clock())
    Intent.objects.filter(pk__in=[i.pk for i in orphans]).update(state=IntentState.DOUBT)
    Pass.objects.filter(pk=run.pass_id).update(counts=run.counts)
