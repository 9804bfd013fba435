"""F21, F27: what a system makes of a value is no change, and what is no longer there is not empty."""

import pytest

from syncadmin.core.side import SIDES
from syncadmin.models import MappingState
from tests.engine.world import World

from .acts import ANNA, at_rest, before_writing, in_time, writes

pytestmark = pytest.mark.runs_once

HABIT = """
    CREATE FUNCTION habit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.phone := left(trim(NEW.phone), 6);
        NEW.city := upper(NEW.city);
        NEW.credit := round(NEW.credit, 0);
        RETURN NEW;
    END $$
"""
TRIGGER = "CREATE TRIGGER habit BEFORE INSERT OR UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION habit()"


def with_habits(world: World) -> None:
    """PostgreSQL cuts, re-cases and rounds whatever it is given."""
    world.left.run(HABIT)
    world.left.run(TRIGGER)


def test_f21_a_target_that_trims_and_re_cases_settles_at_once(world):
    left, right = world.linked(**ANNA)
    with_habits(world)
    world.right.edit(right, phone="030 123 456", city="Bonn")
    world.sync()
    assert (world.left.row(left)["phone"], world.left.row(left)["city"]) == ("030 12", "BONN")
    assert (world.right.row(right)["phone"], world.right.row(right)["city"]) == ("030 123 456", "Bonn")
    assert world.open() == []
    at_rest(world)


def test_f21_also_for_a_record_that_was_made_there(world):
    world.sync()
    with_habits(world)
    key = world.right.add(**ANNA | {"phone": "030 123 456", "city": "Bonn"})
    world.sync()
    assert world.left.rows()[0]["city"] == "BONN"
    assert world.right.row(key)["city"] == "Bonn"
    assert world.open() == []
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f21_later_edits_still_travel_both_ways(world, side):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    with_habits(world)
    world.right.edit(pair[SIDES[1]], phone="030 123 456", city="Bonn")
    world.sync()
    world.peer(side).edit(pair[side], city="KIEL")
    world.sync()
    assert [world.peer(s).row(pair[s])["city"] for s in SIDES] == ["KIEL", "KIEL"]
    assert world.right.row(pair[SIDES[1]])["phone"] == "030 123 456"
    at_rest(world)


def test_f21_a_number_that_is_rounded_by_its_column_settles(world):
    left, right = world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts ALTER COLUMN credit TYPE numeric(12, 4)")
    world.set_field("credit", owner="", scale=4)
    world.sync("reconcile")
    world.left.run("ALTER TABLE contacts ALTER COLUMN credit TYPE numeric(12, 1)")
    world.right.edit(right, credit=1.2345)
    world.sync()
    assert str(world.left.row(left)["credit"]) == "1.2"
    assert world.right.row(right)["credit"] == 1.2345
    assert world.open() == []
    at_rest(world)


def test_f21_what_does_not_fit_is_refused_and_never_cut(world):
    left, right = world.linked(**ANNA)
    fields = [f | {"max": 8} if f["name"] == "city" else f for f in world.right.fields()]
    world.right.alter(fields=fields)
    world.left.edit(left, city="Mönchengladbach", phone="030 2")
    world.sync()
    assert (world.right.row(right)["city"], world.right.row(right)["phone"]) == (ANNA["city"], "030 2")
    (conflict,) = world.open()
    assert conflict.kind == "rejected"
    assert "city" in conflict.said
    world.sync()
    at_rest(world)


# ---------------------------------------------------------------- drift of the schema


def renamed_column(world: World) -> None:
    world.left.run("ALTER TABLE contacts RENAME COLUMN phone TO telephone")


def dropped_column(world: World) -> None:
    world.left.run("ALTER TABLE contacts DROP COLUMN phone")


def column_of_another_type(world: World) -> None:
    world.left.run("ALTER TABLE contacts ALTER COLUMN phone TYPE boolean USING false")


def removed_field(world: World) -> None:
    world.right.alter(fields=[f for f in world.right.fields() if f["name"] != "phone"])


def renamed_field(world: World) -> None:
    fields = [f | {"name": "telephone"} if f["name"] == "phone" else f for f in world.right.fields()]
    world.right.alter(fields=fields)


def field_of_another_type(world: World) -> None:
    fields = [f for f in world.right.fields() if f["name"] != "phone"]
    world.right.alter(fields=fields)
    world.right.alter(fields=[*fields, {"name": "phone", "type": "bool"}])


LEFT = [renamed_column, dropped_column, column_of_another_type]
RIGHT = [removed_field, renamed_field, field_of_another_type]


@pytest.mark.parametrize("drift", [*LEFT, *RIGHT])
def test_f27_a_field_that_was_renamed_removed_or_retyped_stops_the_mapping_and_blanks_nothing(world, drift):
    left, right = world.linked(**ANNA)
    before = writes(world)
    drift(world)
    here, other = (world.left, world.right) if drift in LEFT else (world.right, world.left)
    here.edit(left if drift in LEFT else right, city="Bonn")
    for kind in ("incremental", "reconcile"):
        failed = world.attempt(kind)
        in_time(world)
        assert failed.state == "failed"
        assert "phone" in failed.message
    assert MappingState.objects.get(mapping=world.mapping).stopped == "configuration"
    assert other.rows()[0]["phone"] == ANNA["phone"]
    assert other.rows()[0]["city"] == ANNA["city"]
    assert writes(world) == before


def test_f27_a_field_that_goes_while_the_pass_is_under_way_blanks_nothing(world, monkeypatch):
    left, right = world.linked(**ANNA)
    world.left.edit(left, city="Bonn")
    before_writing(monkeypatch, lambda: removed_field(world))
    world.attempt()
    assert world.attempt().state == "failed"
    assert world.left.row(left)["phone"] == ANNA["phone"]
    world.right.alter(fields=[*world.right.fields(), {"name": "phone", "type": "text"}])
    world.right.edit(right, phone=ANNA["phone"])
    world.mapping.save()
    world.sync()
    assert (world.right.row(right)["city"], world.left.row(left)["phone"]) == ("Bonn", ANNA["phone"])
    at_rest(world)
