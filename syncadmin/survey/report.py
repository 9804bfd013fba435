"""The report on two resources: profiles without their sketches, pairs, match keys, suggested field mappings.

Plain data throughout, bounded, so that it can be stored, shown, and given out as JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from syncadmin.core.exposure import Unaccepted
from syncadmin.core.rehearsed import Rehearse

from .align import Alignment
from .keys import MatchKey, positions_of
from .keys import suggest as suggest_keys
from .pairing import Pair, consider, pair, unpaired
from .profile import FieldProfile, ResourceProfile
from .suggest import Suggested, Suggesting, unused

# the order of a field mapping's keys in a file; a database need not keep it
KEYS = ("left", "right", "type", "scale", "normalize", "values", "separators", "owner")
USABLE = 0.1  # a key with a lower score is no help in judging pairs


@dataclass(frozen=True, slots=True)
class Facts:
    """A field's profile as it is shown. `distinct` is an estimate unless `counted`."""

    name: str
    declared: str
    native: str
    kind: str
    fits: float
    writable: bool
    seen: int
    filled: int
    fill: float
    nulls: int
    distinct: int
    counted: bool
    unique: float
    format: str
    formats: Mapping[str, int]
    shapes: Sequence[tuple[str, int]]
    shortest: int | None
    longest: int | None
    low: str
    high: str
    scale: int
    spaced: int
    zoned: int
    times: int
    stamp: bool
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class Side:
    """A resource's profile as it is shown."""

    key: str
    records: int
    whole: bool
    timed: int
    oldest: datetime | None
    newest: datetime | None
    ages: Mapping[str, int]
    fields: Sequence[Facts]
    left_out: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a survey found. `keys` and `pairs` come best first; `paired` records were laid beside each other
    to judge the pairs, by the first key. `fields` are those of all pairs, `key_fields` those of each key.
    """

    left: Side
    right: Side
    pairs: Sequence[Pair]
    keys: Sequence[MatchKey]
    paired: int
    left_alone: Sequence[str]
    right_alone: Sequence[str]
    fields: Sequence[Suggested]
    key_fields: Sequence[Sequence[Suggested]]

    def as_dict(self) -> dict[str, Any]:
        """JSON-native."""
        return msgspec.to_builtins(self)


def read(stored: Mapping[str, Any]) -> Report:
    """The report that `as_dict` gave."""
    return msgspec.convert(stored, Report, strict=False)


def report(left: ResourceProfile, right: ResourceProfile) -> Report:
    """All that two profiles tell."""
    considered = consider(left, right)
    keys = suggest_keys(left, right, considered)
    chosen = keys[0] if keys else None
    alignment = None
    if chosen is not None and chosen.score >= USABLE and chosen.agreement != 0:
        alignment = Alignment(left, right, positions_of(left, right, chosen))
    pairs = pair(left, right, considered, alignment)
    suggesting = Suggesting(left, right, alignment)
    return Report(
        left=_side(left),
        right=_side(right),
        pairs=pairs,
        keys=keys,
        paired=len(alignment) if alignment is not None else 0,
        left_alone=unpaired(left, [one.left for one in pairs]),
        right_alone=unpaired(right, [one.right for one in pairs]),
        fields=suggesting.fields(pairs),
        key_fields=[suggesting.key(one) for one in keys],
    )


def mapping_document(
    found: Report,
    left: Mapping[str, str],
    right: Mapping[str, str],
    *,
    key: int,
    chosen: Collection[str] | None,
) -> dict[str, Any]:
    """What a mapping file says of a mapping with the match key at this position and the chosen field mappings
    (None: all). `left` and `right` name the resources. It is switched off: a person switches it on. Writes
    that could replace an unseen edit wait until somebody accepts the risk, and the first pass waits for the
    approval of its plan.
    """
    matching = list(found.key_fields[key])
    used = {field.left for field in matching}, {field.right for field in matching}
    rest = [field for field in found.fields if field.left not in used[0] and field.right not in used[1]]
    fields: dict[str, Any] = {}
    match = []
    for field in [*matching, *(field for field in rest if chosen is None or field.name in chosen)]:
        name = unused(field.left, fields)
        fields[name] = {part: field.document[part] for part in KEYS if part in field.document}
        if field in matching:
            match.append(name)
    ends = {"left": dict(left), "right": dict(right)}
    careful = {"risk": Unaccepted.STOP.value, "rehearse": Rehearse.REQUIRED.value}
    return {"enabled": False, **ends, "match": match, **careful, "fields": fields}


def _side(profile: ResourceProfile) -> Side:
    return Side(
        key=profile.key,
        records=profile.records,
        whole=profile.whole,
        timed=profile.timed,
        oldest=profile.oldest,
        newest=profile.newest,
        ages=profile.ages,
        fields=[_facts(one) for one in profile.fields],
        left_out=profile.left_out,
    )


def _facts(one: FieldProfile) -> Facts:
    declared = one.declared
    return Facts(
        name=one.name,
        declared=declared.type,
        native=declared.native[:60],
        kind=one.kind.value,
        fits=round(one.fits, 3),
        writable=declared.writable,
        seen=one.seen,
        filled=one.filled,
        fill=round(one.fill, 4),
        nulls=one.nulls,
        distinct=one.plain.distinct,
        counted=one.plain.exact,
        unique=round(one.plain.single, 4),
        format=one.format,
        formats=one.formats,
        shapes=one.shapes,
        shortest=one.shortest,
        longest=one.longest,
        low=one.low,
        high=one.high,
        scale=one.scale,
        spaced=one.spaced,
        zoned=one.zoned,
        times=one.times,
        stamp=one.stamp,
        examples=one.examples,
    )
