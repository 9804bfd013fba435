"""F01, F11, F16: what somebody edited is neither undone, nor asked about for nothing, nor overwritten."""

from threading import Thread

import pytest

from syncadmin.core.side import SIDES
from syncadmin.embedded import wait_until

from .acts import ANNA, after_writing, at_rest, before_writing, writes
from .door import Request


@pytest.mark.parametrize("side", SIDES)
def test_f01_a_second_edit_while_the_echo_of_the_first_returns_is_never_reverted(world, side):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    here, there = world.peer(side), world.peer(side.other)
    for phone in ("030 2", "030 3", "030 2"):
        here.edit(pair[side], phone=phone)
        world.sync()
        assert here.row(pair[side])["phone"] == phone
        assert there.row(pair[side.other])["phone"] == phone
    assert world.history(kind="write", side=side.value, field="phone") == []
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("moment", [before_writing, after_writing])
def test_f01_a_second_edit_while_the_first_is_being_written_wins_on_both_sides(
    world, monkeypatch, side, moment
):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    here, there = world.peer(side), world.peer(side.other)
    here.edit(pair[side], phone="030 2")
    moment(monkeypatch, lambda: here.edit(pair[side], phone="030 3"))
    world.sync()
    assert here.row(pair[side])["phone"] == "030 3"
    world.sync()
    assert here.row(pair[side])["phone"] == there.row(pair[side.other])["phone"] == "030 3"
    assert world.open() == []
    at_rest(world)


def test_f11_the_same_change_on_both_sides_is_no_conflict_whatever_its_form(world):
    left, right = world.linked(**ANNA)
    before = writes(world)
    world.left.edit(left, email=" ANNA@example.org ", phone="030 2", tags="a;b")
    world.right.edit(right, email="anna@example.org", phone="030 2", tags="b,a")
    world.sync()
    assert world.open() == []
    assert writes(world) == before
    assert {e.disposition for e in world.history(kind="disposition", field="phone")} == {"converged"}
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f16_an_edit_between_the_hubs_read_and_its_write_is_not_overwritten(world, monkeypatch, side):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    world.peer(side).edit(pair[side], phone="030 2")
    other = world.peer(side.other)
    before_writing(monkeypatch, lambda: other.edit(pair[side.other], phone="030 9", city="Bonn"))
    world.sync()
    assert other.row(pair[side.other])["phone"] == "030 9"
    assert world.peer(side).row(pair[side])["phone"] == "030 2"
    (conflict,) = world.open()
    (field,) = conflict.fields.all()
    assert {field.left, field.right} == {"030 2", "030 9"}
    world.sync()
    assert world.peer(side).row(pair[side])["city"] == "Bonn"
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f16_an_edit_between_the_hubs_read_and_its_delete_keeps_the_record(world, monkeypatch, side):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    world.set(deletes="propagate")
    world.peer(side).delete(pair[side])
    other = world.peer(side.other)
    before_writing(monkeypatch, lambda: other.edit(pair[side.other], phone="030 9"))
    world.sync("reconcile")
    assert other.row(pair[side.other])["phone"] == "030 9"
    (conflict,) = world.open()
    assert conflict.kind == "deleted / changed"
    at_rest(world)


def test_f16_an_edit_that_is_not_committed_yet_is_waited_for_and_not_overwritten(world):
    """PostgreSQL: the hub's update waits for the other's lock, and then finds the row changed."""
    left, right = world.linked(**ANNA)
    world.right.edit(right, phone="030 2")
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with world.left.engine.connect() as somebody:
        somebody.exec_driver_sql("UPDATE contacts SET phone = '030 9', updated_at = clock_timestamp()")

        def commit() -> None:
            wait_until(lambda: bool(world.left.run(waits)), timeout=20, what="the hub waits for the row")
            somebody.commit()

        committing = Thread(target=commit)
        committing.start()
        world.sync()
        committing.join()
    assert world.left.row(left)["phone"] == "030 9"
    assert world.right.row(right)["phone"] == "030 2"
    assert [conflict.kind for conflict in world.open()] == ["field"]
    at_rest(world)


def test_f16_an_edit_at_the_very_moment_of_the_write_is_refused_by_the_system_itself(
    with_kinto, through_door
):
    """Kinto: the edit comes after the last look of the hub, and If-Match holds."""
    world = with_kinto
    left, right = world.linked(**ANNA)
    door = through_door(world)
    edits = ["030 9"]

    def first_the_user(request: Request) -> None:
        if request.writes and edits:
            world.right.edit(right, phone=edits.pop())

    door.rule = first_the_user
    world.left.edit(left, phone="030 2")
    world.sync()
    assert world.right.row(right)["phone"] == "030 9"
    (conflict,) = world.open()
    assert (conflict.fields.get().left, conflict.fields.get().right) == ("030 2", "030 9")
    at_rest(world)
