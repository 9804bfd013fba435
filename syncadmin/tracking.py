"""Change tracking of resources: which columns it logs, how it stands, installing and removing it.

Logged are the fields that mappings use, and no others: what nobody keeps in step is not copied into a log.
Stamps are kept of those that the last writer decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from connectors.base import Connector, ConnectorError, Misconfigured
from connectors.tracked import Log, Reader, Tracking, Tracks
from syncadmin import connecting
from syncadmin.config import secrets
from syncadmin.config.connect import connector_class, open_connector
from syncadmin.core.policy import Merge
from syncadmin.core.side import Side
from syncadmin.models import Cursor, Resource, System, Watch


def trackable(system: System) -> bool:
    """Whether a system is of a kind that can track changes."""
    try:
        return issubclass(connector_class(system), Tracks)
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


def look(resource: Resource, *, remove: bool = False) -> Tracking:
    """How it stands, and the SQL that would be run; to remove it no column has to be there still.

    Raises ConnectorError, its words without secrets.
    """
    with _opened(resource) as (connector, columns):
        if remove:
            columns, registers = [], []
        else:
            registers = registers_of(resource, connector)
        found: Tracking = connector.tracking(resource.name, columns, registers)
        return found


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader of a log, and which mapping or watch it is; `resealed` if it has to compare all."""

    reader: Reader
    name: str = ""
    watches: bool = False
    resealed: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """How tracking of a resource stands, for people: what is installed, the log and its readers."""

    found: Tracking
    asked: list[str]
    log: Log | None = None
    readers: tuple[Reading, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Columns that mappings use and the log does not tell of."""
        return [name for name in self.asked if name not in self.found.columns]


def state(resource: Resource) -> State:
    """What a page shows. Raises ConnectorError, its words without secrets."""
    with _opened(resource) as (connector, columns):
        found = connector.tracking(resource.name, columns, registers_of(resource, connector))
        if not found.installed:
            return State(found, columns)
        log = connector.logged(resource.name)
    known = {one[2].get("reader", ""): one for one in _cursors(resource)}
    readers = []
    for reader in log.readers:
        name, watches, cursor = known.get(reader.id, ("", False, {}))
        readers.append(Reading(reader, name, watches, bool(name) and cursor.get("seal") != log.seal))
    return State(found, columns, log, tuple(readers))


def _cursors(resource: Resource) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Mappings and watches that have read the resource, with how far; the second says that it is a watch."""
    for side, mappings in ((Side.LEFT, resource.left_mappings), (Side.RIGHT, resource.right_mappings)):
        cursors = Cursor.objects.filter(side=side.value, mapping__in=mappings.all())
        for row in cursors.select_related("mapping"):
            if isinstance(row.value, dict):
                yield row.mapping.name, False, row.value
    watches = Watch.objects.filter(Q(left=resource) | Q(right=resource)).select_related("left", "right")
    for watch in watches:
        side = Side.LEFT if watch.left_id == resource.pk else Side.RIGHT
        cursor = watch.progress.get(side.value, {}).get("cursor")
        if isinstance(cursor, dict):
            yield str(watch), True, cursor


def use(resource: Resource, *, by: str) -> None:
    """Have the hub read the log from now on. Raises connecting.Refused."""
    config = {**resource.config, "changes": "tracking"}
    connecting.name_resource(resource.system, resource.name, config, by=by)


def use_no_more(resource: Resource, *, by: str) -> None:
    """Have the hub find changes as it would without tracking. Raises connecting.Refused."""
    config = {key: value for key, value in resource.config.items() if key != "changes"}
    connecting.name_resource(resource.system, resource.name, config, by=by)


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
