"""The fields of a card: what each side holds, how it differs, what each choice does, another value's form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from conflicts import limits, merging
from conflicts.models import ConflictField, ConflictState
from conflicts.suggestions import Suggestion
from syncadmin.core.hunks import Part
from syncadmin.core.plan import ConflictKind
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind, Value, same
from syncadmin.models import FieldMapping
from syncadmin.models import Mapping as SyncMapping
from syncadmin.show import Shown, differing, said_by_name, show

from .differences import difference
from .effects import effects
from .places import Moment, SideHead, moment, title

SEEN_LIMIT = 20_000  # characters of a form field; what is longer comes back without a "was"
DELETED = (ConflictKind.DELETED_CHANGED, ConflictKind.DELETE_REVIEW)
MEMBERS = 60  # members of a set that can be switched one by one


@dataclass(frozen=True, slots=True)
class Entered:
    """What a person has filled in so far and what they saw, to be shown again.

    `followed` are the fields for which a suggestion was taken as it was.
    """

    picks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    hunks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    record: str = ""
    followed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SideValue:
    """What one side holds: `changed` if it differs from what was last agreed, `was` if it moved since.

    `gone` if the side has deleted the record.
    """

    side: Side
    system: str
    value: Value
    shown: Shown
    changed: bool
    moment: Moment | None
    who: str
    digit: int
    moved: bool = False
    was: Value = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Hunk:
    """A place where two texts differ, to be picked, or (without a number) a run that is alike."""

    part: Part
    number: int | None = None
    take: str = ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What can be taken here, each on one line for its button."""
        texts = [("left", self.part.left), ("right", self.part.right)]
        return [(name, text.replace("\n", "↵") or "∅") for name, text in texts]

    @property
    def alike(self) -> tuple[str, str, str]:
        """A run that is alike: all of it if it is short, else its beginning, a sign, and its end."""
        text = self.part.left
        return (text, "", "") if len(text) <= 160 else (text[:70], "…", text[-70:])


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a set that some side has or had. `chosen` if the typed set has it."""

    text: str
    left: bool
    right: bool
    base: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class FieldCard:
    """One field to decide. `difference` says what the eye might miss; `limits` what both systems take.

    `suggestion` is what people did in cases like this; `followed` is set if it was taken as it is.
    """

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
    difference: str = ""
    limits: tuple[str, ...] = ()
    longest: int | None = None
    hunks: tuple[Hunk, ...] = ()
    members: tuple[Member, ...] = ()
    chosen: str = ""
    typed: str = ""
    error: str = ""
    refused: bool = False
    tried: Value = None
    suggestion: Suggestion | None = None
    followed: bool = False

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
        texts = [v for v in (self.left.value, self.right.value) if isinstance(v, str)]
        long_ = any("\n" in text or len(text) > 80 for text in texts)
        return self.kind in (Kind.SET, Kind.JSON) or (self.kind is Kind.TEXT and long_)

    @property
    def long(self) -> bool:
        """Whether its values need a column's full height: the sides are then shown one below the other."""
        return any(len(v) > 240 for v in (self.left.value, self.right.value) if isinstance(v, str))

    @property
    def effects(self) -> list[tuple[str, str]]:
        """By choice, what it does, in words."""
        return list(effects(self).items())

    @property
    def seen_json(self) -> str:
        """What is shown, to come back with the form: only ever used to say what has changed since."""
        text = json.dumps([self.left.value, self.right.value], ensure_ascii=False)
        return text if len(text) <= SEEN_LIMIT else ""


def field_card(
    row: ConflictField,
    mapping: SyncMapping,
    mapped: FieldMapping | None,
    heads: tuple[SideHead, SideHead],
    entered: Entered,
    suggestion: Suggestion | None = None,
) -> FieldCard:
    """One field of an open or decided item, with what the person has entered and what is suggested."""
    before = entered.seen.get(row.field)
    if before is None and row.pick and row.conflict.state == ConflictState.OPEN:
        before = (row.pick.get("seen_left"), row.pick.get("seen_right"))
    kind = Kind(mapped.type) if mapped else Kind.TEXT
    chosen, typed = _still(row, entered, before)
    refused = (row.conflict.snapshot.get("refused") or {}).get("values", {})
    names = {Side.LEFT: heads[0].system, Side.RIGHT: heads[1].system}
    known = limits.limits_of(mapping, row.field)
    longest = [known[side]["max_length"] for side in SIDES if known[side].get("max_length")]
    typed = typed or as_typed(kind, refused.get(row.field, row.left))
    return FieldCard(
        name=row.field,
        title=title(row.field),
        kind=kind,
        reason=said_by_name(row.reason, heads[0].system, heads[1].system),
        left=_side(row, heads[0], 0, before),
        right=_side(row, heads[1], 1, before),
        has_base=row.has_base,
        base=row.base_left,
        base_right=row.base_right,
        group=mapped.group if mapped else "",
        choices=tuple(str(left) for left in mapped.choices) if mapped and kind is Kind.CHOICE else (),
        difference=difference(kind, row.left, row.right, (heads[0].system, heads[1].system)),
        limits=tuple(limits.said(mapped, known, names)),
        longest=min(longest, default=None),
        hunks=_hunks(row, mapped, entered.hunks.get(row.field, ())),
        members=_members(row, typed) if kind is Kind.SET else (),
        chosen=chosen,
        typed=typed,
        error=entered.errors.get(row.field, ""),
        refused=row.field in refused,
        tried=refused.get(row.field),
        suggestion=suggestion,
        followed=suggestion is not None and chosen == suggestion.take and row.field in entered.followed,
    )


def _still(row: ConflictField, entered: Entered, before: tuple[Value, Value] | None) -> tuple[str, str]:
    """The person's pick and typed text; the pick only if it was made for the values that are there.

    Once an item is decided, the pick that counts is the one that is stored, whoever made it.
    """
    chosen, typed = entered.picks.get(row.field, ("", ""))
    if row.conflict.state != ConflictState.OPEN:
        return (row.pick or {}).get("kind", ""), typed
    if before is not None and not (same(before[0], row.left) and same(before[1], row.right)):
        chosen = ""
    return chosen, typed


def _side(row: ConflictField, head: SideHead, index: int, before: tuple[Value, Value] | None) -> SideValue:
    held, bases = (row.left, row.right), (row.base_left, row.base_right)
    value, compared = held[index], bases[index] if row.has_base else held[1 - index]
    alike = same(value, compared)
    return SideValue(
        side=head.side,
        system=head.system,
        value=value,
        shown=show(value) if alike else differing(value, compared),
        changed=row.has_base and not alike,
        moment=moment((row.left_time, row.right_time)[index], head),
        who=(row.left_who, row.right_who)[index],
        digit=index + 1,
        moved=before is not None and not same(before[index], value),
        was=before[index] if before is not None else None,
        gone=row.conflict.kind in DELETED and not row.conflict.snapshot.get(head.side.value),
    )


def _hunks(row: ConflictField, mapped: FieldMapping | None, takes: tuple[str, ...]) -> tuple[Hunk, ...]:
    made: list[Hunk] = []
    number = 0
    for part in merging.hunks(row, mapped):
        if part.agreed:
            made.append(Hunk(part))
            continue
        take = takes[number] if number < len(takes) else str(part.natural or "")
        made.append(Hunk(part, number, take))
        number += 1
    return tuple(made)


def _members(row: ConflictField, typed: str) -> tuple[Member, ...]:
    """The members that any side has or had, to be switched one by one; none if these are too many.

    Each is a line of the typed set, so what would not come back from a line as it is can't be switched.
    """
    left, right, base = (
        [str(m) for m in held] if isinstance(held, list) else []
        for held in (row.left, row.right, row.base_left)
    )
    found = list(dict.fromkeys([*base, *left, *right]))
    if len(found) > MEMBERS or sum(map(len, found)) > SEEN_LIMIT:
        return ()
    if any(text.strip() != text or text.splitlines() != [text] for text in found):
        return ()
    lines = set(typed.splitlines())
    return tuple(Member(text, text in left, text in right, text in base, text in lines) for text in found)


def as_typed(kind: Kind, value: Value) -> str:
    """A value as it would be typed, to start from; nothing if it is too long to be edited in a form."""
    if kind is Kind.JSON and value is not None:
        text = json.dumps(value, ensure_ascii=False, indent=2)
        return text if len(text) <= SEEN_LIMIT else ""
    if isinstance(value, str) and len(value) > SEEN_LIMIT:
        return ""
    if kind is Kind.DATETIME and isinstance(value, str) and (at := parse_datetime(value)) is not None:
        return timezone.localtime(at).replace(tzinfo=None).isoformat(sep=" ")
    if kind is Kind.SET and isinstance(value, list):
        text = "\n".join(map(str, value))
        return text if len(text) <= SEEN_LIMIT else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int) else ""
