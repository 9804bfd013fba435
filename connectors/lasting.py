"""What a connector says that may serve one pass after another, with its connections left open."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Lasting(Protocol):
    """All that it remembers of its system holds until `describe` is asked again, which each pass does."""

    lasts: ClassVar[bool]
