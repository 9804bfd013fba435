"""Counters whose last write is in doubt are never added up: the same difference could be counted twice.

Other values may be compared and merged anew after a lost answer, because to take the same value twice changes
nothing. A counter that holds neither what it held before the write nor what was wanted may contain it or not:
that is a person's decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncadmin.core import plan as core
from syncadmin.core.policy import Merge
from syncadmin.core.side import Side
from syncadmin.core.values import decode, same

from .bounce import held
from .effort import Item, Run

REASON = "a write of this count was interrupted, and it has moved since: whether it was added can't be told"


def hold_doubtful_counts(run: Run, items: Sequence[Item]) -> None:
    """Turn writes of such counters into conflicts; what a person picked is written anyway."""
    counters = {f.name for f in run.binding.policy.fields if f.merge is Merge.COUNTER}
    for item in items if counters else ():
        if item.link is None or not (item.intents or item.conflict is not None):
            continue
        updates = [w for w in item.decided.writes if w.op is core.Op.UPDATE]
        written = {name for write in updates for name in write.values}
        doubtful = ((_moved(item) & counters) | _asked(item)) & written - set(item.decided.used_picks)
        if doubtful:
            item.plan = held(item, item.decided, doubtful, REASON)


def _asked(item: Item) -> set[str]:
    """The counters that a person is asked about already."""
    if item.conflict is None:
        return set()
    return {f.field for f in item.conflict.fields.all() if f.reason == REASON}


def _moved(item: Item) -> set[str]:
    """The fields of writes that may have been carried out, and that do not hold what they held before."""
    moved: set[str] = set()
    for intent in item.intents:
        seen = item.seen.get(Side(intent.side))
        if intent.op != core.Op.UPDATE or seen is None:
            continue
        body = decode(bytes(intent.body))
        if body.get("undone"):
            continue
        moved |= {
            name
            for name in body["values"]
            if not same(seen.record.values.get(name), body["expected"].get(name))
        }
    return moved
