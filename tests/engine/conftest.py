"""Fixtures of the engine tests: the same world on PostgreSQL and on SQLite peers."""

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.base import Guarantee
from connectors.sql.connector import SqlConnector
from syncadmin.config.keeping import keeping

from .world import World, build


@pytest.fixture
def world(db: None, postgres_database: str, tmp_path: Path) -> World:
    """A CRM in PostgreSQL and a shop in SQLite, mapped."""
    made = build(postgres_database, f"sqlite:///{tmp_path / 'shop.sqlite3'}")
    with keeping():  # as the workers do
        yield made
    made.left.engine.dispose()
    made.right.engine.dispose()


@pytest.fixture
def staff(django_user_model):
    """A person who decides."""
    return django_user_model.objects.create_user("rita", is_staff=True)


@pytest.fixture
def unguarded(monkeypatch):
    """Both systems without compare-and-set; returns what their outcomes say besides."""
    told: dict[str, object] = {"window": 0.012}
    can, write = SqlConnector.capabilities, SqlConnector.write

    def weaker(self, resource):
        return replace(can(self, resource), update=Guarantee.CHECKED, delete=Guarantee.CHECKED)

    def measured(self, resource, writes, *, fields):
        return [replace(outcome, **told) for outcome in write(self, resource, writes, fields=fields)]

    monkeypatch.setattr(SqlConnector, "capabilities", weaker)
    monkeypatch.setattr(SqlConnector, "write", measured)
    return told
