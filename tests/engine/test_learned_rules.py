"""Learned rules in whole passes: one that is approved decides, one that people overrule suspends itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conflicts.models import Conflict, ConflictState, Decision, LearnedRule, RuleState
from conflicts.services import rules
from conflicts.services.ruling import let_decide
from conflicts.services.undo import undo
from conflicts.undoable import Fate, latest, look
from syncadmin.core.asked import BY_PEOPLE
from syncadmin.core.side import SIDES
from syncadmin.engine.prove import prove
from syncadmin.engine.run import mapping_for_pass
from syncadmin.models import Event, FieldMapping

pytestmark = pytest.mark.runs_once

FATES = ("write", "disposition")
LONG, SHORT, BEFORE = "Main St 5, back house", "Main St 5", "Elm St"


@pytest.fixture
def approved(world, staff):
    """A rule on the city: the longer text of both, where both sides changed it and the left has more."""
    return a_rule(world, staff)


def a_rule(world, staff, pattern="left more", take="left", changed="both"):
    rule = LearnedRule.objects.create(
        mapping=world.mapping,
        field="city",
        pattern=pattern,
        changed=changed,
        take=take,
        proposed_by=staff,
        proposed_at=timezone.now(),
    )
    return rules.approve(rule.pk, "proposed", staff, timezone.now())


def differing(world, number=1, left=LONG, right=SHORT):
    """So many pairs whose city both sides have changed."""
    pairs = [world.both(email=f"ada{n}@x{Conflict.objects.count()}", city=BEFORE) for n in range(number)]
    world.sync("reconcile")
    for one, other in pairs:
        world.left.edit(one, city=left)
        world.right.edit(other, city=right)
    world.sync()
    return pairs


def cities(world, pair):
    return world.left.row(pair[0])["city"], world.right.row(pair[1])["city"]


def proven(world):
    findings = prove(world.mapping, live=True).findings
    assert not findings, findings


def test_an_approved_rule_decides_as_a_person_would_and_is_named_for_it(world, approved):
    [pair] = differing(world)
    world.sync()
    assert cities(world, pair) == (LONG, LONG)
    item = Conflict.objects.get()
    assert (item.state, item.decided_by) == (ConflictState.CLOSED, None)
    decision = Decision.objects.get()
    assert (decision.rule, decision.kind, decision.by) == (approved, "left", None)
    [said] = world.history(kind="decision")
    assert (said.actor, said.rule) == (
        f"rule #{approved.pk}",
        f"left, conflict #{item.pk}, rule #{approved.pk}",
    )
    fates = {(e.disposition, e.rule) for e in world.history(rule__startswith="rule", kind__in=FATES)}
    assert fates == {
        ("propagated", f"rule #{approved.pk}: left"),
        ("overridden", f"rule #{approved.pk}: left"),
    }
    proven(world)


def test_what_waits_already_is_decided_once_the_rule_is_approved(world, staff):
    pairs = differing(world, 3)
    assert len(world.open()) == 3
    a_rule(world, staff)
    world.sync()
    assert not world.open()
    world.sync()
    assert {cities(world, pair) for pair in pairs} == {(LONG, LONG)}


@pytest.mark.parametrize("side", SIDES)
def test_what_is_unlike_it_waits_for_people(world, staff, side):
    a_rule(world, staff, take=side.value)
    differing(world, left=SHORT, right=LONG)
    world.sync()
    [item] = world.open()
    assert not Decision.objects.exists()
    assert item.fields.get().pattern == "right more"


def test_a_proposed_rule_decides_nothing(world, staff):
    LearnedRule.objects.create(
        mapping=world.mapping, field="city", pattern="left more", changed="both", take="left",
        proposed_by=staff, proposed_at=timezone.now(),
    )  # fmt: skip
    differing(world)
    world.sync()
    assert len(world.open()) == 1


def test_a_decision_of_a_rule_is_undone_like_any_other_and_then_left_to_people(world, staff, approved):
    [pair] = differing(world)
    world.sync()
    item = Conflict.objects.get()
    [decision] = latest(item)
    assert [each.fate for each in look(Decision.objects.all())] == [Fate.READY]
    undo([decision.pk], staff)
    world.sync()
    assert cities(world, pair) == (LONG, SHORT)
    world.sync()
    world.sync("reconcile")
    assert [c.pk for c in world.open()] == [item.pk], "a rule does not decide what a person has taken back"
    decision.refresh_from_db()
    assert decision.overruled == "undone"
    proven(world)


def test_a_rule_that_people_undo_suspends_itself_and_asks_again(world, staff, approved):
    pairs = differing(world, 3)
    world.sync()
    undo([d.pk for d in Decision.objects.all()], staff)
    world.sync()
    approved.refresh_from_db()
    assert (approved.state, approved.uses, approved.overruled) == (RuleState.SUSPENDED, 3, 3)
    assert {cities(world, pair) for pair in pairs} == {(LONG, SHORT)}
    differing(world)
    world.sync()
    assert len(world.open()) == 4
    [note] = world.history(kind="note", field="city", rule__contains="suspended")
    assert note.actor == f"rule #{approved.pk}"
    told = Event.objects.filter(kind="rule", subject=approved.pk, actor="")
    assert told.count() == 1
    field = FieldMapping.objects.get(mapping=world.mapping, name="city")
    assert field.learned == [approved.entry], "the configuration is as it was: the suspension is not in it"
    proven(world)


def test_edits_that_put_back_what_a_rule_gave_up_overrule_it(world, approved):
    pairs = differing(world, 3)
    world.sync()
    for _, right in pairs:
        world.right.edit(right, city=SHORT)
    world.sync()
    assert set(Decision.objects.values_list("overruled", flat=True)) == {"edited"}
    approved.refresh_from_db()
    assert approved.state == RuleState.SUSPENDED


def test_an_edit_to_something_else_overrules_nothing(world, approved):
    pairs = differing(world, 3)
    world.sync()
    for _, right in pairs:
        world.right.edit(right, city="Oak Lane")
    world.sync()
    assert set(Decision.objects.values_list("overruled", flat=True)) == {""}
    approved.refresh_from_db()
    assert approved.state == RuleState.APPROVED


def test_a_later_decision_for_the_value_given_up_overrules_it(world, staff, approved):
    pairs = differing(world, 3)
    world.sync()
    for left, right in pairs:
        world.left.edit(left, city="Elsewhere")
        world.right.edit(right, city=SHORT)
    world.sync()
    for item in world.open():
        world.pick(staff, item, city="right")
    world.sync()
    approved.refresh_from_db()
    assert (approved.state, approved.overruled) == (RuleState.SUSPENDED, 3)


def test_a_suspended_rule_that_is_let_again_starts_anew(world, staff, approved):
    differing(world, 3)
    world.sync()
    undo([d.pk for d in Decision.objects.all()], staff)
    world.sync()
    rules.approve(approved.pk, "suspended", staff, timezone.now())
    [pair] = differing(world)
    world.sync()
    assert cities(world, pair) == (LONG, LONG)
    approved.refresh_from_db()
    assert (approved.state, approved.uses, approved.overruled) == (RuleState.APPROVED, 1, 0)


def test_an_ended_rule_is_out_of_the_configuration_and_decides_nothing(world, staff, approved):
    rules.end(approved.pk, "approved", staff, timezone.now())
    differing(world)
    world.sync()
    assert len(world.open()) == 1
    assert FieldMapping.objects.get(mapping=world.mapping, name="city").learned == []


def test_a_rule_written_in_the_configuration_decides_and_can_suspend_itself(world, staff):
    world.set_field("city", learned=[{"differs": "left more", "changed": "both", "take": "left"}])
    differing(world, 3)
    world.sync()
    rule = LearnedRule.objects.get()
    assert (rule.state, rule.proposed_by) == (RuleState.APPROVED, None)
    undo([d.pk for d in Decision.objects.all()], staff)
    world.sync()
    rule.refresh_from_db()
    assert rule.state == RuleState.SUSPENDED
    world.sync()
    rule.refresh_from_db()
    assert rule.state == RuleState.SUSPENDED, "what is in the file does not lift it"


@pytest.mark.parametrize("change", [[], [{"differs": "left more", "changed": "both", "take": "right"}]])
def test_a_rule_that_the_configuration_no_longer_names_ends(world, approved, change):
    world.set_field("city", learned=[*change, {"differs": "case", "changed": "both", "take": "left"}])
    world.sync()
    approved.refresh_from_db()
    assert approved.state == RuleState.ENDED
    live = LearnedRule.objects.exclude(state=RuleState.ENDED)
    assert {(rule.pattern, rule.take) for rule in live} == {
        ("case", "left"),
        *((c["differs"], c["take"]) for c in change),
    }


def test_a_rule_leaves_alone_what_people_have_in_hand(world, staff):
    differing(world, 5)
    held, claimed, assigned, looked, snoozed = world.open()
    later = timezone.now() + timedelta(hours=1)
    Conflict.objects.filter(pk=held.pk).update(hold_reason="ask Bob")
    Conflict.objects.filter(pk=claimed.pk).update(claimed_by=staff, claimed_until=later)
    Conflict.objects.filter(pk=assigned.pk).update(assignee=staff)
    Conflict.objects.filter(pk=looked.pk).update(second_look="wanted")
    Conflict.objects.filter(pk=snoozed.pk).update(snoozed_until=later)
    a_rule(world, staff)
    world.sync()
    assert len(world.open()) == 5
    assert not Decision.objects.exists()


@pytest.mark.parametrize("reason", sorted(BY_PEOPLE))
def test_a_rule_leaves_alone_what_only_a_person_can_tell(world, staff, reason):
    """As a value that bounces: a rule would keep it bouncing."""
    differing(world)
    [item] = world.open()
    item.fields.update(reason=reason)
    a_rule(world, staff)
    assert let_decide(mapping_for_pass(world.mapping.pk), timezone.now()) == 0
    item.fields.update(reason="both sides changed it")
    assert let_decide(mapping_for_pass(world.mapping.pk), timezone.now()) == 1


def test_of_a_record_that_is_decided_as_a_whole_a_rule_decides_all_or_nothing(world, staff):
    world.set(whole_record=True)
    a_rule(world, staff)
    left, right = world.linked(email="eve@x", city=BEFORE, phone="1")
    world.left.edit(left, city=LONG, phone="2")
    world.right.edit(right, city=SHORT, phone="3")
    world.sync()
    world.sync()
    assert not Decision.objects.exists()
    world.set(whole_record=False)
    world.sync()
    world.sync()
    [item] = world.open()
    assert [row.field for row in item.fields.all()] == ["phone"]
    assert cities(world, (left, right)) == (LONG, LONG)


def test_a_pass_without_rules_asks_nothing_about_them(world, django_assert_num_queries):
    mapping = mapping_for_pass(world.mapping.pk)
    with django_assert_num_queries(0):
        assert let_decide(mapping, timezone.now()) == 0
