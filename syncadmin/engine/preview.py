"""What a pass would do, without doing it: reads both systems, decides, and leaves no trace.

Everything the hub would store goes to copies of its tables, so that a preview is decided by exactly the code
that decides a pass. No system is written to, and nothing waits for the preview.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from syncadmin.core import guards as core_guards
from syncadmin.core import plan as core
from syncadmin.models import Link, LinkStatus, Mapping, PassKind
from syncadmin.models.marks import Due

from . import clocks, stage
from .apart import apart
from .binding import bind
from .collect import Cache, compared, read_changes
from .effort import Item, Run
from .foresee import foresee, from_stages, label_of
from .guard import Tally
from .lease import NoLease
from .opening import before


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
    made = Preview(before(mapping.pk, clock()).kind(kind))
    whole = made.kind != PassKind.INCREMENTAL
    with bind(mapping) as binding, apart(mapping, links=whole):
        clocks.know(binding)
        lease = NoLease(mapping.pk, 0, clock)
        run = Run(binding, lease, 0, clock)
        if whole:
            with compared(binding, lease, clock(), _unseen, times=True) as found:
                stage.index_matches()
                _decide(run, lambda batch: from_stages(binding, batch), made)
        else:
            cache = Cache()
            found = read_changes(binding, lease, cache, clock(), _unseen)
            _decide(run, lambda _: Cache(dict(cache.records)), made)
        made.read, made.linked = found.read, found.linked
    return made


def _unseen(phase: str, advanced: int) -> None:
    """Nobody watches."""


def _decide(run: Run, read: Callable[[Sequence[Due]], Cache], made: Preview) -> None:
    tally = Tally(run.binding.policy.types)
    for items in foresee(run, read):
        for item in items:
            label = label_of(run.binding, item)
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
