"""Fixtures of the engine tests: the same world on PostgreSQL and on SQLite peers."""

from pathlib import Path

import pytest

from .world import World, build


@pytest.fixture
def world(db: None, postgres_server, tmp_path: Path) -> World:
    """A CRM in PostgreSQL and a shop in SQLite, mapped."""
    from tests.conftest import unique

    made = build(postgres_server.create_database(unique()), f"sqlite:///{tmp_path / 'shop.sqlite3'}")
    yield made
    made.left.engine.dispose()
    made.right.engine.dispose()


@pytest.fixture
def staff(django_user_model):
    """A person who decides."""
    return django_user_model.objects.create_user("rita", is_staff=True)
