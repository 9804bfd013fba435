"""Values whose last write is in doubt, and of which nobody can tell any more whether it arrived.

Most values may be compared and merged anew after a lost answer, because to take the same value twice changes
nothing. A counter that holds neither what it held before the write nor what was wanted may contain it or not:
the same difference could be counted twice. And a field that holds its former value in a record which was
changed since may have been put back by somebody. One that holds another value may have been edited by
somebody who saw what was written: written once more, that would put back what was replaced. All these are a
person's decision, only the last is not where the field has an owner: there the owner's value counts.

Such a write may still arrive while it is asked about: a worker that was taken for dead can be slow. So the
item in the inbox remembers which of the changes that wait it would replace, and by which rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from conflicts.intake import REPLACING
from syncadmin.core import plan as core
from syncadmin.core.asked import BACK, COUNTED, LATE, REPLACED
from syncadmin.core.policy import Merge
from syncadmin.core.side import Side
from syncadmin.core.values import decode, same

from .bounce import held
from .effort import Item, Run, efforts_of
from .late import arrived, hold_late_delete


def hold_doubtful(run: Run, items: Sequence[Item]) -> None:
    """Turn such writes, and what would carry a late one on, into conflicts; what was picked is written."""
    policy = run.binding.policy
    counters = {f.name for f in policy.fields if f.merge is Merge.COUNTER}
    owned = {f.name for f in policy.fields if f.owner is not None or policy.owner is not None}
    for item in items:
        if item.link is None:
            continue
        if not item.intents and item.conflict is None and item.link.alone is None:
            continue
        hold_late_delete(item, run.clock())
        updates = [w for w in item.decided.writes if w.op is core.Op.UPDATE]
        written = {name for write in updates for name in write.values}
        moved, back, again = _moved(item, updates)
        free = written - set(item.decided.used_picks)
        for names, reason in (
            (moved & counters, COUNTED),
            (back, BACK),
            (again - counters - owned, REPLACED),
            (arrived(run.binding, item, run.clock()), LATE),
        ):
            doubtful = (names | _asked(item, reason)) & free
            if doubtful:
                item.plan = held(item, item.decided, doubtful, reason)
                free -= doubtful  # a field is asked about once, whatever else is in doubt of it


def replacing(item: Item) -> dict[int, str]:
    """The changes (by number) that a write in doubt may replace, or has, each with the rule it is written by.

    Also writes of earlier passes that were given up for a question, as long as these changes wait for it.
    """
    found: dict[int, str] = {}
    if item.conflict is not None:
        found |= {int(seq): rule for seq, rule in item.conflict.snapshot.get(REPLACING, {}).items()}
    for effort in efforts_of(item.intents, item.link):
        in_doubt = {(a.write.side, name) for a in effort.attempts if a.in_doubt for name in a.write.values}
        found |= {
            c.seq: c.rule
            for c in effort.changes
            if c.disposition == core.Disposition.OVERRIDDEN and (c.side, c.field) in in_doubt
        }
    waiting = {seq for seq, _ in item.pending.values()}
    return {seq: rule for seq, rule in found.items() if seq in waiting}


def _asked(item: Item, reason: str) -> set[str]:
    """The fields that a person is asked about already, for this reason."""
    if item.conflict is None:
        return set()
    return {f.field for f in item.conflict.fields.all() if f.reason == reason}


def _moved(item: Item, updates: Sequence[core.Write]) -> tuple[set[str], set[str], set[str]]:
    """The fields of writes that may have been carried out, and that do not hold what they held before; those
    that do, although the record was changed since; and those of the first that `updates` would write again.
    """
    moved: set[str] = set()
    back: set[str] = set()
    again: set[str] = set()
    for intent in item.intents:
        seen = item.seen.get(Side(intent.side))
        if intent.op != core.Op.UPDATE or seen is None:
            continue
        body = decode(bytes(intent.body))
        if body.get("undone"):
            continue
        held_now = {name: seen.record.values.get(name) for name in body["values"]}
        as_before = {name for name, value in held_now.items() if same(value, body["expected"].get(name))}
        other = held_now.keys() - as_before
        moved |= other
        values = [w.values for w in updates if w.side is Side(intent.side)]
        again |= {n for n in other if any(n in v and same(v[n], body["values"][n]) for v in values)}
        noted = body.get("noted", {}).get(intent.side)
        if _touched(seen.record, body["version"], noted, intent.created_at):
            back |= as_before
    return moved, back, again


def _touched(record: core.Record, version: str | None, noted: str | None, since: datetime) -> bool:
    """Whether a record is another than when a write was planned, as far as its version or its time tells."""
    if version is not None and record.version is not None:
        return version != record.version
    if record.modified is None:
        return False
    return record.modified > since if noted is None else record.modified.isoformat() != noted
