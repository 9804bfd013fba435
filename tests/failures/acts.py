"""What happens beside a pass: people who edit at the worst moment, and what must be true afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from syncadmin.engine import write
from syncadmin.models import Health, Intent, Mark
from tests.engine.world import World

ANNA = {"email": "anna@example.com", "phone": "030 1", "city": "Berlin", "points": 5, "credit": 0}
FIELDS = ("email", "phone", "city", "tags", "notes", "points", "status", "birthday")


def before_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """In the next pass that writes: `act` once, after it has read and decided, before anything is sent."""
    _beside(monkeypatch, before=act)


def after_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """In the next pass that writes: `act` once, after the systems did the work, before the hub stores it."""
    _beside(monkeypatch, after=act)


def _beside(
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[], Any] = lambda: None,
    after: Callable[[], Any] = lambda: None,
) -> None:
    real = write.send

    def send(*args: Any) -> None:
        monkeypatch.setattr(write, "send", real)
        before()
        real(*args)
        after()

    monkeypatch.setattr(write, "send", send)


def in_time(world: World) -> None:
    """What was put off is due: time has passed."""
    Mark.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    Health.objects.update(open_until=None)


def writes(world: World) -> int:
    """How many fields and records the hub has written so far."""
    return len(world.history(kind="write"))


def at_rest(world: World) -> None:
    """Another look at everything finds nothing to do, writes nothing, asks nothing; nothing is half done."""
    before = writes(world), [(c.pk, c.revision) for c in world.open()]
    for kind in ("incremental", "reconcile"):
        assert not {"created", "updated", "deleted", "conflicts"} & world.sync(kind).counts.keys()
    assert (writes(world), [(c.pk, c.revision) for c in world.open()]) == before
    assert not Intent.objects.exists()
    assert not Mark.objects.exists()


def seen(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a person compares it: every system has a blank of its own."""
    return {name: row.get(name) or None for name in FIELDS}


def same_everywhere(world: World) -> bool:
    """Do both sides show the same records?"""
    left, right = (
        sorted((seen(row) for row in peer.rows()), key=lambda r: str(r)) for peer in (world.left, world.right)
    )
    return left == right
