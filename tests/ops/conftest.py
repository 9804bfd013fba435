"""What the tests of queue and ticker share: a queue of their own, and passes that only take notes."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql
from pytest_django import Settings
from rq import Queue

from tests.ops.hub import Hub
from tests.ops.passes import Passes


@pytest.fixture
def queue(settings: Settings, valkey_url: str) -> Queue:
    """The hub's queue, empty, on a real server."""
    from django_rq import get_queue

    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": valkey_url}}
    return get_queue()


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """In the place of the engine: notes which passes ran."""
    noted = Passes()
    monkeypatch.setattr("syncadmin.engine.run.run_pass", noted.run_pass)
    return noted


@contextmanager
def an_installation(name: str) -> Iterator[Hub]:
    """An installation that was never started; on PostgreSQL where the tests' own hub is."""
    directory = Path(tempfile.mkdtemp(prefix="sa-up-"))
    hub = Hub(directory / "var")
    shared = os.environ.get("DATABASE_URL", "")
    if shared.startswith("postgresql:"):
        with psycopg.connect(shared, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        hub.database = {
            "DATABASE_URL": f"{shared.rpartition('/')[0]}/{name}",
            "SECRET_KEY": "only-for-tests",
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
    yield hub
    hub.down()
    shutil.rmtree(directory)


@pytest.fixture
def hub(unique_name: Callable[[str], str]) -> Iterator[Hub]:
    """An installation of the test's own, that was never started."""
    with an_installation(unique_name("up")) as hub:
        yield hub
