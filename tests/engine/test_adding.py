"""Counters add and sets merge in tracked systems: every edit counts, once, whatever comes between."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa
from django.core.management import call_command
from django.utils import timezone
from sqlalchemy.exc import OperationalError

from connectors.base import Outcome, Result
from connectors.sql import SqlConnector
from syncadmin.config.connect import open_connector
from syncadmin.embedded import wait_until
from syncadmin.engine import run
from syncadmin.engine.prove import prove
from syncadmin.engine.run import run_pass
from syncadmin.models import Intent, Mark, Resource

from .test_pass import ANNA, quiet
from .test_recovery import Died, kill_at
from .world import Peer, World, build

pytestmark = pytest.mark.runs_once
TRACKED = {"table": "contacts", "changes": "tracking", "overlap": 0}
DATABASES = ("old_postgres_database", "mariadb_database", "sqlite_database")


def tracked(left: str, right: str) -> World:
    """Two tracked databases; points are a counter, tags are a set, the last writer decides the phone."""
    world = build(left, right)
    world.set_field("phone", merge="newest")
    Resource.objects.filter(name="contacts").update(config=TRACKED)
    for name in ("crm", "shop"):
        call_command("track", name, "contacts", "--yes", stdout=io.StringIO())
    world.mapping.refresh_from_db()
    world.set(guard_floor=100_000)
    return world


@pytest.fixture(params=DATABASES)
def world(request, db: None, postgres_database: str) -> Iterator[World]:
    """The newest PostgreSQL, and one of the others."""
    made = tracked(postgres_database, request.getfixturevalue(request.param))
    yield made
    made.left.close()
    made.right.close()


def before_writing(monkeypatch, *edits: Callable[[], None]) -> None:
    """Somebody edits between the hub's reading and its next writes."""
    write, moments = SqlConnector.write, list(edits)

    def meanwhile(self, resource, writes, *, fields):
        while moments:
            moments.pop(0)()
        return write(self, resource, writes, fields=fields)

    monkeypatch.setattr(SqlConnector, "write", meanwhile)


def points(peer: Peer, key: int, by: int) -> None:
    peer.run("update contacts set points = points + :by where id = :id", by=by, id=key)


def held(world: World, left: int, right: int) -> tuple[int, int, set[str], set[str]]:
    one, two = world.left.row(left), world.right.row(right)
    return one["points"], two["points"], {*one["tags"].split(";")}, {*two["tags"].split(",")}


def settled(world: World) -> None:
    """Nothing is left to do, and the journal accounts for all."""
    quiet(world)
    assert world.open() == []
    assert not Intent.objects.exists()
    assert prove(world.mapping, live=True).findings == []


def test_an_edit_that_nobody_has_read_is_added_to_and_not_waited_for(world, monkeypatch):
    left, right = world.both(**{**ANNA, "points": 5, "tags": ""})
    world.left.edit(left, tags="a;b")
    world.right.edit(right, tags="a,b")
    world.sync("reconcile")
    points(world.left, left, 10)
    world.left.edit(left, tags="b;c")
    before_writing(
        monkeypatch,
        lambda: points(world.right, right, 100),
        lambda: world.right.edit(right, tags="a,b,d"),
    )
    done = world.sync()
    assert done.counts.get("stale", 0) == 0
    assert held(world, left, right) == (15, 115, {"b", "c"}, {"b", "c", "d"})
    world.sync()
    assert held(world, left, right) == (115, 115, {"b", "c", "d"}, {"b", "c", "d"})
    settled(world)


def test_after_a_death_it_is_read_and_not_guessed_what_has_arrived(world, monkeypatch):
    left, right = world.linked(**{**ANNA, "points": 5})
    points(world.left, left, 2)
    kill_at(world, monkeypatch, run, "store_outcomes")
    points(world.right, right, -2)
    assert world.right.row(right)["points"] == 5  # as if nothing had been written
    world.sync()
    assert (world.left.row(left)["points"], world.right.row(right)["points"]) == (5, 5)
    points(world.left, left, 2)
    late = asleep(world, monkeypatch)
    points(world.right, right, 2)
    assert world.right.row(right)["points"] == 7  # as if it had been
    world.sync()
    assert (world.left.row(left)["points"], world.right.row(right)["points"]) == (9, 9)
    assert late().result is Result.STALE  # a worker that was taken for dead
    settled(world)


def asleep(world: World, monkeypatch) -> Callable[[], Outcome]:
    """A worker that sleeps before its one write, and is taken for dead; returns what makes it go on."""
    sent = []

    def sleep(self, resource, writes, *, fields):
        sent.append((resource, writes, fields))
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(SqlConnector, "write", sleep)
        kill_at(world, monkeypatch, run, "store_outcomes")

    def wake() -> Outcome:
        resource, writes, fields = sent[0]
        with closing(open_connector(world.mapping.right.system)) as connector:
            (outcome,) = connector.write(resource, writes, fields=fields)
        return outcome

    return wake


def test_no_edit_of_many_writers_at_once_is_lost(world):
    """Four people count, label and overwrite the same few records on both sides while the hub is at work."""
    pairs = [world.both(email=f"{n}@x.example", phone="", points=0, tags="") for n in range(4)]
    world.sync("reconcile")
    sides = [(world.left, 0, ";"), (world.right, 1, ",")]
    edits: list[tuple[int, str, str]] = []

    def work(who: int) -> None:
        peer, side, separator = sides[who % 2]
        for n in range(EDITS):
            number, value = (n * (1 + who)) % len(pairs), f"{who}-{n}"
            key = pairs[number][side]
            label = f"case tags when '' then '' else tags || '{separator}' end || '{value}'"
            if peer.engine.dialect.name == "mysql":
                label = f"concat(if(tags = '', '', concat(tags, '{separator}')), '{value}')"
            changed = f"points = points + 1, tags = {label}, phone = '{value}'"
            stamp = stamped(peer, f"update contacts set {changed} where id = {key}", key)
            edits.append((number, stamp, value))

    people = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for person in people:
        person.start()
    while any(person.is_alive() for person in people):
        world.sync()
    for person in people:
        person.join()
    wait_until(lambda: run_out(world), timeout=60, what="all is read")
    rows = [(world.left.row(left), world.right.row(right)) for left, right in pairs]
    for number, (one, two) in enumerate(rows):
        _, last = max((stamp, value) for n, stamp, value in edits if n == number)
        assert (one["phone"], two["phone"]) == (last, last)
    assert all(one["points"] == two["points"] for one, two in rows)
    assert sum(one["points"] for one, _ in rows) == 4 * EDITS
    labels = [({*one["tags"].split(";")}, {*two["tags"].split(",")}) for one, two in rows]
    assert all(one == two for one, two in labels)
    assert set().union(*(one for one, _ in labels)) == {f"{w}-{n}" for w in range(4) for n in range(EDITS)}
    settled(world)


EDITS = 25


STAMP = {
    "postgresql": "select stamps ->> 'phone' from syncadmin_tracking.{} where record_key = '{}'",
    "mysql": "select phone from {} where syncadmin_key = sha2('{}', 256)",
    "sqlite": "select phone from {} where syncadmin_key = '{}'",
}


def stamped(peer: Peer, statement: str, key: int) -> str:
    """An edit, made again after a deadlock or where a file is busy; the stamp that it has got."""
    asked = STAMP[peer.engine.dialect.name].format(register(peer), key)
    while True:
        try:
            with peer.engine.begin() as connection:
                connection.exec_driver_sql(statement)
                return str(connection.exec_driver_sql(asked).scalar())
        except OperationalError:
            continue


def register(peer: Peer) -> str:
    """The table of the stamps."""
    schema = "syncadmin_tracking" if peer.engine.dialect.name == "postgresql" else None
    return next(n for n in sa.inspect(peer.engine).get_table_names(schema) if "registers_" in n)


def run_out(world: World) -> bool:
    """A pass as if later; true if nothing was left to do."""
    done = run_pass(world.mapping.pk, clock=lambda: timezone.now() + timedelta(hours=1))
    return done is not None and not done.counts.get("read") and not Mark.objects.exists()
