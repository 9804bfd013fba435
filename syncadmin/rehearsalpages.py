"""What the page of a rehearsal shows: parts of a bar, columns and records of a plan, with words for codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncadmin.core.rehearsed import Fate, Standing
from syncadmin.core.side import SIDES
from syncadmin.core.values import decode, same
from syncadmin.models import Mapping, Rehearsal, RehearsalLine
from syncadmin.show import said_by_name

VALUES = 6  # of a record that has no partner


@dataclass(frozen=True, slots=True)
class Part:
    """Records that stand alike: what a page shows of them, and where its part of the bar is, in per cent."""

    name: str
    words: str
    count: int
    start: str
    share: str


@dataclass(frozen=True, slots=True)
class Written:
    """What would be written to a system: (fate, word, how many).

    `lacking` are fields without which it makes no record, and that no field mapping fills.
    """

    side: str
    system: str
    counts: Sequence[tuple[str, str, int]]
    total: int
    created: int
    lacking: Sequence[str]


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A field mapping over all pairs, with its share of them in per cent."""

    name: str
    differ: int
    share: int
    written: Sequence[tuple[str, int]]
    held: int
    left: int
    examples: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One field of a record: what both sides hold, and the new value of each (empty: it stays as it is)."""

    name: str
    left: Any
    right: Any
    left_new: tuple[Any, ...]
    right_new: tuple[Any, ...]
    held: bool


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record of a plan as it is shown. `before` says what the approved plan would have done with it."""

    line: RehearsalLine
    standing: str
    fate: str
    reason: str
    values: Sequence[ValueRow]
    more: int
    left: bool
    right: bool


def standing_words(mapping: Mapping) -> dict[str, str]:
    """How records stand, with the systems' names."""
    left, right = (str(mapping.resource(side).system) for side in SIDES)
    return {
        "equal": _("equal"),
        Standing.DIFFERS: _("differ"),
        Standing.LEFT: _("only in %(system)s") % {"system": left},
        Standing.RIGHT: _("only in %(system)s") % {"system": right},
        Standing.AMBIGUOUS: _("ambiguous"),
        Standing.GONE: _("deleted on one side"),
        Standing.UNREADABLE: _("can't be read"),
    }


def parts(mapping: Mapping, told: dict[str, Any]) -> list[Part]:
    """All records by how they stand; what there is none of is left out, but for equal ones."""
    counts = {"equal": told["equal"], **{name.value: told["standings"].get(name, 0) for name in Standing}}
    whole, start, made = sum(counts.values()) or 1, 0.0, []
    for name, words in standing_words(mapping).items():
        count = counts[name]
        if count or name == "equal":
            share = 100 * count / whole
            made.append(Part(str(name), words, count, f"{start:.2f}", f"{share:.2f}"))
            start += share
    return made


def written(mapping: Mapping, told: dict[str, Any]) -> list[Written]:
    """What would be written to each system."""
    words = (
        ("create", Fate.CREATE, _("created")),
        ("update", Fate.CHANGE, _("changed")),
        ("delete", Fate.DELETE, _("deleted")),
    )
    made = []
    for side in SIDES:
        counts = told["writes"][side]
        rows = [(fate.value, word, counts[op]) for op, fate, word in words]
        lacking = told.get("lacking", {}).get(side.value, ())
        system, total = str(mapping.resource(side).system), sum(counts.values())
        made.append(Written(side.value, system, rows, total, counts["create"], lacking))
    return made


def columns(mapping: Mapping, told: dict[str, Any]) -> list[ColumnRow]:
    """The field mappings that differ, the most frequent first."""
    pairs = told["equal"] + told["standings"].get(Standing.DIFFERS, 0) or 1
    made = []
    for name, column in sorted(told["columns"].items(), key=lambda pair: -pair[1]["differ"]):
        done = column["to_left"] + column["to_right"] + column["held"]
        made.append(
            ColumnRow(
                name=name,
                differ=column["differ"],
                share=min(100, round(100 * column["differ"] / pairs)),
                written=[
                    (str(mapping.resource(side).system), column[f"to_{side}"])
                    for side in SIDES
                    if column[f"to_{side}"]
                ],
                held=column["held"],
                left=max(0, column["differ"] - done),
                examples=column["examples"],
            )
        )
    return made


def records(mapping: Mapping, lines: Iterable[RehearsalLine]) -> list[RecordRow]:
    """Records of a plan with their values."""
    systems = [str(mapping.resource(side).system) for side in SIDES]
    words, order = standing_words(mapping), [f.name for f in mapping.fields.all()]
    return [_record(line, words, systems, order) for line in lines]


def _record(
    line: RehearsalLine, words: dict[str, str], systems: Sequence[str], order: Sequence[str]
) -> RecordRow:
    body = decode(bytes(line.body))
    becomes: dict[str, dict[str, Any]] = {side.value: {} for side in SIDES}
    deleted = set()
    for side, op, values in body["writes"]:
        becomes[side] |= values
        if op == "delete":
            deleted.add(side)
    asked = body["asks"].get("fields", ())
    named = {*becomes["left"], *becomes["right"], *body["left"], *body["right"]}
    names = [name for name in order if name in named]  # one that was removed since is not shown
    held = {side.value: body[side.value] for side in SIDES}
    rows = [
        ValueRow(
            name,
            held["left"].get(name),
            held["right"].get(name),
            _new(held["left"].get(name), becomes["left"], name),
            _new(held["right"].get(name), becomes["right"], name),
            name in asked,
        )
        for name in names
    ]
    shown = rows if line.standing == Standing.DIFFERS else rows[:VALUES]
    return RecordRow(
        line=line,
        standing=words[Standing(line.standing)],
        fate=_fate(line, systems, deleted),
        reason=_reason(body, systems),
        values=shown,
        more=len(rows) - len(shown),
        left=line.left_key is not None,
        right=line.right_key is not None,
    )


def _new(held: Any, becomes: dict[str, Any], name: str) -> tuple[Any, ...]:
    return (becomes[name],) if name in becomes and not same(becomes[name], held) else ()


def _reason(body: dict[str, Any], systems: Sequence[str]) -> str:
    if body["waits"]:
        return _("waits until %(fields)s is linked") % {"fields": ", ".join(body["waits"])}
    reason = body["asks"].get("reason", "")
    return "; ".join(said_by_name(part, *systems) for part in reason.split("; ")) if reason else ""


def _fate(line: RehearsalLine, systems: Sequence[str], deleted: set[str]) -> str:
    system = dict(zip(("left", "right"), systems, strict=True)).get(line.side)
    if system is None:
        system = _(" and ").join(systems)
    told = {
        Fate.DELETE: _("deleted in %(system)s"),
        Fate.CREATE: _("created in %(system)s"),
        Fate.CHANGE: _("changed in %(system)s"),
        Fate.HOLD: _("waits for a person"),
        Fate.WAIT: _("waits for another record"),
        Fate.LINK: _("linked, nothing written"),
        Fate.NONE: _("left as it is"),
    }[Fate(line.fate)]
    return told % {"system": system}


def duration(seconds: float) -> str:
    """An estimated time in words that do not promise more than it can tell."""
    if seconds < 90:
        number = max(1, round(seconds))
        return ngettext("about %(count)s second", "about %(count)s seconds", number) % {"count": number}
    if seconds < 5400:
        number = round(seconds / 60)
        return ngettext("about %(count)s minute", "about %(count)s minutes", number) % {"count": number}
    number = round(seconds / 3600)
    return ngettext("about %(count)s hour", "about %(count)s hours", number) % {"count": number}


def moved(rehearsal: Rehearsal) -> list[tuple[str, str, int]]:
    """By how much a plan differs from the approved one: (what to ask the list for, words, how many)."""
    if rehearsal.difference is None or rehearsal.moved_from is None:
        return []
    words = {
        "new": ngettext("new write", "new writes", rehearsal.difference["new"]),
        "changed": ngettext("changed write", "changed writes", rehearsal.difference["changed"]),
        "gone": _("no longer needed"),
    }
    return [(f"diff-{name}", words[name], rehearsal.difference[name]) for name in words]
