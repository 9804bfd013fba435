"""Finds connectors by the entry-point group `syncadmin.connectors`.

A connector is any installed class of that group that follows the Protocol; its entry point's name is
the `connector:` of a system in the configuration.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from connectors.base import Connector, Misconfigured

GROUP = "syncadmin.connectors"


def kinds() -> list[str]:
    """Names of all installed connectors, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def get(kind: str) -> type[Connector]:
    """The connector class of this name. Raises Misconfigured that names the allowed ones."""
    found: list[EntryPoint] = list(entry_points(group=GROUP, name=kind))
    if not found:
        raise Misconfigured(f"there is no connector {kind!r}; installed are {', '.join(kinds()) or 'none'}")
    try:
        loaded: type[Connector] = found[0].load()
    except (ImportError, AttributeError) as error:
        raise Misconfigured(f"connector {kind!r} cannot be loaded from {found[0].value}: {error}") from error
    return loaded
