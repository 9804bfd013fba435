"""Suggestions on a card: what people did in cases like this, never picked by itself."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from conflicts.models import Conflict, ConflictState, Decision
from conflicts.services import FieldChoice, bulk, resolve, rules
from conflicts.services.undo import undo
from conflicts.suggestions import suggestions
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from syncadmin.models import Entry, FieldMapping
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db
RIGHT_EMPTY = {"phone": ("+49 30 1", "+49 30 0", "")}


@pytest.fixture
def mapping():
    return a_mapping()


@pytest.fixture
def people(db):
    return [a_user("conflicts.view_conflict", "conflicts.resolve_conflict") for _ in range(2)]


def decided(mapping, people, number, pick="left", fields=RIGHT_EMPTY, **choice):
    """So many decisions on items that are alike, in turn by each of the people."""
    made = []
    for n in range(number):
        item = a_conflict(mapping, fields=fields)
        picks = {name: FieldChoice(PickKind(pick), **choice) for name in fields}
        resolve(item.pk, item.revision, picks, None, people[n % len(people)])
        made.append(item)
    return made


def suggested(item):
    item = Conflict.objects.select_related("mapping__left__system", "mapping__right__system").get(pk=item.pk)
    return suggestions(item, {row.name: row for row in item.mapping.fields.all()})


def test_a_habit_of_several_people_is_suggested_with_its_record(mapping, people):
    decided(mapping, people, 21)
    decided(mapping, people, 1, "right")
    found = suggested(a_conflict(mapping, fields=RIGHT_EMPTY))["phone"]
    assert (found.take, found.system, found.habit.right, found.habit.total) == ("left", "CRM", 21, 22)
    assert found.like == "Web shop is empty"
    assert found.rule is None


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": ("", "+49 30 0", "+49 30 1")},  # the other side is empty
        {"phone": ("+49 30 1", "+49 30 0", "+49 40 2")},  # both hold something
        {"phone": ("+49 30 1", "")},  # nothing was agreed before
        {"credit": ("1.00", "2.00", "")},  # another field
    ],
)
def test_what_is_unlike_it_gets_no_suggestion(mapping, people, fields):
    decided(mapping, people, 12)
    assert suggested(a_conflict(mapping, fields=fields)) == {}


def test_another_mapping_has_habits_of_its_own(mapping, people):
    decided(mapping, people, 12)
    assert suggested(a_conflict(a_mapping("orders"), fields=RIGHT_EMPTY)) == {}


def test_what_was_undone_does_not_count(mapping, people):
    decided(mapping, people, 8)
    assert suggested(a_conflict(mapping, fields=RIGHT_EMPTY))
    undo([Decision.objects.first().pk], people[0])
    assert not suggested(a_conflict(mapping, fields=RIGHT_EMPTY))


def test_suggestions_do_not_feed_themselves(mapping, people):
    decided(mapping, people, 8)
    decided(mapping, people, 20, followed=True)
    habit = suggested(a_conflict(mapping, fields=RIGHT_EMPTY))["phone"].habit
    assert (habit.right, habit.wrong, habit.followed) == (8, 0, 20)


def test_a_bulk_run_counts_as_one_decision(mapping, people):
    for _ in range(30):
        a_conflict(mapping, fields=RIGHT_EMPTY)
    run = bulk.start(Rule.LEFT, people[0])
    bulk.prepare(run.pk)
    bulk.confirm(run.pk)
    while bulk.step(run.pk).more:
        pass
    decided(mapping, people[1:], 6)
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    assert suggested(item) == {}
    decided(mapping, people[1:], 1)
    assert suggested(item)["phone"].habit.total == 8


def test_only_the_latest_decisions_count(mapping, people, monkeypatch):
    monkeypatch.setattr("conflicts.suggestions.latest.__defaults__", (10,))
    decided(mapping, people, 10, "right")
    decided(mapping, people, 10)
    found = suggested(a_conflict(mapping, fields=RIGHT_EMPTY))["phone"]
    assert (found.take, found.habit.total) == ("left", 10)


def test_each_field_of_an_item_has_its_own_in_one_query(mapping, people, django_assert_num_queries):
    credit = {"credit": ("3.00", "1.00", "2.00")}
    decided(mapping, people, 10)
    decided(mapping, people, 10, "right", credit)
    item = a_conflict(mapping, fields={**RIGHT_EMPTY, **credit, "name": ("A", "B", "C")})
    item = Conflict.objects.select_related("mapping__left__system", "mapping__right__system").get(pk=item.pk)
    mapped, _ = {row.name: row for row in item.mapping.fields.all()}, str(item.mapping.left.system)
    with django_assert_num_queries(3):  # the fields, the decisions, the rules
        found = suggestions(item, mapped)
    assert {name: one.take for name, one in found.items()} == {"phone": "left", "credit": "right"}


@pytest.mark.parametrize("change", [{"group": "address"}, {"type": "text", "name": "mobile"}])
def test_what_is_decided_together_or_no_longer_mapped_gets_none(mapping, people, change):
    decided(mapping, people, 12)
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(**change)
    assert suggested(item) == {}


def test_times_that_are_too_close_for_the_clocks_suggest_nothing(mapping, people):
    newer = {"phone": ("+49 30 1111", "+49 30 2222", "+49 30 3333")}
    decided(mapping, people, 12, fields=newer)
    item = a_conflict(mapping, fields=newer)
    row = item.fields.get()
    assert row.pattern == "left newer"
    assert suggested(item)
    row.left_time = row.right_time + timedelta(seconds=2)
    row.save()
    assert suggested(item) == {}


def test_the_card_says_it_and_picks_nothing(mapping, people, reviewer):
    decided(mapping, people, 21)
    decided(mapping, people, 1, "right")
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    page = reviewer.get(reverse("conflicts:detail", args=[item.pk])).content.decode()
    assert "In 21 of 22 like this, staff took <b>CRM</b>." in page
    assert not re.search(r'name="pick-phone"[^>]*checked', page)
    assert re.search(r'name="followed-phone" value=""', page)


def test_who_may_not_decide_gets_no_suggestion(mapping, people, auditor):
    decided(mapping, people, 12)
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    page = auditor.get(reverse("conflicts:detail", args=[item.pk])).content.decode()
    assert "like this, staff took" not in page


@pytest.mark.parametrize(
    ("posted", "noted"),
    [({"followed-phone": "left"}, True), ({"followed-phone": "right"}, False), ({}, False)],
)
def test_a_decision_tells_whether_it_followed_the_suggestion(mapping, reviewer, posted, noted):
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    data = {"revision": item.revision, "pick-phone": "left", **posted}
    reviewer.post(reverse("conflicts:resolve", args=[item.pk]), data)
    decision = Decision.objects.get()
    assert (decision.kind, decision.followed) == ("left", noted)
    assert (decision.pattern, decision.changed) == ("right empty", "both")


def test_a_card_that_is_shown_again_keeps_that_a_suggestion_was_followed(mapping, people, reviewer):
    decided(mapping, people, 12)
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    row = item.fields.get()
    seen = f'["{row.left}", "{row.right}"]'
    data = {"pick-phone": "left", "followed-phone": "left", "seen-phone": seen}
    page = reviewer.post(reverse("conflicts:again", args=[item.pk]), data).content.decode()
    assert re.search(r'name="followed-phone" value="left"', page)


def test_a_decided_item_shows_the_rule_that_decided_it(mapping, people, reviewer):
    decided(mapping, people, 12)
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    rule = rules.propose(item.pk, "phone", people[0], timezone.now())
    choice = {"phone": FieldChoice(PickKind.LEFT, rule=rule.pk)}
    resolve(item.pk, item.revision, choice, None, None, "rules")
    Conflict.objects.filter(pk=item.pk).update(state=ConflictState.CLOSED, closed_at=timezone.now())
    page = reviewer.get(reverse("conflicts:detail", args=[item.pk])).content.decode()
    assert f"Decided by rule #{rule.pk}" in page
    assert Entry.objects.filter(kind="decision").order_by("-seq")[0].actor == f"rule #{rule.pk}"
