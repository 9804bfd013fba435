"""F18, F22, F23: nothing is skipped, whichever side is read first, however pages shift and writers commit."""

import random

import pytest

from connectors.rest import RestConnector
from connectors.sql import SqlConnector
from syncadmin.engine import collect, load, ranges, stage
from syncadmin.models import Link
from tests.conftest import unique
from tests.engine.world import Peer, World, between

from .acts import ANNA, at_rest, same_everywhere, seen
from .peers import PocketBasePeer

pytestmark = pytest.mark.runs_once

NAMES = [f"{n}@example.com" for n in range(12)]


# ---------------------------------------------------------------- either order


def a_busy_day(world: World, sides: dict[str, object], seed: int) -> None:
    """The same edits by the same people, whichever side of the mapping their system is."""
    chance = random.Random(seed)
    crm, shop = sides["crm"], sides["shop"]
    keys = [(crm.add(**ANNA | {"email": name}), shop.add(**ANNA | {"email": name})) for name in NAMES[:6]]
    world.sync()
    for day in range(3):
        for which, peer in ((0, crm), (1, shop)):
            for pair in keys:
                if chance.random() < 0.5:
                    field = chance.choice(["phone", "city", "notes", "points"])
                    value = chance.randrange(9) if field == "points" else f"{which}{day}{chance.randrange(2)}"
                    peer.edit(pair[which], **{field: value})
        if day == 1:
            crm.add(email="late@example.com", phone="1", points=0, credit=0)
            shop.add(email="late@example.com", phone="2", points=0, credit=0)
            shop.delete(keys.pop()[1])
        world.sync("reconcile" if day == 1 else "incremental")


def outcome(world: World, sides: dict[str, object]) -> dict[str, object]:
    """What both systems hold and what people are asked, by names only."""
    asked = [
        (conflict.kind, conflict.label, tuple(sorted(f.field for f in conflict.fields.all())))
        for conflict in world.open()
    ]
    return {
        "asked": sorted(asked),
        **{
            name: sorted((seen(row) for row in peer.rows()), key=lambda row: (row["email"], row["phone"]))
            for name, peer in sides.items()
        },
    }


@pytest.mark.parametrize("seed", range(2))
def test_f18_the_result_does_not_depend_on_which_side_is_read_first(
    db, postgres_server, pocketbase_server, seed
):
    outcomes = []
    for turned in (False, True):
        crm = Peer(postgres_server.create_database(unique()))
        shop = PocketBasePeer(pocketbase_server, unique())
        sides = {"crm": crm, "shop": shop}
        world = between(*((shop, crm) if turned else (crm, shop)), suffix="-turned" if turned else "")
        a_busy_day(world, sides, seed)
        at_rest(world)
        outcomes.append(outcome(world, sides))
        crm.close()
        shop.close()
    assert outcomes[0] == outcomes[1]


# ---------------------------------------------------------------- pages that shift


@pytest.fixture
def small_pages(monkeypatch):
    """Everything is read two records at a time."""
    for module in (collect, ranges, stage):
        monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(load, "BATCH", 5)


def between_pages(monkeypatch, connector: type, reading: str, acts: list) -> None:
    """After each page that `connector` gives while `reading`, one of `acts` happens."""
    real = getattr(connector, reading)

    def read(self, *args, **kwargs):
        for page in real(self, *args, **kwargs):
            yield page
            if acts and page.records:
                acts.pop(0)()

    monkeypatch.setattr(connector, reading, read)


@pytest.mark.parametrize("connector", [SqlConnector, RestConnector])
@pytest.mark.parametrize("reading", ["scan", "changes"])
def test_f22_no_record_is_skipped_or_taken_for_deleted_while_pages_shift(
    world, monkeypatch, small_pages, connector, reading
):
    world.set(guard_floor=1000, deletes="propagate")
    peer = world.left if connector is SqlConnector else world.right
    if reading == "changes":
        world.sync()
    keys = [peer.add(**ANNA | {"email": name}) for name in NAMES[:8]]
    acts = [
        lambda: peer.edit(keys[0], phone="030 2"),  # moves to the end of a list by time
        lambda: peer.delete(keys[1]),  # all that follow move up by one
        lambda: peer.add(**ANNA | {"email": NAMES[8]}),
        lambda: peer.edit(keys[7], city="Bonn"),
    ]
    name = "hashed" if (connector, reading) == (SqlConnector, "scan") else reading
    between_pages(monkeypatch, connector, name, acts)
    world.sync()
    assert acts == []
    world.sync()
    world.sync("reconcile")
    assert same_everywhere(world)
    assert sorted(row["email"] for row in world.left.rows()) == sorted({*NAMES[:9]} - {NAMES[1]})
    at_rest(world)


def test_f22_also_where_the_system_itself_says_which_page_is_next(with_kinto, monkeypatch, small_pages):
    world = with_kinto
    world.set(guard_floor=1000, deletes="propagate")
    world.sync()
    keys = [world.right.add(**ANNA | {"email": name}) for name in NAMES[:8]]
    acts = [
        lambda: world.right.edit(keys[0], phone="030 2"),
        lambda: world.right.delete(keys[1]),
        lambda: world.right.edit(keys[7], phone="030 3"),
    ]
    between_pages(monkeypatch, RestConnector, "changes", acts)
    world.sync()
    world.sync()
    assert same_everywhere(world)
    assert len(world.left.rows()) == 7
    at_rest(world)


# ---------------------------------------------------------------- late commits


def test_f23_rows_of_a_transaction_that_commits_late_are_seen(world):
    left, right = world.linked(**ANNA)
    with world.left.engine.connect() as slow:
        slow.exec_driver_sql("UPDATE contacts SET phone = 'late', updated_at = clock_timestamp()")
        slow.exec_driver_sql("INSERT INTO contacts (email, points, credit) VALUES ('late@example.com', 0, 0)")
        world.left.add(**ANNA | {"email": "after@example.com"})  # with a higher id and a later stamp
        world.sync()
        assert [row["email"] for row in world.right.rows()] == [ANNA["email"], "after@example.com"]
        world.sync()
        slow.commit()
    world.sync()
    assert world.right.row(right)["phone"] == "late"
    assert "late@example.com" in {row["email"] for row in world.right.rows()}
    assert left
    at_rest(world)


def test_f23_a_transaction_that_outlasts_the_overlap_is_seen_too(world):
    """The reader stays below the oldest transaction that runs, however long."""
    resource = world.mapping.left
    resource.config = {**resource.config, "overlap": 0}
    resource.save()
    world.sync()
    with world.left.engine.connect() as slow:
        slow.exec_driver_sql("INSERT INTO contacts (email, points, credit) VALUES ('late@example.com', 0, 0)")
        for n in range(3):
            world.left.add(**ANNA | {"email": NAMES[n]})
            world.sync()
        slow.commit()
    world.sync()
    assert len(world.right.rows()) == 4
    assert Link.objects.filter(mapping=world.mapping).count() == 4
    at_rest(world)
