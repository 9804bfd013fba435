"""What a connector shows of its talk with a system to a person who tries a configuration out."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, as texts without secrets, cut where they are long.

    `status` 0: there was no answer. `seconds` is how long it took, `size` how many bytes came.
    """

    method: str
    address: str
    sent: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    answer: str = ""
    size: int = 0
    seconds: float = 0.0


@runtime_checkable
class Watched(Protocol):
    """A connector that can be watched while it talks."""

    def watched(self) -> AbstractContextManager[list[Exchange]]:
        """Until the end of the context, every request and its answer is noted; the list is filled then."""
        ...
