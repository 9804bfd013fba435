"""What a connector is given by whoever opens it, beside its configuration: memory, pace, reach, purpose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Protocol, runtime_checkable

from .pacing import OwnPacer, Pacer
from .reach import Reach, anywhere_but_link_local


class Memory(Protocol):
    """Small secrets that a connector has to remember beyond its own life, for all who open it.

    A name is made of what it belongs to, so that another configuration finds nothing of this one.
    """

    def get(self, name: str) -> str | None:
        """What was put last under this name, None if nothing was."""
        ...

    def put(self, name: str, value: str) -> None:
        """Remember a value. It is safe once this returns."""
        ...

    def forget(self, name: str) -> None:
        """Let go of a value that is of no use any more."""
        ...

    def alone(self, name: str) -> AbstractContextManager[None]:
        """While this is held, no one else holds it for the same name. Raises Retry if that takes too long."""
        ...


class OwnMemory:
    """A memory that ends with the process: for tests, and where nobody gives a better one."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)

    def get(self, name: str) -> str | None:
        """What was put last."""
        return self._kept.get(name)

    def put(self, name: str, value: str) -> None:
        """Remember a value."""
        self._kept[name] = value

    def forget(self, name: str) -> None:
        """Let go of a value."""
        self._kept.pop(name, None)

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Held by one thread at a time."""

        @contextmanager
        def held() -> Iterator[None]:
            with self._locks[name]:
                yield

        return held()


class Purpose(StrEnum):
    """What a connector is opened for, by urgency: it says how much of a day's quota it may use."""

    LIVE = "live"
    BACKFILL = "backfill"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connector is given by whoever opens it, beside its configuration."""

    memory: Memory = field(default_factory=OwnMemory)
    pacer: Pacer = field(default_factory=OwnPacer)
    reach: Reach = anywhere_but_link_local
    purpose: Purpose = Purpose.LIVE


@runtime_checkable
class Surrounded(Protocol):
    """A connector that makes use of its surroundings."""

    def surround(self, surroundings: Surroundings) -> None:
        """Told once, before anything is asked of the system."""
        ...
