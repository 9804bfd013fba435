"""Suggested field pairs: every left field beside every right one, judged by name, type and values.

Name and values are independent hints: either may be enough, both together are nearly sure. Once a match key
is known (`keys`), the records that it pairs tell best: fields that hold the same in the same record are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2

from syncadmin.core.values import Kind

from . import names
from .align import MOST_WORDS, Agreement, Alignment
from .profile import FieldProfile, ResourceProfile
from .sketch import shared

SUGGESTED = 0.45  # a pair with a lower score is not suggested
CONSIDERED = 0.2
TELLING = 6  # bits: shared values of a field with 2**6 different ones are no chance
ENOUGH = 10  # compared records from which on their agreement counts
TRANSLATED = 0.8
EXAMPLES = 5
OTHERS = 3

_NUMBERS = {Kind.INTEGER, Kind.DECIMAL}
_TIMES = {Kind.DATE, Kind.DATETIME}
_LISTS = {Kind.SET, Kind.JSON}
_WORDS = {Kind.TEXT, Kind.CHOICE, Kind.REFERENCE}


@dataclass(frozen=True, slots=True)
class Pair:
    """A left field and a right one that may be the same, with what speaks for it; all shares are 0 to 1.

    `overlap` is the share of different values that both have, of the side that has fewer; None: nothing to
    compare. `agreement` tells how the records agree that the match key pairs. `others` are right fields that
    come near, with their scores. `bookkeeping`: kept by the systems for themselves, better left out.
    """

    left: str
    right: str
    score: float
    name: float
    type: float
    overlap: float | None
    agreement: Agreement | None
    examples: Sequence[str]
    others: Sequence[tuple[str, float]] = ()
    bookkeeping: bool = False


@dataclass(frozen=True, slots=True)
class Considered:
    """A pair as it is judged without looking at paired records."""

    left: int
    right: int
    name: float
    type: float
    overlap: float | None
    telling: float
    score: float
    own_keys: bool
    bookkeeping: bool


def fit(one: FieldProfile, other: FieldProfile) -> float:
    """How well the types of two fields go together, 0 to 1."""
    kinds = {one.kind, other.kind}
    if one.format and other.format and one.format != other.format:
        return 0.25
    if len(kinds) == 1:
        return 1.0
    if kinds <= _NUMBERS or kinds <= _LISTS or kinds <= _WORDS:
        return 0.95
    if kinds <= _TIMES:
        return 0.8
    if Kind.BOOLEAN in kinds:
        return 0.6 if kinds & (_NUMBERS | _WORDS) else 0.1
    if kinds & _WORDS:
        return 0.6 if kinds & (_NUMBERS | _LISTS | _TIMES) else 0.5
    return 0.1


def telling(one: FieldProfile, other: FieldProfile) -> float:
    """How much equal values of two fields say, 0 to 1: next to nothing where there are only a few."""
    return min(1.0, log2(max(1, min(one.plain.distinct, other.plain.distinct))) / TELLING)


def consider(left: ResourceProfile, right: ResourceProfile) -> list[Considered]:
    """All pairs that are worth a closer look, best first."""
    whole = left.whole and right.whole
    found = []
    for i, one in enumerate(left.fields):
        for j, other in enumerate(right.fields):
            type_score = fit(one, other)
            if type_score < CONSIDERED:
                continue
            name = names.similarity(one.name, other.name)
            mine, theirs, both = shared(one.plain, other.plain)
            overlap = both / min(mine, theirs) if mine and theirs else None
            weight = telling(one, other)
            score = type_score * (1 - (1 - 0.85 * name) * (1 - 0.9 * (overlap or 0.0) * weight))
            if whole and overlap is not None and overlap < 0.02 and min(mine, theirs) >= 50 and weight > 0.9:
                score *= 0.75  # both are full, and have nothing in common
            if score < CONSIDERED and not _few(one, other):
                continue
            own_keys = one.name == left.key and other.name == right.key
            kept = _bookkeeping(one, other)
            found.append(Considered(i, j, name, type_score, overlap, weight, score, own_keys, kept))
    return sorted(found, key=lambda pair: (-pair.score, pair.left, pair.right))


def _few(one: FieldProfile, other: FieldProfile) -> bool:
    """Whether both have a few words only, which may be other words for the same."""
    return all(1 < field.plain.distinct <= MOST_WORDS for field in (one, other))


def _bookkeeping(one: FieldProfile, other: FieldProfile) -> bool:
    by_name = names.bookkeeping(one.name) and names.bookkeeping(other.name)
    writable = one.declared.writable or other.declared.writable
    return one.stamp or other.stamp or by_name or not writable


def pair(
    left: ResourceProfile,
    right: ResourceProfile,
    considered: Sequence[Considered],
    alignment: Alignment | None = None,
) -> list[Pair]:
    """The suggested pairs, best first; each field is in one at most."""
    judged = sorted(
        (_judged(one, alignment) for one in considered),
        key=lambda item: (-item[0], item[1].left, item[1].right),
    )
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    pairs = []
    for score, one, agreement in judged:
        if score < SUGGESTED or one.left in taken_left or one.right in taken_right:
            continue
        if one.own_keys and not (agreement and agreement.equal >= 0.9 * agreement.compared):
            continue  # numbers that both systems give by themselves are the same by chance
        taken_left.add(one.left)
        taken_right.add(one.right)
        pairs.append(_pair(left, right, one, score, agreement, judged))
    return pairs


def _judged(one: Considered, alignment: Alignment | None) -> tuple[float, Considered, Agreement | None]:
    """A pair with its score, given what paired records say."""
    agreement = alignment.agreement(one.left, one.right) if alignment is not None else None
    if alignment is None or agreement is None or agreement.compared < ENOUGH or one.bookkeeping:
        return one.score, one, agreement
    share = agreement.equal / agreement.compared
    # what would be equal by chance says nothing
    beyond = max(0.0, share - agreement.chance) / (1 - agreement.chance) if agreement.chance < 1 else 0.0
    if beyond < TRANSLATED and len(alignment.words(one.left, one.right)) > 1:
        beyond = share = TRANSLATED  # never the same word, but always the same one for the same
    score = one.type * (
        1 - (1 - 0.85 * one.name) * (1 - 0.7 * (one.overlap or 0.0) * one.telling) * (1 - 0.95 * beyond)
    )
    if share < 0.05 and agreement.chance < 0.5:
        score *= 0.6  # full on both sides, and never the same
    return score, one, agreement


def _pair(
    left: ResourceProfile,
    right: ResourceProfile,
    one: Considered,
    score: float,
    agreement: Agreement | None,
    judged: Sequence[tuple[float, Considered, Agreement | None]],
) -> Pair:
    mine, theirs = left.fields[one.left], right.fields[one.right]
    others = [
        (right.fields[other.right].name, round(its, 2))
        for its, other, _ in judged
        if other.left == one.left and other.right != one.right and its >= 0.6 * score
    ]
    return Pair(
        left=mine.name,
        right=theirs.name,
        score=round(score, 3),
        name=round(one.name, 3),
        type=round(one.type, 3),
        overlap=None if one.overlap is None else round(one.overlap, 3),
        agreement=agreement,
        examples=list(_examples(mine, theirs)),
        others=others[:OTHERS],
        bookkeeping=one.bookkeeping,
    )


def _examples(mine: FieldProfile, theirs: FieldProfile) -> Iterator[str]:
    """Values that both have."""
    both = mine.plain.entries.keys() & theirs.plain.entries.keys()
    for hashed in sorted(both)[:EXAMPLES]:
        yield mine.plain.entries[hashed][1]


def unpaired(profile: ResourceProfile, paired: Sequence[str]) -> list[str]:
    """The names of a side's fields that are in no pair."""
    return [one.name for one in profile.fields if one.name not in paired]
