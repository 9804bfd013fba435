"""Finding the processes that a process has started, and seeing them go."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

import psutil

from syncadmin.embedded import wait_until

TIMEOUT = 90.0  # nothing takes as long; a busy machine may


def family_of(pid: int) -> list[psutil.Process]:
    """The process and all its descendants, as they are now."""
    process = psutil.Process(pid)
    return [p for p in (process, *process.children(recursive=True)) if lives(p)]


def named(part: str, family: list[psutil.Process]) -> list[psutil.Process]:
    """Those of them that live and have this in their command line."""
    found = []
    for process in family:
        with suppress(psutil.NoSuchProcess):
            if part in " ".join(process.cmdline()):
                found.append(process)
    return found


def see_gone(family: list[psutil.Process]) -> None:
    """Wait until none of them lives; names who does."""
    alive: list[psutil.Process] = []

    def gone() -> bool:
        alive[:] = [p for p in family if lives(p)]
        return not alive

    wait_until(gone, timeout=TIMEOUT, what=f"all of {len(family)} processes are gone")


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], object], what: str, timeout: float = TIMEOUT) -> None:
    wait_until(condition, timeout=timeout, what=what)


def kill_hard(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
