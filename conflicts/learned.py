"""What the pages of learned rules show: a rule in words, what it would have got right and wrong, what waits.

Reads only; a bounded number of queries, however many decisions there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Sum
from django.utils.translation import gettext as _

from syncadmin.core.habits import Changed, Habit, habit
from syncadmin.core.plan import ConflictKind, PickKind
from syncadmin.core.side import SIDES

from . import patterns
from .cards import title
from .cards.outcomes import PICK_WORDS
from .models import ConflictGroup, Decision, LearnedRule
from .suggestions import decisions, latest
from .wanted import InboxFilter

TRIED = 1000  # past decisions that a rule is tried on
SHOWN = 50  # of them that are shown, right and wrong


@dataclass(frozen=True, slots=True)
class Case:
    """A decision of the past, or one of the rule's own: who took what, and how people overruled it, if so."""

    decision: Decision
    taken: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule tried on past decisions: how many it would have got right and wrong, and the latest of them."""

    right: int
    wrong: int
    habit: Habit
    right_cases: list[Case]
    wrong_cases: list[Case]

    @property
    def total(self) -> int:
        """How many decisions it was tried on."""
        return self.right + self.wrong

    @property
    def cut(self) -> bool:
        """Whether there are more than it was tried on."""
        return self.total >= TRIED


@dataclass(frozen=True, slots=True)
class Sheet:
    """A rule as lists and its page show it."""

    rule: LearnedRule
    title: str
    when: str
    then: str
    waiting: int
    wanted: InboxFilter


def like(rule: LearnedRule) -> tuple[str, str, str]:
    """What the rule is about."""
    return rule.field, rule.pattern, rule.changed


def sheets(rules: Sequence[LearnedRule]) -> list[Sheet]:
    """Rules in words, each with how many open items are like it. One query for all of them."""
    groups = ConflictGroup.objects.filter(
        mapping__in={rule.mapping_id for rule in rules}, kind=ConflictKind.FIELD, facets__gt=0
    )
    columns = ("mapping_id", "field", "pattern", "changed")
    counted = groups.order_by().values_list(*columns).annotate(Sum("facets"))
    waiting = {tuple(key): number for *key, number in counted}
    return [_sheet(rule, waiting.get((rule.mapping_id, *like(rule)), 0)) for rule in rules]


def _sheet(rule: LearnedRule, waiting: int) -> Sheet:
    left, right = (str(rule.mapping.resource(side).system) for side in SIDES)
    changed = {
        Changed.BOTH: _("both sides changed it"),
        Changed.LEFT: _("only %(left)s changed it") % {"left": left},
        Changed.RIGHT: _("only %(right)s changed it") % {"right": right},
        Changed.FIRST: _("nothing was agreed before"),
    }[Changed.of(rule.changed)]
    return Sheet(
        rule,
        title(rule.field),
        _("%(like)s, and %(changed)s")
        % {"like": patterns.words(rule.pattern, left, right), "changed": changed},
        left if rule.take == "left" else right,
        waiting,
        InboxFilter(
            mapping=rule.mapping.name,
            kind=ConflictKind.FIELD.value,
            field=rule.field,
            pattern=rule.pattern,
            changed=rule.changed,
        ),
    )


def trial(rule: LearnedRule) -> Trial:
    """The rule tried on the latest decisions that people made of cases like it, and did not take back."""
    made = decisions(rule.mapping_id, like(rule)).order_by("-pk")
    some = list(made.values_list("pk", "kind")[:TRIED])
    right = [pk for pk, kind in some if kind == rule.take]
    wrong = [pk for pk, kind in some if kind != rule.take]
    known = latest(rule.mapping_id, [like(rule)])[like(rule)]
    return Trial(
        len(right),
        len(wrong),
        habit(known, rule.side),
        _cases(rule, right[:SHOWN]),
        _cases(rule, wrong[:SHOWN]),
    )


def own(rule: LearnedRule) -> tuple[int, list[Case], list[Case]]:
    """How many decisions a rule has made; the latest, and the latest that were overruled."""
    made = Decision.objects.filter(rule=rule)
    some = list(made.order_by("-pk").values_list("pk", flat=True)[:SHOWN])
    over = list(made.exclude(overruled="").order_by("-pk").values_list("pk", flat=True)[:SHOWN])
    return made.count(), _cases(rule, some), _cases(rule, over)


def _cases(rule: LearnedRule, ids: Sequence[int]) -> list[Case]:
    systems = {side.value: str(rule.mapping.resource(side).system) for side in SIDES}
    rows = Decision.objects.filter(pk__in=ids).select_related("conflict", "by").order_by("-pk")
    rows = rows.defer("conflict__snapshot", "conflict__seqs", "conflict__search")
    return [Case(row, systems.get(row.kind) or _taken(row.kind), row.get_overruled_display()) for row in rows]


def _taken(kind: str) -> str:
    return str(PICK_WORDS.get(PickKind(kind), kind)) if kind in list(PickKind) else kind
