"""Change tracking of resources: which columns it logs, how it stands, installing and removing it.

Logged are the fields that mappings use, and no others: what nobody keeps in step is not copied into a log.
Stamps are kept of those that the last writer decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.utils.translation import gettext as _

from connectors.base import Connector, ConnectorError, Misconfigured
from connectors.tracked import Tracking, Tracks
from syncadmin.config import secrets
from syncadmin.config.connect import connector_class, open_connector
from syncadmin.core.policy import Merge
from syncadmin.core.side import Side
from syncadmin.models import Resource


def trackable(resource: Resource) -> bool:
    """Whether its system is of a kind that can track changes."""
    try:
        return issubclass(connector_class(resource.system), Tracks)
    except Misconfigured:
        return False


def columns_of(resource: Resource, connector: Connector) -> list[str]:
    """The fields that mappings use of a resource; all that can be told apart, as long as no mapping does."""
    used = {
        field.source(side)
        for side, mappings in ((Side.LEFT, resource.left_mappings), (Side.RIGHT, resource.right_mappings))
        for mapping in mappings.prefetch_related("fields")
        for field in mapping.fields.all()
    }
    if used:
        return sorted(used | ({resource.changed_by} if resource.changed_by else set()))
    return sorted(one.name for one in connector.describe(resource.name).fields if one.type != "unknown")


def registers_of(resource: Resource, connector: Connector) -> list[str]:
    """The fields that may be decided by who wrote last: of these the system is to keep stamps."""
    used = {
        field.source(side)
        for side, mappings in ((Side.LEFT, resource.left_mappings), (Side.RIGHT, resource.right_mappings))
        for mapping in mappings.prefetch_related("fields")
        for field in mapping.fields.all()
        if field.merge == Merge.NEWEST and not field.owner
    }
    return sorted(used - {connector.describe(resource.name).key}) if used else []


def look(resource: Resource) -> Tracking:
    """How it stands, and the SQL that would be run. Raises ConnectorError, its words without secrets."""
    with _opened(resource) as (connector, columns):
        found: Tracking = connector.tracking(resource.name, columns, registers_of(resource, connector))
        return found


def install(resource: Resource) -> None:
    """Install it, or bring it up to date. Raises ConnectorError, its words without secrets."""
    with _opened(resource) as (connector, columns):
        connector.track(resource.name, columns, registers_of(resource, connector))


def remove(resource: Resource) -> None:
    """Leave nothing of it in the system. Raises ConnectorError, its words without secrets."""
    with _opened(resource) as (connector, _columns):
        connector.untrack(resource.name)


@contextmanager
def _opened(resource: Resource) -> Iterator[tuple[Any, list[str]]]:
    known = secrets.values_of(resource.system)
    try:
        with closing(open_connector(resource.system)) as connector:
            if not isinstance(connector, Tracks):
                raise Misconfigured(
                    _("nothing can be installed in a system of this kind"),
                    system=resource.system.name,
                )
            yield connector, columns_of(resource, connector)
    except ConnectorError as error:
        error.message, error.said = secrets.scrub(error.message, known), secrets.scrub(error.said, known)
        raise
