"""What people did in cases like an open one: suggestions with their record, never applied by themselves.

Like this means: the same mapping and field, values that differ in the same way, the same side changed. Only
decisions that stand count, and only the latest of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import QuerySet

from syncadmin.core.habits import WINDOW, Habit, Made, decidable, suggestion
from syncadmin.core.patterns import Pattern
from syncadmin.core.plan import ConflictKind
from syncadmin.core.side import SIDES
from syncadmin.models import FieldMapping

from . import patterns
from .models import Conflict, ConflictField, ConflictState, Decision, LearnedRule, RuleState

Like = tuple[str, str, str]  # field, pattern, changed


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A side to take, and why: `system` is that side's name, `like` says what the cases have in common.

    `rule` is what became of a proposal to make it a rule; `rulable` if it may be proposed.
    """

    habit: Habit
    system: str
    like: str
    rule: LearnedRule | None = None
    rulable: bool = True

    @property
    def take(self) -> str:
        """The side, as it is picked."""
        return self.habit.take.value


def suggestions(conflict: Conflict, mapped: Mapping[str, FieldMapping]) -> dict[str, Suggestion]:
    """By field of an open item, what is suggested; mostly nothing. One query, two if there is something.

    Fields that are decided together get none: what was decided of one depends on the others.
    """
    if conflict.kind != ConflictKind.FIELD or conflict.state != ConflictState.OPEN:
        return {}
    tolerance = timedelta(seconds=conflict.mapping.clock_tolerance)
    likes = {
        row.field: (row.field, row.pattern, row.changed)
        for row in conflict.fields.all()
        if row.field in mapped and not mapped[row.field].group and classed(row, tolerance)
    }
    made = latest(conflict.mapping_id, set(likes.values()))
    found = {name: habit for name, like in likes.items() if (habit := suggestion(made[like]))}
    if not found:
        return {}
    rules = live_rules(conflict.mapping_id, found)
    systems = {side: str(conflict.mapping.resource(side).system) for side in SIDES}
    return {
        name: Suggestion(
            habit,
            systems[habit.take],
            patterns.words(likes[name][1], *systems.values()),
            rules.get(likes[name]),
            rulable=not mapped[name].two_people,
        )
        for name, habit in found.items()
    }


def classed(row: ConflictField, tolerance: timedelta) -> bool:
    """Whether the row is of a pattern that anything can be learned about."""
    known = row.pattern not in ("", Pattern.SAME)
    return known and decidable(row.pattern, row.left_time, row.right_time, tolerance)


def latest(mapping_id: int, likes: Collection[Like], most: int = WINDOW) -> defaultdict[Like, list[Made]]:
    """By likeness, the latest decisions of people that stand. One query."""
    made: defaultdict[Like, list[Made]] = defaultdict(list)
    if not likes:
        return made
    statement = " UNION ALL ".join([_LATEST] * len(likes))  # Django has no limit within a union on SQLite
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for like in sorted(likes) for value in (mapping_id, *like, most)])
        for field, pattern, changed, kind, by, run, followed in cursor.fetchall():
            made[field, pattern, changed].append(Made(kind, by, run, bool(followed)))
    return made


_LATEST = """
    SELECT * FROM (
        SELECT field, pattern, changed, kind, by_id, run_id, followed FROM conflicts_decision
        WHERE mapping_id = %s AND field = %s AND pattern = %s AND changed = %s
            AND rule_id IS NULL AND undone_at IS NULL
        ORDER BY id DESC LIMIT %s
    ) AS latest"""


def decisions(mapping_id: int, like: Like) -> QuerySet[Decision]:
    """What people decided in cases that are alike, and did not take back."""
    field, pattern, changed = like
    by_people = Decision.objects.filter(mapping=mapping_id, rule=None, undone_at=None)
    return by_people.filter(field=field, pattern=pattern, changed=changed)


def live_rules(mapping_id: int, fields: Iterable[str]) -> dict[Like, LearnedRule]:
    """Rules on these fields that are proposed, in force or suspended."""
    found = LearnedRule.objects.filter(mapping=mapping_id, field__in=list(fields))
    return {(r.field, r.pattern, r.changed): r for r in found.exclude(state=RuleState.ENDED)}
