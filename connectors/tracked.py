"""What a connector offers that can install change tracking in its system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Tracking:
    """Change tracking of a resource: how it stands in the system, and the statements that change that.

    `current` if what is installed is whole and logs the columns that were asked for; `wrong` says what is
    amiss, `columns` are those that are logged now. `optional` improves it and may be refused. `rights` lets
    the hub's account install it, `grants` lets it read what others installed.
    """

    installed: bool
    current: bool
    wrong: str
    columns: tuple[str, ...]
    install: tuple[str, ...]
    optional: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()


@runtime_checkable
class Tracks(Protocol):
    """A connector that can install change tracking in its system."""

    def tracking(self, resource: str, columns: Sequence[str]) -> Tracking:
        """How it stands and what would be run; changes nothing. Raises Misconfigured where it can't be."""
        ...

    def track(self, resource: str, columns: Sequence[str]) -> None:
        """Install it, or bring it up to date, logging the values of these columns. Raises ConnectorError."""
        ...

    def untrack(self, resource: str) -> None:
        """Leave nothing of it behind. Raises ConnectorError."""
        ...
