"""What a connector offers that can install change tracking in its system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Tracking:
    """Change tracking of a resource: how it stands in the system, and the statements that change that.

    `current` if what is installed is whole and logs the columns that were asked for; `wrong` says what is
    amiss, `columns` are those that are logged now. `optional` improves it and may be refused. `rights` lets
    the hub's account install it, `grants` lets it read what others installed. `at_once` says that statements
    can be one transaction, `compound` that the database's own shell takes a `;` inside of one for its end.
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
    at_once: bool = True
    compound: bool = False

    def script(self, *, remove: bool = False) -> str:
        """What a person with more rights would run in the database's own shell."""
        statements = self._ended(self.remove if remove else self.install)
        if self.at_once and statements:
            statements = ["begin;", *statements, "commit;"]
        if not remove:
            statements += self._ended((*self.optional, *self.grants))
        return "\n".join(statements)

    def _ended(self, statements: Sequence[str]) -> list[str]:
        return [self._delimited(one) if self.compound and ";" in one else f"{one};" for one in statements]

    @staticmethod
    def _delimited(statement: str) -> str:
        end = "//"
        while end in statement:
            end += "/"
        return f"delimiter {end}\n{statement}\n{end}\ndelimiter ;"


COUNTED = 100_000
"""Rows of a log are counted up to here."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads a log: when it last told how far it is, and what waits for it, `since` when."""

    id: str
    seen_at: datetime
    waiting: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Log:
    """What is in a log. `rows` counts to COUNTED + 1; `seal` changes with triggers and logged columns."""

    rows: int
    oldest: datetime | None
    seal: str
    readers: tuple[Reader, ...]


@runtime_checkable
class Tracks(Protocol):
    """A connector that can install change tracking in its system."""

    def tracking(self, resource: str, columns: Sequence[str], registers: Sequence[str] = ()) -> Tracking:
        """How it stands and what would be run; changes nothing. Raises Misconfigured where it can't be.

        Of `registers` it keeps stamps besides, if it is a system that can.
        """
        ...

    def track(self, resource: str, columns: Sequence[str], registers: Sequence[str] = ()) -> None:
        """Install it, or bring it up to date, logging the values of these columns. Raises ConnectorError."""
        ...

    def untrack(self, resource: str) -> None:
        """Leave nothing of it behind. Raises ConnectorError."""
        ...

    def logged(self, resource: str) -> Log:
        """What is in the log of a tracked resource. Raises Misconfigured if it is not tracked."""
        ...

    def passed(self, resource: str, cursor: Any) -> None:
        """What comes before `cursor` is stored for good, so that the log need not keep it for this reader.

        Only who goes on from that cursor may say so: `changes` alone leaves no mark. Raises ConnectorError.
        """
        ...
