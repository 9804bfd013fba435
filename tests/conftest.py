"""Real servers for the tests: started when a test first asks for one, one of each per test process.

Every server keeps its data in a directory of its own and takes a free port, so test processes
never meet. Each is stopped at the end, and none survives a killed test run.
"""

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteDatabase
from django.test import TransactionTestCase
from django.utils import timezone, translation
from psycopg import sql
from sqlalchemy.util import LRUCache

from connectors.sql import connector
from syncadmin.embedded import ChildFailed, PostgresServer, ValkeyServer
from syncadmin.permissions import make_groups
from tests.servers.couchdb import CouchServer
from tests.servers.kinto import KintoServer
from tests.servers.mariadb import MariaDbServer
from tests.servers.places import server_directory
from tests.servers.pocketbase import SharedPocketBase

SqliteOperations = SqliteDatabase.ops_class


OLD_POSTGRES = Path("/usr/lib/postgresql/15/bin")
MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30  # bytes
HUB = {"db", "transactional_db", "live_server"}


def pytest_configure() -> None:
    """What tests write need not survive a power cut: where there is room, it stays in memory.

    Passwords in tests need not be hard to guess: hashing them takes seconds in all.
    """
    from django.conf import settings

    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it had been looked up
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def witness(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fencing numbers are witnessed in a place of the process's own, which pytest cleans up some day."""
    from django.conf import settings

    settings.WITNESS_DIR = tmp_path_factory.mktemp("witness")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for no hub runs once. The longest begin first, so that all workers end at the same time."""
    items.sort(key=lambda item: "simulation" not in item.nodeid)
    for item in items:
        if not item.get_closest_marker("django_db") and not HUB & set(getattr(item, "fixturenames", ())):
            item.add_marker("runs_once")


@pytest.fixture(autouse=True)
def nobodys_language() -> Iterator[None]:
    """A reader's language and time zone end with the test."""
    yield
    translation.deactivate()
    timezone.deactivate()


def unique(prefix: str = "t") -> str:
    """A name that no other test uses."""
    return f"{prefix}_{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The hub on SQLite is a file: threads wait for each other there, and are refused in shared memory."""
    database = connections["default"].settings_dict
    if connections["default"].vendor == "sqlite":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("hub") / "hub.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A killed server process, or a page that still polled, leaves a session behind on PostgreSQL."""
    gc.freeze()  # what is there by now stays: looking through it for garbage takes a tenth of all time
    yield
    with django_db_blocker.unblock():
        if connections["default"].vendor == "postgresql":
            with connections["default"].cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(scope="session", autouse=True)
def journal_can_be_flushed() -> Iterator[None]:
    """Tests that commit are cleaned up by emptying all tables: the one time the journal must let go."""
    original = SqliteOperations.sql_flush

    def sql_flush(self: SqliteOperations, *args: Any, **kwargs: Any) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        dropped = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
        return [*dropped, *original(self, *args, **kwargs), *(sql for _, sql in triggers)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def groups_outlive_flushing() -> Iterator[None]:
    """A migration makes them, once; tests that commit empty all tables, and any test may come after them."""
    from django.contrib.auth.models import Group, Permission

    original = TransactionTestCase._fixture_teardown

    def teardown(self: TransactionTestCase) -> None:
        original(self)
        make_groups(Group, Permission)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


class CompiledOnce(LRUCache):
    """Compiled statements, for all engines of one kind of database; SQLAlchemy keeps them for each engine."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self._shared(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._shared(key), value)

    @staticmethod
    def _shared(key: Any) -> tuple[Any, ...]:
        dialect, *statement = key
        return type(dialect), dialect.server_version_info, *statement


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once() -> Iterator[None]:
    """Every pass opens engines of its own; to compile what reads a table's shape took a third of its time."""
    compiled, original = CompiledOnce(2000), connector.open_engine

    def open_engine(config: Any) -> Any:
        engine = original(config)
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "open_engine", open_engine)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL; `create_database(name)` answers the URL of an empty database."""
    with server_directory() as directory:
        server = PostgresServer(directory / "postgres", durable=False).start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def idle_databases() -> list[str]:
    """URLs of empty PostgreSQL databases: to empty one takes a quarter of what it takes to make one."""
    return []


def _database(postgres_server: PostgresServer, idle_databases: list[str]) -> Iterator[str]:
    """URL of an empty PostgreSQL database (`postgresql://`)."""
    url = idle_databases.pop() if idle_databases else postgres_server.create_database(unique())
    yield url
    empty(url)
    idle_databases.append(url)


postgres_database = pytest.fixture(_database, name="postgres_database")
another_database = pytest.fixture(_database, name="another_database")


def empty(url: str) -> None:
    """Ends all sessions of a PostgreSQL database, and leaves nothing in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        found = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        )
        for (name,) in found.fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


@pytest.fixture(scope="session")
def old_postgres_server() -> Iterator[PostgresServer]:
    """The oldest PostgreSQL that is supported, from Debian's package."""
    if not OLD_POSTGRES.is_dir():
        raise ChildFailed("PostgreSQL 15 is not installed: the tests need the system's postgresql-15")
    with server_directory() as directory:
        server = PostgresServer(directory / "postgres15", durable=False, binaries=OLD_POSTGRES).start()
        yield server
        server.stop()


@pytest.fixture
def old_postgres_database(old_postgres_server: PostgresServer) -> str:
    """URL of a fresh database of it."""
    return old_postgres_server.create_database(unique())


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """MariaDB; `create_database(name)` answers the URL of an empty database."""
    with server_directory() as directory:
        server = MariaDbServer(directory / "mariadb").start()
        yield server
        server.stop()


@pytest.fixture
def mariadb_database(mariadb_server: MariaDbServer) -> Iterator[str]:
    """URL of a fresh MariaDB database (`mysql+pymysql://`)."""
    name = unique()
    yield mariadb_server.create_database(name)
    mariadb_server.drop_database(name)


@pytest.fixture
def sqlite_database(tmp_path: Path) -> str:
    """URL of a fresh SQLite database (`sqlite:///`)."""
    return f"sqlite:///{tmp_path / 'peer.sqlite3'}"


@pytest.fixture(scope="session")
def pocketbase_server() -> Iterator[SharedPocketBase]:
    """PocketBase; `create_collection(name, fields)` makes an empty collection, `client()` is signed in."""
    with server_directory() as directory:
        server = SharedPocketBase(directory / "pocketbase", password=secrets.token_urlsafe(12)).start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def kinto_server() -> Iterator[KintoServer]:
    """Kinto; `create_collection(name)` answers the URL of its records, `auth` signs in."""
    with server_directory() as directory:
        server = KintoServer(directory / "kinto").start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def couchdb_server() -> Iterator[CouchServer]:
    """A CouchDB; `create_database(name)` answers the URL of an empty one, `auth` signs in."""
    with server_directory() as directory:
        server = CouchServer(directory / "couchdb").start()
        yield server
        server.stop()


@pytest.fixture
def kinto_collection(kinto_server: KintoServer) -> str:
    """URL of the records of a fresh Kinto collection."""
    return kinto_server.create_collection(unique())


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """The embedded queue server, shared by the tests of this process."""
    with server_directory() as directory:
        server = ValkeyServer(directory / "valkey").start()
        yield server
        server.stop()


@pytest.fixture
def valkey_url(valkey_server: ValkeyServer) -> str:
    """URL of an empty queue server."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """Makes names that no other test uses."""
    return unique
