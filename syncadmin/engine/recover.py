"""Recovery: open intents that a dead worker left are settled by looking, before anything else is written.

Each open intent's record is marked dirty; when it is handled, both sides are read fresh. A system that holds
what was wanted had applied it; anything else is decided anew, as if the write had never been planned.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.side import Side
from syncadmin.core.values import same
from syncadmin.models import Intent, ledger
from syncadmin.models.journal import EntryKind
from syncadmin.models.marks import mark

from .effort import Attempt, Effort, Item, Run, effort_of
from .outcome import store_outcomes


def mark_open_intents(run: Run) -> int:
    """Mark the records of all open intents dirty. Returns how many there are."""
    intents = list(Intent.objects.filter(mapping_id=run.binding.id).select_related("link"))
    if not intents:
        return 0
    places = []
    for intent in intents:
        side = Side(intent.side)
        if intent.link is not None:
            places.append((Side.LEFT, intent.link.left_key))
        elif intent.key is not None:
            places.append((side.other, intent.key))
    with run.lease.fenced():
        mark(run.binding.id, places, "recovery", run.clock())
    return len(intents)


def settle_applied(run: Run, items: Sequence[Item]) -> bool:
    """Finish intents that turn out to have been applied. Returns whether there were any.

    If so, nothing else that was loaded may be relied on: a recovered create, for one, has paired records. The
    marks stay, so that what else changed meanwhile is decided in the next round.
    """
    finished: list[Effort] = []
    for item in items:
        effort = _finished(item) if item.intents else None
        if effort is not None:
            effort.conflict = item.conflict
            finished.append(effort)
    if not finished:
        return False
    store_outcomes(run, finished)
    with run.lease.fenced():
        text = f"recovered {len(finished)} writes that an interrupted pass had made"
        note = ledger.Row(EntryKind.NOTE, rule=text, pass_id=run.pass_id)
        ledger.append(run.binding.id, [note], run.clock())
    run.count("recovered", len(finished))
    return True


def _finished(item: Item) -> Effort | None:
    """The item's stored effort, with outcomes, if every write of it is found to have been applied."""
    effort = effort_of(item.intents, item.link)
    for attempt in effort.attempts:
        outcome = _look(item, attempt)
        if outcome is None:
            return None
        attempt.outcome = outcome
        seen = item.seen.get(attempt.write.side)
        attempt.answer = seen if attempt.write.op is core.Op.UPDATE else None
    for side, seen in item.seen.items():
        if seen is not None:
            effort.observed[side] = seen.record
    return effort


def _look(item: Item, attempt: Attempt) -> base.Outcome | None:
    """APPLIED if the system holds what was wanted, else None."""
    write = attempt.write
    if write.op is core.Op.CREATE:
        matches = item.observations.get(write.side)
        if not isinstance(matches, core.Matches) or len(matches.candidates) != 1 or matches.twins:
            return None
        candidate = matches.candidates[0]
        if candidate.linked or not _holds(candidate.record.values, write.values):
            return None
        return base.Outcome(base.Result.APPLIED, candidate.record.key)
    if write.side not in item.seen:
        return None
    seen = item.seen[write.side]
    if write.op is core.Op.DELETE:
        return base.Outcome(base.Result.APPLIED, write.key) if seen is None else None
    if seen is None or not _holds(seen.record.values, write.values):
        return None
    return base.Outcome(base.Result.APPLIED, write.key)


def _holds(values: core.Values, wanted: core.Values) -> bool:
    return all(name in values and same(values[name], value) for name, value in wanted.items())
