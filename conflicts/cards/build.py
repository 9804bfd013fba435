"""Putting a card together from an item, as `selectors.item` gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conflicts.models import Conflict, ConflictState
from conflicts.options import RecordOption, options
from conflicts.selectors import said_distinct
from conflicts.suggestions import suggestions
from syncadmin.core.plan import ConflictKind
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value
from syncadmin.models import Distinct
from syncadmin.show import said_by_name

from .fields import DELETED, Entered, FieldCard, field_card
from .gone import edits
from .places import Moment, SideHead, about_side, head, record_url, title
from .records import Matching, OtherField, matching, ordered, others
from .references import name_references
from .timeline import Timeline, timeline


@dataclass(frozen=True, slots=True)
class Card:
    """Everything the template of one item needs."""

    conflict: Conflict
    kind: ConflictKind
    heads: tuple[SideHead, SideHead]
    fields: tuple[FieldCard, ...] = ()
    others: tuple[OtherField, ...] = ()
    matching: Matching | None = None
    distinct: tuple[tuple[str, Distinct], ...] = ()
    twins: tuple[tuple[str, str], ...] = ()
    options: tuple[RecordOption, ...] = ()
    record: tuple[tuple[str, Value], ...] = ()
    record_head: SideHead | None = None
    other_head: SideHead | None = None
    timeline: Timeline = field(default_factory=Timeline)
    reason: str = ""
    refuser: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    chosen: str = ""

    @property
    def open(self) -> bool:
        """Whether a person may decide it now."""
        return self.conflict.state == ConflictState.OPEN

    @property
    def rule(self) -> int | None:
        """The number of the learned rule that decided it, if one did."""
        return next(
            (f.pick["rule"] for f in self.conflict.fields.all() if f.pick and f.pick.get("rule")), None
        )

    @property
    def differing(self) -> int:
        """How many of the other fields differ."""
        return sum(not other.same for other in self.others)

    @property
    def general(self) -> list[str]:
        """What is wrong with the decision as a whole; what is wrong in a field stands there."""
        shown = {field.name for field in self.fields}
        return [f"{n}: {text}" if n else text for n, text in self.errors.items() if n not in shown]


def card(conflict: Conflict, entered: Entered | None = None, *, history: bool = True) -> Card:
    """The card of an item, with its `history` if the reader may see that."""
    entered = entered or Entered()
    mapping = conflict.mapping
    kind = ConflictKind(conflict.kind)
    mapped = {f.name: f for f in mapping.fields.all()}
    rows = list(conflict.fields.all()) or (edits(conflict, mapped) if kind in DELETED else [])
    name_references(conflict, rows, mapped)
    heads = (head(conflict, Side.LEFT), head(conflict, Side.RIGHT))
    suggested = suggestions(conflict, mapped)
    fields = tuple(
        field_card(f, mapping, mapped.get(f.field), heads, entered, suggested.get(f.field)) for f in rows
    )
    asked = {f.name for f in fields}
    about = about_side(conflict)
    shown = about
    if about and (kind is not ConflictKind.AMBIGUOUS and conflict.link_id):
        shown = about.other
    record = conflict.snapshot.get(shown.value, {}) if shown else {}
    return Card(
        conflict=conflict,
        kind=kind,
        heads=heads,
        fields=fields,
        others=tuple(others(conflict, mapped, asked)),
        matching=matching(conflict, mapped) if conflict.candidates else None,
        distinct=tuple(_distinct(conflict)),
        twins=tuple((key, record_url(mapping, about, key)) for key in conflict.twins) if about else (),
        options=tuple(options(kind, heads, about, _changed(fields, shown), fields=bool(fields))),
        record=tuple((title(name), record.get(name)) for name in ordered(record, mapped)),
        record_head=heads[SIDES.index(shown)] if shown else None,
        other_head=heads[SIDES.index(shown.other)] if shown else None,
        timeline=timeline(conflict, heads, asked) if history else Timeline(),
        reason=_reason(conflict, fields, heads),
        refuser=_refuser(conflict, about),
        errors=entered.errors,
        chosen=entered.record,
    )


def _distinct(conflict: Conflict) -> list[tuple[str, Distinct]]:
    """The records that the item's is said not to be, by key."""
    if conflict.kind != ConflictKind.AMBIGUOUS or not conflict.side:
        return []
    other = f"{Side(conflict.side).other}_key"
    return [(getattr(row, other), row) for row in said_distinct(conflict)]


def _changed(fields: tuple[FieldCard, ...], side: Side | None) -> Moment | None:
    """When the record that is still there was changed last, for saying what a delete would throw away."""
    values = [f.left if side is Side.LEFT else f.right for f in fields] if side else []
    return max((v.moment for v in values if v.moment), key=lambda m: m.at, default=None)


def _reason(conflict: Conflict, fields: tuple[FieldCard, ...], heads: tuple[SideHead, ...]) -> str:
    """Why a person is asked: once for all fields if it is the same for each, else each field says its own."""
    reasons = {field.reason for field in fields}
    if conflict.kind == ConflictKind.FIELD and any(reasons):
        return reasons.pop() if len(reasons) == 1 else ""
    return said_by_name(conflict.reason, heads[0].system, heads[1].system)


def _refuser(conflict: Conflict, about: Side | None) -> str:
    """The name of the system that refused a write."""
    refused = conflict.snapshot.get("refused") or {}
    side = Side(refused["side"]) if refused.get("side") else about
    return str(conflict.mapping.resource(side).system) if side else ""
