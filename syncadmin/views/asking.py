"""The questions of an assessment as fields of a form: what may be answered, and what was."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from syncadmin.config import apply as configuration
from syncadmin.config.convert import mapping_document
from syncadmin.config.export import as_yaml
from syncadmin.config.problems import BadConfig
from syncadmin.config.schema import FieldAnswers, TableAnswers
from syncadmin.core.assess import Cost, Who
from syncadmin.core.check import FITTING
from syncadmin.core.policy import Merge
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind
from syncadmin.models import Mapping
from syncadmin.selectors.assessment import Answers, Assessment, Basis, Line
from syncadmin.sheetwords import COSTS, MERGES, Names

TABLE, FIELD = "table", "f-"  # what the names of form fields begin with
LONGEST = 150


@dataclass(frozen=True, slots=True)
class Question:
    """One select: `options` are (value, words, chosen), the first of them for no answer of its own.

    `told` is the element id of that first option where its words depend on other answers.
    """

    name: str
    label: str
    options: list[tuple[str, str, bool]]
    told: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions on one field, or on all."""

    edits: Question
    needs: Question
    cost: Question
    both: Question | None


class BadAnswers(ValueError):
    """Answers that can't be kept: what was meant, and what is wrong, in sentences."""

    def __init__(self, answers: Answers, problems: list[str]) -> None:
        super().__init__(problems)
        self.answers, self.problems = answers, problems


# ---------------------------------------------------------------- asking


def questions(found: Assessment) -> tuple[Asked, list[Asked]]:
    """The questions on all fields, and on each."""
    names = Names(*(str(found.mapping.resource(side).system) for side in SIDES))
    given = found.answers.table
    table = Asked(
        edits=_edits(TABLE, _("All fields"), given, _told(found.told, found.basis, names), names),
        needs=_needs(TABLE, _("All fields"), given, names.who(Who.BOTH), names),
        cost=_cost(TABLE, _("All fields"), given, str(COSTS[Cost.SERIOUS])),
        both=None,
    )
    return table, [_line(line, names) for line in found.lines]


def _line(line: Line, names: Names) -> Asked:
    label, above = line.row.name, _("as above")
    name = f"{FIELD}{label}"
    first = above if line.basis is Basis.TABLE else _told(line.told, line.basis, names)
    return Asked(
        edits=_edits(name, label, line.given, first, names),
        needs=_needs(name, label, line.given, above, names),
        cost=_cost(name, label, line.given, above),
        both=_both(line, names),
    )


def _told(who: Who, basis: Basis, names: Names) -> str:
    """Who edits it as far as anything tells, and what does."""
    words = {
        Basis.JOURNAL: _("%(who)s (seen)"),
        Basis.WATCH: _("%(who)s (watched)"),
        Basis.CONFIGURED: _("%(who)s (configured)"),
        Basis.SURVEY: _("%(who)s (survey)"),
    }.get(basis, "%(who)s")
    return words % {"who": names.who(who)}


def _edits(name: str, label: str, given: Dict[str, Any], first: str, names: Names) -> Question:
    label = _("%(field)s: edited by") % {"field": label}
    return _question(f"{name}-edits", label, given.get("edits"), first, _whos(names), f"told-{name}")


def _needs(name: str, label: str, given: Dict[str, Any], first: str, names: Names) -> Question:
    label = _("%(field)s: needed by") % {"field": label}
    return _question(f"{name}-needs", label, given.get("needs"), first, _whos(names))


def _cost(name: str, label: str, given: Dict[str, Any], first: str) -> Question:
    label = _("%(field)s: cost of a lost edit") % {"field": label}
    return _question(
        f"{name}-cost", label, given.get("cost"), first, [(cost.value, str(COSTS[cost])) for cost in Cost]
    )


def _both(line: Line, names: Names) -> Question:
    kind = Kind(line.row.type)
    fitting = [merge for merge in MERGES if kind in FITTING.get(merge, frozenset(Kind))]
    # a rule of one's own is written in the mapping, not here
    listed = [merge for merge in fitting if merge is not Merge.RULE or line.row.rule]
    label = _("%(field)s: when both change it") % {"field": line.row.name}
    chosen = line.given.get("both")
    words = [(merge.value, _merge_words(merge, names)) for merge in listed]
    return _question(f"{FIELD}{line.row.name}-both", label, chosen, _("not said"), words)


def _merge_words(merge: Merge, names: Names) -> str:
    preferred = {Merge.PREFER_LEFT: Side.LEFT, Merge.PREFER_RIGHT: Side.RIGHT}.get(merge)
    return (
        str(MERGES[merge]) if preferred is None else _("always %(system)s") % {"system": names.of(preferred)}
    )


def _whos(names: Names) -> list[tuple[str, str]]:
    return [(who.value, names.who(who)) for who in (Who.LEFT, Who.RIGHT, Who.BOTH, Who.NOBODY)]


def _question(
    name: str, label: str, chosen: str | None, first: str, words: list[tuple[str, str]], told: str = ""
) -> Question:
    options = [("", first, not chosen), *((value, text, value == chosen) for value, text in words)]
    return Question(name, label, options, told)


# ---------------------------------------------------------------- answers


def asked(mapping: Mapping, data: Dict[str, str]) -> Answers:
    """What was answered in the form. Raises BadAnswers."""
    table: dict[str, Any] = {}
    for key in ("edits", "needs", "cost"):
        if value := data.get(f"{TABLE}-{key}"):
            table[key] = value
    teams = {side.value: _line_of(data.get(f"team-{side}", "")) for side in SIDES}
    if named := {side: team for side, team in teams.items() if team}:
        table["teams"] = named
    rows, unread = _rows(data.get("rows", ""))
    if rows:
        table["rows"] = rows
    if data.get("every_row"):
        table["every_row"] = True
    fields = {
        row.name: {
            key: value for key in FieldAnswers.model_fields if (value := data.get(f"{FIELD}{row.name}-{key}"))
        }
        for row in mapping.fields.all()
    }
    answers = Answers(table, fields)
    if unread:
        raise BadAnswers(answers, [_("Rows: write one a line, such as left: left_record.country == 'DE'")])
    try:
        checked = Answers(
            TableAnswers.model_validate(table).answers(),
            {name: FieldAnswers.model_validate(one).answers() for name, one in fields.items()},
        )
    except ValidationError as error:
        raise BadAnswers(Answers.stored(mapping), [one["msg"] for one in error.errors()]) from error
    if problems := _problems(mapping, checked):
        raise BadAnswers(checked, problems)
    return checked


def rows_as_text(answers: Answers) -> str:
    """Row rules as they are typed: one a line."""
    return "\n".join(f"{row['owner']}: {row['when']}" for row in answers.table.get("rows", ()))


def _rows(text: str) -> tuple[list[dict[str, str]], bool]:
    """Row rules, and whether a line is none."""
    rows, unread = [], False
    for line in filter(None, map(str.strip, text.replace("\0", "").splitlines())):
        owner, _colon, when = line.partition(":")
        if owner.strip() in set(Side) and when.strip():
            rows.append({"when": when.strip(), "owner": owner.strip()})
        else:
            unread = True
    return rows, unread


def _line_of(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:LONGEST]


def _problems(mapping: Mapping, answers: Answers) -> list[str]:
    """What a file with these answers would be told about them."""
    if not answers.table.get("rows") and not any(one.get("both") for one in answers.fields.values()):
        return []
    document = {**mapping_document(mapping), "assessment": answers.table}
    fields = {
        name: {**one, "assessment": answers.fields.get(name, {})} for name, one in document["fields"].items()
    }
    text = as_yaml({"version": 1, "mappings": {mapping.name: {**document, "fields": fields}}})
    try:
        configuration.read(text)
    except BadConfig as error:
        return [one.text for one in error.problems if "assessment" in one.path]
    return []
