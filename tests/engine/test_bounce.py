"""F20: a value that two systems keep setting back is stopped after three turns, and shown."""

from .test_pass import ANNA


def test_f20_a_value_that_bounces_is_held_after_three_turns_and_takes_no_more_writes(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="a")
    world.sync()
    for turn in range(8):  # each system answers our write by setting its own value again
        peer, key, value = (world.right, right, "b") if turn % 2 == 0 else (world.left, left, "a")
        if peer.row(key)["phone"] != value:
            peer.edit(key, phone=value)
        world.sync()
    (conflict,) = world.open()
    assert "setting it back" in conflict.reason
    writes = len(world.history(kind="write", field="phone"))
    assert writes <= 5
    world.sync("reconcile")
    assert len(world.history(kind="write", field="phone")) == writes


def test_f20_other_fields_of_a_record_that_bounces_go_on(world):
    left, right = world.linked(**ANNA)
    for turn in range(8):
        peer, key, value = (world.right, right, "b") if turn % 2 else (world.left, left, "a")
        peer.edit(key, phone=value)
        world.sync()
    assert len(world.open()) == 1
    world.right.edit(right, city="Bonn")
    world.sync()
    assert world.left.row(left)["city"] == "Bonn"


def test_a_person_who_changes_their_mind_twice_is_no_bounce(world):
    left, right = world.linked(**ANNA)
    for value in ("a", "b", "a", "c"):
        world.left.edit(left, phone=value)
        world.sync()
        assert world.right.row(right)["phone"] == value
    assert world.open() == []


def test_a_pick_on_a_value_that_bounces_is_written(world, staff):
    left, right = world.linked(**ANNA)
    for turn in range(8):
        peer, key, value = (world.right, right, "b") if turn % 2 else (world.left, left, "a")
        peer.edit(key, phone=value)
        world.sync()
    (conflict,) = world.open()
    world.pick(staff, conflict, phone="left")
    world.sync()
    assert world.left.row(left)["phone"] == world.right.row(right)["phone"]
    assert world.open() == []
