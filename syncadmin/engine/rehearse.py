"""A rehearsal: the complete plan of a full comparison, as lines and as numbers; nothing is written anywhere.

Records that are equal and alone with each other are only counted. Every other one makes a line, handed on
batch by batch, so that memory stays bounded whatever the sizes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from syncadmin.core import guards as core_guards
from syncadmin.core import plan as core
from syncadmin.core.rehearsed import Fate, Standing
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value, encode, same
from syncadmin.models import Mapping

from . import clocks, links, stage
from .apart import apart
from .binding import Binding, bind
from .collect import Collected, Report, compared
from .effort import Item, Run
from .estimate import Cost, Pace, cost_of, pace_of
from .foresee import foresee, from_stages, label_of
from .guard import Tally, losses_of
from .lease import NoLease

EXAMPLES = 3
LONGEST = 300  # characters of a value that a line keeps
MOST_MEMBERS = 20
Names = dict[Side, dict[str, str]]  # of links, by the side whose keys name them


@dataclass(frozen=True, slots=True)
class Line:
    """What would be done with one record or pair; see the model RehearsalLine."""

    place: str
    left_key: str | None
    right_key: str | None
    label: str
    standing: Standing
    fate: Fate
    side: str
    held: bool
    columns: tuple[str, ...]
    digest: bytes | None
    body: dict[str, Any]


@dataclass(slots=True)
class Column:
    """A field mapping of all pairs: how many differ, what becomes of them, examples as label, left, right."""

    differ: int = 0
    to_left: int = 0
    to_right: int = 0
    held: int = 0
    examples: list[list[Any]] = field(default_factory=list)

    def add(self, name: str, line: Line) -> None:
        """Count a line that differs in this field mapping."""
        self.differ += 1
        written = {side for side, _op, values in line.body["writes"] if name in values}
        self.to_left += Side.LEFT in written
        self.to_right += Side.RIGHT in written
        self.held += name in line.body["asks"].get("fields", ())
        if len(self.examples) < EXAMPLES:
            held = line.body["left"].get(name), line.body["right"].get(name)
            self.examples.append([line.label, *held])


@dataclass(slots=True)
class Account:
    """A whole plan in numbers. `digest` is of all that would be written, whatever the order of its lines.

    `lacking`: by side, what a system needs of the records it would be given, and does not get.
    """

    tally: Tally
    read: dict[Side, int] = field(default_factory=dict)
    equal: int = 0
    standings: dict[str, int] = field(default_factory=dict)
    fates: dict[str, int] = field(default_factory=dict)
    held: int = 0
    asks: dict[str, int] = field(default_factory=dict)
    writes: dict[str, dict[str, int]] = field(
        default_factory=lambda: {side.value: {op.value: 0 for op in core.Op} for side in SIDES}
    )
    columns: dict[str, Column] = field(default_factory=dict)
    total: int = 0
    lines: int = 0
    guard: str | None = None
    losses: list[dict[str, Any]] = field(default_factory=list)
    cost: Cost | None = None
    lacking: dict[str, list[str]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What identifies the plan."""
        return f"{self.total:064x}"

    def add(self, line: Line) -> None:
        """Count a line."""
        self.lines += 1
        self.standings[line.standing] = self.standings.get(line.standing, 0) + 1
        self.fates[line.fate] = self.fates.get(line.fate, 0) + 1
        self.held += line.held
        if line.held:
            kind = line.body["asks"]["kind"]
            self.asks[kind] = self.asks.get(kind, 0) + 1
        for side, op, _values in line.body["writes"]:
            self.writes[side][op] += 1
        for name in line.columns:
            self.columns.setdefault(name, Column()).add(name, line)
        if line.digest is not None:
            self.total = (self.total + int.from_bytes(line.digest)) % 2**256

    def as_dict(self) -> dict[str, Any]:
        """As plain data, as it is kept and printed."""
        return {
            "read": {side.value: count for side, count in self.read.items()},
            "equal": self.equal,
            "standings": self.standings,
            "fates": self.fates,
            "held": self.held,
            "asks": self.asks,
            "writes": self.writes,
            "columns": {name: asdict(column) for name, column in self.columns.items()},
            "lines": self.lines,
            "guard": self.guard,
            "losses": self.losses,
            "cost": asdict(self.cost) if self.cost is not None else None,
            "lacking": self.lacking,
        }


Store = Callable[[list[Line]], None]


def rehearse(
    mapping: Mapping, store: Store, report: Report, clock: Callable[[], datetime] = timezone.now
) -> Account:
    """What a full comparison of `mapping` that starts now would do. Raises base.ConnectorError.

    `store` is given the lines, `report` a phase and how many records it got further. The mapping need not be
    as it is stored: its fields and rules are those that it has been given.
    """
    with bind(mapping) as binding, apart(mapping, links=True):
        clocks.know(binding)
        lease = NoLease(mapping.pk, 0, clock)
        run = Run(binding, lease, 0, clock)
        with scanned(run, report) as (found, pace):
            return account(run, found, store, report, pace)


@contextmanager
def scanned(run: Run, report: Report) -> Iterator[tuple[Collected, Pace]]:
    """Both sides compared, with their stages at hand, and how fast they were read."""
    began = run.clock()
    with compared(run.binding, run.lease, began, report, times=True) as found:
        pace = pace_of(run.binding, found, run.clock() - began)
        stage.index_matches()
        yield found, pace


def account(run: Run, found: Collected, store: Store, report: Report, pace: Pace) -> Account:
    """The plan of what is due after a full comparison, while its stages are at hand."""
    binding = run.binding
    made = Account(Tally(binding.policy.types), read=dict(found.sides))
    linked = closely = 0
    for items in foresee(run, lambda batch: from_stages(binding, batch)):
        names = _names(binding, items)
        lines = []
        for item in items:
            made.tally.add(item, label_of(binding, item))
            line = line_of(binding, item, names)
            if line is None:
                closely += item.link is None
                continue
            linked += item.link is not None
            made.add(line)
            lines.append(line)
        store(lines)
        report("deciding", len(items))
    known = links.count_open(binding.id)
    made.equal = known - linked + closely
    made.guard = core_guards.tripped(binding.guards, made.tally.counts, known)
    made.losses = losses_of(binding, made.tally)
    made.lacking = {
        side.value: list(bound.lacking)
        for side, bound in binding.sides.items()
        if bound.lacking and made.writes[side.value][core.Op.CREATE.value]
    }
    made.cost = cost_of(binding, made.writes, made.lines, pace)
    return made


# ---------------------------------------------------------------- one line


def line_of(binding: Binding, item: Item, names: Names) -> Line | None:
    """What would be done with an item; None if it is a pair that is equal after all."""
    plan = item.decided
    held = {side: _values(item, side) for side in SIDES}
    columns = _differing(binding, held)
    standing = _standing(item, plan)
    if standing is Standing.DIFFERS and not (columns or plan.writes or plan.conflict or plan.waits):
        return None
    keys = _keys(item, plan)
    writes = [(w.side.value, w.op.value, _shown(binding, w.side, w.values, names)) for w in plan.writes]
    paired = standing is Standing.DIFFERS
    sides = {w.side.value for w in plan.writes}
    return Line(
        place=f"l:{keys[0]}" if keys[0] is not None else f"r:{keys[1]}",
        left_key=keys[0],
        right_key=keys[1],
        label=label_of(binding, item).replace("\x00", "")[:200],
        standing=standing,
        fate=_fate(plan),
        side=sides.pop() if len(sides) == 1 else "",
        held=plan.conflict is not None,
        columns=columns,
        digest=_digest(plan, keys, binding, names),
        body={
            **{
                side.value: _shown(
                    binding,
                    side,
                    {name: v for name, v in (held[side] or {}).items() if not paired or name in columns},
                    names,
                )
                for side in SIDES
            },
            "writes": writes,
            "asks": _asks(plan),
            "waits": list(plan.waits),
        },
    )


def _keys(item: Item, plan: core.Plan) -> tuple[str | None, str | None]:
    if item.link is not None:
        return item.link.left_key, item.link.right_key
    own = {item.side: item.key}
    return own.get(Side.LEFT, plan.left_key), own.get(Side.RIGHT, plan.right_key)


def _values(item: Item, side: Side) -> core.Values | None:
    found = item.observations.get(side)
    return found.record.values if isinstance(found, core.Present) else None


def _differing(binding: Binding, held: dict[Side, core.Values | None]) -> tuple[str, ...]:
    left, right = held[Side.LEFT], held[Side.RIGHT]
    if left is None or right is None:
        return ()
    names = (f.name for f in binding.policy.fields)
    return tuple(n for n in names if n in left and n in right and not same(left[n], right[n]))


def _standing(item: Item, plan: core.Plan) -> Standing:
    if any(item.problems().values()):
        return Standing.UNREADABLE
    if plan.conflict is not None and plan.conflict.kind is core.ConflictKind.AMBIGUOUS:
        return Standing.AMBIGUOUS
    if any(isinstance(seen, core.Absent) for seen in item.observations.values()):
        return Standing.GONE
    if item.link is None and plan.action is not core.LinkAction.LINK:
        return Standing.LEFT if item.side is Side.LEFT else Standing.RIGHT
    return Standing.DIFFERS


def _fate(plan: core.Plan) -> Fate:
    ops = {w.op for w in plan.writes}
    for op, fate in (
        (core.Op.DELETE, Fate.DELETE),
        (core.Op.CREATE, Fate.CREATE),
        (core.Op.UPDATE, Fate.CHANGE),
    ):
        if op in ops:
            return fate
    if plan.conflict is not None:
        return Fate.HOLD
    if plan.waits:
        return Fate.WAIT
    return Fate.LINK if plan.action is core.LinkAction.LINK else Fate.NONE


def _asks(plan: core.Plan) -> dict[str, Any]:
    conflict = plan.conflict
    if conflict is None:
        return {}
    return {
        "kind": conflict.kind.value,
        "reason": conflict.reason[:1000],
        "fields": [f.field for f in conflict.fields],
        "others": [*conflict.candidates, *conflict.twins][:MOST_MEMBERS],
    }


def _digest(
    plan: core.Plan, keys: tuple[str | None, str | None], binding: Binding, names: Names
) -> bytes | None:
    """What identifies all that the plan writes, now or after a wait, and what it takes the place of.

    None if it writes nothing.
    """
    if not (plan.writes or plan.waits):
        return None
    written: list[Any] = [
        [
            w.side.value,
            w.op.value,
            _named(binding, w.side, w.values, names),
            _named(binding, w.side, w.expected, names),
        ]
        for w in plan.writes
    ]
    told = {"at": list(keys), "writes": written, "waits": list(plan.waits)}
    return hashlib.blake2b(encode(told), digest_size=16).digest()


# ---------------------------------------------------------------- values as they are kept


def _names(binding: Binding, items: Sequence[Item]) -> Names:
    """The keys that references stand for: their links have other numbers in a rehearsal than in a pass."""
    values = [v for item in items for side in SIDES if (v := _values(item, side)) is not None]
    values += [w.values for item in items for w in item.decided.writes]
    return {side: binding.sides[side].keys_of(values) for side in SIDES}


def _named(binding: Binding, side: Side, values: core.Values, names: Names) -> dict[str, Value]:
    references = {f.name for f in binding.sides[side].fields if f.target_id is not None}
    return {
        name: names[side].get(str(value), value) if name in references and value is not None else value
        for name, value in values.items()
    }


def _shown(binding: Binding, side: Side, values: core.Values, names: Names) -> dict[str, Value]:
    return {name: shortened(value) for name, value in _named(binding, side, values, names).items()}


def shortened(value: Value) -> Value:
    """A value as a line keeps it: a long one is cut, and ends in an ellipsis."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[:LONGEST] + "…"
    if isinstance(value, list):
        kept = [shortened(member) for member in value[:MOST_MEMBERS]]
        return kept if len(value) <= MOST_MEMBERS else [*kept, "…"]
    if isinstance(value, dict):
        return shortened(str(value))
    return value
