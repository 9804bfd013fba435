"""F04, F05, F10, F14: two filled systems meet, and it is seen beforehand; clocks; guards to be believed."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from conflicts.services import bulk
from connectors.sql.connector import SqlConnector
from syncadmin import rehearsals, services
from syncadmin.core.bulk import Rule
from syncadmin.models import EntryKind, GuardStop, Health, Link, MappingState, Rehearsal
from tests.conftest import unique
from tests.engine.world import Peer, World, between

from .acts import ANNA, at_rest

pytestmark = pytest.mark.runs_once

MANY = 20_000
SHIFT = timedelta(hours=1)
TIME = re.compile(rb'"(updated|created)":"([^"]+)"')


@pytest.fixture
def databases(db, postgres_server):
    """Two PostgreSQL databases, mapped."""
    names = [unique(), unique()]
    peers = [Peer(postgres_server.create_database(name)) for name in names]
    yield between(*peers)
    for peer, name in zip(peers, names, strict=True):
        peer.close()
        postgres_server.drop_database(name)


def people(world: World, count: int) -> None:
    for n in range(count):
        world.both(**ANNA | {"email": f"{n}@example.com"})


def emails(world: World) -> list[list[str]]:
    return [sorted(row["email"] for row in peer.rows()) for peer in (world.left, world.right)]


# ---------------------------------------------------------------- F04: everything twice


def test_f04_two_filled_systems_are_matched_and_nothing_is_written_before_the_plan_is_approved(world, staff):
    world.set(rehearse="required")
    people(world, 3)
    world.left.add(**ANNA | {"email": "left@example.com"})
    world.right.add(**ANNA | {"email": "right@example.com"})
    before = emails(world)
    assert world.attempt().state == "stopped"
    plan = rehearsals.run(rehearsals.start(world.mapping).pk)
    assert world.attempt().state == "stopped"
    assert emails(world) == before
    assert plan.result["equal"] == 3
    assert [plan.result["writes"][side]["create"] for side in ("left", "right")] == [1, 1]
    rehearsals.approve(plan.pk, staff)
    world.sync()
    left, right = emails(world)
    assert left == right
    assert len(left) == len(set(left)) == 5
    at_rest(world)


def test_f04_what_appears_between_plan_and_pass_is_shown_before_it_is_written(world, staff):
    world.set(rehearse="required")
    people(world, 2)
    plan = rehearsals.run(rehearsals.start(world.mapping).pk)
    rehearsals.approve(plan.pk, staff)
    world.left.add(**ANNA | {"email": "late@example.com"})
    before = emails(world)
    assert "1 new, 0 changed, 0 gone" in world.attempt().message
    assert emails(world) == before
    rehearsals.approve(Rehearsal.objects.first().pk, staff)
    world.sync()
    assert emails(world)[1] == emails(world)[0]


def test_f04_without_a_rehearsal_the_guard_asks_before_the_other_side_is_filled(world):
    for n in range(12):
        world.left.add(**ANNA | {"email": f"{n}@example.com"})
    assert world.attempt().state == "stopped"
    assert world.right.rows() == []


# ---------------------------------------------------------------- F05: every row a conflict


@pytest.mark.runs_once
def test_f05_equal_records_link_silently_and_none_is_read_or_written_by_itself(databases, monkeypatch):
    fill(databases, MANY)
    for name in ("fetch", "find", "write"):
        monkeypatch.setattr(SqlConnector, name, refuse)
    done = databases.sync()
    assert (done.counts["read"], done.counts["linked"]) == (2 * MANY, MANY)
    assert databases.open() == []
    assert Link.objects.filter(mapping=databases.mapping).count() == MANY
    assert not databases.history(kind=EntryKind.WRITE)


def fill(world: World, count: int) -> None:
    """Both sides hold the same people."""
    for peer in (world.left, world.right):
        peer.run(
            "INSERT INTO contacts (email, phone, city, points) SELECT n || '@example.com', '030 ' || n, "
            "'Berlin', n % 7 FROM generate_series(1, :count) AS n",
            count=count,
        )


def refuse(*args, **kwargs):
    raise AssertionError("no record needs to be looked at by itself")


def test_f05_what_differs_in_one_pattern_is_settled_by_one_decision(databases, staff):
    fill(databases, 400)
    databases.right.run("UPDATE contacts SET phone = replace(phone, '030 ', '+49 30 '), updated_at = now()")
    databases.left.run("UPDATE contacts SET city = NULL")
    databases.set(guard_floor=1000)
    databases.sync()
    assert {row["city"] for row in databases.left.rows()} == {"Berlin"}, "a value meets an empty field"
    assert len(databases.open()) == 400
    run = bulk.start(Rule.RIGHT, staff)
    while bulk.prepare(run.pk):
        run.refresh_from_db()
        if run.state == "ready":
            break
    bulk.confirm(run.pk)
    while bulk.step(run.pk).more:
        pass
    databases.sync()
    assert databases.open() == []
    assert all(row["phone"].startswith("+49 30 ") for row in databases.left.rows())


@pytest.mark.parametrize(
    ("policy", "left", "right"), [("prefer left", "030 1", "030 1"), ("prefer right", "040 2", "040 2")]
)
def test_f05_each_field_follows_its_own_policy_at_first_contact(databases, policy, left, right):
    databases.set_field("phone", first_contact=policy)
    key = databases.left.add(**ANNA | {"phone": "030 1", "credit": 5, "status": "a"})
    other = databases.right.add(**ANNA | {"phone": "040 2", "credit": 7, "status": "b", "city": "Bonn"})
    databases.sync()
    rows = databases.left.row(key), databases.right.row(other)
    assert [row["phone"] for row in rows] == [left, right]
    assert [int(row["credit"]) for row in rows] == [5, 5], "the left side owns it"
    assert [row["status"] for row in rows] == ["b", "b"], "the right side owns it"
    (item,) = databases.open()
    assert [f.field for f in item.fields.all()] == ["city"]


# ---------------------------------------------------------------- F10: the older edit wins


@pytest.fixture
def fast_clock(world, through_door):
    """The shop's clock is an hour ahead, in all that it says."""
    door = through_door(world)

    def told(body: bytes) -> bytes:
        return TIME.sub(lambda found: b'"%b":"%b"' % (found[1], _later(found[2])), body)

    door.body = told
    door.answer_headers = lambda headers: {**headers, "date": _date(datetime.now(UTC) + SHIFT)}
    return world


def _later(told: bytes) -> bytes:
    if not told:
        return told
    at = datetime.fromisoformat(told.decode().replace(" ", "T").replace("Z", "+00:00")) + SHIFT
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3].encode() + b"Z"


def _date(at: datetime) -> str:
    return at.strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_f10_the_later_edit_wins_whichever_clock_is_ahead(fast_clock):
    world = fast_clock
    world.set_field("phone", merge="newest")
    world.set(clock_tolerance=0)
    left, right = world.linked(**ANNA)
    skew = Health.objects.get(system=world.mapping.right.system).skew
    assert skew == pytest.approx(SHIFT.total_seconds(), abs=3)
    world.right.edit(right, phone="the earlier")
    in_a_while(world, left, phone="the later")
    world.sync()
    assert {world.left.row(left)["phone"], world.right.row(right)["phone"]} == {"the later"}
    assert world.open() == []


def in_a_while(world: World, left: int, **values: str) -> None:
    """An edit on the left that came a minute after what was done just now."""
    world.left.edit(left, **values)
    stamp = "UPDATE contacts SET updated_at = clock_timestamp() + interval '1 minute' WHERE id = :id"
    world.left.run(stamp, id=left)


def test_f10_inside_the_tolerance_time_does_not_decide(fast_clock):
    world = fast_clock
    world.set_field("phone", merge="newest")
    world.set(clock_tolerance=30)
    left, right = world.linked(**ANNA)
    world.right.edit(right, phone="one")
    world.left.edit(left, phone="two")
    world.sync()
    (item,) = world.open()
    assert "changed at about the same time" in item.reason
    assert (world.left.row(left)["phone"], world.right.row(right)["phone"]) == ("two", "one")


# ---------------------------------------------------------------- F14: people use --force


def test_f14_a_guard_shows_its_evidence_and_takes_one_approval_for_exactly_that_plan(world, staff):
    people(world, 12)
    world.sync()
    world.left.run("UPDATE contacts SET phone = '', updated_at = clock_timestamp()")
    assert world.attempt().state == "stopped"
    stop = GuardStop.objects.get()
    assert stop.evidence["counts"]["right"]["changes"] == 12
    assert stop.evidence["sample"][0]["from"] == {"phone": ANNA["phone"]}
    services.approve(stop.pk, staff)
    moved = world.left.rows()[0]["id"]
    world.left.edit(moved, phone="030 99")
    assert world.attempt().state == "stopped", "it is another plan by now"
    services.approve(GuardStop.objects.get(closed_at=None).pk, staff)
    world.sync()
    assert sorted({row["phone"] or "" for row in world.right.rows()}) == ["", "030 99"]
    again = "UPDATE contacts SET phone = 'x', updated_at = clock_timestamp()"
    world.left.run(again)
    assert world.attempt().state == "stopped", "an approval counts once"


def test_f14_there_is_no_switch_that_lets_everything_pass(world):
    people(world, 12)
    world.sync()
    world.set(max_deletes=1, max_changes=1, max_blanks=1, max_shrinks=1, max_same=1, guard_floor=1_000_000)
    world.left.run("DELETE FROM contacts")
    assert world.attempt("reconcile").state == "stopped"
    assert len(world.right.rows()) == 12
    MappingState.objects.update(stopped="")
    assert world.attempt("reconcile").state == "stopped"
    assert GuardStop.objects.get(closed_at=None).evidence["counts"]["right"]["deletes"] == 12
