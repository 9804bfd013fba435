"""Faults inside a real worker: at a named point of a pass, the process dies, stops or finds its disk full.

A fault is armed by a file in the directory that FAULTS names, called after mapping and point, with the action
in it. Whoever gets there first takes the file away, so that it strikes once. The product knows nothing of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from django.apps import AppConfig

POINTS = ("before store_plans", "after store_plans", "after send", "after store_outcomes")
LEASE_SECONDS = 2.0  # so that a dead worker's mapping is free again soon
WORKER_TTL_SECONDS = (
    17  # so that a worker soon notices that the queue is mute: it listens 2 s, and waits 12 s
)


class Faults(AppConfig):
    """Puts the faults around the engine's functions in any process that runs with these settings."""

    name = "tests.faults"

    def ready(self) -> None:
        from syncadmin import worker
        from syncadmin.engine import lease, run, store, write

        worker.TTL_SECONDS = WORKER_TTL_SECONDS
        lease.TERM = timedelta(seconds=LEASE_SECONDS)
        lease.RENEW_AFTER = timedelta(seconds=LEASE_SECONDS / 4)
        store.store_plans = _around(store.store_plans)
        write.send = _around(write.send)
        run.store_outcomes = _around(run.store_outcomes)


def place(directory: Path, mapping_id: int, point: str) -> Path:
    """Where the fault of this mapping at this point is armed."""
    return directory / f"{mapping_id} {point}"


def struck(fault: Path) -> Path:
    """Where it is when it has struck."""
    return fault.with_name(f"{fault.name} struck")


def released(fault: Path) -> Path:
    """What is waited for by a process that a fault holds."""
    return fault.with_name(f"{fault.name} released")


def _around(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapped(first: Any, *args: Any) -> Any:
        mapping_id = getattr(first, "binding", first).id
        _strike(mapping_id, f"before {function.__name__}")
        result = function(first, *args)
        _strike(mapping_id, f"after {function.__name__}")
        return result

    return wrapped


def _strike(mapping_id: int, point: str) -> None:
    fault = place(Path(os.environ["FAULTS"]), mapping_id, point)
    try:
        action = fault.read_text()
        fault.rename(struck(fault))
    except FileNotFoundError:
        return
    if action == "job":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "worker":
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()  # until the death of its worker takes this process along
    elif action == "hold":
        from syncadmin.embedded import wait_until

        wait_until(released(fault).exists, timeout=60, what="the test goes on")
    elif action == "full":
        _fill_disk()
    else:
        raise ValueError(action)


def _fill_disk() -> None:
    """No page more for this process's connection to the hub's SQLite."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1")  # SQLite takes what it has for the limit
