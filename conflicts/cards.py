"""What a card shows: an item of the inbox turned into plain data for its template.

Candidates of an ambiguous match are shown with their values where the snapshot holds them, under
`candidates` (`{key: {field: value}}`), beside the sides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from syncadmin.core.plan import ConflictKind, PickKind
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind, Value, empty, same
from syncadmin.models import FieldMapping
from syncadmin.models import Mapping as SyncMapping
from syncadmin.selectors.records import names_of
from syncadmin.show import said_by_name

from .models import Conflict, ConflictField, ConflictState
from .options import RecordOption, options
from .selectors import linked_candidates

SEEN_LIMIT = 20_000  # characters of a form field; what is longer comes back without a "was"


@dataclass(frozen=True, slots=True)
class SideHead:
    """A column of the card: the system, the record's key there, and its address in the system's own pages."""

    side: Side
    system: str
    resource: str
    key: str
    url: str


@dataclass(frozen=True, slots=True)
class SideValue:
    """What one side holds: `changed` if it differs from what was last agreed, `was` if it moved since."""

    side: Side
    system: str
    value: Value
    changed: bool
    at: datetime | None
    who: str
    digit: int
    moved: bool = False
    was: Value = None


@dataclass(frozen=True, slots=True)
class FieldCard:
    """One field to decide. `differing` are the bases per side if they are not the same."""

    name: str
    title: str
    kind: Kind
    reason: str
    left: SideValue
    right: SideValue
    has_base: bool
    base: Value
    base_right: Value
    group: str
    choices: tuple[str, ...]
    chosen: str = ""
    typed: str = ""
    error: str = ""
    refused: bool = False
    tried: Value = None

    @property
    def one_base(self) -> bool:
        """Whether both sides agreed on the very same value."""
        return same(self.base, self.base_right)

    @property
    def typeable(self) -> bool:
        """Whether a value may be typed."""
        return self.kind is not Kind.REFERENCE

    @property
    def lines(self) -> bool:
        """Whether the typed value needs several lines."""
        longest = max((len(v) for v in (self.left.value, self.right.value) if isinstance(v, str)), default=0)
        broken = any("\n" in v for v in (self.left.value, self.right.value) if isinstance(v, str))
        return self.kind in (Kind.SET, Kind.JSON) or (self.kind is Kind.TEXT and (broken or longest > 80))

    @property
    def seen_json(self) -> str:
        """What is shown, to come back with the form: only ever used to say what has changed since."""
        text = json.dumps([self.left.value, self.right.value], ensure_ascii=False)
        return text if len(text) <= SEEN_LIMIT else ""


@dataclass(frozen=True, slots=True)
class OtherField:
    """A field that is not in question, for context. `same` if both sides hold it alike."""

    title: str
    values: tuple[Value, ...]
    same: bool


@dataclass(frozen=True, slots=True)
class CandidateCard:
    """A record that might be the same, unless it is `linked` already."""

    key: str
    url: str
    linked: bool


@dataclass(frozen=True, slots=True)
class ComparedField:
    """A field of an unlinked record beside its candidates': `held` are (value, whether it is the same)."""

    title: str
    own: Value
    held: tuple[tuple[Value, bool], ...]

    @property
    def same(self) -> bool:
        """Whether all candidates have the record's value."""
        return all(equal for _, equal in self.held)


@dataclass(frozen=True, slots=True)
class Card:
    """Everything the template of one item needs."""

    conflict: Conflict
    kind: ConflictKind
    heads: tuple[SideHead, ...]
    fields: tuple[FieldCard, ...] = ()
    others: tuple[OtherField, ...] = ()
    candidates: tuple[CandidateCard, ...] = ()
    compared: tuple[ComparedField, ...] = ()
    twins: tuple[tuple[str, str], ...] = ()
    options: tuple[RecordOption, ...] = ()
    record: tuple[tuple[str, Value], ...] = ()
    record_head: SideHead | None = None
    other_head: SideHead | None = None
    reason: str = ""
    refuser: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether a person may decide it now."""
        return self.conflict.state == ConflictState.OPEN


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision, in one line: `words` say the decision, `poll` when to look again."""

    conflict: Conflict
    words: tuple[str, ...]
    poll: str
    slow: bool
    took: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """What a person has filled in so far and what they saw, to be shown again after a refusal."""

    picks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)


def card(conflict: Conflict, entered: Entered | None = None) -> Card:
    """The card of an item (as `selectors.item` gives it)."""
    entered = entered or Entered()
    mapping = conflict.mapping
    kind = ConflictKind(conflict.kind)
    mapped = {f.name: f for f in mapping.fields.all()}
    name_references(conflict, mapped)
    heads = tuple(_head(conflict, side) for side in SIDES)
    fields = tuple(_field(f, mapped.get(f.field), heads, entered) for f in conflict.fields.all())
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
        others=tuple(_others(conflict, mapped, {f.name for f in fields})),
        candidates=tuple(_candidates(conflict, mapping)),
        compared=tuple(_compared(conflict, mapped)) if conflict.candidates else (),
        reason=_reason(conflict, fields, heads),
        twins=tuple((key, record_url(mapping, about, key)) for key in conflict.twins) if about else (),
        options=tuple(options(kind, heads[0].system, heads[1].system, about)),
        record=tuple((title(name), record.get(name)) for name in _ordered(record, mapped)),
        record_head=heads[SIDES.index(shown)] if shown else None,
        other_head=heads[SIDES.index(shown.other)] if shown else None,
        refuser=_refuser(conflict, about),
        errors=entered.errors,
    )


def name_references(conflict: Conflict, mapped: Mapping[str, FieldMapping]) -> None:
    """Put names where canonical references (ids of links) are, for showing. What is stored is not touched."""
    names = {name for name, f in mapped.items() if f.type == Kind.REFERENCE.value}
    if not names:
        return
    rows = [row for row in conflict.fields.all() if row.field in names]
    records = [values for values in conflict.snapshot.values() if isinstance(values, dict)]
    records += list(conflict.snapshot.get("candidates", {}).values())
    held = [getattr(row, place) for row in rows for place in _PLACES]
    held += [values.get(name) for values in records for name in names]
    known = names_of(int(value) for value in held if isinstance(value, str) and value.isdigit())
    for row in rows:
        for place in _PLACES:
            setattr(row, place, _named(getattr(row, place), known))
        if row.pick:
            row.pick.update(
                {place: _named(row.pick.get(place), known) for place in ("seen_left", "seen_right")}
            )
    for values in records:
        values.update({name: _named(values[name], known) for name in names & values.keys()})


_PLACES = ("left", "right", "base_left", "base_right")


def _named(value: Value, known: Mapping[int, str]) -> Value:
    return known.get(int(value), value) if isinstance(value, str) and value.isdigit() else value


def _reason(conflict: Conflict, fields: tuple[FieldCard, ...], heads: tuple[SideHead, ...]) -> str:
    """Why a person is asked: once for all fields if it is the same for each, else each field says its own."""
    reasons = {field.reason for field in fields}
    text = conflict.reason
    if conflict.kind == ConflictKind.FIELD and any(reasons):
        text = reasons.pop() if len(reasons) == 1 else ""
    return said_by_name(text, heads[0].system, heads[1].system)


def about_side(conflict: Conflict) -> Side | None:
    """The side that the question is about: the unlinked record's, or the one that deleted or refused."""
    if conflict.side:
        return Side(conflict.side)
    absent = [side for side in SIDES if not conflict.snapshot.get(side.value)]
    return absent[0] if len(absent) == 1 else None


def _refuser(conflict: Conflict, about: Side | None) -> str:
    """The name of the system that refused a write."""
    refused = conflict.snapshot.get("refused") or {}
    side = Side(refused["side"]) if refused.get("side") else about
    return str(conflict.mapping.resource(side).system) if side else ""


def title(name: str) -> str:
    """A field mapping's name as people read it."""
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def record_url(mapping: SyncMapping, side: Side, key: str) -> str:
    """The record's address in its system's own pages ('' if none is configured). Only web addresses."""
    resource = mapping.resource(side)
    pattern = resource.system.record_url
    if not key or not pattern.lower().startswith(("https://", "http://")):
        return ""
    return pattern.replace("{resource}", quote(resource.name, safe="")).replace("{key}", quote(key, safe=""))


def _head(conflict: Conflict, side: Side) -> SideHead:
    resource = conflict.mapping.resource(side)
    if conflict.link is not None:
        key = conflict.link.left_key if side is Side.LEFT else conflict.link.right_key
    else:
        key = conflict.key if conflict.side == side.value else ""
    return SideHead(side, str(resource.system), resource.name, key, record_url(conflict.mapping, side, key))


def _field(
    row: ConflictField, mapped: FieldMapping | None, heads: tuple[SideHead, ...], entered: Entered
) -> FieldCard:
    chosen, typed = entered.picks.get(row.field, ("", ""))
    before = entered.seen.get(row.field)
    if before is None and row.pick and row.conflict.state == ConflictState.OPEN:
        before = (row.pick.get("seen_left"), row.pick.get("seen_right"))
    kind = Kind(mapped.type) if mapped else Kind.TEXT
    refused = (row.conflict.snapshot.get("refused") or {}).get("values", {})
    return FieldCard(
        name=row.field,
        title=title(row.field),
        kind=kind,
        reason=said_by_name(row.reason, heads[0].system, heads[1].system),
        left=_side(row, heads[0], row.base_left, before, 0),
        right=_side(row, heads[1], row.base_right, before, 1),
        has_base=row.has_base,
        base=row.base_left,
        base_right=row.base_right,
        group=mapped.group if mapped else "",
        choices=tuple(str(left) for left in mapped.choices) if mapped and kind is Kind.CHOICE else (),
        chosen=chosen,
        typed=typed or _as_typed(kind, refused.get(row.field, row.left)),
        refused=row.field in refused,
        tried=refused.get(row.field),
        error=entered.errors.get(row.field, ""),
    )


def _side(
    row: ConflictField, head: SideHead, base: Value, before: tuple[Value, Value] | None, index: int
) -> SideValue:
    value = (row.left, row.right)[index]
    return SideValue(
        side=head.side,
        system=head.system,
        value=value,
        changed=row.has_base and not same(value, base),
        at=(row.left_time, row.right_time)[index],
        who=(row.left_who, row.right_who)[index],
        digit=index + 1,
        moved=before is not None and not same(before[index], value),
        was=before[index] if before is not None else None,
    )


def _as_typed(kind: Kind, value: Value) -> str:
    """A value as it would be typed, to start from; nothing if it is too long to be edited in a form."""
    if kind is Kind.JSON and value is not None:
        text = json.dumps(value, ensure_ascii=False, indent=2)
        return text if len(text) <= SEEN_LIMIT else ""
    if isinstance(value, str) and len(value) > SEEN_LIMIT:
        return ""
    if kind is Kind.SET and isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int) else ""


def _ordered(values: Mapping[str, Any], mapped: Mapping[str, FieldMapping]) -> list[str]:
    """Names in the order of the mapping, then what is no longer mapped."""
    return [*(name for name in mapped if name in values), *(name for name in values if name not in mapped)]


def _others(conflict: Conflict, mapped: Mapping[str, FieldMapping], taken: set[str]) -> list[OtherField]:
    sides = [conflict.snapshot.get(side.value) for side in SIDES]
    if not all(isinstance(values, dict) for values in sides):
        return []
    names = _ordered({**sides[0], **sides[1]}, mapped)
    return [
        OtherField(
            title(name), tuple(v.get(name) for v in sides), same(sides[0].get(name), sides[1].get(name))
        )
        for name in names
        if name not in taken
    ]


def _candidates(conflict: Conflict, mapping: SyncMapping) -> list[CandidateCard]:
    side = about_side(conflict) or Side.LEFT
    taken = linked_candidates(conflict)
    return [
        CandidateCard(key, record_url(mapping, side.other, key), key in taken) for key in conflict.candidates
    ]


def _compared(conflict: Conflict, mapped: Mapping[str, FieldMapping]) -> list[ComparedField]:
    """The unlinked record field by field beside its candidates, without what is empty everywhere."""
    own = conflict.snapshot.get((about_side(conflict) or Side.LEFT).value, {})
    known = conflict.snapshot.get("candidates", {})
    others = [known.get(key, {}) for key in conflict.candidates]
    rows = []
    for name in _ordered({name: None for values in (own, *others) for name in values}, mapped):
        held = tuple((values.get(name), same(values.get(name), own.get(name))) for values in others)
        if not (empty(own.get(name)) and all(empty(value) for value, _ in held)):
            rows.append(ComparedField(title(name), own.get(name), held))
    return rows


def outcome(conflict: Conflict, now: datetime) -> Outcome:
    """The line on a decision. It is asked for often at first, then rarely."""
    waited = (now - conflict.decided_at).total_seconds() if conflict.decided_at else 0
    poll = "500ms" if waited < 10 else "3s" if waited < 120 else "15s"
    took = ""
    if conflict.closed_at and conflict.decided_at and conflict.closed_at >= conflict.decided_at:
        took = f"{(conflict.closed_at - conflict.decided_at).total_seconds():.1f}"
    return Outcome(conflict, tuple(decision_words(conflict)), poll, slow=waited > 20, took=took)


PICK_WORDS = {
    PickKind.BASE: "the value last agreed",
    PickKind.VALUE: "a typed value",
    PickKind.LEAVE: "leave as is",
}


def decision_words(conflict: Conflict) -> list[str]:
    """What was decided, in words, one line a pick."""
    systems = {side.value: str(conflict.mapping.resource(side).system) for side in SIDES}
    lines = []
    for row in conflict.fields.all():
        if row.pick:
            kind = row.pick.get("kind", "")
            lines.append(f"{title(row.field)}: {systems.get(kind) or PICK_WORDS.get(kind, kind)}")
    if conflict.decision:
        key = f" {conflict.decision['key']}" if conflict.decision.get("key") else ""
        lines.append(f"{conflict.decision['kind'].capitalize()}{key}")
    return lines
