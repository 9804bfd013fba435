"""F20: systems that keep setting a value back are stopped after three turns; a quiet hub asks for little."""

import pytest

from syncadmin.core.side import SIDES

from .acts import ANNA, at_rest

pytestmark = pytest.mark.runs_once


def set_back(world, pair, turns: int) -> None:
    """Automations in both systems answer each of our writes by setting their own value again."""
    for _ in range(turns):
        for side, mine in zip(SIDES, ("a", "b"), strict=True):
            if world.peer(side).row(pair[side])["phone"] != mine:
                world.peer(side).edit(pair[side], phone=mine)
            world.sync()


def test_f20_a_value_that_bounces_is_stopped_after_three_turns_and_takes_no_more_quota(world, through_door):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    door = through_door(world)
    set_back(world, pair, turns=4)
    (conflict,) = world.open()
    (field,) = conflict.fields.all()
    assert field.field == "phone"
    assert "setting it back" in field.reason
    values = [entry.new for entry in world.history(kind="write", field="phone")]
    assert len(values) <= 5
    sent = len(door.written)
    set_back(world, pair, turns=2)
    assert len(door.written) == sent
    assert len(world.history(kind="write", field="phone")) == len(values)
    assert [c.pk for c in world.open()] == [conflict.pk]
    at_rest(world)


def test_f20_the_rest_of_the_record_goes_on_and_a_decision_ends_it(world, staff):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    set_back(world, pair, turns=4)
    for side, values in zip(SIDES, ({"city": "Bonn"}, {"notes": "called"}), strict=True):
        world.peer(side).edit(pair[side], **values)
    world.sync()
    for side in SIDES:
        row = world.peer(side).row(pair[side])
        assert (row["city"], row["notes"]) == ("Bonn", "called")
    world.pick(staff, world.open()[0], phone="right")
    world.sync()
    assert {world.peer(side).row(pair[side])["phone"] for side in SIDES} == {"b"}
    at_rest(world)


def test_f20_a_hub_with_nothing_to_do_writes_nothing_and_asks_a_handful_of_questions(world, through_door):
    for n in range(30):
        world.both(**ANNA | {"email": f"{n}@example.com"})
    world.sync()
    world.sync()
    door = through_door(world)
    for _ in range(3):
        before = len(door.passed)
        world.sync()
        assert len(door.passed) - before <= 4
    assert door.written == []
