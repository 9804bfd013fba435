"""Guards: before much work writes anything, its whole plan is counted, and may have to be approved.

The plan's digest does not depend on order. An approval counts once, and only for a plan with that digest: if
the systems have moved, the guard asks again with new evidence.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from syncadmin.core import guards as core_guards
from syncadmin.core import plan as core
from syncadmin.core.fieldtype import FieldType
from syncadmin.core.side import Side
from syncadmin.core.values import encode
from syncadmin.models import EntryKind, EventKind, GuardStop, events, ledger, marks

from . import links
from .binding import Binding
from .collect import Cache
from .effort import Item, Run
from .foresee import foresee, label_of

SAMPLE = 25
Report = Callable[[str, int, int | None], None]  # what is done, how many records further, and of how many


class GuardTripped(Exception):
    """A guard stopped the pass: nothing was written. `stop` has the evidence and waits for an approval."""

    def __init__(self, stop: GuardStop) -> None:
        super().__init__(stop.reason)
        self.stop = stop


@dataclass(slots=True)
class Tally:
    """A whole plan, counted: numbers by side, a digest of every write, and some examples.

    `forgotten` counts what would be made or deleted of what a restored database can't know.
    """

    types: Mapping[str, FieldType]
    counts: dict[Side, core_guards.Counts] = field(default_factory=core_guards.no_counts)
    digest: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    sample: list[dict[str, Any]] = field(default_factory=list)
    forgotten: Counter[core.Op] = field(default_factory=Counter)

    def add(self, item: Item, label: str) -> None:
        """Count an item's plan."""
        plan = item.plan
        if plan is None:
            return
        writes = list(plan.writes)
        if (
            plan.conflict is not None
            and plan.conflict.kind is core.ConflictKind.DELETE_REVIEW
            and plan.conflict.side
        ):
            side = plan.conflict.side.other  # a delete that waits for a person still counts as evidence
            writes.append(core.Write(side, core.Op.DELETE, None, {}))
        for write in plan.writes if item.as_of is not None else ():
            if write.op is not core.Op.UPDATE:
                self.forgotten[write.op] += 1
        for write in writes:
            self.counts[write.side].add(write, self.types, label)
            self.digest = (self.digest + _hash(item, write)) % 2**256
            self.fields.update(f"{write.side} {write.op} {name}".strip() for name in write.values or [""])
            if len(self.sample) < SAMPLE:
                self.sample.append(
                    {
                        "label": label,
                        "side": write.side.value,
                        "op": write.op.value,
                        "key": write.key,
                        "from": {name: write.expected.get(name) for name in write.values},
                        "to": dict(write.values),
                    }
                )

    def untold(self, as_of: datetime | None) -> str | None:
        """Why records of a hub that was restored from a backup of then are not simply made or deleted."""
        if not self.forgotten or as_of is None:
            return None
        made, deleted = (self.forgotten[op] for op in (core.Op.CREATE, core.Op.DELETE))
        return (
            f"the hub's database was restored from a backup of {as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC; "
            f"would make {made} and delete {deleted} records that may have been made or deleted since then"
        )


def _hash(item: Item, write: core.Write) -> int:
    content = encode(
        {"at": item.places()[0][1], "side": write.side.value, "op": write.op.value, "to": dict(write.values)}
    )
    return int.from_bytes(hashlib.sha256(content).digest())


def check(run: Run, cache: Cache, report: Report, marked: marks.Tally) -> None:
    """Let the pass go on, or raise GuardTripped. Decides everything that is due, and writes nothing."""
    guards = run.binding.guards
    if marked.as_of is None and _is_little(run, marked.due):
        return
    report("deciding", 0, marked.due)
    tally, known = tally_all(run, cache, report), links.count_open(run.binding.id)
    reasons = [core_guards.tripped(guards, tally.counts, known), tally.untold(marked.as_of)]
    if any(reasons):
        _stop_unless_approved(run, tally, "; ".join(filter(None, reasons)), known)


def _is_little(run: Run, due: int) -> bool:
    """Whether so little is due that no limit can be reached."""
    guards = run.binding.guards
    few = due < max(guards.floor, 1)
    if few and (due < core_guards.ALL or links.count_open(run.binding.id, at_most=due + 1) > due):
        return True
    known = links.count_open(run.binding.id)
    return due <= guards.least * known and due < max(known, core_guards.ALL)


def tally_all(run: Run, cache: Cache, report: Report) -> Tally:
    """Count the plan of everything that is due."""
    tally = Tally(run.binding.policy.types)
    for items in foresee(run, lambda _: Cache(dict(cache.records))):
        for item in items:
            tally.add(item, label_of(run.binding, item))
    return tally


def _stop_unless_approved(run: Run, tally: Tally, reason: str, known: int) -> None:
    digest = f"{tally.digest:064x}"
    evidence = {
        "known": known,
        "counts": {
            side.value: {"deletes": c.deletes, "changes": c.changes, "blanks": c.blanks}
            for side, c in tally.counts.items()
        },
        "fields": dict(tally.fields.most_common()),
        "losses": losses_of(run.binding, tally),
        "sample": tally.sample,
    }
    with run.lease.fenced():
        now = run.clock()
        open_stop = GuardStop.objects.filter(mapping_id=run.binding.id, closed_at=None).first()
        if open_stop is not None and open_stop.digest == digest and open_stop.approved_at is not None:
            GuardStop.objects.filter(pk=open_stop.pk).update(closed_at=now, closed_how="used")
            _note(run, f"approved by {open_stop.approved_by}: {reason}", str(open_stop.approved_by))
            return
        if open_stop is None or open_stop.digest != digest:
            GuardStop.objects.filter(mapping_id=run.binding.id, closed_at=None).update(
                closed_at=now, closed_how="moved"
            )
            open_stop = GuardStop.objects.create(
                mapping_id=run.binding.id,
                stopped_pass_id=run.pass_id,
                created_at=now,
                reason=reason,
                digest=digest,
                evidence=evidence,
            )
            _note(run, f"stopped by a guard: {reason}", "")
            events.tell(EventKind.GUARD, now, mapping_id=run.binding.id, subject=open_stop.pk, words=reason)
    raise GuardTripped(open_stop)


def losses_of(binding: Binding, tally: Tally) -> list[dict[str, Any]]:
    """Fields in which at least as many records as the floor would lose something, with examples."""
    least = max(binding.guards.floor, 1)
    return [
        {
            "side": side.value,
            "field": name,
            "how": how,
            "count": number,
            "examples": [{"label": e.label, "from": e.old, "to": e.new} for e in examples],
        }
        for side, counted in tally.counts.items()
        for name, losses in counted.fields.items()
        for how, number, examples in (
            ("shrink", losses.shrunk, losses.shrunk_examples),
            ("same", losses.same, losses.same_examples),
        )
        if number >= least
    ]


def _note(run: Run, text: str, actor: str) -> None:
    ledger.append(
        run.binding.id, [ledger.Row(EntryKind.NOTE, rule=text, actor=actor, pass_id=run.pass_id)], run.clock()
    )
