"""What the page of a survey shows: rows made of its report, with shares in per cent and words for codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from syncadmin.models import Survey
from syncadmin.survey.keys import Fate, MatchKey
from syncadmin.survey.pairing import ENOUGH, Pair
from syncadmin.survey.profile import AGES, AHEAD, OLDER
from syncadmin.survey.report import Facts, Report
from syncadmin.survey.suggest import SURE_PAIR, Note, Suggested, Why

AGE_WORDS: dict[str, Any] = {
    "hour": _("within an hour"),
    "day": _("within a day"),
    "week": _("within a week"),
    "month": _("within 30 days"),
    "quarter": _("within three months"),
    "year": _("within a year"),
    OLDER: _("longer ago"),
    AHEAD: _("in the future: its clock is ahead, or these are no times of change"),
}
NOTE_WORDS: dict[str, Any] = {
    Note.ROUNDED: _("One side keeps fewer digits: values are compared with those."),
    Note.ZONE: _("Times come without a time zone: say which one is meant, else it is UTC."),
    Note.CASE: _("The sides write the same in capitals and in small letters."),
    Note.UNREADABLE: _("Some values can't be read as this type; they would wait in the inbox."),
    Note.DAY_ONLY: _("One side keeps a time of day, the other only the day."),
    Note.WORDS: _("The sides have other words for the same, as the matched records tell."),
    Note.SHORTER: _("One side takes shorter texts than the other one holds."),
    Note.UNSURE: _("Not sure: look at the values before you take it."),
}
OWNER_WORDS: dict[str, Any] = {
    Why.READ_ONLY: _("it can only be read there"),
    Why.LATER: _("where they differ, it was nearly always changed there last"),
    Why.QUIET: _("nobody has edited the other side for three months"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: its look, where it starts and how long it is, in per cent, and what it stands for."""

    look: str
    start: str
    share: str
    words: str


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A match key as it is shown."""

    position: int
    key: MatchKey
    score: int
    agreement: int | None
    as_written: int | None
    bars: Sequence[tuple[str, str, Sequence[Part]]]
    examples: Sequence[tuple[Any, Sequence[Any]]]
    doubtful: bool


@dataclass(frozen=True, slots=True)
class PairRow:
    """A field pair as it is shown; `field` is what a mapping would say of it, None if it is left out."""

    pair: Pair
    field: Suggested | None
    score: int
    overlap: int | None
    agreement: int | None
    differing: int
    kind: str
    owner: str
    owner_why: Any
    notes: Sequence[Any]
    words: Sequence[tuple[str, str]]
    ticked: bool


@dataclass(frozen=True, slots=True)
class AgeRow:
    """How many records of each side were last changed in a span of time, and their shares in per cent."""

    words: Any
    left: int
    right: int
    left_share: int
    right_share: int


def keys(survey: Survey, found: Report) -> list[KeyRow]:
    """The match keys, best first."""
    return [_key(survey, position, key) for position, key in enumerate(found.keys)]


def _key(survey: Survey, position: int, key: MatchKey) -> KeyRow:
    bars = [
        ("left", str(survey.left.system), _parts(key.left)),
        ("right", str(survey.right.system), _parts(key.right)),
    ]
    examples = [
        (_("Match"), key.matched),
        (_("For a person: several have the value"), key.ambiguous),
        (_("Only in %(system)s") % {"system": survey.left.system}, key.alone_left),
        (_("Only in %(system)s") % {"system": survey.right.system}, key.alone_right),
    ]
    return KeyRow(
        position=position,
        key=key,
        score=_percent(key.score) or 0,
        agreement=_percent(key.agreement),
        as_written=_percent(key.as_written),
        bars=bars,
        examples=[(words, values) for words, values in examples if values],
        doubtful=key.agreement is not None and key.agreement < 0.3,
    )


def _parts(fate: Fate) -> list[Part]:
    counts = (
        ("matched", fate.matched, ngettext("%(count)s matches", "%(count)s match", fate.matched)),
        ("person", fate.ambiguous, _("%(count)s for a person")),
        ("alone", fate.alone, _("%(count)s alone")),
        ("empty", fate.empty, _("%(count)s without a value")),
    )
    whole = sum(count for _look, count, _words in counts) or 1
    parts = []
    start = 0.0
    for look, count, words in counts:
        if count:
            share = 100 * count / whole
            shown = words % {"count": number_format(count, force_grouping=True)}
            parts.append(Part(look, f"{start:.2f}", f"{share:.2f}", shown))
            start += share
    return parts


def pairs(found: Report) -> list[PairRow]:
    """The field pairs, best first; those that the systems keep for themselves last."""
    fields = {(field.left, field.right): field for field in found.fields}
    keys = (found.left.key, found.right.key)
    rows = [_pair(pair, fields.get((pair.left, pair.right)), keys) for pair in found.pairs]
    return sorted(rows, key=lambda row: row.field is None)


def _pair(pair: Pair, field: Suggested | None, keys: tuple[str, str]) -> PairRow:
    agreement = pair.agreement
    # each system counts its own records: that some numbers are in both says nothing
    counted = (pair.left, pair.right) == keys and field is not None and field.document["type"] == "integer"
    proved = agreement is not None and agreement.compared >= ENOUGH
    return PairRow(
        pair=pair,
        field=field,
        score=_percent(pair.score) or 0,
        overlap=_percent(pair.overlap),
        agreement=_percent(agreement.share) if agreement and agreement.compared else None,
        differing=agreement.compared - agreement.equal if agreement else 0,
        kind=field.document["type"] if field else "",
        owner=field.document.get("owner", "") if field else "",
        owner_why=OWNER_WORDS.get(field.owner_why, "") if field else "",
        notes=[NOTE_WORDS[note] for note in field.notes] if field else [],
        words=list(field.document.get("values", {}).items()) if field else [],
        ticked=field is not None and pair.score >= SURE_PAIR and (proved or not counted),
    )


def ages(found: Report) -> list[AgeRow]:
    """When records were last changed, both sides beside each other; empty if neither side tells."""
    if not (found.left.timed or found.right.timed):
        return []
    return [
        AgeRow(
            AGE_WORDS[name],
            mine := found.left.ages.get(name, 0),
            theirs := found.right.ages.get(name, 0),
            round(100 * mine / found.left.timed) if found.left.timed else 0,
            round(100 * theirs / found.right.timed) if found.right.timed else 0,
        )
        for name in [*(name for name, _span in AGES), OLDER, AHEAD]
        if name != AHEAD or found.left.ages.get(name) or found.right.ages.get(name)
    ]


@dataclass(frozen=True, slots=True)
class FactRow:
    """A field's profile as it is shown, with shares in per cent."""

    facts: Facts
    fill: int
    unique: int
    paired: str


def facts(survey: Survey, found: Report) -> list[tuple[str, Any, Any, list[FactRow]]]:
    """Both sides' fields: (side, resource, profile, rows)."""
    partners = (
        {pair.left: pair.right for pair in found.pairs},
        {pair.right: pair.left for pair in found.pairs},
    )
    sides = (("left", survey.left, found.left), ("right", survey.right, found.right))
    return [
        (name, resource, side, [_fact(one, partner.get(one.name, "")) for one in side.fields])
        for (name, resource, side), partner in zip(sides, partners, strict=True)
    ]


def _fact(one: Facts, partner: str) -> FactRow:
    return FactRow(one, _percent(one.fill) or 0, _percent(one.unique) or 0, partner)


def _percent(share: float | None) -> int | None:
    """A share in whole per cent; neither nearly all nor nearly none is rounded to all or none."""
    if share is None:
        return None
    if 0 < share < 1:
        return min(99, max(1, round(100 * share)))
    return round(100 * share)
