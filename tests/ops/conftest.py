"""What the tests of queue and ticker share: a queue of their own, and passes that only take notes."""

import pytest
from pytest_django import Settings
from rq import Queue

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
