"""Learned rules: proposed with their evidence, answered once, in the configuration and out of it again."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from conflicts.models import Conflict, Decision, LearnedRule, RuleState
from conflicts.services import rules
from conflicts.suggestions import suggestions
from syncadmin.config.apply import Action, apply, read
from syncadmin.config.export import export
from syncadmin.config.history import revisions
from syncadmin.config.problems import BadConfig
from syncadmin.models import Entry, Event, FieldMapping
from tests.builders import a_conflict, a_mapping, a_user
from tests.conflicts.test_suggestions import RIGHT_EMPTY, decided

pytestmark = pytest.mark.django_db


@pytest.fixture
def mapping():
    return a_mapping()


@pytest.fixture
def people(db):
    return [a_user("conflicts.view_conflict", "conflicts.resolve_conflict") for _ in range(2)]


@pytest.fixture
def integrator(client):
    user = a_user(
        "conflicts.view_conflict", "syncadmin.change_mapping", "syncadmin.view_mapping", name="ines"
    )
    client.force_login(user)
    return client


def proposed(mapping, people):
    decided(mapping, people, 15)
    decided(mapping, people, 1, "right")
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    return rules.propose(item.pk, "phone", people[0], timezone.now())


def learned(mapping):
    return FieldMapping.objects.get(mapping=mapping, name="phone").learned


def test_a_proposal_keeps_its_evidence_and_changes_nothing(mapping, people):
    rule = proposed(mapping, people)
    assert (rule.field, rule.pattern, rule.changed, rule.take) == ("phone", "right empty", "both", "left")
    assert rule.evidence == {"right": 15, "wrong": 1, "people": 2}
    assert (rule.state, rule.proposed_by) == (RuleState.PROPOSED, people[0])
    assert learned(mapping) == []
    told = Event.objects.get(kind="rule")
    assert (told.subject, told.by) == (rule.pk, people[0].pk)
    assert Entry.objects.filter(kind="note", rule__contains=f"rule #{rule.pk}").count() == 1


def test_proposed_twice_it_is_one(mapping, people):
    rule = proposed(mapping, people)
    item = Conflict.objects.waiting().get()
    assert rules.propose(item.pk, "phone", people[1], timezone.now()) == rule
    assert suggestions(item, {f.name: f for f in mapping.fields.all()})["phone"].rule == rule


@pytest.mark.parametrize("change", [{"two_people": True}, {"group": "address"}])
def test_nothing_is_proposed_or_approved_for_what_takes_people(mapping, people, change):
    rule = proposed(mapping, people)
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(**change)
    with pytest.raises(rules.Unfit):
        rules.approve(rule.pk, "proposed", people[0], timezone.now())
    rules.end(rule.pk, "proposed", people[0], timezone.now())
    with pytest.raises(rules.Unfit):
        rules.propose(Conflict.objects.waiting().get().pk, "phone", people[0], timezone.now())


def test_what_is_no_habit_is_not_proposed(mapping, people):
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    with pytest.raises(rules.Unfit, match="no pattern"):
        rules.propose(item.pk, "phone", people[0], timezone.now())


def test_approved_it_is_in_the_configuration_with_who_and_why(mapping, people):
    rule = proposed(mapping, people)
    ines = a_user(name="ines")
    rules.approve(rule.pk, "proposed", ines, timezone.now(), "fine")
    assert learned(mapping) == [{"differs": "right empty", "changed": "both", "take": "left"}]
    change = next(r for r in revisions(mapping) if r.name == "phone")
    assert (change.who, change.reason) == ("ines", f"rule #{rule.pk} approved")
    [difference] = change.differences
    assert (difference.key, difference.old) == ("learned", None)
    rule.refresh_from_db()
    assert (rule.state, rule.answered_by, rule.note) == (RuleState.APPROVED, ines, "fine")
    mapping.state.refresh_from_db()
    assert mapping.state.next_reconcile <= timezone.now()


def test_an_approved_rule_is_exported_and_the_file_applies_unchanged(mapping, people):
    rule = proposed(mapping, people)
    mapping.left.system.connector = mapping.right.system.connector = "sql"
    for system in (mapping.left.system, mapping.right.system):
        system.connector, system.config = "sql", {"url": "sqlite:///x.sqlite3"}
        system.save()
    for resource in (mapping.left, mapping.right):
        resource.config = {"table": "contacts", "key": "id", "changes": "scan"}
        resource.save()
    rules.approve(rule.pk, "proposed", people[0], timezone.now())
    text = export()
    assert "differs: right empty" in text
    changes = apply(read(text))
    assert {change.action for change in changes} == {Action.UNCHANGED}
    without = text.replace("differs: right empty", "differs: case")
    waiting = [change for change in apply(read(without)) if change.action is not Action.UNCHANGED]
    assert [(change.what, change.action) for change in waiting] == [("mapping", Action.PROPOSED)]
    assert learned(mapping) == [{"differs": "right empty", "changed": "both", "take": "left"}]
    with pytest.raises(BadConfig, match="right empty"):
        read(text.replace("differs: right empty", "differs: right emty"))


@pytest.mark.parametrize(
    ("act", "seen"), [(rules.approve, "approved"), (rules.approve, "suspended"), (rules.end, "suspended")]
)
def test_an_answer_is_bound_to_what_was_seen(mapping, people, act, seen):
    rule = proposed(mapping, people)
    with pytest.raises(rules.Unfit, match="faster"):
        act(rule.pk, seen, people[0], timezone.now())
    rule.refresh_from_db()
    assert rule.state == RuleState.PROPOSED


def test_a_rejected_proposal_may_come_again(mapping, people):
    rule = proposed(mapping, people)
    rules.end(rule.pk, "proposed", people[1], timezone.now(), "no")
    item = Conflict.objects.waiting().get()
    again = rules.propose(item.pk, "phone", people[0], timezone.now())
    assert again.pk != rule.pk
    assert LearnedRule.objects.filter(state=RuleState.ENDED).get() == rule


# ---------------------------------------------------------------- pages


def test_from_the_card_to_the_rule_with_what_it_would_have_got_right_and_wrong(mapping, people, reviewer):
    decided(mapping, people, 15)
    [against] = decided(mapping, people, 1, "right")
    item = a_conflict(mapping, fields=RIGHT_EMPTY)
    card = reviewer.get(reverse("conflicts:detail", args=[item.pk])).content.decode()
    to = reverse("conflicts:propose", args=[item.pk, "phone"])
    assert to in card
    page = reviewer.post(to, follow=True)
    text = page.content.decode()
    assert "When Web shop is empty, and both sides changed it: take <b>CRM</b>." in text
    assert [case.decision.conflict_id for case in page.context["trial"].wrong_cases] == [against.pk]
    assert (page.context["trial"].right, page.context["trial"].wrong) == (15, 1)
    assert f'/conflicts/{against.pk}/?state=all"' in text
    assert "takes the right to change mappings" in text
    assert 'value="approve"' not in text


def test_an_integrator_approves_and_ends_it(mapping, people, integrator):
    rule = proposed(mapping, people)
    show, to = (reverse(f"conflicts:{name}", args=[rule.pk]) for name in ("rule", "rule-answer"))
    assert 'value="approve"' in integrator.get(show).content.decode()
    done = integrator.post(to, {"answer": "approve", "state": "proposed", "note": "as ever"}, follow=True)
    assert "Approved by ines" in done.content.decode()
    assert len(learned(mapping)) == 1
    again = integrator.post(to, {"answer": "approve", "state": "proposed"})
    assert again.status_code == 409
    assert "Somebody was faster" in again.content.decode()
    integrator.post(to, {"answer": "end", "state": "approved"})
    assert learned(mapping) == []
    assert integrator.post(to, {"answer": "?"}).status_code == 422


def test_a_suspended_rule_says_why(mapping, people, integrator):
    rule = proposed(mapping, people)
    rules.approve(rule.pk, "proposed", people[0], timezone.now())
    rule.refresh_from_db()
    rule.uses, rule.overruled = 40, 3
    rules.suspend(rule, timezone.now())
    page = integrator.get(reverse("conflicts:rule", args=[rule.pk])).content.decode()
    assert "people overruled 3 of its latest 40 decisions" in page
    assert "Let it decide again" in page


def test_the_list_shows_what_waits_for_an_answer_first(mapping, people, integrator):
    rule = proposed(mapping, people)
    old = LearnedRule.objects.create(
        mapping=mapping, field="credit", pattern="left larger", changed="both", take="left",
        state=RuleState.APPROVED, proposed_at=timezone.now(),
    )  # fmt: skip
    page = integrator.get(reverse("conflicts:rules"))
    assert [sheet.rule for sheet in page.context["live"]] == [rule, old]
    assert page.context["live"][0].waiting == 1


def test_pages_take_a_bounded_number_of_queries(mapping, people, integrator, django_assert_max_num_queries):
    rule = proposed(mapping, people)
    with django_assert_max_num_queries(16):
        integrator.get(reverse("conflicts:rule", args=[rule.pk]))
    for number in range(10):
        LearnedRule.objects.create(
            mapping=mapping, field=f"f{number}", pattern="case", take="left", proposed_at=timezone.now()
        )
    with django_assert_max_num_queries(10):
        integrator.get(reverse("conflicts:rules"))


def test_hostile_values_stay_text(mapping, people, reviewer):
    evil = {"phone": ("<script>alert(1)</script>\u202e", "x", "")}
    decided(mapping, people, 12, fields=evil)
    item = a_conflict(mapping, fields=evil, label="<img src=x onerror=alert(1)>")
    to = reverse("conflicts:propose", args=[item.pk, "phone"])
    text = reviewer.post(to, follow=True).content.decode()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert Decision.objects.count() == 12
