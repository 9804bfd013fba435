"""The listener: one leads, a change wakes its mappings, and a lost connection or signal loses nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Queue as Heard
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.utils import timezone
from rq import Queue

from connectors.signals import Signal, Unread
from syncadmin import listener
from syncadmin.core.side import Side
from syncadmin.jobs import enqueue_pass, wake
from syncadmin.listener import Listener, unread, wake_those_that_may
from syncadmin.models import Cursor, Mapping, MappingState, Resource, System
from syncadmin.posts import Post, Reader
from tests.builders import a_mapping
from tests.connectors.tracked_table import World
from tests.ops.passes import Passes, work_off

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG = 60.0  # nobody waits that long: what is waited for comes


# ---------------------------------------------------------------- one post


@contextmanager
def listening(world: World, *, shared: bool = False) -> Iterator[Heard[set[int]]]:
    """A post at a world's table, for mapping 1, which reads when it is woken; which were woken."""
    woken: Heard[set[int]] = Heard()
    place = {"cursor": world.now()}

    def read(mappings: set[int]) -> None:
        place["cursor"] = world.changes(place["cursor"])[2]
        woken.put(mappings)

    post = Post(
        "system",
        [Reader(1, Side.LEFT, "t", shared)],
        world.another,
        lambda connector, _: connector.unread("t", place["cursor"], ours=shared),
        read,
    )
    thread = Thread(target=post.run)
    thread.start()
    try:
        yield woken
    finally:
        post.over.set()
        thread.join(LONG)


def until_heard(url: str) -> None:
    """Wait until somebody listens."""
    with psycopg.connect(url, autocommit=True) as connection:
        asked = (
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and query ilike 'listen%'"
        )
        while connection.execute(asked).fetchone() == (0,):
            Event().wait(0.01)


@pytest.fixture(params=["postgres_database", "mariadb_database", "sqlite_database"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.getfixturevalue(request.param))
    world.track()
    yield world
    world.close()


def test_a_change_wakes_its_mapping_whether_its_system_signals_or_is_asked(world: World) -> None:
    with listening(world) as woken:
        world.run("insert into t values (1, 'Anna', 'x', 3)")
        assert woken.get(timeout=LONG) == {1}


def test_a_listener_whose_connection_is_killed_connects_again(postgres_database: str) -> None:
    world = World(postgres_database)
    world.track()
    with listening(world) as woken:
        until_heard(postgres_database)
        world.run(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query ilike 'listen%'"
        )
        world.run("insert into t values (1, 'meanwhile', '', 1)")
        assert woken.get(timeout=LONG) == {1}
        until_heard(postgres_database)
        world.run("insert into t values (2, 'after it', '', 1)")
        assert woken.get(timeout=LONG) == {1}
    world.close()


def test_a_change_that_a_running_transaction_holds_back_is_read_when_that_ends(
    postgres_database: str,
) -> None:
    """Nobody tells of the end of a transaction that changed nothing here."""
    world = World(postgres_database)
    world.track()
    start = world.now()
    with listening(world) as woken, psycopg.connect(postgres_database) as late:
        until_heard(postgres_database)
        late.execute("select pg_current_xact_id()")
        world.run("insert into t values (1, 'soon', '', 1)")
        assert woken.get(timeout=LONG) == {1}
        assert world.changes(start)[0] == []
        late.commit()
        woken.get(timeout=LONG)
        assert world.changes(start)[0] == ["1"]
    world.close()


class Told:
    """In the place of a connector that has its signals ready; each wait hears one lot of them."""

    hears = frozenset({"a", "b"})

    def __init__(self, *lots: list[Signal]) -> None:
        self.lots = list(lots)
        self.over = Event()

    def ear(self, _resources: object) -> "Told":
        return self

    def wait(self, _seconds: float) -> list[Signal]:
        if not self.lots:
            self.over.set()
            return []
        return self.lots.pop(0)

    def tells(self, _resource: str) -> bool:
        return True

    def unread(self, *_: object, **__: object) -> Unread | None:
        return None

    def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("signals", "woken"),
    [
        ([Signal("a")] * 500, [{1, 2}]),
        ([Signal("a"), Signal("b")], [{1, 2, 3}]),
        ([Signal("b", ours=True)], []),
        ([Signal("a", ours=True)], [{1, 2}]),
        ([Signal("c")], []),
    ],
    ids=["a burst", "two tables", "an echo", "written for another mapping", "not ours to read"],
)
def test_who_is_woken(signals: list[Signal], woken: list[set[int]]) -> None:
    """Mappings 1 and 2 read `a`, mapping 3 reads `b`."""
    told: Any = Told(signals)
    readers = [Reader(1, Side.LEFT, "a", True), Reader(2, Side.LEFT, "a", True), Reader(3, Side.LEFT, "b")]
    found: list[set[int]] = []
    post = Post("system", readers, lambda: told, lambda *_: None, found.append, told.over)
    post.run()
    assert found == woken


# ---------------------------------------------------------------- one process for all


@pytest.mark.django_db
def test_one_listener_leads_until_it_is_gone() -> None:
    clock = [NOW]
    first, second = (Listener(name, lambda: clock[0]) for name in ("first", "second"))
    assert first.look()
    assert not second.look()
    clock[0] += listener.TERM
    assert second.look()
    assert not first.look()
    stopped = Event()
    stopped.set()
    second.run(stopped)  # it ends in good order, and another one need not wait
    assert first.look()


@pytest.fixture
def mapping(postgres_database: str) -> Mapping:
    """Its left side is tracked, in a real database."""
    mapping = a_mapping()
    System.objects.filter(pk=mapping.left.system_id).update(
        connector="sql", config={"url": postgres_database}
    )
    Resource.objects.filter(pk=mapping.left_id).update(name="t", config={"table": "t", "changes": "tracking"})
    return mapping


@pytest.mark.django_db(transaction=True)
def test_it_listens_to_what_is_tracked_and_to_nothing_else(
    mapping: Mapping, queue: Queue, postgres_database: str
) -> None:
    world = World(postgres_database)
    world.track()
    Cursor.objects.create(mapping=mapping, side="left", value=world.now())
    leading = Listener("me")
    try:
        leading.look()
        assert list(leading.posts) == [mapping.left.system_id]
        until_heard(postgres_database)
        world.run("insert into t values (1, 'Anna', '', 1)")
        while not len(queue):
            Event().wait(0.01)
        assert queue.jobs[0].args == [mapping.pk, "incremental"]
        Mapping.objects.update(enabled=False)
        leading.look()
        assert not leading.posts
    finally:
        leading.leave()
    world.close()


@pytest.mark.django_db
def test_how_long_a_change_has_waited_is_noted(mapping: Mapping, postgres_database: str) -> None:
    class Behind(Told):
        found: Unread | None = Unread(90.0)

        def unread(self, *_: object, **__: object) -> Unread | None:
            return self.found

    told: Any = Behind()
    cursor = Cursor.objects.create(mapping=mapping, side="left", value={})
    reader = Reader(mapping.pk, Side.LEFT, "t")
    unread(told, reader)
    cursor.refresh_from_db()
    assert cursor.waiting_since is not None
    assert timezone.now() - cursor.waiting_since >= timedelta(seconds=90)
    told.found = None
    unread(told, reader)
    cursor.refresh_from_db()
    assert cursor.waiting_since is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stopped", "enabled", "asked"),
    [("", True, 1), ("guard", True, 0), ("configuration", True, 0), ("", False, 0)],
)
def test_only_mappings_that_may_run_are_woken(queue: Queue, stopped: str, enabled: bool, asked: int) -> None:
    mapping = a_mapping()
    MappingState.objects.filter(mapping=mapping).update(stopped=stopped)
    Mapping.objects.update(enabled=enabled)
    wake_those_that_may({mapping.pk})
    assert len(queue) == asked


@pytest.mark.django_db(transaction=True)
def test_a_mapping_that_changes_all_the_time_leaves_the_others_their_turn(
    queue: Queue, passes: Passes
) -> None:
    def a_thousand_changes() -> None:
        for _ in range(1000):
            wake(1)
        passes.meanwhile = a_thousand_changes if len(passes.ran) < 4 else None

    passes.meanwhile = a_thousand_changes
    wake(1)
    enqueue_pass(2)
    enqueue_pass(3)
    work_off(queue)
    assert [mapping for mapping, _ in passes.ran] == [1, 2, 3, 1, 1]
