"""A mapping's assessment as pages and commands show it: answers, what is recommended, and how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Count, Max

from syncadmin.core.assess import Advice, Answer, Cost, Recommendation, Subject, Table, Who, recommend
from syncadmin.core.policy import Merge, RowOwner
from syncadmin.core.side import SIDES, Side
from syncadmin.models import (
    AssessmentVersion,
    Entry,
    EntryKind,
    FieldMapping,
    Mapping,
    Survey,
    SurveyState,
)
from syncadmin.selectors import watches
from syncadmin.survey import report as reporting
from syncadmin.survey.evidence import Evidence, evidence

ENOUGH = 20  # edits seen by a watch before they tell who edits a whole table
LOOKED_AT = 100_000  # the newest entries of the journal, whose edits are counted


class Basis(StrEnum):
    """Where an answer is from that nobody gave."""

    TABLE = "table"  # said of all fields
    JOURNAL = "journal"  # the hub saw who edits it
    WATCH = "watch"  # the hub saw it before it wrote anything
    CONFIGURED = "configured"  # the field has an owner
    SURVEY = "survey"
    ASSUMED = "assumed"


class Standing(StrEnum):
    """How the assessment of a mapping stands."""

    MISSING = "missing"  # nobody answered, and nothing tells who edits
    SUGGESTED = "suggested"  # nobody answered, but there is a recommendation from what was found
    ANSWERED = "answered"  # answered, and no sheet was made of it
    DONE = "done"
    OUTDATED = "outdated"  # answers or fields have changed since the newest sheet


@dataclass(frozen=True, slots=True)
class Answers:
    """What people answered, as it is stored: of the table, and by field mapping."""

    table: Dict[str, Any]
    fields: Dict[str, Dict[str, str]]

    @classmethod
    def stored(cls, mapping: Mapping) -> Answers:
        """Those of a mapping whose fields are at hand."""
        return cls(mapping.assessment, {row.name: row.assessment for row in mapping.fields.all()})

    @property
    def given(self) -> bool:
        """Whether anybody said anything that counts."""
        return bool({*self.table} - {"teams"}) or any(self.fields.values())

    def basis(self, mapping: Mapping) -> dict[str, Any]:
        """What a sheet is made from: if it is another one by now, the sheet is outdated."""
        return {
            "table": dict(self.table),
            "left": str(mapping.left),
            "right": str(mapping.right),
            "fields": {
                row.name: [row.left, row.right, row.type, row.group, self.fields.get(row.name, {})]
                for row in mapping.fields.all()
            },
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what was answered, what counts, where that is from, and the advice.

    `told` is who edits it as long as nobody says so, for the reason `basis`.
    """

    row: FieldMapping
    given: Dict[str, str]
    answer: Answer
    told: Who
    basis: Basis
    seen: Dict[Side, int]
    advice: Advice


@dataclass(frozen=True, slots=True)
class Assessment:
    """All of it. `told` is who edits the table as long as nobody says so."""

    mapping: Mapping
    answers: Answers
    table: Table
    lines: list[Line]
    found: Recommendation
    told: Who
    basis: Basis
    teams: Dict[Side, str] = field(default_factory=dict)


def assessment(mapping: Mapping, answers: Answers | None = None) -> Assessment:
    """The assessment of a mapping, by its stored answers or by these."""
    given = answers or Answers.stored(mapping)
    seen, survey = observed(mapping), surveyed(mapping)
    told, basis = _table_told(mapping, seen, survey)
    table_edits = Who(given.table["edits"]) if given.table.get("edits") else None
    needed = {*mapping.match, mapping.title, mapping.value}
    rows = list(mapping.fields.all())
    how = _seen_how(mapping)
    asked = [
        _asked(row, given, table_edits, seen.get(row.name, {}), survey, (told, basis), how) for row in rows
    ]
    subjects = [
        Subject(
            row.name, row.field_type().kind, answer, row.group, row.name in needed, seen.get(row.name, {})
        )
        for row, (answer, _, _) in zip(rows, asked, strict=True)
    ]
    table = _table(mapping, given.table)
    found = recommend(subjects, table)
    lines = [
        Line(
            row,
            given.fields.get(row.name, {}),
            answer,
            who,
            why,
            seen.get(row.name, {}),
            found.fields[row.name],
        )
        for row, (answer, who, why) in zip(rows, asked, strict=True)
    ]
    named = given.table.get("teams", {})
    teams = {side: named.get(side.value) or str(mapping.resource(side).system) for side in SIDES}
    return Assessment(mapping, given, table, lines, found, told, basis, teams)


def standing(mapping: Mapping) -> Standing:
    """How the assessment of a mapping stands, in a few queries."""
    answers = Answers.stored(mapping)
    newest = AssessmentVersion.objects.filter(mapping=mapping).first()
    if newest is not None:
        return Standing.DONE if _same(newest, answers.basis(mapping)) else Standing.OUTDATED
    if answers.given:
        return Standing.ANSWERED
    told = _table_told(mapping, observed(mapping), surveyed(mapping))[1]
    owned = any(row.owner for row in mapping.fields.all())
    return Standing.MISSING if told is Basis.ASSUMED and not owned else Standing.SUGGESTED


def _same(newest: AssessmentVersion, now: dict[str, Any]) -> bool:
    """Whether a sheet is of the answers as they are. What it left out may be gone from the mapping."""
    then = newest.answers
    left_out = {one["name"] for one in newest.sheet["fields"] if one["strategy"] == "no sync"}
    gone = then["fields"].keys() - now["fields"].keys()
    kept = {name: one for name, one in then["fields"].items() if name not in gone}
    return gone <= left_out and {**then, "fields": kept} == now


def observed(mapping: Mapping) -> dict[str, dict[Side, int]]:
    """Edits that the hub saw, by field and side: in the newest entries of the journal, and while watching."""
    found = {name: dict(edits) for name, edits in watches.edits_of(mapping).items()}
    mine = Entry.objects.filter(mapping=mapping)
    newest = mine.aggregate(seq=Max("seq"))["seq"]
    if newest is None:
        return found
    edits = mine.filter(seq__gt=newest - LOOKED_AT, kind=EntryKind.CHANGE, link_id__isnull=False)
    rows = edits.exclude(field="").values_list("field", "side").annotate(Count("id")).order_by()
    for name, side, count in rows:
        by_side = found.setdefault(name, {})
        by_side[Side(side)] = by_side.get(Side(side), 0) + count
    return found


def _seen_how(mapping: Mapping) -> Basis:
    """How the hub saw edits: it watched, for as long as nothing is in the journal."""
    return Basis.JOURNAL if mapping.in_use else Basis.WATCH


def surveyed(mapping: Mapping) -> Evidence:
    """What the newest survey of both resources tells of who edits."""
    done = Survey.objects.filter(left=mapping.left_id, right=mapping.right_id, state=SurveyState.DONE)
    newest = done.exclude(result=None).order_by("-pk").first()
    return evidence(reporting.read(newest.result)) if newest is not None else Evidence()


def _table_told(mapping: Mapping, seen: Dict[str, Dict[Side, int]], survey: Evidence) -> tuple[Who, Basis]:
    """Who edits the records, as long as nobody says so."""
    if mapping.owner:
        return Who(mapping.owner), Basis.CONFIGURED
    edits = Counter({side: sum(by_side.get(side, 0) for by_side in seen.values()) for side in SIDES})
    if edits.total() >= ENOUGH or (edits.total() and mapping.in_use):
        return Who.of(+edits), _seen_how(mapping)
    return (survey.table, Basis.SURVEY) if survey.table is not None else (Who.BOTH, Basis.ASSUMED)


def _asked(
    row: FieldMapping,
    given: Answers,
    table_edits: Who | None,
    seen: Dict[Side, int],
    survey: Evidence,
    table_told: tuple[Who, Basis],
    how: Basis,
) -> tuple[Answer, Who, Basis]:
    """The answers that count for a field; who edits it, and why, as long as nobody says so of it."""
    mine, table = given.fields.get(row.name, {}), given.table
    told, why = table_told[0], Basis.TABLE
    if seen and any(seen.values()):
        told, why = Who.of(side for side, count in seen.items() if count), how
    elif row.owner:
        told, why = Who(row.owner), Basis.CONFIGURED
    elif (found := survey.fields.get((row.left, row.right))) is not None:
        told, why = found, Basis.SURVEY
    if table_edits is not None:
        told, why = table_edits, Basis.TABLE
    default = Answer()
    both = mine.get("both") or (row.merge if row.merge != Merge.REVIEW and not row.owner else None)
    answer = Answer(
        edits=Who(mine.get("edits") or told),
        needs=Who(mine.get("needs") or table.get("needs") or default.needs),
        cost=Cost(mine.get("cost") or table.get("cost") or default.cost),
        both=Merge(both) if both else None,
    )
    return answer, told, why


def _table(mapping: Mapping, given: Dict[str, Any]) -> Table:
    rows = [RowOwner(one["when"], Side(one["owner"])) for one in given.get("rows", ())]
    rows = rows or [RowOwner(rule.when, Side(rule.owner)) for rule in mapping.row_rules.all()]
    return Table(tuple(rows), bool(given.get("every_row")), all(_timed(mapping, side) for side in SIDES))


def _timed(mapping: Mapping, side: Side) -> bool:
    """Whether a system tells when a record was changed."""
    resource = mapping.resource(side)
    config = resource.config
    return bool(config.get("modified") or resource.system.config.get("preset")) or (
        config.get("changes") == "tracking"
    )
