"""The SQL connector keeps every promise of the kit, in three databases."""

from collections.abc import Iterator

import pytest

from connectors.testing import ConnectorConformance

from .sql_harness import SqlHarness


class TestPostgres(ConnectorConformance):
    @pytest.fixture
    def harness(self, postgres_database: str) -> Iterator[SqlHarness]:
        harness = SqlHarness(postgres_database)
        yield harness
        harness.close()


class TestMariaDb(ConnectorConformance):
    @pytest.fixture
    def harness(self, mariadb_database: str) -> Iterator[SqlHarness]:
        harness = SqlHarness(mariadb_database)
        yield harness
        harness.close()


class TestSqlite(ConnectorConformance):
    @pytest.fixture
    def harness(self, sqlite_database: str) -> Iterator[SqlHarness]:
        harness = SqlHarness(sqlite_database)
        yield harness
        harness.close()
