"""What a pass would do, without doing it: reads both systems, decides, and leaves no trace.

Everything the hub would store is stored in a transaction that is rolled back, so that a preview is decided by
exactly the code that decides a pass. No system is written to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from syncadmin.core import guards as core_guards
from syncadmin.core import plan as core
from syncadmin.models import Link, LinkStatus, Mapping, PassKind

from .binding import bind
from .collect import Cache, compare_all, read_changes
from .effort import Item, Run
from .guard import Tally
from .judge import judge
from .lease import NoLease
from .load import due_marks, load
from .run import kind_due


@dataclass(slots=True)
class Step:
    """What would happen to one record or pair."""

    label: str
    left_key: str | None
    right_key: str | None
    action: str
    writes: list[dict[str, Any]]
    conflict: str
    waits: list[str]


@dataclass(slots=True)
class Preview:
    """The plan of a pass: what was read, how many pairs would be linked silently, each further step."""

    kind: str
    read: int = 0
    linked: int = 0
    steps: list[Step] = field(default_factory=list)
    guard: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


def preview(
    mapping: Mapping, kind: str = PassKind.INCREMENTAL, clock: Callable[[], datetime] = timezone.now
) -> Preview:
    """The plan of a pass of `mapping` that would start now. Raises base.ConnectorError."""
    made = Preview(kind_due(mapping, kind, clock()))
    with transaction.atomic():
        try:
            with bind(mapping) as binding:
                lease = NoLease(mapping.pk, 0, clock)
                run = Run(binding, lease, 0, clock)
                cache = Cache()
                if made.kind == PassKind.INCREMENTAL:
                    found = read_changes(binding, lease, cache, clock(), lambda *_: None)
                else:
                    found = compare_all(binding, lease, clock(), lambda *_: None)
                made.read, made.linked = found.read, found.linked
                _decide(run, cache, made)
        finally:
            transaction.set_rollback(True)
    return made


def _decide(run: Run, cache: Cache, made: Preview) -> None:
    tally, after = Tally(run.binding.policy.types), 0
    while batch := due_marks(run.binding.id, run.clock(), after):
        after = batch[-1].id
        for item in judge(run.binding, load(run.binding, batch, cache, frozenset())):
            values = [t.record.values for t in item.seen.values() if t is not None]
            label = run.binding.title_of(*values) or item.key
            tally.add(item, label)
            if item.plan is not None and not item.plan.idle:
                made.steps.append(_step(item, item.plan, label))
                _count(made.counts, item.plan)
    known = Link.objects.filter(mapping_id=run.binding.id, status=LinkStatus.OPEN).count()
    made.guard = core_guards.tripped(run.binding.guards, tally.counts, known)


def _step(item: Item, plan: core.Plan, label: str) -> Step:
    return Step(
        label=label,
        left_key=plan.left_key,
        right_key=plan.right_key,
        action=plan.action.value,
        writes=[
            {"side": w.side.value, "op": w.op.value, "values": dict(w.values), "expected": dict(w.expected)}
            for w in plan.writes
        ],
        conflict=plan.conflict.kind.value if plan.conflict is not None else "",
        waits=list(plan.waits),
    )


def _count(counts: dict[str, int], plan: core.Plan) -> None:
    names = [f"{w.op.value} {w.side.value}" for w in plan.writes]
    if plan.action is core.LinkAction.LINK:
        names.append("link")
    if plan.conflict is not None:
        names.append("conflict")
    if plan.waits:
        names.append("wait")
    for name in names:
        counts[name] = counts.get(name, 0) + 1
