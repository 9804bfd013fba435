"""The SQL connector keeps every promise of the kit, in three databases."""

import secrets
from collections.abc import Iterator

import pytest

from connectors.testing import ConnectorConformance
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
