"""F03, F06: one entity is one record on each side, whoever dies in between, and whoever shares its key."""

import pytest

from syncadmin.core.side import SIDES
from syncadmin.models import Link
from tests.engine.test_recovery import STEPS, kill_at
from tests.engine.world import World

from .acts import ANNA, at_rest, in_time, writes


def one_each(world: World) -> None:
    """One record on each side, linked."""
    assert [[row["email"] for row in p.rows()] for p in (world.left, world.right)] == [[ANNA["email"]]] * 2
    assert Link.objects.filter(mapping=world.mapping, status="open").count() == 1
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", STEPS)
def test_f03_a_worker_that_dies_during_a_create_makes_no_second_record(world, monkeypatch, step, side):
    world.sync()
    world.peer(side).add(**ANNA)
    kill_at(world, monkeypatch, *STEPS[step])
    world.sync()
    one_each(world)


def test_f03_a_record_that_was_made_by_a_dying_worker_and_edited_since_is_found_again(world, monkeypatch):
    world.sync()
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, *STEPS["after everything was sent, before an answer is stored"])
    made = world.right.rows()[0]["id"]
    world.right.edit(made, city="Bonn")
    world.sync()
    world.sync()
    assert (
        [row["city"] for row in world.left.rows()] == [row["city"] for row in world.right.rows()] == ["Bonn"]
    )
    one_each(world)


def test_f03_also_where_the_system_takes_ids_from_the_hub(with_kinto, monkeypatch):
    world = with_kinto
    world.sync()
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, *STEPS["after everything was sent, before an answer is stored"])
    world.sync()
    one_each(world)


def test_f06_two_records_that_share_a_key_are_parked_for_a_person_and_neither_is_written(world, staff):
    world.sync()
    left = world.left.add(**ANNA)
    first, second = world.right.add(**ANNA | {"phone": "030 7"}), world.right.add(**ANNA | {"phone": "030 8"})
    before = world.left.rows(), world.right.rows()
    world.sync()
    assert (world.left.rows(), world.right.rows()) == before
    assert {conflict.kind for conflict in world.open()} == {"ambiguous match"}
    at_rest(world)
    mine = next(conflict for conflict in world.open() if conflict.side == "left")
    world.choose(staff, mine, "link", first)
    world.sync()
    assert Link.objects.get().right_key == first
    assert world.right.row(second)["phone"] == "030 8"
    assert world.left.row(left)["phone"] == ANNA["phone"]


@pytest.mark.parametrize("side", SIDES)
def test_f06_a_record_that_comes_later_with_the_key_of_a_linked_one_is_not_blended_into_it(world, side):
    pair = world.linked(**ANNA)
    world.peer(side).add(**ANNA | {"phone": "030 7", "city": "Bonn"})
    before = writes(world)
    world.sync()
    in_time(world)
    assert writes(world) == before
    (conflict,) = world.open()
    assert conflict.kind == "ambiguous match"
    for s, key in zip(SIDES, pair, strict=True):
        assert world.peer(s).row(key)["phone"] == ANNA["phone"]
    assert len(world.peer(side).rows()) == 2
    assert len(world.peer(side.other).rows()) == 1
    at_rest(world)
