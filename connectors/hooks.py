"""What a connector offers whose systems can tell by webhook that records changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Hooked(Protocol):
    """A connector whose systems may send webhooks."""

    @staticmethod
    def webhook(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a system's settings say of its webhook, secrets not filled in; None if nothing."""
        ...
