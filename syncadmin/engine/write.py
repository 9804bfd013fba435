"""The one place that writes to systems: intents become writes, answers become outcomes. No transaction here.

Both sides are written at the same time, each by its own connector. What a system is expected to hold is said
in the system's own raw values where they were read, so that it can compare exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side

from .binding import Binding, BoundSide
from .effort import Attempt, Effort, Item


def prepare(binding: Binding, efforts: Sequence[Effort], items: Sequence[Item]) -> None:
    """Translate each planned write into the system's own fields and values."""
    raw_of = {(id(e), side): _raw(i, side) for e, i in zip(efforts, items, strict=True) for side in SIDES}
    for side in SIDES:
        bound = binding.sides[side]
        mine = [(e, a) for e in efforts for a in e.attempts if a.write.side is side]
        keys = bound.keys_of(v for _, a in mine for v in (a.write.values, a.write.expected))
        for effort, attempt in mine:
            attempt.raw = _write(bound, attempt, raw_of[id(effort), side], keys)


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
        idempotency=str(attempt.intent_id) if write.op is core.Op.CREATE else "",
    )


def send(binding: Binding, efforts: Sequence[Effort]) -> None:
    """Write to both sides and note each outcome. Never raises for what a system does: the outcomes say it."""
    with ThreadPoolExecutor(max_workers=len(SIDES)) as pool:
        for future in [pool.submit(_send_side, binding.sides[side], efforts) for side in SIDES]:
            future.result()


def _send_side(bound: BoundSide, efforts: Sequence[Effort]) -> None:
    """All writes of one side, in batches. Runs in its own thread and touches no database of ours."""
    mine = [a for e in efforts for a in e.attempts if a.write.side is bound.side and a.raw is not None]
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
        except base.ConnectorError as error:
            outcomes = [base.Outcome(base.Result.RETRY, said=str(error))] * len(batch)
        for attempt, outcome in zip(batch, outcomes, strict=True):
            attempt.outcome = outcome


def read_answers(binding: Binding, efforts: Sequence[Effort]) -> None:
    """Bring what the systems answered into canonical form."""
    for side in SIDES:
        mine = [
            (a, a.outcome.record)
            for e in efforts
            for a in e.attempts
            if a.write.side is side and a.outcome is not None and a.outcome.record is not None
        ]
        translated = binding.sides[side].translate([record for _, record in mine])
        for (attempt, _), answer in zip(mine, translated, strict=True):
            attempt.answer = answer
