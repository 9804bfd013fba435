"""Values that our own writes have replaced before anybody had read them: the last writer had won there.

The system tells them with its changes, and they are journaled with its cursor: each once, as overridden.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors import base
from syncadmin.core.plan import Disposition
from syncadmin.core.policy import Merge
from syncadmin.models import EntryKind, ledger

from . import links
from .binding import Binding, BoundSide

RULE = f"merge {Merge.NEWEST}"


def account(binding: Binding, bound: BoundSide, told: Sequence[base.Replaced], now: datetime) -> None:
    """Journal what was replaced, in the transaction that stores how far its system was read."""
    if not told:
        return
    known = links.by_key(binding.id, bound.side, [one.key for one in told])
    names = {f.source: f.name for f in bound.fields}
    changes = []
    for one in told:
        link, name = known.get(one.key), names.get(one.field)
        if link is None or name is None:
            continue
        old, new = (
            found.record.values.get(name)
            for found in bound.translate(
                [base.Record(one.key, {one.field: value}) for value in (one.expected, one.value)]
            )
        )
        changes.append(ledger.Row(EntryKind.CHANGE, bound.side, one.key, name, old, new, link_id=link.id))
    ledger.append(
        binding.id,
        [
            ledger.Row(
                EntryKind.DISPOSITION,
                bound.side,
                change.key,
                change.field,
                new=change.new,
                disposition=Disposition.OVERRIDDEN,
                rule=RULE,
                of=seq,
                link_id=change.link_id,
            )
            for change, seq in zip(changes, ledger.append(binding.id, changes, now), strict=True)
        ],
        now,
    )
