"""Writes to a system that refuses no stale write: counted, measured, and named where an edit was raced."""

import pytest

from connectors.base import skipped
from syncadmin.engine import run
from syncadmin.engine.prove import prove
from syncadmin.engine.window import RACED

from .test_pass import ANNA
from .test_recovery import kill_at


def metered(done):
    return {name: done.counts.get(name, 0) for name in ("unguarded", "unmeasured", "window ms", "raced")}


def test_a_write_that_nothing_guards_is_counted_and_its_window_measured(world, unguarded):
    left, _ = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    assert metered(world.sync()) == {"unguarded": 1, "unmeasured": 0, "window ms": 12, "raced": 0}


def test_where_the_system_refuses_stale_writes_nothing_is_counted(world):
    left, _ = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    assert not any(metered(world.sync()).values())


def test_a_race_that_the_versions_show_is_counted_and_journaled(world, unguarded):
    left, right = world.linked(**ANNA)
    unguarded["raced"] = True
    world.left.edit(left, phone="030 2")
    assert metered(world.sync())["raced"] == 1
    [entry] = world.history(kind="note", rule=RACED)
    assert (entry.side, entry.key) == ("right", str(right))
    assert not prove(world.mapping).findings


def test_a_write_of_a_dead_worker_counts_as_one_whose_window_nobody_measured(world, unguarded, monkeypatch):
    left, _ = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    kill_at(world, monkeypatch, run, "store_outcomes")
    assert metered(world.sync()) == {"unguarded": 1, "unmeasured": 1, "window ms": 0, "raced": 0}
    assert not any(metered(world.sync()).values())


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [("7", "8", False), ("7", "9", True), ("7", "7", False), (None, "9", False), ("a", "c", False)],
)
def test_versions_that_count_show_how_many_changes_there_were(before, after, more):
    assert skipped(before, after) is more
