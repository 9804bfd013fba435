"""The hub's own database comes from a backup as operators make it: a file on SQLite, a dump on PostgreSQL.

Between backup and restore the hub goes on working, and so do the users and staff of both systems.
"""

import json
import os
import sqlite3
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from syncadmin.core.side import SIDES, Side
from syncadmin.embedded.postgres import programs
from syncadmin.engine.prove import prove
from syncadmin.models import Mark
from tests.engine.test_guards import approve
from tests.engine.world import World, between

from .acts import ANNA, at_rest, same_everywhere, seen

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay", "gus")
POSTGRES = ["pg_restore", "--clean", "--if-exists", "--single-transaction"]


@pytest.fixture
def world(transactional_db: None, crm, shop) -> World:
    """PostgreSQL and PocketBase, and a hub that commits."""
    made = between(crm, shop)
    made.set(deletes="propagate", guard_floor=50, clock_tolerance=0)
    return made


class Backup:
    """A backup of the hub's database, as docs/operations.md says."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "hub.backup"
        if connection.vendor == "sqlite":
            with sqlite3.connect(self._sqlite()) as hub, sqlite3.connect(self.file) as copy:
                hub.backup(copy)
        else:
            self._run("pg_dump", "--format=custom", f"--file={self.file}")

    def restore(self) -> None:
        """What is in the database is gone; what was in it then is back."""
        connections.close_all()
        if connection.vendor == "sqlite":
            # not the bytes: another thread of this process may still have the file open
            with sqlite3.connect(self.file) as copy, sqlite3.connect(self._sqlite()) as hub:
                copy.backup(hub)
        else:
            told = f"--dbname={connection.settings_dict['NAME']}"
            self._run(*POSTGRES, told, str(self.file))

    def _sqlite(self) -> Path:
        return Path(str(connection.settings_dict["NAME"]))

    def _run(self, program: str, *arguments: str) -> None:
        told = connection.settings_dict
        env = os.environ | {
            "PGHOST": str(told["HOST"]),
            "PGPORT": str(told["PORT"]),
            "PGUSER": str(told["USER"]),
            "PGPASSWORD": str(told["PASSWORD"]),
            "PGDATABASE": str(told["NAME"]),
        }
        done = subprocess.run(
            [str(programs() / program), *arguments], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def address(name: str) -> str:
    return f"{name}@example.com"


def of(world: World, side: Side) -> dict[str, dict]:
    """A side's records, by the name in their address."""
    return {row["email"].partition("@")[0]: row for row in world.peer(side).rows()}


def edit(world: World, side: Side, name: str, **values: object) -> None:
    world.peer(side).edit(of(world, side)[name]["id"], **values)


def values(world: World, name: str, field: str) -> tuple[object, object]:
    left, right = (seen(of(world, side)[name]) for side in SIDES)
    return left[field], right[field]


def before(world: World) -> None:
    """All agree, but for one question that waits: the backup is made now."""
    for name in NAMES:
        world.both(**ANNA | {"email": address(name)})
    world.sync()
    for side in SIDES:
        edit(world, side, "ann", phone=f"{side} says")
    world.sync()


def forgotten(world: World, staff: object) -> None:
    """What the hub does after the backup, and will know nothing of."""
    world.pick(staff, world.open()[0], phone="left")
    edit(world, Side.LEFT, "bob", phone="030 2")
    edit(world, Side.RIGHT, "cid", points=7)
    edit(world, Side.LEFT, "dan", city="Bonn")
    world.peer(Side.RIGHT).delete(of(world, Side.RIGHT)["eve"]["id"])
    world.left.add(**ANNA | {"email": address("new"), "phone": "050 5", "city": "Kiel"})
    world.right.add(**ANNA | {"email": address("young"), "phone": "060 6", "city": "Jena"})
    world.sync("reconcile")
    assert same_everywhere(world)


def unseen(world: World) -> None:
    """What people do while the hub is away."""
    edit(world, Side.RIGHT, "bob", phone="030 3")  # saw 030 2
    edit(world, Side.RIGHT, "dan", city=ANNA["city"])  # put back
    edit(world, Side.LEFT, "fay", notes="called")  # nobody touched it on the right
    edit(world, Side.RIGHT, "new", email=address("newer"))
    world.peer(Side.LEFT).delete(of(world, Side.LEFT)["young"]["id"])  # and not from the right
    world.peer(Side.LEFT).delete(of(world, Side.LEFT)["gus"]["id"])
    world.left.add(**ANNA | {"email": address("hal"), "phone": "040 4", "city": "Ulm", "notes": "met in May"})


@pytest.mark.parametrize("told", [True, False])
def test_a_hub_from_a_backup_loses_doubles_and_overwrites_nothing(world, django_user_model, tmp_path, told):
    """`told`: the operator has said so; else the hub finds out by itself."""
    staff = django_user_model.objects.create_user("rita", is_staff=True)
    before(world)
    backup = Backup(tmp_path)
    forgotten(world, staff)
    backup.restore()
    unseen(world)
    if told:
        call_command("restored", stdout=StringIO())

    stopped = world.attempt()
    assert stopped.state == "stopped"
    assert stopped.kind == "reconcile"
    assert "restored from a backup" in stopped.message
    assert "would make 2 and delete 0 records" in stopped.message  # hal, and young that is deleted
    approve(staff)
    world.sync()

    assert values(world, "ann", "phone") == ("left says", "left says")
    assert values(world, "bob", "phone") == ("030 2", "030 3")
    assert values(world, "cid", "points") == (7, 7)
    assert values(world, "dan", "city") == ("Bonn", "Berlin")
    assert values(world, "fay", "notes") == ("called", "called")
    assert values(world, "hal", "phone") == ("040 4", "040 4")
    both = {"ann", "bob", "cid", "dan", "fay", "hal", "young"}
    assert set(of(world, Side.LEFT)) == both | {"new"}
    assert set(of(world, Side.RIGHT)) == both | {"newer", "gus"}
    assert {conflict.kind for conflict in world.open()} == {"field", "ambiguous match", "delete"}
    at_rest(world)
    assert prove(world.mapping, live=True).findings == []

    for conflict in world.open():
        if conflict.kind == "field":
            world.pick(staff, conflict, **{field.field: "right" for field in conflict.fields.all()})
        elif conflict.kind == "delete":
            world.choose(staff, conflict, "delete")
        elif conflict.side == "left":
            world.choose(staff, conflict, "link", str(of(world, Side.RIGHT)["newer"]["id"]))
    world.sync()
    world.sync()
    if world.open():  # the address of the pair that was linked by hand differs
        (conflict,) = world.open()
        world.pick(staff, conflict, **{field.field: "right" for field in conflict.fields.all()})
        world.sync()
    assert same_everywhere(world)
    assert set(of(world, Side.LEFT)) == both | {"newer"}
    assert values(world, "bob", "phone") == ("030 3", "030 3")
    at_rest(world)
    assert prove(world.mapping, live=True).findings == []
    assert not Mark.objects.exists()
    proof = StringIO()
    call_command("prove", "--live", "--json", stdout=proof)
    assert json.loads(proof.getvalue())["proven"]


def test_the_command_takes_a_time_and_names(world, tmp_path):
    world.sync()
    said = StringIO()
    call_command("restored", "contacts", "--as-of", "2026-05-01T03:00+02:00", stdout=said)
    assert "contacts: as of 2026-05-01 01:00:00 UTC" in said.getvalue()
    for wrong in (["nothing"], ["--as-of", "2026-05-01 03:00"], ["--as-of", "2026-02-31T00:00Z"]):
        with pytest.raises(CommandError) as refused:
            call_command("restored", *wrong, stdout=StringIO())
        assert refused.value.returncode == 2
    assert world.sync().kind == "reconcile"
