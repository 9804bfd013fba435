"""F08, F12, F15: a decision ends the question, nothing expires unseen, and there is a way back from all."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from conflicts import listing
from conflicts.models import Conflict
from conflicts.selectors import InboxFilter
from conflicts.selectors import page as inbox_page
from conflicts.services import bulk, clock
from syncadmin.core.bulk import Rule
from syncadmin.core.retry import RECORDS
from syncadmin.core.side import SIDES
from syncadmin.engine.prove import prove
from syncadmin.models import Entry, Event
from tests.builders import a_user
from tests.engine.world import World

from .acts import ANNA, at_rest, in_time
from .door import Answer

pytestmark = pytest.mark.runs_once

both_sides = pytest.mark.parametrize("side", SIDES)
DAYS = timedelta(days=1)
WEEKS = RECORDS.attempts + 3  # passes: nothing is counted that far, so more of them are the same again


def asked(world: World, **more) -> tuple:
    """A pair whose phone was changed on both sides, and the item that asks about it."""
    values = ANNA | more
    left, right = world.linked(**values)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    item = Conflict.objects.waiting().latest("pk")
    return left, right, item


def phones(world: World, left, right) -> tuple:
    return world.left.row(left)["phone"], world.right.row(right)["phone"]


def is_proven(world: World) -> None:
    assert not prove(world.mapping, live=True).findings


# ---------------------------------------------------------------- F08


@pytest.mark.parametrize(
    ("pick", "ends"),
    [("left", "030 2"), ("right", "030 3"), ("base", "030 1"), (("value", "030 9"), "030 9")],
)
def test_f08_a_resolved_conflict_ends_in_a_state_that_both_agree_on_and_stays_resolved(
    world, staff, pick, ends
):
    left, right, item = asked(world)
    world.pick(staff, item, phone=pick)
    world.sync()
    assert phones(world, left, right) == (ends, ends)
    at_rest(world)
    world.left.edit(left, city="Bonn")  # the record is looked at again for another reason
    world.sync()
    assert phones(world, left, right) == (ends, ends)
    assert world.right.row(right)["city"] == "Bonn"
    assert not Conflict.objects.live().exists()
    at_rest(world)
    is_proven(world)


@both_sides
def test_f08_leave_as_is_holds_until_that_value_changes(world, staff, side):
    left, right, item = asked(world)
    world.pick(staff, item, phone="leave")
    world.sync()
    for n in range(3):
        world.sync("reconcile")
        world.peer(side).edit(dict(zip(SIDES, (left, right), strict=True))[side], city=f"City {n}")
        world.sync()
    assert phones(world, left, right) == ("030 2", "030 3")
    assert world.left.row(left)["city"] == world.right.row(right)["city"] == "City 2"
    assert not Conflict.objects.live().exists()
    at_rest(world)

    world.peer(side).edit(dict(zip(SIDES, (left, right), strict=True))[side], phone="030 7")
    world.sync()

    assert [c.fields.get().field for c in world.open()] == ["phone"]
    assert "030 7" in phones(world, left, right), "held until a person decides anew"
    is_proven(world)


@both_sides
def test_f08_a_record_that_is_to_be_left_deleted_on_one_side_is_not_asked_about_again(world, staff, side):
    world.set(deletes="review")
    ids = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    world.peer(side).delete(ids[side])
    for _ in range(3):
        world.sync("reconcile")
        in_time(world)
    [item] = world.open()
    world.choose(staff, item, "leave")
    for kind in ("incremental", "reconcile", "reconcile"):
        world.sync(kind)
    assert not Conflict.objects.live().exists()
    assert [len(world.peer(s).rows()) for s in (side, side.other)] == [0, 1]
    is_proven(world)


def test_f08_that_a_record_is_never_to_be_synced_is_remembered(world, staff):
    for city in ("Berlin", "Bonn"):
        world.right.add(**ANNA | {"city": city})
    left = world.left.add(**ANNA | {"city": "Köln"})
    world.sync("reconcile")
    item = next(c for c in world.open() if c.side == "left")
    before = [(row["id"], row["city"]) for row in world.right.rows()]
    world.choose(staff, item, "ignore")
    world.sync()
    for kind in ("incremental", "reconcile"):
        world.left.edit(left, phone=f"030 {kind}")
        world.sync(kind)
    assert item.pk not in [c.pk for c in world.open()]
    assert not [c for c in world.open() if c.side == "left"]
    assert [(row["id"], row["city"]) for row in world.right.rows()] == before
    is_proven(world)


# ---------------------------------------------------------------- F12


def test_f12_a_conflict_that_nobody_decides_is_there_for_ever_and_is_told(world, staff, client):
    left, right, item = asked(world)
    long_ago = timezone.now() - 46 * DAYS
    Conflict.objects.update(opened_at=long_ago, changed_at=long_ago)
    listing.relist(world.mapping.pk)
    for kind in ("incremental", "reconcile", "incremental"):
        clock.look(timezone.now())
        world.sync(kind)
        in_time(world)

    [still] = world.open()
    assert (still.pk, still.fields.get().left, still.fields.get().right) == (item.pk, "030 2", "030 3")
    assert [c.pk for c in inbox_page(InboxFilter(order="oldest")).items] == [item.pk]
    told = Event.objects.get(kind="overdue")
    assert told.conflicts == [item.pk], "told once, although the mapping sets no due time"
    client.force_login(a_user("syncadmin.view_mapping", "conflicts.view_conflict"))
    assert "sa-tile-bad" in client.get(reverse("syncadmin:dashboard")).text
    held = world.history(kind="disposition", disposition="held", field="phone")
    assert {entry.side for entry in held} == {"left", "right"}
    assert prove(world.mapping).waiting == {"held": 2}

    world.pick(staff, still, phone="right")
    world.sync()

    assert phones(world, left, right) == ("030 3", "030 3")
    is_proven(world)


def test_f12_a_change_waits_for_a_system_that_is_away_for_weeks(world, through_door):
    left, right = world.linked(**ANNA)
    door = through_door(world)
    door.rule = lambda request: Answer(503)
    world.left.edit(left, phone="030 2")
    for _ in range(WEEKS):  # in between, whatever was put off is due again
        assert world.attempt().state == "failed", "and so the dashboard says"
        in_time(world)
    assert Event.objects.filter(kind="system").exists(), "who asked for it is told"

    door.rule = lambda request: None
    world.sync()

    assert world.right.row(right)["phone"] == "030 2"
    at_rest(world)
    is_proven(world)


def test_f12_a_change_that_a_system_puts_off_for_weeks_becomes_a_question(world, staff, through_door):
    left, right = world.linked(**ANNA)
    door = through_door(world)
    door.rule = lambda request: Answer(503) if request.writes else None
    world.left.edit(left, phone="030 2")
    for _ in range(WEEKS):
        world.attempt()
        in_time(world)
    assert world.right.row(right)["phone"] == "030 1"
    [item] = world.open()
    assert item.kind == "rejected"

    door.rule = lambda request: None
    world.choose(staff, item, "retry")
    world.sync()

    assert world.right.row(right)["phone"] == "030 2"
    at_rest(world)
    is_proven(world)


def test_f12_the_ledger_keeps_what_was_seen_when_its_record_is_long_gone(world, staff):
    left, right, _ = asked(world)
    world.left.delete(left)
    world.right.delete(right)
    for _ in range(4):
        world.sync("reconcile")
        in_time(world)
    assert not world.left.rows()
    kept = Entry.objects.filter(mapping=world.mapping, kind="change", field="phone")
    assert {entry.new for entry in kept} >= {'"030 2"', '"030 3"'}
    is_proven(world)


# ---------------------------------------------------------------- F15


def many(world: World, count: int) -> list[tuple]:
    """Pairs whose phones differ, each with its item."""
    made = [world.both(**ANNA | {"email": f"{n}@example.com"}) for n in range(count)]
    world.sync("reconcile")
    for n, (left, right) in enumerate(made):
        world.left.edit(left, phone=f"left {n}")
        world.right.edit(right, phone=f"right {n}")
    world.sync()
    assert len(world.open()) == count
    return made


def carried_out(run):
    bulk.prepare(run.pk)
    bulk.confirm(run.pk)
    while bulk.step(run.pk).more:
        pass
    return run


def as_before(world: World, made: list[tuple]) -> None:
    """Both systems hold what they held before anybody decided, and all is open again."""
    assert [phones(world, *pair) for pair in made] == [(f"left {n}", f"right {n}") for n in range(len(made))]
    assert len(world.open()) == len(made)
    at_rest(world)
    is_proven(world)


def undo(*args: str) -> None:
    call_command("undo", *args, stdout=StringIO())


def test_f15_one_decision_is_taken_back(world, staff):
    made = many(world, 2)
    first, _ = world.open()
    world.pick(staff, first, phone="right")
    world.sync()
    assert phones(world, *made[0]) == ("right 0", "right 0")
    undo(str(first.pk))
    world.sync()
    as_before(world, made)


def test_f15_one_rule_is_taken_back(world, staff):
    made = many(world, 4)
    run = carried_out(bulk.start(Rule.LEFT, staff, query=f"mapping={world.mapping.name}"))
    world.sync()
    assert [phones(world, *pair)[1] for pair in made] == [f"left {n}" for n in range(4)]
    undo("--bulk", str(run.pk), "--yes")
    world.sync()
    as_before(world, made)


def test_f15_what_one_pass_has_written_of_peoples_decisions_is_taken_back(world, staff):
    made = many(world, 3)
    for item in world.open()[:2]:
        world.pick(staff, item, phone="left")
    wrote = world.sync()
    world.pick(staff, world.open()[0], phone="right")
    world.sync()
    undo("--pass", str(wrote.pk), "--yes")
    world.sync()
    assert [phones(world, *pair) for pair in made[:2]] == [("left 0", "right 0"), ("left 1", "right 1")]
    assert phones(world, *made[2]) == ("right 2", "right 2"), "another pass wrote that"
    is_proven(world)


def test_f15_one_time_range_is_taken_back_but_for_what_has_moved_since(world, staff):
    made = many(world, 3)
    began = timezone.now()
    for item in world.open():
        world.pick(staff, item, phone="right")
    world.sync()
    world.left.edit(made[0][0], phone="newer")
    world.sync()
    with pytest.raises(CommandError, match="1 of 3 not undone"):
        undo("--since", began.isoformat(), "--yes")
    world.sync()
    assert phones(world, *made[0]) == ("newer", "newer")
    assert [phones(world, *pair) for pair in made[1:]] == [("left 1", "right 1"), ("left 2", "right 2")]
    is_proven(world)
