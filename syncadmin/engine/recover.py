"""Recovery: open intents that a dead worker or a lost answer left are settled by looking, first of all.

Each open intent's record is marked dirty; when it is handled, both sides are read fresh. A system that has a
receipt of the write, or holds what was wanted, had applied it; a create is looked for by the match values it
was sent with, or repeated under its own idempotency key. What was not applied is decided anew, as if it had
never been planned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.policy import Merge
from syncadmin.core.side import SIDES, Side, pair
from syncadmin.models import Intent, Link, ledger
from syncadmin.models.journal import EntryKind
from syncadmin.models.marks import mark

from . import doubts, links, receipts, write
from .answers import as_wanted
from .binding import Translated
from .candidates import find_created
from .effort import Attempt, Effort, Item, Run, efforts_of, open_intents
from .outcome import store_outcomes
from .window import doubt_orphans


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
        doubt_orphans(run, intents)
    return len(intents)


def settle_applied(run: Run, items: Sequence[Item]) -> bool:
    """Finish writes that turn out to have been applied. Returns whether there were any.

    If so, nothing else that was loaded may be relied on: a recovered create, for one, has paired records. The
    marks stay, so that what else changed meanwhile is decided in the next round.
    """
    open_efforts = [(item, e) for item in items if not item.unanswered for e in _efforts(item)]
    if not open_efforts:
        return False
    receipts.settle(run.binding, open_efforts)
    made, untold = find_created(run.binding, [a.write for _, e in open_efforts for a in e.attempts])
    counters = {f.name for f in run.binding.policy.fields if f.merge is Merge.COUNTER}
    finished: list[Effort] = []
    lost: list[tuple[Item, Effort]] = []
    repeated: list[Attempt] = []
    for item, effort in open_efforts:
        mute = any(id(a.write) in untold for a in effort.attempts)
        effort.attempts = [
            part for a in effort.attempts for part in ([a] if a.outcome else _parts(item, a, counters))
        ]
        for attempt in effort.attempts:
            found = [t for t in made.get(id(attempt.write), []) if t.record.key not in item.distinct]
            found += _given_to(items, attempt.write, run.binding.policy.match)
            if attempt.outcome is not None or not attempt.in_doubt:
                continue  # whatever the system holds, somebody else has written it
            _look(item, attempt, found, run.binding.policy.match)
        if any(a.applied for a in effort.attempts):
            finished.append(effort)
        elif mute or any(_too_early(run, intent) for intent in item.intents):
            item.unanswered = True
        elif creates := _repeat_creates(run, item, effort):
            repeated += creates
            finished.append(effort)
        elif item.link is None and any(a.in_doubt for a in effort.attempts):
            lost.append((item, effort))
    in_doubt = _doubt(run, items, lost, made)
    if not finished:
        return in_doubt
    for side in SIDES:
        _bury_given_away(run, side, _creates(finished, side), repeated)
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
    """Whether a create of this very pass is in doubt: unless its key tells, only a later listing will."""
    told = run.binding.sides[Side(intent.side)].can.idempotent
    return intent.op == core.Op.CREATE and intent.token == run.lease.token and not told


def _made(efforts: Sequence[Effort]) -> list[tuple[Side, str]]:
    """The records that recovered creates have made, or receipts tell of: edited since, as it may be.

    Whoever read such an edit before the shadow was what it is now may have taken it for none.
    """
    return [
        (a.write.side, a.outcome.key)
        for e in efforts
        for a in e.attempts
        if a.applied and (a.write.op is core.Op.CREATE or a.receipts)
        if a.outcome is not None and a.outcome.key is not None
    ]


def _efforts(item: Item) -> list[Effort]:
    """The item's stored efforts, with what is known now."""
    efforts = efforts_of(item.intents, item.link)
    for effort in efforts:
        effort.conflict, effort.places, effort.tries = item.conflict, item.places(), item.tries
        effort.observed = {side: seen.record for side, seen in item.seen.items() if seen is not None}
    return efforts


def _parts(item: Item, attempt: Attempt, counters: Set[str]) -> list[Attempt]:
    """An update of which only some fields hold what was wanted, as two: those fields have arrived.

    What the others hold is somebody's later edit, or shows that they did not. Counters alone show nothing by
    holding what was wanted: somebody else may have added as much.
    """
    wanted, seen = attempt.write, item.seen.get(attempt.write.side)
    if wanted.op is not core.Op.UPDATE or seen is None:
        return [attempt]
    there = {name for name in wanted.values if _holds(seen.record.values, {name: wanted.values[name]})}
    if there <= counters or there == wanted.values.keys():
        return [attempt]
    arrived = {name: value for name, value in wanted.values.items() if name in there}
    others = {name: value for name, value in wanted.values.items() if name not in there}
    return [replace(attempt, write=replace(wanted, values=values)) for values in (arrived, others)]


def _look(item: Item, attempt: Attempt, made: Sequence[Translated], match: Sequence[str]) -> None:
    """Give the attempt its outcome if the system shows that it was applied."""
    wanted, side = attempt.write, attempt.write.side
    if wanted.op is core.Op.CREATE:
        ours = [found for found in made if doubts.resembles(found.record.values, wanted.values, match)]
        if len(ours) == 1 and not _paired(item):
            attempt.outcome = base.Outcome(base.Result.APPLIED, ours[0].record.key)
            attempt.answer = as_wanted(ours[0], wanted)
    elif side in item.seen:
        seen = item.seen[side]
        if wanted.op is core.Op.DELETE:
            if seen is None:
                attempt.outcome = base.Outcome(base.Result.APPLIED, wanted.key)
        elif seen is not None and _holds(seen.record.values, wanted.values):
            attempt.outcome, attempt.answer = base.Outcome(base.Result.APPLIED, wanted.key), seen


def _holds(values: core.Values, wanted: core.Values) -> bool:
    return all(name in values and alike(values[name], value) for name, value in wanted.items())


def _doubt(
    run: Run,
    items: Sequence[Item],
    lost: Sequence[tuple[Item, Effort]],
    made: Mapping[int, Sequence[Translated]],
) -> bool:
    """Remember what creates that were not found may have made. Returns whether anything is newly in doubt.

    Where a record that has appeared since gives no answer, nothing can be told yet.
    """
    pairs: set[doubts.Pair] = set()
    news: dict[tuple[Side, datetime], list[Translated]] = {}
    mute: set[tuple[Side, datetime]] = set()
    for item, effort in lost:
        planned = {intent.pk: intent.created_at for intent in item.intents}
        for attempt in effort.attempts:
            since = attempt.write.side, planned[attempt.intent_id]
            if since not in news:
                news[since], told = doubts.appeared(run.binding, *since, items)
                mute |= set() if told else {since}
            if since in mute:
                item.unanswered = True
                continue
            may_be = doubts.suspects(attempt.write, made.get(id(attempt.write), []), news[since])
            fresh = may_be.keys() - item.doubts - item.distinct
            pairs |= {pair(item.side, item.key, other) for other in fresh}
    if not pairs:
        return False
    with run.lease.fenced():
        now = run.clock()
        doubts.remember(run.binding.id, pairs, now)
        places = [(side, key) for keys in sorted(pairs) for side, key in zip(SIDES, keys, strict=True)]
        mark(run.binding.id, places, "recovery", now)
    return True


def _given_to(items: Sequence[Item], sent: core.Write, match: Sequence[str]) -> list[Translated]:
    """Records that hold what a create has sent under the key of a linked record that was another one."""
    if sent.op is not core.Op.CREATE:
        return []
    linked = [(i.link, seen) for i in items if i.link is not None and (seen := i.seen.get(sent.side))]
    return [
        seen
        for link, seen in linked
        if _holds(seen.record.values, {name: sent.values[name] for name in match if name in sent.values})
        and doubts.resembles(seen.record.values, sent.values, match)
        and not doubts.resembles(seen.record.values, link.shadow(sent.side), match)
    ]


def _paired(item: Item) -> bool:
    """Whether the record has got its partner in another way meanwhile."""
    return item.link is not None and all(item.seen.get(side) is not None for side in SIDES)


def _repeat_creates(run: Run, item: Item, effort: Effort) -> list[Attempt]:
    """Send creates once more under their own idempotency keys, where a system knows such keys. Returns these.

    The very same values are sent: the system answers with the record that the first attempt made, if it did.
    """
    creates = [a for a in effort.attempts if a.write.op is core.Op.CREATE and a.in_doubt]
    if (
        not creates
        or _paired(item)
        or not all(run.binding.sides[a.write.side].can.idempotent for a in creates)
    ):
        return []
    write.prepare(run.binding, [(item, effort)])
    write.send(run.binding, [effort])
    write.read_back(run.binding, [effort])
    write.read_answers(run.binding, [effort])
    for attempt in creates:
        outcome = attempt.outcome
        if outcome is not None and outcome.result is base.Result.STALE and outcome.key is not None:
            attempt.outcome, attempt.answer = base.Outcome(base.Result.APPLIED, outcome.key), None
    return creates


def _creates(efforts: Sequence[Effort], side: Side) -> dict[str, list[Attempt]]:
    """The creates on a side that were applied, by the key that was answered."""
    made: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in (a for e in efforts for a in e.attempts if a.write.side is side and a.applied):
        if attempt.write.op is core.Op.CREATE and attempt.outcome is not None:
            made[str(attempt.outcome.key)].append(attempt)
    return made


def _bury_given_away(
    run: Run, side: Side, made: Mapping[str, Sequence[Attempt]], repeated: Sequence[Attempt]
) -> None:
    """A repeated create may answer with a key that now belongs to another record: what it made is gone.

    The key may be somebody else's if an open link has it, or if another create was answered with it too. The
    order of the answers tells nothing: a system repeats an old one from memory. Whose the key is, the record
    there shows: it is like what was sent. Where that gives no answer, the create stays in doubt.
    """
    told = {id(a) for a in repeated}
    asked = {key: [a for a in attempts if id(a) in told] for key, attempts in made.items()}
    taken = links.by_key(run.binding.id, side, [key for key, attempts in asked.items() if attempts])
    shared = {key for key, attempts in made.items() if len(attempts) > 1 and asked[key]}
    keys = sorted(taken.keys() | shared)
    if not keys:
        return
    bound, match = run.binding.sides[side], run.binding.policy.match
    fetched = bound.connector.fetch(bound.resource, keys, fields=bound.wanted)
    held = {t.record.key: t.record.values for t in bound.translate(list(fetched.found.values()))}
    for key in keys:
        strangers = [a for a in asked[key] if not doubts.resembles(held.get(key, {}), a.write.values, match)]
        if key not in fetched.found.keys() | fetched.absent:
            for attempt in asked[key]:
                attempt.outcome, attempt.answer = base.Outcome(base.Result.UNKNOWN, said="no answer"), None
        elif key in taken or len(strangers) < len(made[key]):
            for attempt in strangers:
                buried = links.never_held(key, attempt.intent_id)
                attempt.outcome, attempt.answer = base.Outcome(base.Result.APPLIED, buried), None
