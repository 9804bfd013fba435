"""Suggested match keys: which fields, alone or two together, tell that two records are the same.

A key is judged by what it would do with the records that are there: match, match in more than one way, or
find nothing. Numbers that both systems count up by themselves match splendidly and mean nothing, so the other
fields of the records that a key pairs must agree as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from rapidfuzz import fuzz, process

from syncadmin.core.values import Kind

from .align import Alignment, tally
from .pairing import Considered
from .profile import FieldProfile, ResourceProfile
from .sketch import HASHES

SINGLES = 12  # single keys that are tried, and fields that are tried two together
TOGETHER = 6
SHOWN = 6
GOOD = 0.9
LEAST_FILL, LEAST_UNIQUE = 0.3, 0.5
EXAMPLES = 5
FUZZY, FUZZY_SCORE, LOOKED_AT = 10, 84, 400
MATCHABLE = frozenset(Kind) - {Kind.JSON, Kind.SET, Kind.BOOLEAN, Kind.CHOICE, Kind.DECIMAL}
AGREEING = 3  # fields whose agreement is asked for

Counted = Mapping[Any, int]
Positions = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Fate:
    """What a key would do with a side's records: match one to one, leave it to a person because several have
    the value, find none, or have no value to match by.
    """

    matched: int
    ambiguous: int
    alone: int
    empty: int


@dataclass(frozen=True, slots=True)
class Example:
    """A value of a key, and how many records have it on each side; the keys of one of each."""

    value: str
    left: int
    right: int
    left_key: str = ""
    right_key: str = ""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Two values without a partner that look alike, with a score of 0 to 100: for a person to look at."""

    left: str
    right: str
    score: int
    left_key: str
    right_key: str


@dataclass(frozen=True, slots=True)
class MatchKey:
    """A possible match key: pairs of names, and what it would do.

    `unique_*` are shares of different values that come once. `as_written` is the share of matches that need
    no normalisation. `agreement`: how far the other fields of matched records agree, 0 to 1; None: nothing to
    tell it by. `estimated`: counts are drawn up from a fair sample of values.
    """

    fields: Sequence[tuple[str, str]]
    score: float
    left: Fate
    right: Fate
    unique_left: float
    unique_right: float
    as_written: float | None
    agreement: float | None
    estimated: bool
    matched: Sequence[Example]
    ambiguous: Sequence[Example]
    alone_left: Sequence[Example]
    alone_right: Sequence[Example]
    lookalikes: Sequence[Lookalike] = ()


@dataclass(frozen=True, slots=True)
class _Counts:
    """Values of both sides with how often each came, as a share of 1 / `scale` of all values."""

    left: Counted
    right: Counted
    scale: float


def suggest(
    left: ResourceProfile, right: ResourceProfile, considered: Sequence[Considered]
) -> list[MatchKey]:
    """The match keys that are worth looking at, best first."""
    singles = [
        _judged(left, right, ((one.left, one.right),), considered) for one in _single(left, right, considered)
    ]
    found = [key for key in singles if key is not None]
    if not any(key.score >= GOOD * GOOD for key in found):
        for positions in _double(left, right, considered):
            key = _judged(left, right, positions, considered)
            best = (
                max((k.score for k in found if set(k.fields) <= set(key.fields)), default=0.0) if key else 0.0
            )
            if key is not None and key.score > best:
                found.append(key)
    found.sort(key=lambda key: (-key.score, len(key.fields), key.fields))
    return found[:SHOWN]


def positions_of(left: ResourceProfile, right: ResourceProfile, key: MatchKey) -> Positions:
    """A key's fields by their positions in the profiles."""
    mine = {one.name: at for at, one in enumerate(left.fields)}
    theirs = {one.name: at for at, one in enumerate(right.fields)}
    return tuple((mine[one], theirs[other]) for one, other in key.fields)


def _single(
    left: ResourceProfile, right: ResourceProfile, considered: Sequence[Considered]
) -> list[Considered]:
    def telling(one: Considered) -> float:
        mine, theirs = left.fields[one.left], right.fields[one.right]
        unique = max(mine.plain.single, theirs.plain.single)
        if min(mine.fill, theirs.fill) < LEAST_FILL or unique < LEAST_UNIQUE:
            return 0.0
        return unique * ((one.overlap or 0.0) + 0.2 * one.score)

    fitting = [
        one for one in considered if _matchable(left, right, one) and (one.overlap or one.score > GOOD / 2)
    ]
    return [one for one in sorted(fitting, key=telling, reverse=True) if telling(one) > 0][:SINGLES]


def _double(
    left: ResourceProfile, right: ResourceProfile, considered: Sequence[Considered]
) -> Iterator[Positions]:
    best: list[Considered] = []
    for one in considered:
        fresh = all(one.left != other.left and one.right != other.right for other in best)
        if fresh and one.overlap and one.telling > 0.2 and _matchable(left, right, one):
            best.append(one)
    for one, other in combinations(best[:TOGETHER], 2):
        yield (one.left, one.right), (other.left, other.right)


def _matchable(left: ResourceProfile, right: ResourceProfile, one: Considered) -> bool:
    mine, theirs = left.fields[one.left], right.fields[one.right]
    return {mine.kind, theirs.kind} <= MATCHABLE and not (mine.stamp or theirs.stamp)


def _judged(
    left: ResourceProfile, right: ResourceProfile, positions: Positions, considered: Sequence[Considered]
) -> MatchKey | None:
    """A key with what it would do; None if it would match nothing."""
    counts = _counts(left, right, positions)
    fates = [
        _fate(counts.left, counts.right, counts.scale, _empty(left, [i for i, _ in positions])),
        _fate(counts.right, counts.left, counts.scale, _empty(right, [j for _, j in positions])),
    ]
    matched, several = fates[0].matched, min(fate.ambiguous for fate in fates)
    if not matched:
        return None
    agreement = _agreement(left, right, positions, considered)
    coverage = min(1.0, matched / max(1, min(left.records, right.records)))
    trust = (
        0.2 + 0.8 * agreement
        if agreement is not None
        else 0.25
        if _counted_up(left, right, positions)
        else 0.8
    )
    score = coverage * matched / (matched + several) * trust
    score *= max(_identifying(left, right, i, j) for i, j in positions)
    fields = [(left.fields[i].name, right.fields[j].name) for i, j in positions]
    every = counts.left.keys() | counts.right.keys()
    times = {value: (counts.left.get(value, 0), counts.right.get(value, 0)) for value in every}
    example = _Examples(left, right, positions, counts)
    return MatchKey(
        fields=fields,
        score=round(score, 3),
        left=fates[0],
        right=fates[1],
        unique_left=_unique(counts.left),
        unique_right=_unique(counts.right),
        as_written=_as_written(left, right, positions),
        agreement=agreement,
        estimated=counts.scale > 1,
        matched=example.of(value for value, both in times.items() if both == (1, 1)),
        ambiguous=example.of(value for value, both in times.items() if max(both) > 1),
        alone_left=example.of(value for value, both in times.items() if both == (1, 0)),
        alone_right=example.of(value for value, both in times.items() if both == (0, 1)),
        lookalikes=_lookalikes(left, right, positions, counts),
    )


def _counted_up(left: ResourceProfile, right: ResourceProfile, positions: Positions) -> bool:
    """Whether both fields are numbers that their systems give by themselves."""
    i, j = positions[0]
    mine, theirs = left.fields[i], right.fields[j]
    own = mine.name == left.key and theirs.name == right.key
    return len(positions) == 1 and own and mine.kind is theirs.kind is Kind.INTEGER


def _identifying(left: ResourceProfile, right: ResourceProfile, i: int, j: int) -> float:
    """How much a field is made for telling records apart: a key more than a name, a name more than a date."""
    mine, theirs = left.fields[i], right.fields[j]
    if mine.name == left.key or theirs.name == right.key or {mine.format, theirs.format} & {"email", "uuid"}:
        return 1.0
    if {mine.kind, theirs.kind} & {Kind.DATE, Kind.DATETIME}:
        return 0.8
    return 0.97


def _counts(left: ResourceProfile, right: ResourceProfile, positions: Positions) -> _Counts:
    """From all rows where both sides' are kept, else from the sketches; two fields only from rows."""
    if len(positions) > 1 or (left.aligned and right.aligned):
        mine, theirs = left.rows.columns(), right.rows.columns()
        return _Counts(tally([mine[i] for i, _ in positions]), tally([theirs[j] for _, j in positions]), 1.0)
    (i, j) = positions[0]
    one, other = left.fields[i].plain, right.fields[j].plain
    limit = min(one.limit, other.limit)
    return _Counts(
        {(hashed,): entry[0] for hashed, entry in one.below(limit).items()},
        {(hashed,): entry[0] for hashed, entry in other.below(limit).items()},
        HASHES / limit,
    )


def _fate(mine: Counted, theirs: Counted, scale: float, empty: int) -> Fate:
    matched = ambiguous = alone = 0
    for value, times in mine.items():
        other = theirs.get(value, 0)
        if times == other == 1:
            matched += 1
        elif times == 1 and not other:
            alone += 1
        else:
            ambiguous += times
    return Fate(round(matched * scale), round(ambiguous * scale), round(alone * scale), empty)


def _empty(profile: ResourceProfile, fields: Sequence[int]) -> int:
    if len(fields) == 1:
        return profile.records - profile.fields[fields[0]].filled
    columns = profile.rows.columns()
    return sum(1 for row in zip(*(columns[at] for at in fields), strict=True) if not all(row))


def _unique(counted: Counted) -> float:
    return round(sum(1 for times in counted.values() if times == 1) / len(counted), 3) if counted else 0.0


def _as_written(left: ResourceProfile, right: ResourceProfile, positions: Positions) -> float | None:
    """The share of shared values that are written the same on both sides; None for more than one field."""
    if len(positions) > 1:
        return None
    i, j = positions[0]
    mine, theirs = left.fields[i], right.fields[j]
    plain = _common(
        mine.plain.entries.keys(), theirs.plain.entries.keys(), mine.plain.limit, theirs.plain.limit
    )
    exact = _common(
        mine.exact.entries.keys(), theirs.exact.entries.keys(), mine.exact.limit, theirs.exact.limit
    )
    return round(min(1.0, exact / plain), 3) if plain else None


def _common(mine: Any, theirs: Any, *limits: int) -> float:
    least = min(limits)
    return sum(1 for hashed in mine & theirs if hashed < least) * (HASHES / least)


def _agreement(
    left: ResourceProfile, right: ResourceProfile, positions: Positions, considered: Sequence[Considered]
) -> float | None:
    """How far the fields that look most like pairs agree in the records that the key pairs."""
    alignment = Alignment(left, right, positions)
    if len(alignment) < AGREEING:
        return None
    used_left, used_right = {i for i, _ in positions}, {j for _, j in positions}
    shares = []
    for one in considered:
        telling = one.telling >= 0.5 and (one.name >= 0.6 or (one.overlap or 0) >= 0.5)
        if not telling or one.own_keys or one.left in used_left or one.right in used_right:
            continue
        agreement = alignment.agreement(one.left, one.right)
        if agreement.compared >= AGREEING:
            shares.append(max(0.0, agreement.share - agreement.chance))
    best = sorted(shares, reverse=True)[:AGREEING]
    return round(sum(best) / len(best), 3) if best else None


@dataclass(frozen=True, slots=True)
class _Examples:
    """Finds the values behind hashes, as far as the sketches kept them."""

    left: ResourceProfile
    right: ResourceProfile
    positions: Positions
    counts: _Counts

    def of(self, values: Iterator[tuple[int, ...]]) -> list[Example]:
        """The first ones, in the order of their hashes, which is a fair draw."""
        made = []
        for value in sorted(values):
            if (example := self._example(value)) is not None:
                made.append(example)
            if len(made) == EXAMPLES:
                break
        return made

    def _example(self, value: tuple[int, ...]) -> Example | None:
        texts, left_key, right_key = [], "", ""
        for hashed, (i, j) in zip(value, self.positions, strict=True):
            mine = self.left.fields[i].plain.entries.get(hashed)
            theirs = self.right.fields[j].plain.entries.get(hashed)
            if mine is None and theirs is None:
                return None
            texts.append((mine or theirs or (0, "", ""))[1])
            left_key, right_key = (mine[2] if mine else ""), (theirs[2] if theirs else "")
        times = self.counts.left.get(value, 0), self.counts.right.get(value, 0)
        if len(self.positions) > 1:
            left_key = right_key = ""  # of another record with the same part
        return Example(" · ".join(texts), *times, left_key, right_key)


def _lookalikes(
    left: ResourceProfile, right: ResourceProfile, positions: Positions, counts: _Counts
) -> list[Lookalike]:
    """Values without a partner that look alike; only of a text, only for people."""
    i, j = positions[0]
    mine, theirs = left.fields[i], right.fields[j]
    if len(positions) > 1 or {mine.kind, theirs.kind} != {Kind.TEXT}:
        return []
    ours = _alone(mine, counts.left, counts.right)
    yours = _alone(theirs, counts.right, counts.left)
    choices = [value.lower() for value, _ in yours]
    found = []
    for value, key in ours:
        best = process.extractOne(value.lower(), choices, scorer=fuzz.ratio, score_cutoff=FUZZY_SCORE)
        if best is not None:
            other, other_key = yours[best[2]]
            found.append(Lookalike(value, other, round(best[1]), key, other_key))
    return sorted(found, key=lambda pair: (-pair.score, pair.left))[:FUZZY]


def _alone(field: FieldProfile, own: Counted, others: Counted) -> list[tuple[str, str]]:
    lonely = sorted(value[0] for value in own if value not in others and value[0] in field.plain.entries)
    return [field.plain.entries[hashed][1:] for hashed in lonely[:LOOKED_AT]]
