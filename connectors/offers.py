"""What a connector offers to a person who wants to connect a system: ways to choose from, and what each asks.

Plain data beside the typed configuration: labels, help and kinds of the settings come from the model's own
fields. A connector without offers is connected by the settings of its model alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from .base import ResourceInfo


def gettext_noop(text: str) -> str:
    """Marks words that pages translate; here they stay as they are."""
    return text


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to connect. `name` is used in addresses, once among all connectors.

    `settings` are fixed by the choice. `asks` are dotted paths of the settings that a person is asked for,
    in order; those in `may` can be left empty. A path that leads to several kinds (`auth`) asks for the kind
    and what it needs. `labels` are what settings are called here, where the model's own words don't fit;
    `examples` are shown where nothing has been typed yet. `resource` are the settings of a resource that are
    asked for, where the system can't tell which resources it has; only the first of them is a must. `proven`
    says how far it is known to work, '' where nothing is to be said.
    """

    name: str
    title: str
    about: str
    asks: Sequence[str]
    may: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)
    resource: Sequence[str] = ()
    proven: str = ""


@runtime_checkable
class Offering(Protocol):
    """A connector that people can be led to."""

    offers: ClassVar[Sequence[Offer]]

    def suggested(self, info: ResourceInfo) -> dict[str, Any]:
        """Settings for a resource that `discover` found, as far as its looks tell them."""
        ...
