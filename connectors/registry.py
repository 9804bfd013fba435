"""Finds connectors by the entry-point group `syncadmin.connectors`.

A connector is any installed class of that group that follows the Protocol; its entry point's name is
the `connector:` of a system in the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from connectors.base import Connector, Misconfigured

GROUP = "syncadmin.connectors"


@cache
def installed() -> Mapping[str, EntryPoint]:
    """Entry points of all installed connectors, by name.

    To find them is to read the metadata of every installed package, which no pass should do again.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point)
    return found


def kinds() -> list[str]:
    """Names of all installed connectors, sorted."""
    return sorted(installed())


def get(kind: str) -> type[Connector]:
    """The connector class of this name. Raises Misconfigured that names the allowed ones."""
    point = installed().get(kind)
    if point is None:
        raise Misconfigured(f"there is no connector {kind!r}; installed are {', '.join(kinds()) or 'none'}")
    try:
        loaded: type[Connector] = point.load()
    except (ImportError, AttributeError) as error:
        raise Misconfigured(f"connector {kind!r} cannot be loaded from {point.value}: {error}") from error
    return loaded
