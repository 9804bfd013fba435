"""Recovery: open intents that a dead worker or a lost answer left are settled by looking, first of all.

Each open intent's record is marked dirty; when it is handled, both sides are read fresh. A system that holds
what was wanted had applied it; a create is looked for by the match values it was sent with, or repeated under
its own idempotency key. What was not applied is decided anew, as if it had never been planned.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Intent, Link, ledger
from syncadmin.models.journal import EntryKind
from syncadmin.models.marks import mark

from . import write
from .binding import Translated
from .candidates import find_created
from .effort import Attempt, Effort, Item, Run, efforts_of, open_intents
from .outcome import store_outcomes


def mark_open_intents(run: Run) -> int:
    """Mark the records of all open intents dirty. Returns how many there are."""
    intents = open_intents(run.binding.id)
    if not intents:
        return 0
    linked = Link.objects.in_bulk([i.link_id for i in intents if i.link_id is not None])
    places = []
    for intent in intents:
        side = Side(intent.side)
        if intent.link_id is not None:
            places.append((Side.LEFT, linked[intent.link_id].left_key))
        elif intent.key is not None:
            places.append((side.other, intent.key))
    with run.lease.fenced():
        mark(run.binding.id, places, "recovery", run.clock())
    return len(intents)


def settle_applied(run: Run, items: Sequence[Item]) -> bool:
    """Finish writes that turn out to have been applied. Returns whether there were any.

    If so, nothing else that was loaded may be relied on: a recovered create, for one, has paired records. The
    marks stay, so that what else changed meanwhile is decided in the next round.
    """
    open_efforts = [(item, e) for item in items if not item.unanswered for e in _efforts(item)]
    if not open_efforts:
        return False
    for item, _ in open_efforts:
        item.unanswered = any(_too_early(run, intent) for intent in item.intents)
    open_efforts = [(item, effort) for item, effort in open_efforts if not item.unanswered]
    made = find_created(run.binding, [a.write for _, e in open_efforts for a in e.attempts])
    finished: list[Effort] = []
    for item, effort in open_efforts:
        for attempt in effort.attempts:
            may_be = made.get(id(attempt.write), [])
            _look(item, attempt, [t for t in may_be if t.record.key not in item.distinct])
        if any(a.applied for a in effort.attempts) or _repeat_creates(run, item, effort):
            finished.append(effort)
    if not finished:
        return False
    store_outcomes(run, finished)
    recovered = sum(a.applied for e in finished for a in e.attempts)
    if recovered:
        with run.lease.fenced():
            mark(run.binding.id, _made(finished), "recovery", run.clock())
            text = f"recovered {recovered} writes that an interrupted pass had made"
            note = ledger.Row(EntryKind.NOTE, rule=text, pass_id=run.pass_id)
            ledger.append(run.binding.id, [note], run.clock())
    run.count("recovered", recovered)
    return True


def _too_early(run: Run, intent: Intent) -> bool:
    """Whether a create of this very pass is in doubt, of a system that only a later listing will tell of."""
    can = run.binding.sides[Side(intent.side)].can
    blind = not can.finds and not can.idempotent
    return intent.op == core.Op.CREATE and intent.token == run.lease.token and blind


def _made(efforts: Sequence[Effort]) -> list[tuple[Side, str]]:
    """The records that recovered creates have made: somebody may have edited them since."""
    return [
        (a.write.side, a.outcome.key)
        for e in efforts
        for a in e.attempts
        if a.applied and a.write.op is core.Op.CREATE and a.outcome is not None and a.outcome.key is not None
    ]


def _efforts(item: Item) -> list[Effort]:
    """The item's stored efforts, with what is known now."""
    efforts = efforts_of(item.intents, item.link)
    for effort in efforts:
        effort.conflict, effort.places, effort.tries = item.conflict, item.places(), item.tries
        effort.observed = {side: seen.record for side, seen in item.seen.items() if seen is not None}
    return efforts


def _look(item: Item, attempt: Attempt, made: Sequence[Translated]) -> None:
    """Give the attempt its outcome if the system shows that it was applied."""
    wanted, side = attempt.write, attempt.write.side
    if wanted.op is core.Op.CREATE:
        if len(made) == 1 and not _paired(item):
            attempt.outcome = base.Outcome(base.Result.APPLIED, made[0].record.key)
            attempt.answer = write.as_wanted(made[0], wanted)
    elif side in item.seen:
        seen = item.seen[side]
        if wanted.op is core.Op.DELETE:
            if seen is None:
                attempt.outcome = base.Outcome(base.Result.APPLIED, wanted.key)
        elif seen is not None and _holds(seen.record.values, wanted.values):
            attempt.outcome, attempt.answer = base.Outcome(base.Result.APPLIED, wanted.key), seen


def _holds(values: core.Values, wanted: core.Values) -> bool:
    return all(name in values and alike(values[name], value) for name, value in wanted.items())


def _paired(item: Item) -> bool:
    """Whether the record has got its partner in another way meanwhile."""
    return item.link is not None and all(item.seen.get(side) is not None for side in SIDES)


def _repeat_creates(run: Run, item: Item, effort: Effort) -> bool:
    """Send creates once more under their own idempotency keys, where a system knows such keys.

    The very same values are sent: the system answers with the record that the first attempt made, if it did.
    """
    creates = [a for a in effort.attempts if a.write.op is core.Op.CREATE]
    if (
        not creates
        or _paired(item)
        or not all(run.binding.sides[a.write.side].can.idempotent for a in creates)
    ):
        return False
    write.prepare(run.binding, [(item, effort)])
    write.send(run.binding, [effort])
    write.read_back(run.binding, [effort])
    write.read_answers(run.binding, [effort])
    for attempt in creates:
        outcome = attempt.outcome
        if outcome is not None and outcome.result is base.Result.STALE and outcome.key is not None:
            attempt.outcome, attempt.answer = base.Outcome(base.Result.APPLIED, outcome.key), None
    return True
