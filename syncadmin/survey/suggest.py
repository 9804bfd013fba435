"""From pairs and a match key to the lines of a mapping file: type, normalisation, owner, with what to mind.

Nothing is suggested that could not be read, as far as the records tell. An owner is suggested only where the
records or the system itself speak for one; without evidence a field is shared, which is the user's to change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from syncadmin.core.fieldtype import FITS
from syncadmin.core.side import SIDES, Side
from syncadmin.core.spelling import spelled
from syncadmin.core.values import Kind, Normalize

from .align import MOST_WORDS, Agreement, Alignment
from .keys import MatchKey
from .pairing import Pair
from .profile import AGES, FieldProfile, ResourceProfile
from .sketch import shared

MOST_NAME = 50
SEPARATED = 0.2
CLEARLY = 0.95
SURE_PAIR = 0.7
DECIDED = 10  # differing records of which it must be known who changed last
RECENT = tuple(name for name, _ in AGES[:-1])


class Note(StrEnum):
    """What a person should mind about a suggested field."""

    ROUNDED = "rounded"  # one side keeps fewer digits
    ZONE = "zone"  # times come without their zone
    CASE = "case"  # the same values are written in other case
    UNREADABLE = "unreadable"  # some values can't be read as this type
    DAY_ONLY = "day only"  # one side keeps a time, the other only the day
    WORDS = "words"  # the sides have other words for the same, taken from paired records
    SHORTER = "shorter"  # one side takes shorter texts than the other has
    UNSURE = "unsure"  # a pair that a person should look at


class Why(StrEnum):
    """What speaks for an owner."""

    READ_ONLY = "read-only"  # the other side could not be written anyway, and this one must not be
    LATER = "later"  # where records differ, this side was nearly always changed last
    QUIET = "quiet"  # nobody edits the other side


@dataclass(frozen=True, slots=True)
class Suggested:
    """One field mapping as suggested; `document` is what a mapping file says of it."""

    name: str
    left: str
    right: str
    document: dict[str, Any]
    owner_why: str = ""
    notes: list[str] = field(default_factory=list)
    score: float = 0.0


class Suggesting:
    """Makes field mappings of pairs; `alignment` are the records that were laid beside each other, if any."""

    def __init__(self, left: ResourceProfile, right: ResourceProfile, alignment: Alignment | None) -> None:
        self._left = {one.name: (at, one) for at, one in enumerate(left.fields)}
        self._right = {one.name: (at, one) for at, one in enumerate(right.fields)}
        self._alignment = alignment
        self._quiet = _quiet(left, right)

    def fields(self, pairs: Sequence[Pair]) -> list[Suggested]:
        """A field mapping for each pair, but for what the systems keep for themselves."""
        made: list[Suggested] = []
        for pair in pairs:
            if not pair.bookkeeping:
                taken = [field.name for field in made]
                made.append(self._made(pair.left, pair.right, taken, pair.score, in_key=False))
        return made

    def key(self, key: MatchKey) -> list[Suggested]:
        """The field mappings of a match key."""
        made: list[Suggested] = []
        for left, right in key.fields:
            made.append(self._made(left, right, [field.name for field in made], 1.0, in_key=True))
        return made

    def _made(self, left: str, right: str, taken: Sequence[str], score: float, *, in_key: bool) -> Suggested:
        (i, ours), (j, yours) = self._left[left], self._right[right]
        agreement = self._alignment.agreement(i, j) if self._alignment is not None else None
        words = {} if in_key else _words(ours, yours, self._alignment, i, j)
        document, notes = _field(ours, yours, words, in_key=in_key)
        owner, why = _owner(ours, yours, agreement, self._quiet)
        if owner is not None:
            document["owner"] = owner.value
        if score < SURE_PAIR:
            notes.append(Note.UNSURE)
        told = [str(note) for note in notes]
        return Suggested(unused(left, taken), left, right, document, why, told, score)


def unused(source: str, taken: Collection[str]) -> str:
    """A name for a field mapping, from the left system's own, that is not taken."""
    plain = re.sub(r"[^a-z0-9]+", "_", spelled(source).lower()).strip("_")[: MOST_NAME - 4] or "field"
    name = f"f_{plain}" if plain[0].isdigit() else plain
    return next(n for at in range(1, 9999) if (n := name if at == 1 else f"{name}_{at}") not in taken)


def _field(
    ours: FieldProfile, yours: FieldProfile, words: dict[str, str], *, in_key: bool
) -> tuple[dict[str, Any], list[Note]]:
    notes: list[Note] = []
    kind = Kind.CHOICE if words else _kind(ours, yours)
    document: dict[str, Any] = {"left": ours.name, "right": yours.name, "type": kind.value}
    if words:
        document["values"] = words
        notes.append(Note.WORDS)
    elif kind is Kind.DECIMAL:
        most = max(ours.scale, yours.scale)
        kept = [one.declared.scale for one in (ours, yours) if one.declared.scale is not None]
        document["scale"] = min([most, 18, *kept])
        if document["scale"] < most:
            notes.append(Note.ROUNDED)
    elif kind is Kind.SET:
        document |= _separators(ours, yours)
    elif kind is Kind.TEXT and (steps := list(_steps(ours, yours, in_key=in_key))):
        document["normalize"] = [step.value for step in steps]
    notes += _notes(ours, yours, kind, document)
    return document, notes


def _kind(ours: FieldProfile, yours: FieldProfile) -> Kind:
    """The type that both can be read as, and written to as far as the systems tell theirs."""
    kinds = {ours.kind, yours.kind}
    wanted: list[Kind] = []
    if kinds == {Kind.INTEGER} and all(one.declared.type == Kind.TEXT for one in (ours, yours)):
        wanted = [Kind.TEXT]  # numbers of articles, zip codes: the next one may begin with a zero
    elif len(kinds) == 1:
        wanted = list(kinds)
    elif kinds == {Kind.INTEGER, Kind.DECIMAL}:
        wanted = [Kind.DECIMAL]
    elif kinds == {Kind.DATE, Kind.DATETIME}:
        wanted = [Kind.DATE, Kind.DATETIME]
    elif kinds & {Kind.SET, Kind.JSON} and not kinds & {Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL}:
        wanted = [Kind.SET if Kind.SET in kinds else Kind.JSON]
    elif Kind.BOOLEAN in kinds and kinds & {Kind.INTEGER}:
        wanted = [Kind.BOOLEAN]
    told = [Kind(one.declared.type) for one in (ours, yours) if one.declared.type in set(Kind)]
    wanted += [Kind.TEXT, *sorted(kinds), *Kind]
    return next((kind for kind in wanted if all(one in FITS[kind] for one in told)), Kind.TEXT)


def _separators(ours: FieldProfile, yours: FieldProfile) -> dict[str, Any]:
    found = {}
    for side, one in zip(SIDES, (ours, yours), strict=True):
        if one.kind is not Kind.SET:
            found[side.value] = max(one.separated, key=lambda text: one.separated[text], default=";")
    return {"separators": found} if found else {}


def _steps(ours: FieldProfile, yours: FieldProfile, *, in_key: bool) -> Iterator[Normalize]:
    if ours.format == yours.format == "email":
        yield Normalize.EMAIL
        return
    if ours.format == yours.format == "phone":
        yield Normalize.PHONE
        return
    if ours.spaced or yours.spaced:
        yield Normalize.TRIM
    if in_key and _cased(ours, yours):
        yield Normalize.LOWER


def _cased(ours: FieldProfile, yours: FieldProfile) -> bool:
    """Whether values that both have are written differently on the two sides."""
    plain, exact = shared(ours.plain, yours.plain)[2], shared(ours.exact, yours.exact)[2]
    if not (ours.plain.exact and yours.plain.exact and ours.exact.exact and yours.exact.exact):
        limit = (ours.plain.limit, yours.plain.limit, ours.exact.limit, yours.exact.limit)
        plain = len(ours.plain.below(min(limit)).keys() & yours.plain.below(min(limit)).keys())
        exact = len(ours.exact.below(min(limit)).keys() & yours.exact.below(min(limit)).keys())
    return exact < 0.98 * plain and (ours.upper > 0) | (yours.upper > 0)


def _notes(ours: FieldProfile, yours: FieldProfile, kind: Kind, document: dict[str, Any]) -> Iterator[Note]:
    both = (ours, yours)
    if kind is Kind.DATETIME and any(one.times and one.zoned < one.times for one in both):
        yield Note.ZONE
    if kind is Kind.DATE and any(one.kind is Kind.DATETIME for one in both):
        yield Note.DAY_ONLY
    evened = {"lower", "email", "phone"} & set(document.get("normalize", ()))
    if kind is Kind.TEXT and not evened and _cased(ours, yours):
        yield Note.CASE
    if kind not in (Kind.TEXT, Kind.CHOICE, Kind.JSON, Kind.SET, Kind.REFERENCE) and any(
        one.filled and one.kind is Kind.TEXT for one in both
    ):
        yield Note.UNREADABLE
    for one, other in (both, both[::-1]):
        if one.declared.max_length and other.longest and other.longest > one.declared.max_length:
            yield Note.SHORTER
            return


def _words(
    ours: FieldProfile, yours: FieldProfile, alignment: Alignment | None, left: int, right: int
) -> dict[str, str]:
    """What the sides call the same, where they have a few words each and other ones."""
    few = max(ours.plain.distinct, yours.plain.distinct) <= MOST_WORDS and ours.filled and yours.filled
    kinds = {Kind.TEXT, Kind.CHOICE, Kind.BOOLEAN, Kind.INTEGER}
    if (
        alignment is None
        or not few
        or not {ours.kind, yours.kind} <= kinds
        or ours.kind == yours.kind != Kind.TEXT
    ):
        return {}
    named = alignment.words(left, right)
    if not named or all(one == other for one, other in named.items()) or len(named) < ours.plain.distinct:
        return {}
    mine, theirs = ours.plain.entries, yours.plain.entries
    return {mine[one][1]: theirs[other][1] for one, other in named.items()}


def _owner(
    ours: FieldProfile, yours: FieldProfile, agreement: Agreement | None, quiet: Side | None
) -> tuple[Side | None, str]:
    """The side whose values should count, if anything speaks for one, and what does."""
    for side, one, other in ((Side.LEFT, ours, yours), (Side.RIGHT, yours, ours)):
        if not one.declared.writable and other.declared.writable:
            return side, Why.READ_ONLY
    if agreement is not None:
        decided = agreement.left_later + agreement.right_later
        for side, times in ((Side.LEFT, agreement.left_later), (Side.RIGHT, agreement.right_later)):
            if decided >= DECIDED and times >= CLEARLY * decided:
                return side, Why.LATER
    return (quiet.other, Why.QUIET) if quiet is not None else (None, "")


def _quiet(left: ResourceProfile, right: ResourceProfile) -> Side | None:
    """The side that nobody has edited for a quarter, while the other one is edited."""
    recent = [sum(side.ages.get(name, 0) for name in RECENT) for side in (left, right)]
    told = [side.whole and side.records > 0 and side.timed == side.records for side in (left, right)]
    for at, side in enumerate(SIDES):
        if told[at] and not recent[at] and recent[1 - at]:
            return side
    return None
