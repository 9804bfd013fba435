"""What a connector offers whose system can tell that something changed: nobody waits for a schedule then.

A signal is a hint, never data: who missed one finds the change by asking what is unread, or at the next pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Signal:
    """Something changed in a resource. `ours` if the hub itself wrote it."""

    resource: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """There is something to read beyond a cursor: the oldest is `age` seconds old, by the system's clock.

    Not `ready` is what a transaction that still runs may hold back.
    """

    age: float
    ready: bool = True


class Ear(Protocol):
    """Hears a system's signals, on a connection of its own. `hears`: the resources that do signal."""

    hears: frozenset[str]

    def wait(self, seconds: float) -> list[Signal]:
        """What was signalled, as soon as anything was; nothing after so long. Raises ConnectorError."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...


@runtime_checkable
class Signals(Protocol):
    """A connector that can tell when something changed. The rest of its resources have to be read to know."""

    def tells(self, resource: str) -> bool:
        """Whether it can for this resource: then `unread` may be asked often. Asks no system."""
        ...

    def unread(self, resource: str, cursor: Any, *, ours: bool = False) -> Unread | None:
        """What `changes` would find beyond the cursor; of what the hub itself wrote only with `ours`.

        Cheap enough to be asked several times a second. Raises ConnectorError.
        """
        ...

    def ear(self, resources: Sequence[str]) -> Ear | None:
        """Listens from now on; None where the system has no signals. Raises ConnectorError."""
        ...
