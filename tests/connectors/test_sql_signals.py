"""Who waits for changes of a tracked table is told at once, or can ask cheaply."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from connectors.base import Op, Retry, Write
from connectors.signals import Ear, Signal, Signals, Unread
from syncadmin.embedded import PostgresServer
from tests.servers.places import server_directory

from .tracked_table import World

LONG = 20.0  # nobody waits that long: what is waited for comes


@pytest.fixture(params=["postgres_database", "mariadb_database", "sqlite_database"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.getfixturevalue(request.param))
    world.track()
    yield world
    world.close()


@pytest.fixture
def listened(postgres_database: str) -> Iterator[tuple[World, Ear]]:
    world = World(postgres_database)
    world.track()
    ear = world.connector.ear(["t"])
    assert ear is not None
    with closing(ear):
        yield world, ear
    world.close()


def ours(key: str) -> Write:
    return Write(Op.CREATE, key, {"name": "by the hub"})


def test_what_is_unread_can_be_asked(world: World) -> None:
    assert isinstance(world.connector, Signals)
    assert world.connector.tells("t")
    cursor = world.now()
    assert world.connector.unread("t", cursor) is None
    world.run("insert into t values (1, 'Anna', 'x', 3)")
    found = world.connector.unread("t", cursor)
    assert found is not None
    assert found.ready
    assert 0 <= found.age < 600
    assert world.connector.unread("t", world.changes(cursor)[2]) is None


def test_what_the_hub_wrote_itself_is_no_news_unless_it_is_asked_for(world: World) -> None:
    cursor = world.now()
    world.connector.write("t", [ours("5")], fields=["name"])
    assert world.connector.unread("t", cursor) is None
    assert isinstance(world.connector.unread("t", cursor, ours=True), Unread)


def test_a_change_that_a_running_transaction_holds_back_is_told_as_such(postgres_database: str) -> None:
    world = World(postgres_database)
    world.track()
    cursor = world.now()
    with psycopg.connect(postgres_database) as late:
        late.execute("insert into t values (1, 'late', '', 1)")
        world.run("insert into t values (2, 'soon', '', 1)")
        found = world.connector.unread("t", cursor)
        assert found is not None
        assert not found.ready
        assert world.changes(cursor)[:2] == ([], [])
    found = world.connector.unread("t", cursor)
    assert found is not None
    assert found.ready
    world.close()


def test_a_commit_is_heard_once_however_many_rows_it_has(listened: tuple[World, Ear]) -> None:
    world, ear = listened
    assert ear.hears == {"t"}
    world.run("insert into t values (1, 'a', '', 1), (2, 'b', '', 1)", "update t set name = 'c'")
    assert ear.wait(LONG) == [Signal("t")]
    world.connector.write("t", [ours("5")], fields=["name"])
    assert ear.wait(LONG) == [Signal("t", ours=True)]


def test_what_is_not_logged_is_not_told(listened: tuple[World, Ear]) -> None:
    world, ear = listened
    world.run("insert into t values (1, 'a', '', 1)")
    assert ear.wait(LONG) == [Signal("t")]
    world.run("update t set note = 'nobody maps this'")
    assert ear.wait(0) == []


def test_a_connection_that_is_cut_is_an_error_that_passes(listened: tuple[World, Ear]) -> None:
    world, ear = listened
    world.run(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and query like 'listen%'"
    )
    with pytest.raises(Retry, match="listening for changes"):
        ear.wait(LONG)


def test_tables_tracked_by_an_older_hub_are_asked(listened: tuple[World, Ear]) -> None:
    world, _ = listened
    world.run(f"create or replace function syncadmin_tracking.capture_{world.id}() returns trigger"
              " language plpgsql as $$ begin return null; end $$")  # fmt: skip
    assert world.connector.ear(["t"]) is None


@pytest.mark.parametrize("fixture", ["mariadb_database", "sqlite_database"])
def test_databases_without_signals_are_asked(request: pytest.FixtureRequest, fixture: str) -> None:
    world = World(request.getfixturevalue(fixture))
    world.track()
    assert world.connector.ear(["t"]) is None
    world.close()


def test_a_transaction_that_is_prepared_for_a_two_phase_commit_is_not_made_to_fail(
    unique_name: Callable[[str], str],
) -> None:
    with server_directory() as directory:
        settings = {"max_prepared_transactions": "5"}
        server = PostgresServer(directory / "postgres", settings=settings, durable=False).start()
        try:
            world = World(server.create_database(unique_name("two")))
            world.track()
            cursor = world.now()
            with psycopg.connect(world.url, autocommit=True) as connection:
                connection.execute("begin")
                connection.execute("insert into t values (1, 'Anna', '', 1)")
                connection.execute("prepare transaction 'one'")
                connection.execute("commit prepared 'one'")
            assert world.connector.ear(["t"]) is None  # it is asked
            assert world.changes(cursor)[0] == ["1"]
            world.close()
        finally:
            server.stop()
