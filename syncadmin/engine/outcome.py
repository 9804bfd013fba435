"""Storing outcomes after writing: shadows, links, journal, conflicts, marks. One fenced transaction.

A field is agreed once every write it needs is applied. What was refused waits in the inbox with the system's
own words; what is unknown stays an open intent, and is looked at before anything else is done.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from conflicts import intake
from connectors.base import Result
from syncadmin.core import plan as core
from syncadmin.core.retry import RECORDS, WAITS
from syncadmin.core.side import SIDES, Side, pair
from syncadmin.core.values import encode
from syncadmin.models import EntryKind, Intent, IntentState, bulk, ledger, marks

from . import distinct, doubts, links
from .accounts import disposition_row, link_row
from .agree import settle
from .effort import Attempt, ChangeRow, Effort, Run, intent_body
from .load import match_bytes
from .peers import look_again
from .store import NOT_UNDONE, close_questions, forget_unlinked
from .undone import RULE, bring_back
from .window import meter

_DONE = {core.Op.CREATE: "created", core.Op.UPDATE: "updated", core.Op.DELETE: "deleted"}


def store_outcomes(run: Run, efforts: Sequence[Effort]) -> frozenset[tuple[Side, str]]:
    """Store what came of the writes. Returns the records to decide again at once. Raises LeaseLost."""
    again: set[tuple[Side, str]] = set()
    for effort in efforts:
        _give_up(effort)
    with run.lease.fenced():
        now = run.clock()
        rows: list[tuple[links.LinkRow, bytes | None]] = []
        closed: list[bytes | None] = []
        paired: list[tuple[Side, str]] = []
        gone: list[tuple[Side, str]] = []
        _bury_the_dead(run, efforts, now)
        for effort in efforts:
            paired += _pair(effort)
            if effort.link is None:
                continue
            whole = all(a.applied for a in effort.attempts)
            if whole and any(a.write.op is core.Op.DELETE for a in effort.attempts):
                effort.link.status = "closed"
                rows.append((effort.link, None))
                closed.append(match_bytes(run.binding, effort.link.shadow(Side.LEFT)))
                gone += [(side, effort.link.key(side)) for side in SIDES]
                continue
            held = (
                effort.keeps_conflict
                or any(_refused(a) for a in effort.attempts)
                or (not whole and effort.conflict is not None)
            )
            if settle(effort, effort.link, held) or effort.link.id is None:
                rows.append((effort.link, match_bytes(run.binding, effort.link.shadow(Side.LEFT))))
        links.save(run.binding.id, rows)
        own = {e.conflict.pk for e in efforts if e.conflict is not None}
        close_questions(run, paired, own, now)
        doubts.forget(run.binding.id, paired, now)
        forget_unlinked(run.binding.id, paired, now)
        look_again(run.binding.id, closed, now)
        distinct.forget(run.binding.id, gone)
        _journal(run, efforts, now)
        meter(run, efforts, now)
        _report_refused(run, efforts, now)
        bring_back(run, [e for e in efforts if e.restored], now)
        _close_conflicts(efforts, now)
        _settle_intents(efforts)
        _settle_marks(run, efforts, now, again)
    return frozenset(again)


def _give_up(effort: Effort) -> None:
    """A record that could not be written time and again is for a person to look at; the rest goes on."""
    for attempt in effort.attempts:
        outcome = attempt.outcome
        if outcome is None or outcome.result is not Result.RETRY or attempt.away is not None:
            continue
        if RECORDS.exhausted(effort.tries):
            said = f"not done after {effort.tries + 1} tries: {outcome.said}"
            attempt.outcome = replace(outcome, result=Result.REJECTED, said=said)


def _refused(attempt: Attempt) -> bool:
    return attempt.outcome is not None and attempt.outcome.result is Result.REJECTED


def _pair(effort: Effort) -> list[tuple[Side, str]]:
    """An applied create gives the pair its second key. Returns the records that are a pair now."""
    paired: list[tuple[Side, str]] = []
    for attempt in effort.attempts:
        if attempt.write.op is not core.Op.CREATE or not attempt.applied or attempt.outcome is None:
            continue
        key = str(attempt.outcome.key)
        if attempt.write.side is Side.LEFT:
            effort.left_key = key
        else:
            effort.right_key = key
        if effort.link is None:
            effort.link = links.LinkRow(None, str(effort.left_key), str(effort.right_key), encode({}), None)
        else:
            effort.link.left_key, effort.link.right_key = str(effort.left_key), str(effort.right_key)
            links.rekey(effort.link)
        paired += [(Side.LEFT, str(effort.left_key)), (Side.RIGHT, str(effort.right_key))]
    return paired


def _bury_the_dead(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    """A key that a system has given to a new record belongs to no other any more.

    Given twice in one batch, it belongs to the record that was created last.
    """
    for side in SIDES:
        given: dict[str, Attempt] = {}
        dead: list[tuple[Side, str]] = []
        for attempt in (a for e in efforts for a in e.attempts if a.write.side is side):
            if attempt.write.op is not core.Op.CREATE or not attempt.applied or attempt.outcome is None:
                continue
            key = str(attempt.outcome.key)
            before = given.get(key)
            if before is not None and before.outcome is not None:
                buried = links.never_held(key, before.intent_id)
                before.outcome = replace(before.outcome, key=buried)
                dead.append((side, buried))
            given[key] = attempt
        for effort in efforts:  # whose source was gone before its copy was made
            maker = given.get(_key(effort, side))
            copied = any(a.applied and a.write.op is core.Op.CREATE for a in effort.attempts)
            if maker is None or effort.link is not None or not copied or maker in effort.attempts:
                continue
            buried = links.never_held(_key(effort, side), maker.intent_id)
            effort.left_key, effort.right_key = pair(side, buried, _key(effort, side.other))
            dead.append((side, buried))
        links.bury(run.binding.id, side, list(given), now)
        marks.mark(run.binding.id, dead, "absent", now)


def _journal(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    rows: list[ledger.Row] = []
    for effort in efforts:
        unclaimed = [c for c in effort.changes if c.seq]
        over = _fields_over(effort)
        for attempt in effort.attempts:
            if attempt.applied:
                run.count(_DONE[attempt.write.op])
                rows += _write_rows(run, effort, attempt, unclaimed)
                if attempt.write.op is not core.Op.UPDATE and effort.link is not None:
                    what = "created" if attempt.write.op is core.Op.CREATE else "closed"
                    rows.append(link_row(run, effort.link, what))
            elif attempt.outcome is not None:
                run.count(attempt.outcome.result.value)
        rows += [
            disposition_row(run, effort.link, _key(effort, c.side), c, effort.actor)
            for c in unclaimed
            if over is None or c.field in over
        ]
        if over is not None:
            claimed = [c for c in effort.changes if c not in unclaimed or c.field in over]
            if effort.conflict is not None:
                intake.forget(effort.conflict, [c.seq for c in claimed])
            for c in claimed:
                c.seq = 0  # it has its disposition; what is still in doubt keeps its rule
        elif effort.conflict is not None and effort.keeps_conflict:
            intake.forget(effort.conflict, [c.seq for c in effort.changes])
    ledger.append(run.binding.id, rows, now)


def _fields_over(effort: Effort) -> set[str] | None:
    """The fields that nothing more is to be done about, None if that is the whole effort.

    One applied write is enough for a field (see `agree.settle`): what is left is then a change of its own.
    Where each update has its end, so has what needed none, as what a person leaves as it is: no intent stays
    to carry it on, and a refusal brings the item back without it.
    """
    if all(a.applied for a in effort.attempts):
        return None
    written = {name for a in effort.attempts for name in a.write.values}
    applied = {name for a in effort.attempts if a.applied for name in a.write.values}
    over = (effort.settled.keys() - written) | applied
    if all(a.write.op is core.Op.UPDATE and (a.applied or _refused(a)) for a in effort.attempts):
        over |= {c.field for c in effort.changes} - written
    return over


def _key(effort: Effort, side: Side) -> str:
    key = effort.left_key if side is Side.LEFT else effort.right_key
    return str(key if key is not None else "")


def _write_rows(run: Run, effort: Effort, attempt: Attempt, unclaimed: list[ChangeRow]) -> list[ledger.Row]:
    """A row a written field; each takes along the disposition of the change it carries out."""
    write = attempt.write
    names = list(write.values) if write.op is core.Op.UPDATE else [""]
    rows = []
    for name in names:
        cause = _cause(unclaimed, name, write.side)
        if cause is not None:
            unclaimed.remove(cause)
        answer = attempt.answer.record.values if attempt.answer is not None else write.values
        if write.op is core.Op.UPDATE:
            old, new = write.expected.get(name), answer.get(name, write.values[name])
        else:
            old, new = (dict(write.expected) or None), (dict(answer) if write.op is core.Op.CREATE else None)
        rows.append(
            ledger.Row(
                EntryKind.WRITE,
                write.side,
                _key(effort, write.side),
                name,
                old,
                new,
                disposition=cause.disposition if cause is not None else "",
                rule=cause.rule if cause is not None else _any_rule(effort, name),
                of=cause.seq if cause is not None else None,
                actor=effort.actor,
                link_id=effort.link.id if effort.link is not None else None,
                pass_id=run.pass_id,
            )
        )
    return rows


def _cause(changes: Sequence[ChangeRow], name: str, side: Side) -> ChangeRow | None:
    """The change that a write to `side` carries out: one of the other side, else one of its own."""
    of_field = (
        [c for c in changes if c.field in (name, "")]
        if name == ""
        else [c for c in changes if c.field == name]
    )
    return next((c for c in of_field if c.side is side.other), next(iter(of_field), None))


def _any_rule(effort: Effort, name: str) -> str:
    if name in effort.restored:
        return RULE
    return next(
        (c.rule for c in effort.changes if c.field == name), next((c.rule for c in effort.changes), "")
    )


def _report_refused(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    """What a system refused goes to the inbox, with its own words and what was tried.

    The rest of such an effort goes on without it: what is still in doubt has nothing to do with the refusal.
    """
    reports = []
    for effort in efforts:
        refused = [a for a in effort.attempts if _refused(a)]
        if not refused:
            continue
        effort.keeps_conflict = True
        write, said = refused[0].write, refused[0].outcome.said if refused[0].outcome is not None else ""
        values = {n: v for a in refused if a.write.side is write.side for n, v in a.write.values.items()}
        left, right = (effort.observed.get(side) for side in SIDES)
        asked = effort.asked.fields if effort.asked is not None else ()
        fields = asked + tuple(
            core.FieldConflict(
                name,
                left.values.get(name) if left else None,
                right.values.get(name) if right else None,
                None,
                f"{run.binding.sides[write.side].name} refused {values[name]!r}",
            )
            for name in values
            if write.op is core.Op.UPDATE
        )
        source, key = effort.source_key()
        records = effort.observed
        before = effort.conflict.snapshot if effort.conflict is not None else {}
        names = {name for a in refused for name in a.write.values}
        whole = any(a.write.op is not core.Op.UPDATE for a in refused)
        mine = [c for c in effort.changes if c.seq and (whole or c.field in names)]
        reports.append(
            intake.Report(
                conflict=core.Conflict(
                    core.ConflictKind.REJECTED,
                    f"{run.binding.sides[write.side].name} refused the write",
                    write.side,
                    fields,
                ),
                link_id=effort.link.id if effort.link is not None else None,
                side=None if effort.link is not None else source,
                key="" if effort.link is not None else key,
                label=run.binding.title_of(*(r.values for r in records.values())) or key,
                snapshot={
                    **{side.value: dict(r.values) for side, r in records.items()},
                    "refused": {"side": write.side.value, "op": write.op.value, "values": values},
                    **{name: before[name] for name in (intake.REPLACING,) if name in before},
                },
                times={side: r.modified for side, r in records.items()},
                who={side: r.who for side, r in records.items()},
                waiting={(c.side, c.field): (c.seq, c.new) for c in (*mine, *effort.held) if c.seq},
                said=said,
                keys=(effort.link.left_key, effort.link.right_key) if effort.link is not None else (),
                live=effort.conflict,
            )
        )
        rejected = [ChangeRow(c.side, c.field, c.old, c.new, "rejected", said, c.seq) for c in mine]
        ledger.append(
            run.binding.id,
            [disposition_row(run, effort.link, _key(effort, c.side), c) for c in rejected],
            now,
        )
        effort.changes = [c for c in effort.changes if c not in mine]
        effort.settled = {name: pair for name, pair in effort.settled.items() if name not in names}
    intake.receive(run.binding.id, reports, now)


def _close_conflicts(efforts: Sequence[Effort], now: datetime) -> None:
    over = {
        e.conflict.pk: _how_closed(e)
        for e in efforts
        if e.conflict is not None and not e.keeps_conflict and all(a.applied for a in e.attempts)
    }
    intake.close(over, now)


def _how_closed(effort: Effort) -> str:
    if effort.conflict is not None and effort.conflict.undoing:
        return NOT_UNDONE
    return "resolved" if effort.actor else "settled by itself: nothing to decide is left"


def _settle_intents(efforts: Sequence[Effort]) -> None:
    """Intents with a known end are over; one that may have been carried out is in doubt; the rest stay.

    Those that stay remember only the changes that still have no disposition.
    """
    results = [(a.intent_id, a.outcome.result) for e in efforts for a in e.attempts if a.outcome is not None]
    over = {pk for pk, result in results if result in (Result.APPLIED, Result.REJECTED)}
    doubt = {pk for pk, result in results if result is Result.UNKNOWN}
    for effort in efforts:
        if not all(a.applied for a in effort.attempts):
            for attempt in effort.attempts:
                if not attempt.applied:
                    told = attempt.outcome is not None and attempt.intent_id not in doubt
                    undone = told and not attempt.in_doubt
                    body = intent_body(effort, attempt, undone=undone)
                    Intent.objects.filter(pk=attempt.intent_id).update(body=body)
    # an update that was carried out field by field is over only if every part of it is
    over -= {pk for pk, result in results if result not in (Result.APPLIED, Result.REJECTED)}
    over -= {a.intent_id for e in efforts for a in e.attempts if a.outcome is None}
    bulk.delete(Intent, list(over))
    if doubt:
        Intent.objects.filter(pk__in=doubt).update(state=IntentState.DOUBT)


def _settle_marks(run: Run, efforts: Sequence[Effort], now: datetime, again: set[tuple[Side, str]]) -> None:
    """Marks of finished efforts go; the others stay: at once, or later as the system wishes."""
    done: list[tuple[int, int]] = []
    for effort in efforts:
        results = {a.outcome.result for a in effort.attempts if a.outcome is not None}
        if results <= {Result.APPLIED, Result.REJECTED}:
            if effort.waits:
                marks.defer(effort.marks, now + WAITS.wait(effort.tries))
            else:
                done += effort.marks
        elif any(a.away is not None for a in effort.attempts):
            continue  # due as soon as the system is back
        elif results & {Result.RETRY, Result.UNKNOWN}:
            wishes = [
                a.outcome.after
                for a in effort.attempts
                if a.outcome is not None and a.outcome.after is not None
            ]
            wait = RECORDS.wait(effort.tries, random.random(), max(wishes, default=None))  # noqa: S311
            marks.defer(effort.marks, now + wait)
        else:
            again.update(effort.places)
    marks.clear(done)
