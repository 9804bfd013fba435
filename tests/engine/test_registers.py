"""The last writer of each column wins, by stamps that both databases keep, whatever their clocks say."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from bench.registers import AUDIT
from connectors.sql import SqlConnector
from syncadmin.engine.prove import prove
from syncadmin.engine.run import run_pass
from syncadmin.models import Entry, FieldMapping, Mark, Resource

from .test_pass import ANNA, quiet
from .world import Peer, World, build

pytestmark = pytest.mark.runs_once
COLUMNS = ("phone", "city")
REGISTER = "select relname from pg_class where relname like 'registers%' and relkind = 'r'"


def shift_clock(peer: Peer, by: str) -> None:
    """Have the triggers of a database go by a clock that is wrong by so much."""
    functions = peer.run("select pg_get_functiondef(oid) as made from pg_proc where proname like 'capture_%'")
    wrong = f"clock_timestamp() + interval '{by}'"
    with peer.engine.begin() as connection:
        for function in functions:
            made = re.sub(r"clock_timestamp\(\)( \+ interval '[^']*')?", wrong, function["made"])
            connection.exec_driver_sql(made.replace("%", "%%"))


@pytest.fixture
def stamped(db: None, postgres_database: str, another_database: str) -> Iterator[World]:
    """Two tracked databases; the last writer decides phone and city; the right one's clock is 30 s slow."""
    world = build(postgres_database, another_database)
    FieldMapping.objects.filter(mapping=world.mapping, name__in=COLUMNS).update(merge="newest")
    Resource.objects.filter(name="contacts").update(config={"table": "contacts", "changes": "tracking"})
    for name in ("crm", "shop"):
        call_command("track", name, "contacts", "--yes", "--json")
    shift_clock(world.right, "-30 s")
    world.mapping.refresh_from_db()
    world.set(guard_floor=100_000)
    yield world
    world.left.close()
    world.right.close()


def stamps(peer: Peer, row_id: int) -> dict[str, str]:
    """The stamps that a database keeps of a row."""
    kept = peer.run(REGISTER)[0]["relname"]
    found = peer.run(f"select stamps from syncadmin_tracking.{kept} where record_key = '{row_id}'")
    return found[0]["stamps"] if found else {}


def test_the_last_edit_wins_by_column_and_both_sides_know_it_by_its_own_stamp(stamped):
    left, right = stamped.linked(**ANNA)
    assert stamps(stamped.left, left) == {}
    stamped.left.edit(left, phone="first")
    first = stamps(stamped.left, left)
    stamped.sync()
    assert stamps(stamped.right, right) == first  # the stamp of the edit, not of the hub's write
    stamped.right.edit(right, phone="seen and replaced", city="Bonn")  # by a clock that is behind
    later = stamps(stamped.right, right)
    assert later["phone"] > first["phone"]
    stamped.left.edit(left, city="Köln")
    stamped.sync()
    for peer, key in ((stamped.left, left), (stamped.right, right)):
        row = peer.row(key)
        assert (row["phone"], row["city"]) == ("seen and replaced", "Köln")
    assert stamps(stamped.left, left) == stamps(stamped.right, right)
    (lost,) = stamped.history(kind="disposition", disposition="overridden")
    assert (lost.side, lost.field, lost.new, lost.rule) == ("right", "city", '"Bonn"', "merge newest")
    quiet(stamped)
    assert prove(stamped.mapping, live=True).proven


@pytest.mark.parametrize("ahead", ["-30 s", "30 s"])
def test_an_edit_that_nobody_has_read_is_replaced_in_its_own_database_only_if_it_is_older(
    stamped, monkeypatch, ahead
):
    left, right = stamped.linked(**ANNA)
    write, moments = SqlConnector.write, [lambda: stamped.right.edit(right, phone="unread")]
    shift_clock(stamped.right, ahead)

    def meanwhile(self, resource, writes, *, fields):
        while moments:
            moments.pop()()
        return write(self, resource, writes, fields=fields)

    monkeypatch.setattr(SqlConnector, "write", meanwhile)
    stamped.sync()
    stamped.left.edit(left, phone="late", points=9)
    done = stamped.sync()
    lands = ahead == "-30 s"
    assert done.counts.get("stale", 0) == (0 if lands else 1)
    stamped.sync()
    winner, loser = ("late", "unread") if lands else ("unread", "late")
    assert [stamped.left.row(left)["phone"], stamped.right.row(right)["phone"]] == [winner] * 2
    lost = stamped.history(kind="disposition", disposition="overridden", field="phone")
    assert [(e.side, json.loads(e.new), e.rule) for e in lost] == [
        ("right" if lands else "left", loser, "merge newest")
    ]
    quiet(stamped)
    assert prove(stamped.mapping, live=True).proven


def test_a_stamp_from_a_far_future_is_refused_in_words(stamped):
    left, right = stamped.linked(**ANNA)
    shift_clock(stamped.left, "2 hours")
    stamped.sync()
    stamped.left.edit(left, phone="from the future", points=3)
    stamped.sync()
    (item,) = stamped.open()
    assert "one of the two clocks is wrong" in item.said
    assert (stamped.right.row(right)["phone"], stamped.right.row(right)["points"]) == (ANNA["phone"], 3)


def test_no_edit_of_many_writers_at_once_is_lost(stamped):
    """Four people edit the same few records on both sides while the hub is at work, without any lock."""
    pairs = [stamped.both(email=f"{n}@x.example", phone="first", city="first") for n in range(8)]
    stamped.sync("reconcile")
    keys = {"left": [left for left, _ in pairs], "right": [right for _, right in pairs]}
    peers = {"left": stamped.left, "right": stamped.right}
    for peer in peers.values():
        register = peer.run(REGISTER)[0]["relname"]
        with peer.engine.begin() as connection:
            connection.exec_driver_sql(AUDIT.format(register=register, table="contacts"))

    def write(side: str, who: int) -> None:
        with peers[side].engine.connect() as connection:
            for n in range(EDITS):
                name = COLUMNS[(n + who) % 2]
                key = keys[side][(n * (3 + who)) % len(pairs)]
                connection.exec_driver_sql(
                    f"update contacts set {name} = '{side} {who} {n}' where id = {key}"
                )
                connection.commit()

    writers = [threading.Thread(target=write, args=(side, who)) for side in peers for who in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        stamped.sync()
    for writer in writers:
        writer.join()
    stamped.sync()
    while Mark.objects.exists():  # what changed all the time was put off for some seconds
        run_pass(stamped.mapping.pk, clock=lambda: timezone.now() + timedelta(hours=1))
    quiet(stamped)
    assert prove(stamped.mapping, live=True).proven
    assert all_accounted(stamped, peers, keys) == 4 * EDITS


EDITS = 300


def all_accounted(world: World, peers: dict[str, Any], keys: dict[str, list[int]]) -> int:
    """Asserts that the last edit of each cell is on both sides, and that the hub replaced none unseen."""
    said = {
        (e.side, int(e.key), e.field, json.loads(e.new))
        for e in Entry.objects.filter(mapping=world.mapping, kind__in=("change", "write"), field__in=COLUMNS)
    }
    last: dict[tuple[int, str], tuple[str, str]] = {}
    edits = 0
    for side, peer in peers.items():
        for row in peer.run("select * from audit order by seq"):
            cell = (keys[side].index(row["id"]), row["name"])
            if row["ours"]:
                assert row["was"] == "first" or (side, row["id"], row["name"], row["was"]) in said, row
                continue
            edits += 1
            last[cell] = max(last.get(cell, ("", "")), (row["stamp"], row["is_"]))
    for (number, name), (_, value) in last.items():
        for side, peer in peers.items():
            assert peer.row(keys[side][number])[name] == value
    return edits
