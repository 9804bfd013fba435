"""The SQL connector keeps every promise of the kit, in three databases."""

import secrets
from collections.abc import Iterator

import pytest

from connectors.testing import Bench, ConnectorConformance
from connectors.testing.reading import Reading
from syncadmin.embedded import PostgresServer
from tests.servers.mariadb import MariaDbServer

from .sql_harness import SqlHarness


@pytest.fixture(scope="module")
def postgres_table(postgres_server: PostgresServer) -> Iterator[SqlHarness]:
    """One database for all tests; each finds its table empty."""
    harness = SqlHarness(postgres_server.create_database(f"kit_{secrets.token_hex(6)}"))
    yield harness
    harness.close()


@pytest.fixture(scope="module")
def mariadb_table(mariadb_server: MariaDbServer) -> Iterator[SqlHarness]:
    """One database for all tests; each finds its table empty."""
    harness = SqlHarness(mariadb_server.create_database(f"kit_{secrets.token_hex(6)}"))
    yield harness
    harness.close()


class TestPostgres(ConnectorConformance):
    @pytest.fixture
    def harness(self, postgres_table: SqlHarness) -> SqlHarness:
        postgres_table.reset()
        return postgres_table


class TestMariaDb(ConnectorConformance):
    @pytest.fixture
    def harness(self, mariadb_table: SqlHarness) -> SqlHarness:
        mariadb_table.reset()
        return mariadb_table


class TestSqlite(ConnectorConformance):
    @pytest.fixture
    def harness(self, sqlite_database: str) -> Iterator[SqlHarness]:
        harness = SqlHarness(sqlite_database)
        yield harness
        harness.close()


@pytest.fixture(scope="module", params=["postgres_server", "mariadb_server", "sqlite"])
def tracked_table(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqlHarness]:
    """A table whose changes a log tells, in each database."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("kit") / "tracked.sqlite3"
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue(request.param).create_database(f"kit_{secrets.token_hex(6)}")
    harness = SqlHarness(url, tracked=True)
    yield harness
    harness.close()


class TestTracked(Reading):
    """What is promised of reading holds for a tracked table too; writes take the way they always take."""

    @pytest.fixture
    def bench(self, tracked_table: SqlHarness) -> Iterator[Bench]:
        tracked_table.reset()
        connector = tracked_table.connector()
        yield Bench(tracked_table, connector)
        connector.close()
