"""Storing plans before anything is written: journal, conflicts, shadows, intents. One fenced transaction.

After it, everything that was decided can be found again by any other worker; nothing has been sent yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection

from conflicts import intake
from conflicts.models import Conflict
from syncadmin.core import plan as core
from syncadmin.core.policy import Policy
from syncadmin.core.retry import WAITS
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import encode
from syncadmin.models import Intent, IntentState, Unlinked, bulk, ledger, marks

from . import distinct, doubts, late, links, receipts, shared
from .accounts import NOT_MAPPED, dispose, disposition_row, journal_changes, link_row
from .agree import settle
from .effort import (
    Attempt,
    ChangeRow,
    Effort,
    Item,
    Restored,
    Run,
    idempotency_of,
    intent_body,
    open_intents,
    without_changes,
)
from .indoubt import replacing
from .load import match_bytes
from .peers import look_again, matches_of
from .undone import bring_back, undisturbed

NOT_UNDONE = "not undone: it has changed meanwhile"


def store_plans(run: Run, items: Sequence[Item]) -> list[tuple[Item, Effort]]:
    """Store what was decided; returns the efforts that have something to write. Raises LeaseLost."""
    sharers = shared.sharers(run.binding, items)
    with run.lease.fenced(beside={one.mapping.pk for one in sharers}):
        now = run.clock()
        shared.hold_shared(sharers, items)
        items = undisturbed(items)
        changes = journal_changes(run, items, now)
        efforts = [_effort(run, item, changes[id(item)], now) for item in items]
        paired = _open_links(run, items, efforts)
        _report_conflicts(run, items, efforts, changes, now)
        dispose(run, items, changes, paired, now)
        settled = [e for e in efforts if e.restored and (not e.attempts or e.asked is not None)]
        bring_back(run, settled, now)
        bulk.delete(Intent, [i.pk for item in items for i in item.intents])
        writing = [(item, e) for item, e in zip(items, efforts, strict=True) if e.attempts]
        _store_intents(run, [e for _, e in writing], now)
        _finish_idle(run, items, now)
    return writing


def _effort(run: Run, item: Item, changes: list[ChangeRow], now: datetime) -> Effort:
    """What is to be written for an item, with what to store once that is done."""
    plan = item.decided
    written = {name for write in plan.writes for name in write.values}
    observed = {side: obs.record for side, obs in item.observations.items() if isinstance(obs, core.Present)}
    picked = plan.used_picks or plan.used_record_pick
    decided_by = item.conflict.decided_by if item.conflict is not None and picked else None
    return Effort(
        left_key=plan.left_key,
        right_key=plan.right_key,
        link=item.link,
        settled=dict(plan.settled),
        seen={
            side: {
                name: record.values[name]
                for name in plan.settled
                if name in written and name in record.values
            }
            for side, record in observed.items()
        },
        changes=[c for c in changes if c.disposition != core.Disposition.HELD],
        attempts=[Attempt(write, receipts=receipts.place(run.binding, write)) for write in plan.writes],
        alone=links.pack_alone(plan.alone, plan.alone_record, plan.reopened, late.remembered(item, now)),
        marks=item.marks,
        places=item.places(),
        conflict=item.conflict,
        keeps_conflict=plan.conflict is not None or bool(item.stuck) or bool(plan.restored),
        observed=observed,
        actor=str(decided_by) if decided_by is not None else "",
        tries=item.tries,
        asked=plan.conflict,
        waits=bool(plan.waits),
        noted={
            side.value: seen.record.modified.isoformat()
            for side, seen in item.seen.items()
            if seen is not None and seen.record.modified is not None
        },
        held=[c for c in changes if c.disposition == core.Disposition.HELD],
        restored=_restored(item),
    )


def _restored(item: Item) -> dict[str, Restored]:
    """What the plan brings back, with what the person's undo says of it."""
    plan = item.decided
    rows = item.conflict.fields.all() if plan.restored and item.conflict is not None else ()
    picks = {row.field: row.pick for row in rows if row.pick}
    return {
        name: Restored(
            (picks[name]["values"][0], picks[name]["values"][1]),
            ancestor,
            {Side(side): seq for side, seq in picks[name]["seqs"].items() if seq},
            picks[name]["decision"],
        )
        for name, ancestor in plan.restored.items()
    }


def _open_links(run: Run, items: Sequence[Item], efforts: Sequence[Effort]) -> set[int]:
    """Store new pairs, and what is settled without a write; answers the changes that pairing has settled."""
    rows: list[tuple[links.LinkRow, bytes | None]] = []
    entries: list[ledger.Row] = []
    now = run.clock()
    paired: list[tuple[Side, str]] = []
    closed: list[bytes | None] = []
    gone: list[tuple[Side, str]] = []
    for item, effort in zip(items, efforts, strict=True):
        plan = item.decided
        if plan.action is core.LinkAction.CLOSE and item.link is not None and not plan.writes:
            item.link.status = "closed"
            rows.append((item.link, None))
            closed.append(match_bytes(run.binding, item.link.shadow(Side.LEFT)))
            entries.append(link_row(run, item.link, "closed"))
            gone += [(s, o.key) for s, o in item.observations.items() if isinstance(o, core.Absent)]
            run.count("closed")
            continue
        new = plan.action is core.LinkAction.LINK and item.link is None
        if new:
            item.link = effort.link = links.LinkRow(
                None, str(plan.left_key), str(plan.right_key), encode({}), None
            )
            paired += [(Side.LEFT, str(plan.left_key)), (Side.RIGHT, str(plan.right_key))]
            run.count("linked")
        if item.link is None:
            continue
        held = (
            plan.conflict is not None
            or (effort.conflict is not None and bool(plan.writes))
            or item.postponed
            or bool(item.stuck)
            or bool(plan.restored)
        )
        if not (new or not plan.writes or plan.conflict is not None):
            continue
        if settle(effort, item.link, held) or new:
            rows.append((item.link, match_bytes(run.binding, item.link.shadow(Side.LEFT))))
    links.save(run.binding.id, rows)
    entries += [
        link_row(run, item.link, "linked")
        for item in items
        if item.link is not None and item.decided.action is core.LinkAction.LINK
    ]
    ledger.append(run.binding.id, entries, now)
    own = {item.conflict.pk for item in items if item.conflict is not None}
    pairs = {place for item in items if item.link is not None for place in item.places()}
    accounted = close_questions(run, sorted(pairs | set(paired)), own, now)
    doubts.forget(run.binding.id, paired, now)
    forget_unlinked(run.binding.id, paired, now)
    look_again(run.binding.id, closed, now)
    distinct.forget(run.binding.id, gone)
    return accounted


def close_questions(run: Run, paired: Sequence[tuple[Side, str]], own: set[int], now: datetime) -> set[int]:
    """Records that are a pair leave the inbox as single ones; `own` items go on as the pair's.

    Also an item that was decided while its record was being paired: there is nothing left to decide.
    Answers the numbers of the changes that are settled by that.
    """
    over: dict[int, str] = {}
    rows: list[ledger.Row] = []
    if not paired or not intake.any_of_records(run.binding.id, {key for _, key in paired}):
        return set()
    for side in SIDES:
        keys = [key for s, key in paired if s is side]
        for key, conflict in intake.live_by_record(run.binding.id, side, keys).items():
            if conflict.pk in own:
                continue
            over[conflict.pk] = "resolved: the record has found its partner"
            for place, (seq, value) in conflict.seqs.items():
                name = place.partition("/")[2]
                fate = str(core.Disposition.CONVERGED)
                c = ChangeRow(side, name, None, value, fate, "it has found its partner", seq)
                rows.append(disposition_row(run, None, key, c))
    intake.close(over, now)
    ledger.append(run.binding.id, rows, now)
    accounted = {row.of for row in rows}
    for intent in open_intents(run.binding.id) if accounted else ():
        if intent.link_id is None and (Side(intent.side).other, intent.key) in paired:
            Intent.objects.filter(pk=intent.pk).update(body=without_changes(bytes(intent.body), accounted))
    return {seq for seq in accounted if seq is not None}


def _report_conflicts(
    run: Run,
    items: Sequence[Item],
    efforts: Sequence[Effort],
    changes: dict[int, list[ChangeRow]],
    now: datetime,
) -> None:
    """Tell the inbox what waits; from here on the items and efforts have their live conflict."""
    reports: dict[int, intake.Report] = {}
    for number, item in enumerate(items):
        plan = item.decided
        if plan.conflict is None:
            continue
        waiting = {
            (c.side, c.field): (c.seq, c.new)
            for c in changes[id(item)]
            if c.disposition == core.Disposition.HELD
        }
        waiting |= {place: change for place, change in item.pending.items() if place[1] in item.stuck}
        records = {side: o.record for side, o in item.observations.items() if isinstance(o, core.Present)}
        reports[number] = intake.Report(
            conflict=_with_refused(item, plan.conflict),
            link_id=item.link.id if item.link is not None else None,
            side=None if item.link is not None else item.side,
            key="" if item.link is not None else item.key,
            label=run.binding.title_of(*(r.values for r in records.values())) or item.key,
            snapshot=_snapshot(item, records),
            times={side: r.modified for side, r in records.items()},
            who={side: r.who for side, r in records.items()},
            waiting=waiting,
            said=item.conflict.said if item.conflict is not None and item.stuck else "",
            keys=(item.link.left_key, item.link.right_key) if item.link is not None else (),
            live=item.conflict,
        )
    run.count("conflicts", intake.receive(run.binding.id, list(reports.values()), now))
    for number, report in reports.items():
        items[number].conflict = efforts[number].conflict = report.live


def _snapshot(item: Item, records: dict[Side, core.Record]) -> dict[str, Any]:
    """What an item keeps besides its question: the records, those that it may be the same as, lost writes."""
    shown: dict[str, Any] = {side.value: dict(record.values) for side, record in records.items()}
    for observation in item.observations.values():
        if isinstance(observation, core.Matches):
            shown["candidates"] = {c.record.key: dict(c.record.values) for c in observation.candidates}
    if given_up := replacing(item):
        shown[intake.REPLACING] = {str(seq): rule for seq, rule in given_up.items()}
    if item.stuck and item.conflict is not None:
        shown["refused"] = item.conflict.snapshot["refused"]
    return shown


def _with_refused(item: Item, asked: core.Conflict) -> core.Conflict:
    """What is asked, together with the refused values that the item is about already."""
    if not item.stuck or item.conflict is None or asked.kind is not core.ConflictKind.FIELD:
        return asked
    new = {f.field for f in asked.fields}
    fields = [
        core.FieldConflict(f.field, f.left, f.right, None, f.reason)
        for f in item.conflict.fields.all()
        if f.field in item.stuck - new
    ]
    return replace(asked, kind=core.ConflictKind.REJECTED, fields=(*asked.fields, *fields))


def _store_intents(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    attempts = [(e, a) for e in efforts for a in e.attempts]
    for (_, attempt), pk in zip(attempts, bulk.reserve_ids(Intent, len(attempts)), strict=True):
        attempt.intent_id, attempt.idempotency = pk, idempotency_of(pk, now)
    bulk.insert(
        Intent,
        ("id", "mapping_id", "link_id", "side", "op", "key", "body", "state", "token", "created_at"),
        [
            (
                a.intent_id,
                run.binding.id,
                e.link.id if e.link is not None else None,
                a.write.side.value,
                a.write.op.value,
                e.source_key()[1] if a.write.op is core.Op.CREATE and e.link is None else a.write.key,
                intent_body(e, a),
                str(IntentState.PLANNED),
                run.lease.token,
                now,
            )
            for e, a in attempts
        ],
    )


def _finish_idle(run: Run, items: Sequence[Item], now: datetime) -> None:
    """Clear the marks of items that need no write, put waiting ones off, close conflicts that are over."""
    over: dict[int, str] = {}
    for item in items:
        plan = item.decided
        if plan.writes:
            continue
        if plan.waits:
            marks.defer(item.marks, now + WAITS.wait(item.tries))
            run.count("waiting")
        kept = plan.conflict is not None or item.stuck or item.postponed or plan.restored
        if item.conflict is not None and not kept:
            over[item.conflict.pk] = how_closed(item.conflict, plan, run.binding.policy)
    marks.clear(
        [m for item in items if not item.decided.writes and not item.decided.waits for m in item.marks]
    )
    intake.close(over, now)
    for item in items:
        plan = item.decided
        if item.link is None and not plan.idle:
            alone = links.pack_alone({}, plan.alone_record, frozenset())
            if plan.ignored != item.ignored or alone != item.alone:
                Unlinked.objects.filter(mapping_id=run.binding.id, side=item.side.value, key=item.key).update(
                    ignored=plan.ignored, alone=alone
                )


def how_closed(conflict: Conflict, plan: core.Plan | None, policy: Policy) -> str:
    """In words, why an item is over."""
    fields = [row.field for row in conflict.fields.all()]
    if fields and not policy.by_name.keys() & fields:
        return NOT_MAPPED
    if conflict.undoing:
        return NOT_UNDONE
    if plan is None or plan.used_picks or plan.used_record_pick:
        return "resolved"
    return "settled by itself: the sides agree again"


def forget_unlinked(mapping_id: int, places: Sequence[tuple[Side, str]], now: datetime) -> None:
    """Records that are paired now, or gone, are no longer unlinked; their peers look again."""
    matches = matches_of(mapping_id, places)
    for side in SIDES:
        keys = [key for s, key in places if s is side]
        if keys:
            where, params = bulk.one_of("key", keys)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"DELETE FROM syncadmin_unlinked WHERE mapping_id = %s AND side = %s AND {where}",
                    [mapping_id, side.value, *params],
                )
    look_again(mapping_id, matches, now)


def forget_vanished(run: Run, items: Sequence[Item]) -> None:
    """Unlinked records that are gone before they were paired: forgotten, their conflicts closed.

    One that a create in doubt may have copied is kept until that is known.
    """
    gone = [
        i
        for i in items
        if i.link is None and i.side in i.seen and i.seen[i.side] is None and not (i.unanswered and i.intents)
    ]
    if not gone:
        return
    with run.lease.fenced():
        now = run.clock()
        places = [(i.side, i.key) for i in gone]
        forget_unlinked(run.binding.id, places, now)
        doubts.bury(run.binding.id, places, now)
        distinct.forget(run.binding.id, places)
        intake.close({i.conflict.pk: "the record is gone" for i in gone if i.conflict is not None}, now)
        rows = []
        for item in gone:
            for (side, name), (seq, value) in item.pending.items():
                c = ChangeRow(
                    side,
                    name,
                    None,
                    value,
                    str(core.Disposition.SUPERSEDED),
                    "deleted before it was synced",
                    seq,
                )
                rows.append(disposition_row(run, None, item.key, c))
        ledger.append(run.binding.id, rows, now)
        bulk.delete(Intent, [intent.pk for i in gone for intent in i.intents])
        marks.clear([m for i in gone for m in i.marks])
