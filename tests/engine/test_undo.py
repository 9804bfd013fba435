"""Undo, carried out: what a decision wrote is put back, guarded, and the item is open again."""

from __future__ import annotations

import pytest
from django.utils import timezone

from conflicts.models import ConflictState, Decision
from conflicts.services import Refused, bulk
from conflicts.services.second_look import approve, decline, propose_undo
from conflicts.services.undo import undo
from conflicts.undoable import Fate, latest, look
from syncadmin.core.bulk import Rule
from syncadmin.core.side import SIDES
from syncadmin.engine.prove import prove
from syncadmin.models import Link

both_sides = pytest.mark.parametrize("me", SIDES)


@pytest.fixture
def asked(world):
    """A linked pair whose phone was changed on both sides, and the item that asks about it."""
    left, right = world.linked(email="ada@x", phone="1", city="Paris")
    world.left.edit(left, phone="2")
    world.right.edit(right, phone="3")
    world.sync()
    [item] = world.open()
    return left, right, item


def phones(world, left, right):
    return world.left.row(left)["phone"], world.right.row(right)["phone"]


def decided(world, user, item, **picks):
    world.pick(user, item, **picks)
    world.sync()
    item.refresh_from_db()
    assert item.state == ConflictState.CLOSED, item.closed_how
    return list(latest(item))


def undone(world, user, decisions, **how):
    result = undo([d.pk for d in decisions], user, **how)
    world.sync()
    return result


def proven(world):
    findings = prove(world.mapping, live=True).findings
    assert not findings, findings


def test_what_a_later_decision_has_ended_is_not_taken_back(world, staff):
    left, _ = world.linked(email="ada@x", phone="1")
    world.set(deletes="review")
    world.left.delete(left)
    world.sync("reconcile")
    [item] = world.open()
    world.choose(staff, item, "leave")
    leaving = list(latest(item))
    world.sync()
    world.right.edit(world.right.rows()[0]["id"], phone="2")
    world.sync()
    [item] = world.open()
    world.choose(staff, item, "delete")
    world.sync()
    assert not world.right.rows()
    assert [each.fate for each in undone(world, staff, leaving).left] == [Fate.GONE]
    proven(world)


@pytest.mark.parametrize("pick", ["left", "right", "base", ("value", "9"), "leave"])
def test_after_an_undo_both_systems_hold_what_they_held_and_a_person_is_asked_again(
    world, staff, asked, pick
):
    left, right, item = asked
    undone(world, staff, decided(world, staff, item, phone=pick))
    assert phones(world, left, right) == ("2", "3")
    [again] = world.open()
    assert again.pk == item.pk
    field = again.fields.get()
    assert (field.left, field.right, field.base_left, field.base_right) == ("2", "3", "1", "1")
    assert not again.moved
    world.sync()
    world.sync("reconcile")
    assert phones(world, left, right) == ("2", "3"), "held means held"
    assert [c.pk for c in world.open()] == [item.pk]
    proven(world)


def test_what_was_undone_can_be_decided_anew_and_undone_again(world, staff, asked):
    left, right, item = asked
    undone(world, staff, decided(world, staff, item, phone="left"))
    decisions = decided(world, staff, world.open()[0], phone="right")
    assert phones(world, left, right) == ("3", "3")
    undone(world, staff, decisions)
    assert phones(world, left, right) == ("2", "3")
    proven(world)


def test_the_journal_says_that_the_changes_wait_again_and_who_undid(world, staff, asked):
    _, _, item = asked
    undone(world, staff, decided(world, staff, item, phone="left"))
    reverted = world.history(disposition="reverted")
    assert {(e.side, e.new, e.old, e.actor) for e in reverted} == {
        ("left", '"2"', '"1"', str(staff)),
        ("right", '"3"', '"1"', str(staff)),
    }
    proof = prove(world.mapping)
    assert proof.reverted == 2
    assert proof.waiting == {"held": 2}
    written = world.history(kind="write", rule="person: undo")
    assert [(e.side, e.old, e.new, e.actor) for e in written] == [("right", '"2"', '"3"', str(staff))]


def test_a_policy_that_would_decide_now_does_not_decide_what_was_taken_back(world, staff, asked):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    world.set_field("phone", merge="newest")
    undone(world, staff, decisions)
    world.sync()
    assert phones(world, left, right) == ("2", "3")
    assert world.open()


def test_at_first_contact_there_is_no_ancestor_again(world, staff):
    left, right = world.both(email="ada@x", phone="")
    world.left.edit(left, phone="2")
    world.right.edit(right, phone="3")
    world.sync("reconcile")
    [item] = world.open()
    undone(world, staff, decided(world, staff, item, phone="right"))
    assert phones(world, left, right) == ("2", "3")
    assert not world.open()[0].fields.get().has_base
    world.sync("reconcile")
    assert phones(world, left, right) == ("2", "3")
    proven(world)


@both_sides
def test_drift_that_a_person_had_corrected_is_there_again_and_asked(world, staff, me):
    left, right = world.linked(email="ada@x", credit="1.00")
    world.set_field("credit", owner=me.value, drift="review")
    peer, row = world.peer(me.other), (left, right)[SIDES.index(me.other)]
    peer.edit(row, credit="5.00")
    world.sync()
    [item] = world.open()
    decisions = decided(world, staff, item, credit=me.value)
    assert float(peer.row(row)["credit"]) == 1
    undone(world, staff, decisions)
    assert float(peer.row(row)["credit"]) == 5
    assert world.open()
    proven(world)


def test_a_decision_that_was_not_carried_out_yet_is_withdrawn(world, staff, asked):
    left, right, item = asked
    world.pick(staff, item, phone="left")
    result = undo([d.pk for d in latest(item)], staff)
    assert [each.fate for each in result.withdrawn] == [Fate.WAITING]
    assert [c.pk for c in world.open()] == [item.pk]
    assert item.fields.get().pick is None
    world.sync()
    assert phones(world, left, right) == ("2", "3")
    proven(world)


@both_sides
def test_what_moved_since_is_left_alone_and_said(world, staff, asked, me):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    world.peer(me).edit((left, right)[SIDES.index(me)], phone="7")
    world.sync()
    result = undone(world, staff, decisions)
    assert [each.fate for each in result.left] == [Fate.MOVED]
    assert result.left[0].now == ("7", "7")
    assert result.left[0].since.side == me
    assert phones(world, left, right) == ("7", "7")
    assert not world.open()


@both_sides
def test_what_moved_since_is_undone_by_who_has_seen_the_newer_value(world, staff, asked, me):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    world.peer(me).edit((left, right)[SIDES.index(me)], phone="7")
    world.sync()
    number = decisions[0].pk
    stale = undone(world, staff, decisions, over={number: ("6", "6")})
    assert stale.left, "it is not what the person saw"
    undone(world, staff, decisions, over={number: ("7", "7")})
    assert phones(world, left, right) == ("2", "3")
    assert world.open()
    proven(world)


@both_sides
def test_an_edit_that_the_hub_had_not_seen_is_not_undone(world, staff, asked, me):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    world.peer(me).edit((left, right)[SIDES.index(me)], phone="7")
    undone(world, staff, decisions)
    assert phones(world, left, right) == ("7", "7")
    assert not world.open()
    item.refresh_from_db()
    assert item.closed_how == "not undone: it has changed meanwhile"
    assert Decision.objects.get().undone_at is None
    [each] = look(Decision.objects.all())
    assert each.fate is Fate.MOVED
    proven(world)


def test_a_newer_conflict_on_the_same_field_gives_way_to_the_undo_of_who_saw_it(world, staff, asked):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    world.left.edit(left, phone="7")
    world.right.edit(right, phone="8")
    world.sync()
    [newer] = world.open()
    assert newer.pk != item.pk
    undone(world, staff, decisions, over={decisions[0].pk: ("7", "8")})
    assert phones(world, left, right) == ("2", "3")
    assert [c.pk for c in world.open()] == [newer.pk]
    proven(world)


def test_an_undo_beside_another_open_question_of_the_record_leaves_that_open(world, staff, asked):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    world.left.edit(left, city="Rome")
    world.right.edit(right, city="Oslo")
    world.sync()
    undone(world, staff, decisions)
    assert phones(world, left, right) == ("2", "3")
    [both] = world.open()
    assert {f.field: (f.left, f.right) for f in both.fields.all()} == {
        "phone": ("2", "3"),
        "city": ("Rome", "Oslo"),
    }
    proven(world)


def test_one_of_two_fields_that_were_decided_can_be_undone(world, staff):
    left, right = world.linked(email="ada@x", phone="1", city="Paris")
    world.left.edit(left, phone="2", city="Rome")
    world.right.edit(right, phone="3", city="Oslo")
    world.sync()
    decisions = decided(world, staff, world.open()[0], phone="left", city="right")
    undone(world, staff, [d for d in decisions if d.field == "city"])
    assert phones(world, left, right) == ("2", "2")
    assert world.left.row(left)["city"] == "Rome"
    assert [f.field for f in world.open()[0].fields.all()] == ["city"]
    proven(world)


def test_a_group_is_undone_together_or_not_at_all(world, staff):
    world.set_field("phone", group="g")
    world.set_field("city", group="g")
    left, right = world.linked(email="ada@x", phone="1", city="Paris")
    world.left.edit(left, phone="2", city="Rome")
    world.right.edit(right, phone="3", city="Oslo")
    world.sync()
    decisions = decided(world, staff, world.open()[0], phone="left", city="left")
    world.left.edit(left, city="Bern")
    world.sync()
    result = undone(world, staff, decisions)
    assert {each.decision.field: each.fate for each in result.left} == {
        "phone": Fate.TOGETHER,
        "city": Fate.MOVED,
    }
    assert phones(world, left, right) == ("2", "2")


def test_a_record_that_was_left_as_it_is_is_asked_about_again(world, staff):
    left, _ = world.linked(email="ada@x", phone="1")
    world.left.delete(left)
    world.sync("reconcile")
    for _ in range(3):
        world.sync("reconcile")
    [item] = world.open()
    world.choose(staff, item, "leave")
    world.sync()
    assert not world.open()
    undone(world, staff, latest(item))
    assert [c.pk for c in world.open()] == [item.pk]
    proven(world)


def test_a_delete_is_not_undone_and_says_what_to_do(world, staff):
    left, _ = world.linked(email="ada@x", phone="1")
    world.left.delete(left)
    for _ in range(3):
        world.sync("reconcile")
    [item] = world.open()
    world.choose(staff, item, "delete")
    world.sync()
    [each] = undone(world, staff, latest(item)).left
    assert each.fate is Fate.DELETE
    assert "history" in str(each.why)
    assert Link.objects.filter(mapping=world.mapping, status="closed").exists()


def test_nothing_is_undone_twice(world, staff, asked):
    left, right, item = asked
    decisions = decided(world, staff, item, phone="left")
    undo([d.pk for d in decisions], staff)
    again = undo([d.pk for d in decisions], staff)
    assert [each.fate for each in again.left] == [Fate.BUSY]
    world.sync()
    assert [each.fate for each in undo([d.pk for d in decisions], staff).left] == [Fate.DONE]
    assert phones(world, left, right) == ("2", "3")


def test_a_bulk_run_is_written_and_undone_but_for_what_moved_since(world, staff):
    pairs = [world.linked(email=f"p{n}@x", phone="1") for n in range(4)]
    for n, (left, right) in enumerate(pairs):
        world.left.edit(left, phone=f"l{n}")
        world.right.edit(right, phone=f"r{n}")
    world.sync()
    run = carried_out(bulk.start(Rule.LEFT, staff, query=f"mapping={world.mapping.name}"))
    world.sync()
    assert [phones(world, *pair) for pair in pairs] == [(f"l{n}", f"l{n}") for n in range(4)]
    world.right.edit(pairs[0][1], phone="newer")
    world.sync()
    undo_run = carried_out(bulk.start_undo(run, staff))
    world.sync()
    assert dict(undo_run.items.filter(state="left out").values_list("reason", "label")) == {"moved": "p0@x"}
    assert [phones(world, *pair) for pair in pairs[1:]] == [(f"l{n}", f"r{n}") for n in range(1, 4)]
    assert phones(world, *pairs[0]) == ("newer", "newer")
    assert len(world.open()) == 3
    carried_out(bulk.start_undo(run, staff, override=True))
    world.sync()
    assert phones(world, *pairs[0]) == ("l0", "r0")
    assert len(world.open()) == 4
    proven(world)


def carried_out(run):
    assert bulk.prepare(run.pk)
    bulk.confirm(run.pk)
    while bulk.step(run.pk).more:
        pass
    run.refresh_from_db()
    return run


@pytest.fixture
def taken_by_two(world, staff, asked, django_user_model):
    """A written decision that two people made; who approved it, the item and its decisions."""
    left, right, item = asked
    second = django_user_model.objects.create_user("bert", is_staff=True)
    world.set_field("phone", two_people=True)
    world.pick(staff, item, phone="left")
    approve(item.pk, item.second_looks.get().pk, second, timezone.now())
    world.sync()
    item.refresh_from_db()
    assert item.state == ConflictState.CLOSED
    assert phones(world, left, right) == ("2", "2")
    return second, item, list(latest(item))


def test_what_two_decided_two_undo(world, staff, asked, taken_by_two):
    left, right, _ = asked
    second, item, decisions = taken_by_two
    assert [each.fate for each in undone(world, staff, decisions).left] == [Fate.TWO_PEOPLE]
    assert phones(world, left, right) == ("2", "2")
    propose_undo(item.pk, {d.pk: None for d in decisions}, staff, timezone.now())
    world.sync()
    assert phones(world, left, right) == ("2", "2")
    approve(item.pk, item.second_looks.get(answer="").pk, second, timezone.now())
    world.sync()
    assert phones(world, left, right) == ("2", "3")
    assert [c.pk for c in world.open()] == [item.pk]
    proven(world)


def test_an_undo_that_waits_for_a_second_person_is_not_carried_out_over_what_came_since(
    world, staff, asked, taken_by_two
):
    left, right, _ = asked
    second, item, decisions = taken_by_two
    propose_undo(item.pk, {d.pk: None for d in decisions}, staff, timezone.now())
    world.left.edit(left, phone="7")
    world.sync()
    proposal = item.second_looks.get(answer="")
    with pytest.raises(Refused, match="It has changed since"):
        approve(item.pk, proposal.pk, second, timezone.now())
    decline(item.pk, proposal.pk, second, timezone.now(), "it has moved")
    assert phones(world, left, right) == ("7", "7")
    propose_undo(item.pk, {d.pk: ("7", "7") for d in decisions}, staff, timezone.now())
    world.right.edit(right, phone="8")
    world.sync()
    proposal = item.second_looks.get(answer="")
    with pytest.raises(Refused, match="It has changed since"):
        approve(item.pk, proposal.pk, second, timezone.now())
    decline(item.pk, proposal.pk, staff, timezone.now())
    propose_undo(item.pk, {d.pk: ("8", "8") for d in decisions}, staff, timezone.now())
    approve(item.pk, item.second_looks.get(answer="").pk, second, timezone.now())
    world.sync()
    assert phones(world, left, right) == ("2", "3")
    proven(world)
