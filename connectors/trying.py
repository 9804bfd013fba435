"""What a connector shows of its talk with a system to a person who tries a configuration out."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from connectors.base import Outcome, Write


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, as texts without secrets, cut where they are long.

    `status` 0: there was no answer, or the request was not sent. `seconds` is how long it took, `size` how
    many bytes came. `asked` are headers of the request, `headers` those of the answer.
    """

    method: str
    address: str
    sent: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    answer: str = ""
    size: int = 0
    seconds: float = 0.0
    asked: tuple[tuple[str, str], ...] = ()


@runtime_checkable
class Watched(Protocol):
    """A connector that can be watched while it talks."""

    def watched(self) -> AbstractContextManager[list[Exchange]]:
        """Until the end of the context, every request and its answer is noted; the list is filled then."""
        ...


@runtime_checkable
class Foresees(Protocol):
    """A connector that can tell what it would send for a write."""

    def foresee(self, resource: str, write: Write) -> list[Exchange] | Outcome:
        """The requests that this write would be, in their order; its outcome if nothing would be sent.

        What has to be read for that is read; nothing is written. Raises ConnectorError.
        """
        ...
