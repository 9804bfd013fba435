"""The hub's database is of yesterday, the systems are of today: nothing is lost, doubled or put back.

`lost()` plays it: what the hub stored within is gone, what it and the users did in the systems is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from syncadmin.core.side import SIDES, Side
from syncadmin.engine import lease, restored, store
from syncadmin.engine.prove import prove
from syncadmin.models import Link, MappingState, Mark, Pass
from tests.engine.test_guards import approve
from tests.engine.test_recovery import STEPS, kill_at
from tests.engine.world import World

from .acts import ANNA, at_rest, same_everywhere, writes

pytestmark = pytest.mark.runs_once  # test_restored_hub.py does all of it on the hub's own database


@pytest.fixture
def world(world: World) -> World:
    """PostgreSQL and PocketBase, whose clocks are this machine's: times decide to the microsecond."""
    world.set(clock_tolerance=0, deletes="propagate")
    return world


@contextmanager
def lost() -> Iterator[None]:
    """The hub's database is afterwards as it was before."""
    before = transaction.savepoint()
    yield
    transaction.savepoint_rollback(before)


def nothing_open(world: World) -> None:
    """Both sides show the same, nobody is asked, and the journal fits what the systems hold."""
    assert same_everywhere(world)
    assert world.open() == []
    at_rest(world)
    assert prove(world.mapping, live=True).findings == []


def asked_fields(world: World) -> list[tuple[str, object, object]]:
    return [(f.field, f.left, f.right) for conflict in world.open() for f in conflict.fields.all()]


# ---------------------------------------------------------------- recognised


def test_a_number_that_is_given_out_again_tells_that_the_database_is_older(world):
    left, _ = world.linked(**ANNA)
    with lost():
        world.left.edit(left, phone="030 2")
        token = Pass.objects.get(pk=world.sync().pk).token
    first = world.sync()
    assert (first.kind, first.token) == ("reconcile", token + 1)
    assert [e.rule for e in world.history(kind="note") if e.rule.startswith("restored from a backup")]
    assert world.sync().kind == "incremental"


def test_a_worker_of_before_can_store_nothing_after_the_operator_has_said_it(world):
    world.sync()
    with lost():
        stale = lease.acquire(world.mapping.pk, "before", lambda: Pass.objects.latest("pk").started_at)
    as_of = restored.declare(world.mapping.pk, Pass.objects.latest("pk").finished_at)
    assert as_of >= Pass.objects.latest("pk").started_at
    with pytest.raises(lease.LeaseLost), stale.fenced():
        pass
    assert world.sync().kind == "reconcile"


def test_a_backup_of_the_middle_of_a_pass_is_recognised(world, monkeypatch):
    """The last number that it knows was given to a pass that did more than it knows of."""
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    saved, real = [], store.store_plans

    def save_first(*args):
        saved.append(transaction.savepoint())
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(store, "store_plans", save_first)
        world.sync()
    world.right.edit(right, phone=ANNA["phone"])  # put back
    transaction.savepoint_rollback(saved[0])
    MappingState.objects.update(expires_at=None)  # the worker of then is long gone
    assert world.sync().kind == "reconcile"
    assert world.right.row(right)["phone"] == ANNA["phone"]
    assert asked_fields(world) == [("phone", "030 2", ANNA["phone"])]
    at_rest(world)


def test_a_time_that_the_operator_has_given_is_not_replaced_by_what_the_witness_knows(world):
    left, _ = world.linked(**ANNA)
    with lost():
        world.left.edit(left, phone="030 2")
        world.sync()
    then = restored.declare(world.mapping.pk, timezone.now(), as_of=timezone.now() - timedelta(hours=2))
    world.sync()
    notes = [e.rule for e in world.history(kind="note") if e.rule.startswith("restored from a backup")]
    assert len(notes) == 1
    assert f"{then:%Y-%m-%d %H:%M:%S}" in notes[0]


def test_a_hub_that_was_not_restored_recognises_nothing(world):
    left, _ = world.linked(**ANNA)
    for phone in ("030 2", "030 3"):
        world.left.edit(left, phone=phone)
        assert world.sync().kind == "incremental"


# ---------------------------------------------------------------- fields


def test_what_had_been_synced_since_the_backup_is_agreed_without_a_write(world):
    left, right = world.linked(**ANNA)
    before = writes(world)
    with lost():
        world.left.edit(left, phone="030 2")
        world.right.edit(right, city="Bonn")
        world.sync()
        world.sync()
    world.sync()
    assert (world.left.row(left)["city"], world.right.row(right)["phone"]) == ("Bonn", "030 2")
    assert writes(world) == before
    nothing_open(world)


@pytest.mark.parametrize(("side", "merge"), [(Side.LEFT, "prefer left"), (Side.RIGHT, "newest")])
def test_an_edit_that_saw_a_forgotten_one_is_not_overwritten_by_it(world, staff, side, merge):
    """Phone 2 went from one side to the other, where somebody then made it 3: nobody may put 2 back."""
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    world.set_field("phone", merge=merge)
    with lost():
        world.peer(side).edit(pair[side], phone="030 2")
        world.sync()
    world.peer(side.other).edit(pair[side.other], phone="030 3")
    world.sync()
    assert world.peer(side.other).row(pair[side.other])["phone"] == "030 3"
    assert world.peer(side).row(pair[side])["phone"] == "030 2"
    at_rest(world)
    (conflict,) = world.open()
    world.pick(staff, conflict, phone=side.other.value)
    world.sync()
    assert world.peer(side).row(pair[side])["phone"] == "030 3"
    nothing_open(world)


def test_a_value_that_was_put_back_stays_put_back(world, staff):
    """To the backup it looks as if one side alone had changed."""
    side = Side.LEFT
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    with lost():
        world.peer(side).edit(pair[side], phone="030 2")
        world.sync()
    world.peer(side.other).edit(pair[side.other], phone=ANNA["phone"])
    world.sync()
    assert asked_fields(world)[0][0] == "phone"
    assert world.peer(side.other).row(pair[side.other])["phone"] == ANNA["phone"]
    at_rest(world)
    world.pick(staff, world.open()[0], phone=side.other.value)
    world.sync()
    assert world.peer(side).row(pair[side])["phone"] == ANNA["phone"]
    nothing_open(world)


def test_a_count_is_not_added_a_second_time(world, staff):
    left, right = world.linked(**ANNA)
    with lost():
        world.left.edit(left, points=6)
        world.sync()
    world.sync()
    assert (world.left.row(left)["points"], world.right.row(right)["points"]) == (6, 6)
    at_rest(world)
    world.pick(staff, world.open()[0], points="left")
    world.sync()
    assert (world.left.row(left)["points"], world.right.row(right)["points"]) == (6, 6)
    nothing_open(world)


def test_a_member_that_was_removed_is_not_added_again(world):
    left, right = world.linked(**ANNA | {"tags": "a"})
    world.right.edit(right, tags="a")
    world.sync()
    with lost():
        world.left.edit(left, tags="a;b")
        world.sync()
    world.right.edit(right, tags="a,c")
    world.sync()
    assert (world.left.row(left)["tags"], world.right.row(right)["tags"]) == ("a;b", "a,c")
    assert [name for name, *_ in asked_fields(world)] == ["tags"]


def test_what_nobody_can_have_touched_since_takes_the_ordinary_way(world):
    """The hub was away for a while: edits of one side, and the owner's, need no person."""
    left, right = world.linked(**ANNA)
    other = world.both(**ANNA | {"email": "bert@example.com"})
    world.sync("reconcile")
    with lost():
        world.sync()
    world.left.edit(left, phone="030 2", points=7)
    world.left.edit(other[0], credit=9)
    world.right.edit(other[1], status="gold")
    world.sync()
    assert (world.right.row(right)["phone"], world.right.row(right)["points"]) == ("030 2", 7)
    assert (world.right.row(other[1])["credit"], world.left.row(other[0])["status"]) == (9, "gold")
    nothing_open(world)


def test_another_record_under_the_old_key_is_not_blended_with_the_one_that_had_it(world):
    """Some systems give the key of a deleted record again; then nothing but the match values tell."""
    left, right = world.linked(**ANNA)
    with lost():
        world.sync()
    world.left.edit(left, email="bert@example.com", phone="040 4", city="Kiel", status="gold")
    before = world.right.row(right)
    world.sync()
    assert world.right.row(right) == before
    assert {name for name, *_ in asked_fields(world)} == {"email", "phone", "city", "status"}
    at_rest(world)


def test_versions_tell_better_than_times_what_was_touched(with_kinto):
    world = with_kinto
    left, right = world.linked(**ANNA)
    world.left.edit(left, city="Bonn")
    world.sync()
    with lost():
        world.sync()
    world.left.edit(left, phone="030 2")
    world.sync()
    assert world.right.row(right)["phone"] == "030 2"
    assert world.open() == []


def test_a_decision_that_was_carried_out_is_not_carried_out_over_what_came_after(world, staff):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    world.pick(staff, world.open()[0], phone="left")
    with lost():
        world.sync()
        assert world.right.row(right)["phone"] == "030 2"
    world.right.edit(right, phone="030 3")  # somebody did not like the decision
    world.sync()
    assert world.right.row(right)["phone"] == "030 3"
    assert asked_fields(world) == [("phone", "030 2", "030 3")]
    at_rest(world)
    world.pick(staff, world.open()[0], phone="right")
    world.sync()
    assert world.left.row(left)["phone"] == "030 3"
    nothing_open(world)


def test_a_decision_that_was_made_after_the_backup_is_found_to_be_done(world, staff):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    with lost():
        world.pick(staff, world.open()[0], phone="right")
        world.sync()
    assert len(world.open()) == 1
    world.sync()
    assert world.left.row(left)["phone"] == "030 3"
    nothing_open(world)


# ---------------------------------------------------------------- records


def test_records_that_were_made_since_find_each_other_again(world):
    world.sync()
    with lost():
        world.left.add(**ANNA)
        world.right.add(**ANNA | {"email": "bert@example.com"})
        world.sync()
    world.sync()
    assert [len(world.peer(side).rows()) for side in SIDES] == [2, 2]
    assert Link.objects.filter(mapping=world.mapping, status="open").count() == 2
    nothing_open(world)


def test_an_edit_of_a_copy_that_the_hub_forgot_is_not_overwritten(world):
    world.set(first_contact="prefer left")
    world.sync()
    with lost():
        left = world.left.add(**ANNA)
        world.sync()
    copy = world.right.rows()[0]["id"]
    world.right.edit(copy, phone="", city="Bonn")
    world.sync()
    assert (world.right.row(copy)["city"], world.right.row(copy)["phone"]) == ("Bonn", "")
    assert (world.left.row(left)["city"], world.left.row(left)["phone"]) == (ANNA["city"], ANNA["phone"])
    assert {name for name, *_ in asked_fields(world)} == {"phone", "city"}
    at_rest(world)


def test_a_copy_that_can_no_longer_be_matched_is_not_made_again(world, staff):
    side = Side.RIGHT
    world.sync()
    with lost():
        key = world.peer(side).add(**ANNA | {"notes": "prefers to be called", "status": "gold"})
        world.sync()
    other = world.peer(side.other)
    copy = other.rows()[0]["id"]
    other.edit(copy, email="anna@example.org")
    world.sync()
    assert [len(world.peer(s).rows()) for s in SIDES] == [1, 1]
    assert {conflict.kind for conflict in world.open()} == {"ambiguous match"}
    at_rest(world)
    mine = next(conflict for conflict in world.open() if conflict.side == side.value)
    assert mine.key == str(key)
    world.choose(staff, mine, "link", str(copy))
    world.sync()
    assert Link.objects.get(mapping=world.mapping, status="open")
    assert [len(world.peer(s).rows()) for s in SIDES] == [1, 1]


def test_a_record_that_was_deleted_since_comes_back_only_if_somebody_says_so(world, staff):
    """To the backup, the original of a deleted copy looks like a new record."""
    side = Side.LEFT
    world.linked(**ANNA | {"email": "bert@example.com"})
    with lost():
        world.peer(side).add(**ANNA)
        world.sync()
    other = world.peer(side.other)
    other.delete(next(row["id"] for row in other.rows() if row["email"] == ANNA["email"]))
    for _ in range(2):
        stopped = world.attempt()
        assert stopped.state == "stopped"
        assert "would make 1 and delete 0 records" in stopped.message
    assert len(other.rows()) == 1
    approve(staff)
    world.sync()
    assert len(other.rows()) == 2
    nothing_open(world)


def test_a_delete_that_the_hub_had_passed_on_is_over(world):
    side = Side.RIGHT
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    with lost():
        world.peer(side).delete(pair[side])
        world.sync("reconcile")
        assert world.peer(side.other).rows() == []
    world.sync()
    assert not Link.objects.filter(mapping=world.mapping, status="open").exists()
    nothing_open(world)


@pytest.mark.parametrize("side", SIDES)
def test_a_delete_since_the_backup_is_asked_about_before_it_is_passed_on(world, staff, side):
    world.set(guard_floor=100)
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    with lost():
        world.peer(side.other).edit(pair[side.other], phone="030 2")
        world.sync()
    world.peer(side).delete(pair[side])
    world.sync()
    assert world.peer(side.other).row(pair[side.other])["phone"] == "030 2"
    at_rest(world)
    (conflict,) = world.open()
    world.choose(staff, conflict, "delete")
    world.sync()
    assert world.peer(side.other).rows() == []
    nothing_open(world)


def test_a_record_that_the_hub_had_brought_back_is_neither_doubled_nor_deleted(world, staff):
    left, right = world.linked(**ANNA)
    world.set(edit_vs_delete="restore")
    with lost():
        world.left.delete(left)
        world.right.edit(right, phone="030 2")
        world.sync("reconcile")
        assert [row["phone"] for row in world.left.rows()] == ["030 2"]
    for kind in ("incremental", "reconcile"):
        world.attempt(kind)
    assert [[row["phone"] for row in world.peer(side).rows()] for side in SIDES] == [["030 2"]] * 2
    assert world.open()


def test_a_new_record_does_not_get_the_key_that_a_forgotten_one_was_given(with_kinto, staff):
    """Keys that the hub gives are made of its own numbers, and a restored database gives these again."""
    world = with_kinto
    world.linked(**ANNA | {"email": "first@example.com"})
    with lost():
        world.left.add(**ANNA)
        world.sync()
    world.left.add(**ANNA | {"email": "bert@example.com"})
    assert world.attempt().state == "stopped"
    approve(staff)
    world.sync()
    emails = ["anna@example.com", "bert@example.com", "first@example.com"]
    assert sorted(row["email"] for row in world.right.rows()) == emails
    nothing_open(world)


def test_a_create_that_was_under_way_when_the_backup_was_made_is_found_to_be_done(world, monkeypatch):
    world.sync()
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, *STEPS["after the plan is stored, before anything is sent"])
    with lost():
        world.sync()
        assert len(world.right.rows()) == 1
    world.attempt()
    assert len(world.right.rows()) == 1
    assert Link.objects.filter(mapping=world.mapping, status="open").count() == 1
    nothing_open(world)


def test_after_the_comparison_everything_is_as_ever(world):
    left, right = world.linked(**ANNA)
    with lost():
        world.left.edit(left, phone="030 2")
        world.sync()
    world.sync()
    for phone in ("030 3", "030 4"):
        world.left.edit(left, phone=phone)
        world.sync()
        assert world.right.row(right)["phone"] == phone
    assert not Mark.objects.exclude(as_of=None).exists()
    nothing_open(world)
