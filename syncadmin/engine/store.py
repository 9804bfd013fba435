"""Storing plans before anything is written: journal, conflicts, settled shadows, intents. One fenced transaction.

After it, everything that was decided can be found again by any other worker; nothing has been sent yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from conflicts import intake
from conflicts.models import Conflict
from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import encode, same
from syncadmin.models import EntryKind, Intent, IntentState, Unlinked, bulk, ledger, marks

from . import links
from .effort import Attempt, ChangeRow, Effort, Item, Run, intent_body
from .load import match_bytes

MOST_WAIT = 300.0


def store_plans(run: Run, items: Sequence[Item]) -> list[Effort]:
    """Store what was decided; returns the efforts that have something to write. Raises LeaseLost."""
    with run.lease.fenced():
        now = run.clock()
        changes = _journal_changes(run, items, now)
        efforts = [_effort(run, item, changes[id(item)]) for item in items if item.plan]
        _open_links(run, items, efforts)
        _report_conflicts(run, items, changes, now)
        _dispose(run, items, changes, now)
        Intent.objects.filter(pk__in=[i.pk for item in items for i in item.intents]).delete()
        writing = [e for e in efforts if e.attempts]
        _store_intents(run, writing, now)
        _finish_idle(run, items, now)
    return writing


def _journal_changes(run: Run, items: Sequence[Item], now: datetime) -> dict[int, list[ChangeRow]]:
    """Journal each change that was not seen before; gives every planned change its number."""
    rows: list[ledger.Row] = []
    fresh: list[ChangeRow] = []
    by_item: dict[int, list[ChangeRow]] = {}
    for item in items:
        assert item.plan is not None
        mine: list[ChangeRow] = []
        for c in item.plan.changes:
            name = c.field or ""
            seen = item.seen.get(c.side)
            at = seen.record.modified if seen is not None else None
            row = ChangeRow(c.side, name, c.old, c.new, str(c.disposition), c.rule, changed_at=at)
            before = item.pending.get((c.side, name))
            if before is not None and same(before[1], c.new):
                row.seq = before[0]
            else:
                old = before[1] if before is not None else c.old
                rows.append(_change_row(run, item, row, old))
                fresh.append(row)
            mine.append(row)
        by_item[id(item)] = mine
    for row, seq in zip(fresh, ledger.append(run.binding.id, rows, now), strict=True):
        row.seq = seq
    return by_item


def _change_row(run: Run, item: Item, row: ChangeRow, old: object) -> ledger.Row:
    return ledger.Row(
        EntryKind.CHANGE,
        row.side,
        item.link.key(row.side) if item.link is not None else item.key,
        row.field,
        old,
        row.new,
        link_id=item.link.id if item.link is not None else None,
        pass_id=run.pass_id,
        changed_at=row.changed_at,
    )


def _effort(run: Run, item: Item, changes: list[ChangeRow]) -> Effort:
    """What is to be written for an item, with what to store once that is done."""
    plan = item.plan
    assert plan is not None
    written = {name for write in plan.writes for name in write.values}
    observed = {side: obs.record for side, obs in item.observations.items() if isinstance(obs, core.Present)}
    picked = plan.used_picks or plan.used_record_pick
    decided_by = item.conflict.decided_by if item.conflict is not None and picked else None
    return Effort(
        left_key=plan.left_key,
        right_key=plan.right_key,
        link=item.link,
        settled={name: pair for name, pair in plan.settled.items()},
        seen={
            side: {
                name: record.values[name]
                for name in plan.settled
                if name in written and name in record.values
            }
            for side, record in observed.items()
        },
        changes=[c for c in changes if c.disposition != core.Disposition.HELD],
        attempts=[Attempt(write) for write in plan.writes],
        alone=links.pack_alone(plan.alone, plan.alone_record),
        marks=item.marks,
        places=item.places(),
        conflict=item.conflict,
        keeps_conflict=plan.conflict is not None or bool(item.stuck),
        observed=observed,
        actor=str(decided_by) if decided_by is not None else "",
        tries=item.tries,
    )


def _open_links(run: Run, items: Sequence[Item], efforts: Sequence[Effort]) -> None:
    """Store new pairs, and what is settled without a write."""
    rows: list[tuple[links.LinkRow, bytes | None]] = []
    entries: list[ledger.Row] = []
    now = run.clock()
    paired: list[tuple[Side, str]] = []
    for item, effort in zip((i for i in items if i.plan), efforts, strict=True):
        plan = item.plan
        assert plan is not None
        if plan.action is core.LinkAction.CLOSE and item.link is not None and not plan.writes:
            item.link.status = "closed"
            rows.append((item.link, None))
            entries.append(_link_entry(run, item.link, "closed"))
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
            or bool(item.stuck)
        )
        if new or not plan.writes or plan.conflict is not None:
            if settle(run, effort, item.link, held) or new:
                rows.append((item.link, match_bytes(run.binding, item.link.shadow(Side.LEFT))))
    links.save(run.binding.id, rows)
    entries += [
        _link_entry(run, item.link, "linked")
        for item in items
        if item.link is not None and item.plan is not None and item.plan.action is core.LinkAction.LINK
    ]
    ledger.append(run.binding.id, entries, now)
    forget_unlinked(run.binding.id, paired)


def _link_entry(run: Run, link: links.LinkRow, what: str) -> ledger.Row:
    return ledger.Row(
        EntryKind.LINK,
        key=link.left_key,
        new=[link.left_key, link.right_key],
        rule=what,
        link_id=link.id,
        pass_id=run.pass_id,
    )


def settle(run: Run, effort: Effort, link: links.LinkRow, held: bool) -> bool:
    """Take over into the link what is agreed now. Returns whether anything is different from before.

    A field that has a write is agreed once that write is applied, with what the system made of it as that side's
    shadow. If only one of two writes was applied, the other side's value has arrived there: it becomes the
    ancestor of both, and what the written side differs from it counts as that side's own change.
    """
    before = (
        link.left_shadow,
        link.right_shadow,
        link.left_version,
        link.right_version,
        link.alone,
        link.held,
    )
    shadows = {side: link.shadow(side) for side in SIDES}
    for name, (left, right) in effort.settled.items():
        writes = [a for a in effort.attempts if name in a.write.values]
        applied = [a for a in writes if a.applied]
        if len(applied) == len(writes):
            shadows[Side.LEFT][name], shadows[Side.RIGHT][name] = left, right
            for a in applied:
                if a.answer is not None and name in a.answer.record.values:
                    shadows[a.write.side][name] = a.answer.record.values[name]
        elif applied:
            arrived = effort.seen.get(applied[0].write.side.other, {})
            if name in arrived:
                shadows[Side.LEFT][name] = shadows[Side.RIGHT][name] = arrived[name]
    versions = {side: _agreed_version(effort, side, shadows[side], link) for side in SIDES}
    link.store(shadows, versions, effort.alone)
    link.held = held
    return before != (
        link.left_shadow,
        link.right_shadow,
        link.left_version,
        link.right_version,
        link.alone,
        link.held,
    )


def _agreed_version(effort: Effort, side: Side, shadow: core.Values, link: links.LinkRow) -> str | None:
    """The version as of which the side equals its shadow, None if it is not known to."""
    record = effort.observed.get(side)
    for attempt in effort.attempts:
        if attempt.write.side is side and attempt.applied:
            record = attempt.answer.record if attempt.answer is not None else None
    if record is None or record.version is None:
        return None
    return record.version if encode(record.values) == encode(shadow) else None


def _report_conflicts(
    run: Run, items: Sequence[Item], changes: dict[int, list[ChangeRow]], now: datetime
) -> None:
    reports = []
    for item in items:
        plan = item.plan
        if plan is None or plan.conflict is None:
            continue
        records = {side: o.record for side, o in item.observations.items() if isinstance(o, core.Present)}
        reports.append(
            intake.Report(
                conflict=plan.conflict,
                link_id=item.link.id if item.link is not None else None,
                side=None if item.link is not None else item.side,
                key="" if item.link is not None else item.key,
                label=run.binding.title_of(*(r.values for r in records.values())) or item.key,
                snapshot={side.value: dict(r.values) for side, r in records.items()},
                times={side: r.modified for side, r in records.items()},
                seqs={(c.side, c.field): c.seq for c in changes[id(item)]},
                live=item.conflict,
            )
        )
    run.count("conflicts", intake.receive(run.binding.id, reports, now))


def _dispose(run: Run, items: Sequence[Item], changes: dict[int, list[ChangeRow]], now: datetime) -> None:
    """Dispositions that need no write: held, converged, superseded, overridden without a write."""
    rows = []
    for item in items:
        assert item.plan is not None
        mine = changes[id(item)]
        for c in mine:
            already_held = (c.side, c.field) in item.pending and item.pending[c.side, c.field][0] == c.seq
            if c.disposition == core.Disposition.HELD:
                if not already_held:
                    rows.append(disposition_row(run, item.link, item.key, c))
            elif not item.plan.writes:
                rows.append(disposition_row(run, item.link, item.key, c))
        current = {(c.side, c.field): c.seq for c in mine}
        for (side, name), (seq, value) in item.pending.items():
            if seq and current.get((side, name)) != seq and name not in item.stuck:
                gone = ChangeRow(
                    side,
                    name,
                    None,
                    value,
                    str(core.Disposition.SUPERSEDED),
                    "the side changed it again",
                    seq,
                )
                rows.append(disposition_row(run, item.link, item.key, gone))
    ledger.append(run.binding.id, rows, now)


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


def _store_intents(run: Run, efforts: Sequence[Effort], now: datetime) -> None:
    attempts = [(e, a) for e in efforts for a in e.attempts]
    for (_, attempt), pk in zip(attempts, bulk.reserve_ids(Intent, len(attempts)), strict=True):
        attempt.intent_id = pk
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
                intent_body(e, a.write),
                IntentState.PLANNED.value,
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
        plan = item.plan
        assert plan is not None
        if plan.writes:
            continue
        if plan.waits:
            marks.defer(item.marks, now + backoff(item.tries))
            run.count("waiting")
        if item.conflict is not None and plan.conflict is None and not item.stuck:
            over[item.conflict.pk] = how_closed(item.conflict, plan)
    marks.clear(
        [
            m
            for item in items
            if item.plan and not item.plan.writes and not item.plan.waits
            for m in item.marks
        ]
    )
    intake.close(over, now)
    for item in items:
        if item.plan and item.link is None and not item.plan.idle:
            alone = links.pack_alone({}, item.plan.alone_record)
            if item.plan.ignored != item.ignored or alone != item.alone:
                Unlinked.objects.filter(mapping_id=run.binding.id, side=item.side.value, key=item.key).update(
                    ignored=item.plan.ignored, alone=alone
                )


def how_closed(conflict: Conflict, plan: core.Plan | None) -> str:
    """In words, why an item is over."""
    if plan is None or plan.used_picks or plan.used_record_pick:
        return "resolved"
    return "settled by itself: the sides agree again"


def backoff(tries: int) -> timedelta:
    """How long a record is put off after `tries` attempts: 1 s doubling up to five minutes."""
    return timedelta(seconds=min(2.0 ** min(tries, 16), MOST_WAIT))


def forget_unlinked(mapping_id: int, places: Sequence[tuple[Side, str]]) -> None:
    """Records that are paired now, or gone, are no longer unlinked."""
    for side in SIDES:
        keys = [key for s, key in places if s is side]
        if keys:
            Unlinked.objects.filter(Q(mapping_id=mapping_id, side=side.value, key__in=keys)).delete()


def forget_vanished(run: Run, items: Sequence[Item]) -> None:
    """Unlinked records that are gone before they were paired: forgotten, their conflicts closed."""
    gone = [i for i in items if i.link is None and i.side in i.seen and i.seen[i.side] is None]
    if not gone:
        return
    with run.lease.fenced():
        now = run.clock()
        forget_unlinked(run.binding.id, [(i.side, i.key) for i in gone])
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
        marks.clear([m for i in gone for m in i.marks])
