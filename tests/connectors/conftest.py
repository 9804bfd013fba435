"""Tables that are tracked, in each database."""

from collections.abc import Iterator

import pytest

from .tracked_table import World


@pytest.fixture(params=["postgres_database", "old_postgres_database", "mariadb_database", "sqlite_database"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.getfixturevalue(request.param))
    yield world
    world.close()


@pytest.fixture
def tracked(world: World) -> World:
    world.track()
    return world
