"""What another version of a mapping would do differently on today's data: its plan against that of what runs.

Both plans are made by the code that makes those of passes, as full comparisons on copies of the hub's tables.
Nothing is written to any system. The counts are exact; of each kind of effect some examples
are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from connectors import base
from syncadmin.core import guards as core_guards
from syncadmin.core import plan as core
from syncadmin.core.side import Side
from syncadmin.models import Mapping as MappingRow

from . import links, reshape, stage
from .apart import apart
from .binding import bind
from .collect import compared
from .effort import Item, Run
from .foresee import foresee, from_stages, label_of
from .guard import Tally
from .lease import NoLease

EXAMPLES = 50
TEXT = 200  # characters of a value in an example
OUTSIDE, WAIT, LINK = "rests", "waits", "links"

Kind = tuple[str, str, str]  # what is done, side, field
Effect = dict[Kind, tuple[Any, Any]]  # with the value before and after
Place = tuple[Side, str]
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Foreseen:
    """One plan: what was read, pairs linked silently, what a guard would say, and what identifies it.

    `message` says why there is none.
    """

    read: int = 0
    linked: int = 0
    known: int = 0
    guard: str | None = None
    plan: str = ""
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Row:
    """One kind of effect: how many records have it in each plan, and some that only one plan gives it."""

    old: int = 0
    new: int = 0
    more: list[dict[str, Any]] = field(default_factory=list)
    less: list[dict[str, Any]] = field(default_factory=list)
    gained: int = 0
    lost: int = 0


@dataclass(slots=True)
class Difference:
    """Two plans, kind by kind. `old` effects are taken in first, then the new ones are held against them."""

    rows: dict[Kind, Row] = field(default_factory=dict)
    before: dict[Place, tuple[Effect, dict[str, Any]]] = field(default_factory=dict)

    def take_old(self, place: Place, effect: Effect, who: dict[str, Any]) -> None:
        """What runs now would do this to a record."""
        self.before[place] = effect, who
        for kind in effect:
            self._row(kind).old += 1

    def take_new(self, place: Place, effect: Effect, who: dict[str, Any]) -> None:
        """The new version would do this to a record."""
        before, _ = self.before.pop(place, ({}, {}))
        for kind, values in effect.items():
            row = self._row(kind)
            row.new += 1
            if before.get(kind) != values:
                row.gained += 1
                _keep(row.more, who, values)
        for kind, values in before.items():
            if effect.get(kind) != values:
                self._lose(kind, values, who)

    def finish(self) -> list[dict[str, Any]]:
        """The rows in which the plans differ, or do something, the largest difference first."""
        for effect, who in self.before.values():
            for kind, values in effect.items():
                self._lose(kind, values, who)
        self.before.clear()
        told = [
            {
                "what": what,
                "side": side,
                "field": name,
                **{key: getattr(row, key) for key in ("old", "new", "gained", "lost", "more", "less")},
            }
            for (what, side, name), row in self.rows.items()
        ]
        return sorted(told, key=lambda r: (-(r["gained"] + r["lost"]), r["what"], r["side"], r["field"]))

    def _lose(self, kind: Kind, values: tuple[Any, Any], who: dict[str, Any]) -> None:
        row = self._row(kind)
        row.lost += 1
        _keep(row.less, who, values)

    def _row(self, kind: Kind) -> Row:
        return self.rows.setdefault(kind, Row())


def _keep(examples: list[dict[str, Any]], who: dict[str, Any], values: tuple[Any, Any]) -> None:
    if len(examples) < EXAMPLES:
        examples.append({**who, "from": shortened(values[0]), "to": shortened(values[1])})


def shortened(value: Any) -> Any:
    """A value that fits a list of examples."""
    if isinstance(value, str):
        return value if len(value) <= TEXT else value[:TEXT] + "…"
    if isinstance(value, list | dict):
        text = msgspec.json.encode(value).decode()
        return value if len(text) <= TEXT else text[:TEXT] + "…"
    return value


def compare(old: MappingRow, new: MappingRow, renamed: Mapping[str, str], clock: Clock) -> dict[str, Any]:
    """The two plans and their difference, as plain data. `renamed`: new -> old name of fields of `new`.

    Raises base.ConnectorError.
    """
    difference = Difference()
    try:
        before = _foresee(old, {}, clock, difference.take_old, renamed)
    except base.Misconfigured as error:  # what runs fits the systems no more, so it does nothing
        before = Foreseen(message=str(error))
    after = _foresee(new, renamed, clock, difference.take_new, {})
    return {"old": before.as_dict(), "new": after.as_dict(), "rows": difference.finish()}


def digest_of(comparison: Mapping[str, Any], document: Mapping[str, Any], base: int | None) -> str:
    """What identifies a comparison: what was compared with what, and what came out."""
    encoder = msgspec.json.Encoder(order="sorted")
    return hashlib.sha256(encoder.encode([comparison, document, base])).hexdigest()


def _foresee(
    mapping: MappingRow,
    renamed: Mapping[str, str],
    clock: Clock,
    take: Callable[[Place, Effect, dict[str, Any]], None],
    called: Mapping[str, str],
) -> Foreseen:
    """One plan. `called`: new -> old name, for fields that shall be told under their new names."""
    made, names = Foreseen(), {old: new for new, old in called.items()}
    with bind(mapping) as binding, apart(mapping, links=True):
        lease = NoLease(mapping.pk, 0, clock)
        run = Run(binding, lease, 0, clock)
        reshape.links_in_shape(binding, lease, reshape.with_renamed(reshape.remembered(mapping.pk), renamed))
        tally = Tally(binding.policy.types)
        with compared(binding, lease, clock(), lambda *_: None, times=True) as found:
            stage.index_matches()
            made.read, made.linked = found.read, found.linked
            for items in foresee(run, lambda batch: from_stages(binding, batch)):
                for item in items:
                    label = label_of(binding, item)
                    tally.add(item, label)
                    if effect := _effect(item, item.decided, names):
                        take(item.places()[0], effect, _who(item, label))
        made.known = links.count_open(binding.id)
        made.guard = core_guards.tripped(binding.guards, tally.counts, made.known)
        made.plan = f"{tally.digest:064x}"
    return made


def _who(item: Item, label: str) -> dict[str, Any]:
    plan = item.decided
    return {"label": label[:TEXT], "left": plan.left_key, "right": plan.right_key}


def _effect(item: Item, plan: core.Plan, names: Mapping[str, str]) -> Effect:
    effect: Effect = {}
    for write in plan.writes:
        if write.op is core.Op.UPDATE:
            for name, value in write.values.items():
                told = names.get(name, name)
                effect["update", write.side.value, told] = (write.expected.get(name), value)
        else:
            effect[write.op.value, write.side.value, ""] = (None, None)
    if plan.conflict is not None:
        about = plan.conflict.side.value if plan.conflict.side else ""
        for asked in plan.conflict.fields:
            effect["ask", "", names.get(asked.field, asked.field)] = (asked.left, asked.right)
        if not plan.conflict.fields:
            effect[f"ask: {plan.conflict.kind.value}", about, ""] = (None, None)
    if plan.waits:
        effect[WAIT, "", ""] = (None, None)
    if plan.action is core.LinkAction.LINK and not plan.writes:
        effect[LINK, "", ""] = (None, None)
    if item.link is not None and not effect:
        for side, seen in item.observations.items():
            if isinstance(seen, core.Present) and not seen.in_scope:
                effect[OUTSIDE, side.value, ""] = (None, None)
    return effect
