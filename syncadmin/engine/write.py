"""The one place that writes to systems: intents become writes, answers become outcomes. No transaction here.

Both sides are written at the same time, each by its own connector. What a system is expected to hold is said
in the system's own raw values where they were read, so that it can compare exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.deltas import Delta, delta
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import same

from . import answers, receipts
from .binding import Binding, BoundField, BoundSide, Translated
from .effort import Attempt, Effort, Item

TELL_SECONDS = 0.5  # how often it is told how far the writes are


def prepare(binding: Binding, writing: Sequence[tuple[Item, Effort]]) -> None:
    """Translate each planned write into the system's own fields and values."""
    for side in SIDES:
        bound = binding.sides[side]
        mine = [(item, a) for item, e in writing for a in e.attempts if a.write.side is side]
        keys = bound.keys_of(v for _, a in mine for v in (a.write.values, a.write.expected))
        for item, attempt in mine:
            raw = _write(bound, attempt, _raw(item, side), keys)
            stamps = _stamps(bound, attempt.write, item.seen.get(side.other))
            free = _undisputed(item)
            attempt.raw = replace(
                raw,
                stamps=stamps,
                newer=bound.newer & stamps.keys() if free else frozenset(),
                merges=_merges(bound, attempt) if free else {},
                receipt=receipts.of(binding, attempt),
            )


def _raw(item: Item, side: Side) -> base.Record | None:
    seen = item.seen.get(side)
    return seen.raw if seen is not None else None


def _write(bound: BoundSide, attempt: Attempt, read: base.Record | None, keys: dict[str, str]) -> base.Write:
    write = attempt.write
    expected = bound.raw(write.expected, keys)
    if read is not None:
        expected = {name: read.values.get(name, value) for name, value in expected.items()}
    return base.Write(
        op=base.Op(write.op.value),
        key=write.key,
        values=bound.raw(write.values, keys),
        expected=expected,
        version=write.version if bound.can.versions else None,
        idempotency=attempt.idempotency if write.op is core.Op.CREATE else "",
    )


def _undisputed(item: Item) -> bool:
    """Whether no person has had, or is to have, a say in what becomes of this record."""
    plan = item.plan
    if plan is None or item.conflict is not None:
        return False
    return plan.conflict is None and not plan.used_picks and not plan.reopened


def _stamps(bound: BoundSide, write: core.Write, source: Translated | None) -> dict[str, str]:
    """The stamps of the values that are carried over, as far as the system that takes them keeps some."""
    if source is None or write.op is not core.Op.UPDATE:
        return {}
    record = source.record
    return {
        f.source: record.stamps[f.name]
        for f in bound.fields
        if f.source in bound.can.stamps and f.name in record.stamps and f.name in write.values
        if f.name in record.values and same(write.values[f.name], record.values[f.name])
    }


def _merges(bound: BoundSide, attempt: Attempt) -> dict[str, base.Merging]:
    """By source field, how what is written to counters and sets is added to whatever they hold."""
    before, after = attempt.write.expected, attempt.write.values
    found = {}
    for f in bound.fields if attempt.receipts else ():
        if f.name in bound.adding and f.name in before and f.name in after:
            change = delta(bound.policy.types[f.name], before[f.name], after[f.name])
            if change is not None:
                found[f.source] = _merging(f, change)
    return found


def _merging(f: BoundField, change: Delta) -> base.Merging:
    return lambda raw: f.write(change(f.read(raw)))


def _nobody(share: float) -> None:
    """Where nobody asks how far the writes are."""


def send(binding: Binding, efforts: Sequence[Effort], tell: Callable[[float], None] = _nobody) -> None:
    """Write to both sides and note each outcome. Never raises for what a system does: the outcomes say it.

    While a system takes its time, `tell` hears from time to time what share of the writes is answered.
    """
    attempts = [attempt for effort in efforts for attempt in effort.attempts]
    if len(attempts) == 1:  # not worth a thread
        replaced = _send_side(binding.sides[attempts[0].write.side], attempts)
    else:
        with ThreadPoolExecutor(max_workers=len(SIDES)) as pool:
            jobs = [
                pool.submit(_send_side, binding.sides[side], [a for a in attempts if a.write.side is side])
                for side in SIDES
            ]
            while wait(jobs, timeout=TELL_SECONDS).not_done:
                tell(sum(attempt.outcome is not None for attempt in attempts) / len(attempts))
            replaced = [one for job in jobs for one in job.result()]
    singled = {id(attempt): singles for attempt, singles in replaced}
    for effort in efforts if singled else ():
        effort.attempts = [single for a in effort.attempts for single in singled.get(id(a), [a])]


def _send_side(bound: BoundSide, mine: Sequence[Attempt]) -> list[tuple[Attempt, list[Attempt]]]:
    """All writes of one side, in batches. Runs in its own thread and touches no database of ours.

    Where the system refused an update of several fields, they are written one by one, so that one bad value
    holds only itself; answers which attempts were replaced by which.
    """
    _send_all(bound, mine)
    return [(attempt, singles) for attempt in mine if (singles := _single_out(bound, attempt))]


def _single_out(bound: BoundSide, attempt: Attempt) -> list[Attempt]:
    """The attempts, one for each field or group, that replace a refused one."""
    raw, write = attempt.raw, attempt.write
    refused = attempt.outcome is not None and attempt.outcome.result is base.Result.REJECTED
    units = [
        unit for u in bound.policy.units if (unit := {f.name for f in u.fields if f.name in write.values})
    ]
    if raw is None or not refused or write.op is not core.Op.UPDATE or len(units) < 2:
        return []
    sources = {f.name: f.source for f in bound.fields}
    singles, version = [], raw.version
    for unit in units:
        names = {sources[name] for name in unit}
        single = Attempt(
            replace(write, values=_only(write.values, unit), expected=_only(write.expected, unit)),
            attempt.intent_id,
            attempt.idempotency,
            replace(
                raw,
                values=_only(raw.values, names),
                expected=_only(raw.expected, names),
                version=version,
                stamps=_only(raw.stamps, names),
                newer=raw.newer & names,
                merges=_only(raw.merges, names),
                receipt=receipts.for_part(raw.receipt, names),
            ),
            receipts=attempt.receipts,
        )
        _send_all(bound, [single])
        if single.applied and single.outcome is not None and single.outcome.record is not None:
            version = single.outcome.record.version
        singles.append(single)
    return singles


def _only(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def _send_all(bound: BoundSide, mine: Sequence[Attempt]) -> None:
    for start in range(0, len(mine), bound.can.batch):
        batch = mine[start : start + bound.can.batch]
        try:
            outcomes = bound.connector.write(
                bound.resource, [a.raw for a in batch if a.raw is not None], fields=bound.wanted
            )
        except base.Unknown as error:
            outcomes = [base.Outcome(base.Result.UNKNOWN, said=str(error))] * len(batch)
        except base.Retry as error:
            outcomes = [base.Outcome(base.Result.RETRY, said=str(error), after=error.after)] * len(batch)
            for attempt in batch:
                attempt.away = error
        except base.ConnectorError as error:
            outcomes = [base.Outcome(base.Result.RETRY, said=str(error))] * len(batch)
        for attempt, outcome in zip(batch, outcomes, strict=True):
            attempt.outcome = outcome


def read_back(binding: Binding, efforts: Sequence[Effort]) -> None:
    """Read records whose system did not answer with what it made of them. One remote call a side.

    If they can't be read now, the write is in doubt: the next pass looks.
    """
    for side in SIDES:
        mute = [
            (a, a.outcome.key or a.write.key or "")
            for e in efforts
            for a in e.attempts
            if a.write.side is side and a.write.op is not core.Op.DELETE
            if a.applied and a.outcome is not None and a.outcome.record is None
        ]
        if not mute:
            continue
        bound = binding.sides[side]
        keys = list(dict.fromkeys(key for _, key in mute))
        try:
            found = bound.connector.fetch(bound.resource, keys, fields=bound.wanted).found
        except base.ConnectorError as error:
            for attempt, key in mute:
                attempt.outcome = base.Outcome(base.Result.UNKNOWN, key, said=str(error))
            continue
        held = {t.record.key: t for t in bound.translate(list(found.values()))}
        for attempt, key in mute:
            if key in held:
                attempt.answer = answers.as_wanted(held[key], attempt.write)


def read_answers(binding: Binding, efforts: Sequence[Effort]) -> None:
    """Bring what the systems answered into canonical form."""
    for side in SIDES:
        mine = [
            (a, a.outcome.record)
            for e in efforts
            for a in e.attempts
            if a.write.side is side and a.outcome is not None and a.outcome.record is not None
        ]
        bound = binding.sides[side]
        translated = bound.translate([record for _, record in mine])
        for (attempt, _), answer in zip(mine, translated, strict=True):
            attempt.answer = answers.without_unread(bound, attempt, answer)
