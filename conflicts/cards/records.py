"""Records on a card: fields that are not in question, and the candidates of an ambiguous match, ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conflicts.models import Conflict
from conflicts.selectors import linked_candidates
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value, empty, same
from syncadmin.models import FieldMapping
from syncadmin.pieces import Piece
from syncadmin.show import Shown, differing, show

from .places import about_side, record_url, title

NAMED = 4  # fields that a reason names


@dataclass(frozen=True, slots=True)
class OtherField:
    """A field that is not in question, for context. `same` if both sides hold it alike."""

    title: str
    shown: tuple[Shown, Shown]
    same: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What a candidate holds in one field, and whether it is the same as the record's own value."""

    title: str
    shown: Shown
    same: bool


@dataclass(frozen=True, slots=True)
class CandidateCard:
    """A record that might be the same, unless it is `linked` already. `likeliest` if none is as alike."""

    key: str
    url: str
    linked: bool
    alike: int
    compared: int
    reasons: tuple[str, ...]
    fields: tuple[Held, ...]
    likeliest: bool = False


@dataclass(frozen=True, slots=True)
class Matching:
    """An unlinked record beside its candidates, the likeliest first; all have the same fields."""

    own: tuple[Held, ...]
    candidates: tuple[CandidateCard, ...]


def ordered(values: Mapping[str, Any], mapped: Mapping[str, FieldMapping]) -> list[str]:
    """Names in the order of the mapping, then what is no longer mapped."""
    return [*(name for name in mapped if name in values), *(name for name in values if name not in mapped)]


def others(conflict: Conflict, mapped: Mapping[str, FieldMapping], taken: set[str]) -> list[OtherField]:
    """The fields that are not in question, those that differ first."""
    sides = [conflict.snapshot.get(side.value) for side in SIDES]
    if not all(isinstance(values, dict) for values in sides):
        return []
    names = ordered({**sides[0], **sides[1]}, mapped)
    found = [_other(name, *sides) for name in names if name not in taken]
    return sorted(found, key=lambda other: other.same)


def _other(name: str, left: Mapping[str, Value], right: Mapping[str, Value]) -> OtherField:
    alike = same(left.get(name), right.get(name))
    if name in left and name in right:
        shown = show(left[name]), show(right[name])
    else:
        shown = tuple(show(held[name]) if name in held else _absent() for held in (left, right))
    return OtherField(title(name), shown, alike and name in left and name in right)


def _absent() -> Shown:
    """What stands for a field that the system has not delivered: that is no empty value."""
    return Shown("none", (Piece(_("not delivered")),))


def matching(conflict: Conflict, mapped: Mapping[str, FieldMapping]) -> Matching:
    """The unlinked record beside its candidates, without what is empty everywhere. One query."""
    side = about_side(conflict) or Side.LEFT
    own = conflict.snapshot.get(side.value, {})
    known = conflict.snapshot.get("candidates", {})
    records = {key: known.get(key, {}) for key in conflict.candidates}
    names = [
        name
        for name in ordered({name: None for values in (own, *records.values()) for name in values}, mapped)
        if not all(empty(values.get(name)) for values in (own, *records.values()))
    ]
    taken = linked_candidates(conflict)
    made = [
        _candidate(key, values, own, names, record_url(conflict.mapping, side.other, key), key in taken)
        for key, values in records.items()
    ]
    made.sort(key=lambda found: (found.linked, -found.alike))
    return Matching(
        own=tuple(Held(title(name), show(own.get(name)), True) for name in names),
        candidates=tuple(_with_likeliest(made)),
    )


def _candidate(
    key: str, values: Mapping[str, Value], own: Mapping[str, Value], names: list[str], url: str, linked: bool
) -> CandidateCard:
    equal = [n for n in names if same(values.get(n), own.get(n))]
    said = [n for n in equal if not empty(own.get(n))]
    differ = [n for n in names if n not in equal and not empty(values.get(n)) and not empty(own.get(n))]
    held = tuple(
        Held(
            title(name),
            show(values.get(name)) if name in equal else differing(values.get(name), own.get(name)),
            name in equal,
        )
        for name in names
    )
    return CandidateCard(key, url, linked, len(said), len(names), _reasons(said, differ, linked), held)


def _reasons(alike: list[str], differ: list[str], linked: bool) -> tuple[str, ...]:
    """Why it stands where it does, in words."""
    lines = []
    if linked:
        lines.append(_("linked to another record already"))
    if alike:
        lines.append(_("same %(fields)s") % {"fields": _listed(alike)})
    if differ:
        lines.append(_("other %(fields)s") % {"fields": _listed(differ)})
    return tuple(lines)


def _listed(names: list[str]) -> str:
    shown = ", ".join(title(name).lower() for name in names[:NAMED])
    more = len(names) - NAMED
    if more <= 0:
        return shown
    return ngettext("%(shown)s and %(more)s more", "%(shown)s and %(more)s more", more) % {
        "shown": shown,
        "more": more,
    }


def _with_likeliest(ranked: list[CandidateCard]) -> list[CandidateCard]:
    free = [candidate for candidate in ranked if not candidate.linked]
    if not free or (len(free) > 1 and free[0].alike == free[1].alike):
        return ranked
    return [replace(c, likeliest=c is free[0] and len(ranked) > 1) for c in ranked]
