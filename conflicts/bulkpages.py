"""What the pages of a bulk run show: counts in words, samples with their values, items with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from conflicts.cards import title
from conflicts.models import BulkItem, BulkItemState, BulkRun, Decision, RunKind
from conflicts.selectors import InboxFilter
from conflicts.services.bulk import WORDS, mappings_of
from conflicts.undoable import WHY, Fate
from syncadmin.core.bulk import Rule
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value, same
from syncadmin.exports import cell
from syncadmin.models import Mapping

SAMPLE = 8


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of a preview: so many values of a field go from one system to the other."""

    mapping: Mapping
    field: str
    what: str
    count: int
    target: Side | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """What one system holds of a field, and what it will hold. `writes` if these differ."""

    system: str
    side: Side
    old: Value
    new: Value
    writes: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a run, with the values at stake: by field, per system. `moved` if it is not so now."""

    item: BulkItem
    fields: tuple[tuple[str, tuple[Before, ...]], ...] = ()
    moved: bool = False
    why: str = ""


def counted(run: BulkRun) -> list[Counted]:
    """The counts of a preview, the largest first."""
    mappings = mappings_of(run)
    lines = []
    for key, count in run.counts.get("fields", {}).items():
        number, name, what = key.split("/")
        mapping = mappings.get(int(number))
        if mapping is None:
            continue
        if run.kind == RunKind.UNDO:
            lines.append(Counted(mapping, title(name) if name else _("Record"), str(WHY[Fate(what)]), count))
            continue
        taken = Side(what)
        names = {
            "from": mapping.resource(taken).system,
            "to": mapping.resource(taken.other).system,
        }
        words = _("%(from)s → %(to)s") % names
        lines.append(Counted(mapping, title(name), words, count, taken.other))
    return sorted(lines, key=lambda line: -line.count)


def left_out(run: BulkRun) -> list[tuple[str, str, int]]:
    """Why items are left out: (code, words, how many), as they stand now, the most frequent first."""
    found = run.items.filter(state=BulkItemState.LEFT_OUT).values_list("reason").annotate(n=Count("id"))
    return sorted(((code, reason_words(code), n) for code, n in found), key=lambda line: -line[2])


def skipped(run: BulkRun) -> list[tuple[str, int]]:
    """Why single fields of chosen items stay open: (words, how many)."""
    return [(reason_words(code), n) for code, n in run.counts.get("skipped", {}).items()]


def reason_words(code: str) -> str:
    """Why something is left out, in words."""
    return str(WORDS.get(code, code))


def rows(run: BulkRun, items: Iterable[BulkItem]) -> list[Row]:
    """Items of a run with their values; a bounded number of queries."""
    found = list(items)
    ids = [pick[0] for item in found for pick in item.picks.values() if run.kind == RunKind.UNDO]
    decisions = Decision.objects.in_bulk(ids)
    return [_row(run, item, decisions) for item in found]


def _row(run: BulkRun, item: BulkItem, decisions: dict[int, Decision]) -> Row:
    mapping = item.conflict.mapping
    why = reason_words(item.reason) if item.reason else ""
    shown: list[tuple[str, tuple[Before, ...]]] = []
    if run.kind == RunKind.UNDO:
        for name, (number, *now) in item.picks.items():
            decision = decisions.get(number)
            if decision is not None and name:
                shown.append((title(name), _both(mapping, now, [decision.left, decision.right])))
        return Row(item, tuple(shown), why=why)
    moved = item.conflict.revision != item.revision
    held = {} if moved else {f.field: f for f in item.conflict.fields.all()}
    for name, side in item.picks.items():
        if name in held:
            now = [held[name].left, held[name].right]
            shown.append((title(name), _both(mapping, now, [now[SIDES.index(Side(side))]] * 2)))
        elif not moved:
            shown.append((title(name), ()))
    return Row(item, tuple(shown), moved and item.state == BulkItemState.CHOSEN, why)


def _both(mapping: Mapping, now: list[Value], then: list[Value]) -> tuple[Before, ...]:
    return tuple(
        Before(str(mapping.resource(side).system), side, old, new, not same(old, new))
        for side, old, new in zip(SIDES, now, then, strict=True)
    )


def with_values(items: Any) -> Any:
    """A queryset of items with all that their rows show."""
    return items.select_related(
        "conflict__mapping__left__system", "conflict__mapping__right__system"
    ).prefetch_related("conflict__fields")


def rules(wanted: InboxFilter, mapping: Mapping | None) -> list[tuple[Rule, str, str]]:
    """The rules to choose from: (rule, title, what it does), by the systems' names if of one mapping."""
    from_left, from_right = _("Take all from the left side"), _("Take all from the right side")
    left_holds = _("What the left side holds is written to the other side.")
    right_holds = _("What the right side holds is written to the other side.")
    if mapping is not None:
        title, holds = _("Take all from %(system)s"), _("What %(system)s holds is written to the other side.")
        left, right = ({"system": str(mapping.resource(side).system)} for side in SIDES)
        from_left, from_right = title % left, title % right
        left_holds, right_holds = holds % left, holds % right
    return [
        (Rule.LEFT, from_left, left_holds),
        (Rule.RIGHT, from_right, right_holds),
        (
            Rule.NEWEST,
            _("Take the newest"),
            _("The value that was changed last; left out where the times are not known or too close."),
        ),
        (
            Rule.NON_EMPTY,
            _("Fill what is empty"),
            _("A value is written where the other side is empty; left out where both hold one."),
        ),
    ]


COLUMNS = ("conflict", "mapping", "record", "state", "fields", "reason", "detail")


def csv_rows(run: BulkRun, items: Any) -> Iterator[list[str]]:
    """Items as rows of a CSV file, with a header; no cell is taken for a formula."""
    yield list(COLUMNS)
    for item in items.select_related("conflict__mapping").iterator(chunk_size=2000):
        values = (
            item.conflict_id,
            item.conflict.mapping.name,
            item.label,
            item.get_state_display(),
            ", ".join(item.picks),
            reason_words(item.reason) if item.reason else "",
            item.detail,
        )
        yield [cell(value) for value in values]
