"""Guards: a mass change or delete stops before anything is written, and goes on after one approval."""

import pytest
from django.utils import timezone

from syncadmin.models import Event, GuardStop, MappingState

from .test_pass import ANNA
from .world import World


def fill(world: World, count: int = 30) -> None:
    for n in range(count):
        world.both(**ANNA | {"email": f"{n}@example.com"})
    world.sync()


def approve(user) -> None:
    GuardStop.objects.filter(closed_at=None).update(approved_by=user, approved_at=timezone.now())
    MappingState.objects.update(stopped="")


def test_a_mass_change_stops_before_anything_is_written_and_says_what_it_would_do(world):
    fill(world)
    world.left.run("UPDATE contacts SET phone = 'x', updated_at = clock_timestamp()")
    stopped = world.attempt()
    assert stopped.state == "stopped"
    assert "would change 30 of 30" in stopped.message
    assert {row["phone"] for row in world.right.rows()} == {ANNA["phone"]}
    stop = GuardStop.objects.get()
    assert stop.evidence["counts"]["right"]["changes"] == 30
    assert MappingState.objects.get(mapping=world.mapping).stopped == "guard"


def test_a_stop_is_told_once_however_often_the_same_plan_is_stopped(world):
    fill(world)
    world.left.run("UPDATE contacts SET phone = 'x', updated_at = clock_timestamp()")
    world.attempt()
    MappingState.objects.update(stopped="")
    world.attempt()

    told = Event.objects.get(kind="guard")
    assert (told.mapping, told.subject) == (world.mapping, GuardStop.objects.get().pk)
    assert "would change 30 of 30" in told.words


def test_an_approval_lets_exactly_that_plan_go_on_once(world, staff):
    fill(world)
    world.left.run("UPDATE contacts SET phone = 'x', updated_at = clock_timestamp()")
    world.attempt()
    approve(staff)
    world.sync()
    assert {row["phone"] for row in world.right.rows()} == {"x"}
    assert GuardStop.objects.get().closed_how == "used"


def test_an_approved_plan_that_has_moved_asks_again(world, staff):
    fill(world)
    world.left.run("UPDATE contacts SET phone = 'x', updated_at = clock_timestamp()")
    world.attempt()
    approve(staff)
    world.left.run("UPDATE contacts SET phone = 'y', updated_at = clock_timestamp()")
    assert world.attempt().state == "stopped"
    assert {row["phone"] for row in world.right.rows()} == {ANNA["phone"]}
    assert list(GuardStop.objects.order_by("id").values_list("closed_how", flat=True)) == ["moved", ""]


def test_f13_a_mass_delete_stops_even_where_each_delete_would_wait_for_a_person(world):
    fill(world)
    world.left.run("DELETE FROM contacts")
    stopped = world.attempt("reconcile")
    assert stopped.state == "stopped"
    assert "delete 30 of 30" in stopped.message
    assert len(world.right.rows()) == 30
    assert world.open() == []


@pytest.mark.parametrize(
    ("value", "said", "how"),
    [
        ("left(phone, 4)", "shorten phone in 12 of 30", "shrink"),
        ("'unknown'", "set phone to one same value in 12 of 30", "same"),
    ],
)
def test_f17_values_that_shrink_or_become_one_trip_the_guard_with_examples(world, value, said, how):
    for n in range(30):
        world.both(**ANNA | {"email": f"{n}@example.com", "phone": f"030 {n} 5550"})
    world.sync()
    world.left.run(f"UPDATE contacts SET phone = {value}, updated_at = clock_timestamp() WHERE id <= 12")
    assert said in world.attempt().message
    assert all(row["phone"].endswith("5550") for row in world.right.rows())
    losses = {loss["how"]: loss for loss in GuardStop.objects.get().evidence["losses"]}
    loss = losses[how]
    assert (loss["side"], loss["field"], loss["count"]) == ("right", "phone", 12)
    (example, *_) = loss["examples"]
    assert example["from"].startswith("030 ")
    assert example["label"].endswith("@example.com")


def test_f17_a_wave_that_the_mapping_allows_goes_on(world):
    fill(world)
    world.set(max_same=1.0)
    world.left.run("UPDATE contacts SET phone = 'unknown', updated_at = clock_timestamp() WHERE id <= 12")
    world.sync()
    assert len([row for row in world.right.rows() if row["phone"] == "unknown"]) == 12


def test_f17_blanking_a_field_of_many_records_trips_the_guard(world):
    fill(world)
    world.left.run("UPDATE contacts SET phone = NULL, updated_at = clock_timestamp() WHERE id <= 12")
    assert "empty a value in 12" in world.attempt().message
