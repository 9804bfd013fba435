"""Two mappings of the same two tables: a delete that a person decides in one takes nothing along unseen."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conflicts.models import Conflict
from syncadmin.engine import indoubt
from syncadmin.engine import run as engine
from syncadmin.engine.prove import prove
from syncadmin.engine.shared import ALONE, PAIRED
from syncadmin.models import FieldMapping, Mapping, Mark

from .test_pass import ANNA, quiet
from .world import World


@pytest.fixture
def cities(world: World) -> Mapping:
    """The second mapping: of the cities, while the first one knows nothing of them."""
    FieldMapping.objects.filter(mapping=world.mapping, name="city").delete()
    first = world.mapping
    second = Mapping.objects.create(
        name="cities", left=first.left, right=first.right, match=["email"], create="none", deletes="ignore"
    )
    for position, name in enumerate(("email", "city")):
        FieldMapping.objects.create(
            mapping=second, position=position, name=name, left=name, right=name, type="text"
        )
    return second


@pytest.fixture
def disputed(world: World, cities: Mapping) -> tuple[Conflict, Conflict]:
    """The left record is deleted, and of the right one something of each mapping is changed: both ask."""
    left, right = world.linked(**ANNA)
    world.sync(mapping=cities)
    world.left.delete(left)
    world.right.edit(right, phone="030 2", city="Bonn")
    both(world, cities, "reconcile")
    [first], [second] = world.open(), of(cities)
    return first, second


def of(mapping: Mapping) -> list[Conflict]:
    """What waits in the inbox for a mapping."""
    return list(Conflict.objects.waiting().filter(mapping=mapping))


def both(world: World, cities: Mapping, kind: str = "incremental") -> None:
    """A pass of each mapping; what waits is due."""
    for mapping in (cities, world.mapping, cities):
        Mark.objects.update(not_before="2020-01-01T00:00:00Z")
        world.sync(kind, mapping)


def proven(world: World, cities: Mapping) -> bool:
    """Whether both journals hold."""
    return not (prove(world.mapping).findings or prove(cities).findings)


def test_a_delete_waits_for_what_another_mapping_asks(world, cities, disputed, staff):
    first, second = disputed
    world.choose(staff, second, "delete")
    both(world, cities)
    [row] = world.right.rows()
    assert row["phone"] == "030 2"
    second.refresh_from_db()
    assert second.state == "decided"
    assert proven(world, cities)
    world.choose(staff, first, "delete")
    both(world, cities)
    assert world.right.rows() == []
    assert not world.open() + of(cities)
    assert proven(world, cities)
    quiet(world)


def test_a_delete_is_asked_about_again_where_another_mapping_has_made_the_record_anew(
    world, cities, disputed, staff
):
    first, second = disputed
    world.choose(staff, first, "restore")
    world.choose(staff, second, "delete")
    both(world, cities)
    assert [row["phone"] for row in (*world.left.rows(), *world.right.rows())] == ["030 2", "030 2"]
    second.refresh_from_db()
    assert (second.state, second.reason, second.moved) == ("open", PAIRED, True)
    assert proven(world, cities)


def test_a_record_is_made_anew_by_one_mapping_alone(world, cities, disputed, staff):
    first, second = disputed
    world.choose(staff, first, "restore")
    world.choose(staff, second, "restore")
    both(world, cities)
    assert len(world.left.rows()) == 1


def test_a_delete_is_asked_about_again_where_another_mapping_leaves_the_record_as_it_is(
    world, cities, disputed, staff
):
    first, second = disputed
    world.choose(staff, first, "leave")
    world.choose(staff, second, "delete")
    both(world, cities)
    assert [row["phone"] for row in world.right.rows()] == ["030 2"]
    assert [item.reason for item in of(cities)] == [ALONE]
    assert proven(world, cities)


def test_a_mapping_out_of_service_holds_nothing_back(world, cities, disputed, staff):
    from syncadmin.models import MappingState

    _, second = disputed
    MappingState.objects.filter(mapping=world.mapping).update(retired_at="2030-01-01T00:00:00Z")
    world.choose(staff, second, "delete")
    world.sync(mapping=cities)
    assert world.right.rows() == []


def test_what_another_mapping_begins_to_ask_until_the_delete_is_stored_holds_it_back(
    world, cities, staff, monkeypatch
):
    left, right = world.linked(**ANNA)
    world.sync(mapping=cities)
    world.left.delete(left)
    world.right.edit(right, city="Bonn")
    world.sync("reconcile", cities)
    [second] = of(cities)
    world.choose(staff, second, "delete")
    later = indoubt.hold_doubtful

    def meanwhile(run, items):
        later(run, items)
        if run.binding.id == cities.pk:
            world.right.edit(right, phone="030 2")
            world.sync("reconcile")

    monkeypatch.setattr(engine, "hold_doubtful", meanwhile)
    world.sync(mapping=cities)
    assert [row["phone"] for row in world.right.rows()] == ["030 2"]
    assert proven(world, cities)


def test_a_mapping_with_a_say_stores_nothing_while_a_delete_is_stored(world, cities, disputed, staff):
    first, second = disputed
    world.choose(staff, first, "delete")
    world.choose(staff, second, "delete")
    with CaptureQueriesContext(connection) as asked:
        world.sync(mapping=cities)
    assert world.right.rows() == []
    if connection.features.has_select_for_update:  # SQLite has one writer at a time anyhow
        both_at_once = f"({world.mapping.pk}, {cities.pk}) ORDER BY"
        assert any(both_at_once in q["sql"] and "FOR UPDATE" in q["sql"] for q in asked)
