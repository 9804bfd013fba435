"""What a connector offers whose systems can tell by webhook that records changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Registration:
    """That a system sends its webhooks, or those of a topic, to an address. `secret`: if it has made one."""

    id: str
    topic: str = ""
    new: bool = False
    secret: str = field(default="", repr=False)


@runtime_checkable
class Hooked(Protocol):
    """A connector whose systems may send webhooks."""

    @staticmethod
    def webhook(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a system's settings say of its webhook, secrets not filled in; None if nothing."""
        ...

    def registers_hooks(self) -> bool:
        """Whether the system can be told where to send webhooks."""
        ...

    def hooks_at(self, address: str) -> list[Registration]:
        """What the system has been told to send to an address. Raises ConnectorError."""
        ...

    def register_hooks(self, address: str) -> list[Registration]:
        """Have webhooks sent to an address; what is registered already stays. Raises ConnectorError."""
        ...

    def remove_hooks(self, address: str) -> int:
        """Have nothing sent to an address any more; how many registrations went. Raises ConnectorError."""
        ...
