"""F07, F09, F17: each question is asked once and holds only itself, and a wave of blanks is one question."""

import pytest

from syncadmin.core.side import SIDES
from tests.engine.test_guards import approve
from tests.engine.world import World

from .acts import ANNA, at_rest, in_time, writes


def pairs(world: World, count: int) -> list[tuple]:
    """Linked pairs."""
    made = [world.both(**ANNA | {"email": f"{n}@example.com"}) for n in range(count)]
    world.sync()
    return made


def test_f07_n_conflicts_are_n_items_and_looking_again_adds_none_and_writes_nothing(world):
    made = pairs(world, 9)
    for n, (left, right) in enumerate(made):
        world.left.edit(left, phone=f"left {n}", city=f"left {n}")
        world.right.edit(right, phone=f"right {n}", city=f"right {n}")
    world.sync()
    assert len(world.open()) == 9
    at_rest(world)
    for left, right in made[:4]:
        world.left.edit(left, phone="left again")
        world.right.edit(right, city="right again")
    before = writes(world)
    world.sync()
    assert len(world.open()) == 9
    assert writes(world) == before
    at_rest(world)


def test_f07_many_conflicts_at_first_contact_are_one_item_a_record(world):
    for n in range(9):
        world.left.add(**ANNA | {"email": f"{n}@example.com"})
        world.right.add(**ANNA | {"email": f"{n}@example.com", "city": "Bonn", "phone": "030 2"})
    world.sync()
    assert len(world.open()) == 9
    assert writes(world) == 0
    at_rest(world)


def test_f09_a_parked_record_holds_nothing_but_itself(world):
    made = pairs(world, 5)
    held, refused = made[0], made[1]
    world.left.run("ALTER TABLE contacts ADD CONSTRAINT no_x CHECK (phone NOT LIKE 'x%')")
    world.left.edit(held[0], phone="left")
    world.right.edit(held[1], phone="right")
    world.right.edit(refused[1], phone="x")
    for left, _ in made:
        world.left.edit(left, city="Bonn")
    for _, right in made[2:]:
        world.right.edit(right, phone="030 2")
    world.sync()
    assert {row["city"] for row in world.right.rows()} == {"Bonn"}
    assert [world.left.row(left)["phone"] for left, _ in made] == ["left", "030 1", *["030 2"] * 3]
    assert sorted(conflict.kind for conflict in world.open()) == ["field", "rejected"]
    world.sync()
    in_time(world)
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("blank", ["", None])
def test_f17_a_wave_of_blanks_stops_before_a_single_one_is_passed_on(world, staff, side, blank):
    made = pairs(world, 16)
    here, there = world.peer(side), world.peer(side.other)
    for pair in made[:12]:
        here.edit(dict(zip(SIDES, pair, strict=True))[side], phone=blank)
    stopped = world.attempt()
    assert stopped.state == "stopped"
    assert {row["phone"] for row in there.rows()} == {ANNA["phone"]}
    assert world.attempt("reconcile").state == "stopped"
    approve(staff)
    world.sync()
    assert len([row for row in there.rows() if not row["phone"]]) == 12


def half(values: dict) -> dict:
    return {name: value[: len(value) // 2] if name == "notes" else value for name, value in values.items()}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("wave", [half, lambda values: {**values, "notes": "see the old system"}])
def test_f17_a_wave_of_lesser_values_stops_before_a_single_one_is_passed_on(world, staff, side, wave):
    """One side loses the second half of every text, or gets the same text everywhere."""
    notes = {f"{n}@example.com": f"{n}: what this customer said, at some length, in May" for n in range(36)}
    made = [world.both(**ANNA | {"email": email, "notes": text}) for email, text in notes.items()]
    world.sync()
    here, there = world.peer(side), world.peer(side.other)
    for pair, text in list(zip(made, notes.values(), strict=True))[:13]:
        here.edit(dict(zip(SIDES, pair, strict=True))[side], **wave({"notes": text}))
    stopped = world.attempt()
    assert stopped.state == "stopped"
    assert "notes" in stopped.message
    assert {row["email"]: row["notes"] for row in there.rows()} == notes
    assert world.attempt("reconcile").state == "stopped"
    approve(staff)
    world.sync()
    assert len([row for row in there.rows() if row["notes"] != notes[row["email"]]]) == 13


def test_f17_people_who_edit_texts_stop_nothing(world):
    made = pairs(world, 36)
    for n, (left, _) in enumerate(made[:13]):
        world.left.edit(left, notes=f"{n}: called", city=f"City {n}", phone=f"030 {n}")
    world.sync()
    for n, (_, right) in enumerate(made[:13]):
        world.right.edit(right, notes=f"{n}: called, answered", city=f"Town {n}")
    world.sync()
    assert {row["city"] for row in world.left.rows()} == {"Berlin", *(f"Town {n}" for n in range(13))}


def test_f17_a_field_that_is_missing_in_the_answer_is_no_blank(world, through_door):
    """An incomplete record does not replace a complete one, whatever the number."""
    pairs(world, 2)
    door = through_door(world)
    door.body = lambda content: content.replace(b'"phone":', b'"no longer":')
    before = writes(world)
    for kind in ("incremental", "reconcile"):
        world.attempt(kind)
        in_time(world)
    assert {row["phone"] for row in world.left.rows()} == {ANNA["phone"]}
    assert writes(world) == before
