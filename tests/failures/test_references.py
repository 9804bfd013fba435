"""F29: parents first; a reference is translated to the other side's key or waits, and never dangles."""

import pytest

from syncadmin.core.side import SIDES, Side
from syncadmin.models import FieldMapping
from tests.engine.world import World

from .acts import ANNA, at_rest, in_time


@pytest.fixture
def family(world: World) -> World:
    """Contacts that belong to companies; the two systems number theirs differently."""
    FieldMapping.objects.create(
        mapping=world.mapping,
        name="company",
        left="company_id",
        right="company_id",
        type="reference",
        target=world.companies,
    )
    world.left.add("companies", name="Filler")
    world.sync(mapping=world.companies)
    world.sync()
    return world


def company(world: World, side: Side, name: str) -> object:
    """The key that `side` has given to a company."""
    return next(row["id"] for row in world.peer(side).rows("companies") if row["name"] == name)


def dangling(world: World) -> list[dict]:
    """Contacts that refer to what their own system does not hold."""
    found = []
    for peer in (world.left, world.right):
        held = {row["id"] for row in peer.rows("companies")}
        found += [row for row in peer.rows() if row["company_id"] and row["company_id"] not in held]
    return found


def parents_too(world: World) -> None:
    """Both mappings get their turn, and what waited is due."""
    world.sync(mapping=world.companies)
    in_time(world)
    world.sync()
    in_time(world)
    world.sync()


@pytest.mark.parametrize("side", SIDES)
def test_f29_a_child_waits_for_its_parent_and_then_refers_to_the_other_sides_key(family, side):
    world = family
    here, there = world.peer(side), world.peer(side.other)
    acme = here.add("companies", name="Acme")
    here.add(**ANNA, company_id=acme)
    world.sync()
    assert there.rows() == []
    parents_too(world)
    assert there.rows()[0]["company_id"] == company(world, side.other, "Acme") != acme
    assert dangling(world) == []
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f29_a_reference_that_moves_to_a_new_parent_waits_and_the_rest_of_the_record_does_not(family, side):
    world = family
    pair = {}
    here, there = world.peer(side), world.peer(side.other)
    pair[side] = here.add(**ANNA, company_id=company(world, side, "Filler"))
    world.sync()
    pair[side.other] = there.rows()[0]["id"]
    acme = here.add("companies", name="Acme")
    here.edit(pair[side], company_id=acme)
    world.sync()
    assert there.row(pair[side.other])["company_id"] == company(world, side.other, "Filler")
    assert here.row(pair[side])["company_id"] == acme
    parents_too(world)
    assert there.row(pair[side.other])["company_id"] == company(world, side.other, "Acme")
    assert dangling(world) == []
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f29_a_reference_to_nothing_stays_where_it_is_and_is_never_passed_on(family, side):
    world = family
    here, there = world.peer(side), world.peer(side.other)
    nobody = 4711 if side is Side.LEFT else "nosuchcompanyxx"
    here.add(**ANNA, company_id=nobody)
    here.add(**ANNA | {"email": "bert@example.com"})
    world.sync()
    parents_too(world)
    assert [row["email"] for row in there.rows()] == ["bert@example.com"]


def test_f29_a_parent_that_waits_for_a_person_holds_its_children_and_nobody_else(family, staff):
    """F09: what is parked holds itself and what refers to it."""
    world = family
    acme = world.left.add("companies", name="Acme")
    twins = [world.right.add("companies", name="Acme") for _ in range(2)]
    world.sync(mapping=world.companies)
    world.left.add(**ANNA, company_id=acme)
    world.left.add(**ANNA | {"email": "bert@example.com"}, company_id=company(world, Side.LEFT, "Filler"))
    parents_too(world)
    assert [row["email"] for row in world.right.rows()] == ["bert@example.com"]
    mine = next(conflict for conflict in world.open() if conflict.side == "left")
    world.choose(staff, mine, "link", twins[1])
    parents_too(world)
    anna = next(row for row in world.right.rows() if row["email"] == ANNA["email"])
    assert anna["company_id"] == twins[1]
    assert dangling(world) == []


@pytest.mark.parametrize("side", SIDES)
def test_f29_an_empty_reference_is_passed_on_as_empty(family, side):
    world = family
    here, there = world.peer(side), world.peer(side.other)
    key = here.add(**ANNA, company_id=company(world, side, "Filler"))
    world.sync()
    assert there.rows()[0]["company_id"] == company(world, side.other, "Filler")
    here.edit(key, company_id=None if side is Side.LEFT else "")
    world.sync()
    assert not there.rows()[0]["company_id"]
    at_rest(world)
