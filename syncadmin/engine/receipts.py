"""Receipts: where a system can tell which writes it has carried out, nobody has to look and guess.

A write to a counter or a set is added to whatever is there, so that what is there does not show whether it
arrived. It leaves a receipt in its system, in the very transaction. After a death or a lost answer the system
is asked for it; what it does not know it will not carry out any more, and is decided anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.side import SIDES

from .answers import as_wanted
from .binding import Binding
from .effort import Attempt, Effort, Item, not_carried_out


def place(binding: Binding, write: core.Write) -> str:
    """Where the receipt of a planned write will be left, '' if it leaves none."""
    bound = binding.sides[write.side]
    return bound.can.receipts if write.op is core.Op.UPDATE and bound.adding & write.values.keys() else ""


def of(binding: Binding, attempt: Attempt) -> base.Receipt | None:
    """The receipt that a write leaves, if it leaves one. No other hub or mapping has the same."""
    return base.Receipt(binding.uid, attempt.idempotency) if attempt.receipts else None


def for_part(receipt: base.Receipt | None, names: set[str]) -> base.Receipt | None:
    """The receipt of a part of a write, for these of its fields."""
    return None if receipt is None else replace(receipt, parts=tuple(sorted(names)))


def settle(binding: Binding, efforts: Sequence[tuple[Item, Effort]]) -> None:
    """Ask for the receipts of all updates in doubt that were to leave one. Raises ConnectorError.

    What was carried out has its outcome then; the rest of them is in doubt no more.
    """
    for side in SIDES:
        bound = binding.sides[side]
        if not bound.can.receipts or not isinstance(bound.connector, base.KeepsReceipts):
            continue
        mine = [
            (item, effort, a, receipt)
            for item, effort in efforts
            for a in effort.attempts
            if a.write.side is side and a.in_doubt and a.receipts == bound.can.receipts
            if item.as_of is None and (receipt := of(binding, a)) is not None
        ]
        if not mine:
            continue
        sources = {f.name: f.source for f in bound.fields}
        asked = [
            (a.write.key or "", replace(r, parts=("", *(sources[n] for n in a.write.values if n in sources))))
            for _, _, a, r in mine
        ]
        told = bound.connector.carried_out(bound.resource, asked)
        for (item, effort, attempt, _), parts in zip(mine, told, strict=True):
            wanted = attempt.write.values
            done = {name for name in wanted if "" in parts or sources.get(name) in parts}
            _settled(item, effort, attempt, done)


def _settled(item: Item, effort: Effort, attempt: Attempt, done: set[str]) -> None:
    """Put what was carried out of an attempt, and what was not, in its place."""
    wanted, seen = attempt.write, item.seen.get(attempt.write.side)
    arrived = {name: value for name, value in wanted.values.items() if name in done}
    others = {name: value for name, value in wanted.values.items() if name not in done}
    parts = []
    if arrived:
        write = replace(wanted, values=arrived)
        parts.append(
            replace(
                attempt,
                write=write,
                outcome=base.Outcome(base.Result.APPLIED, wanted.key),
                answer=as_wanted(seen, write) if seen is not None else None,
            )
        )
    if others:
        parts.append(
            replace(
                attempt,
                write=replace(wanted, values=others),
                in_doubt=False,
                outcome=base.Outcome(base.Result.STALE, wanted.key, said="there is no receipt of it"),
            )
        )
    if not arrived:
        for intent in item.intents:
            if intent.pk == attempt.intent_id:
                intent.body = not_carried_out(bytes(intent.body))
    effort.attempts = [part for a in effort.attempts for part in (parts if a is attempt else [a])]
