"""Connectors that stay open from one pass to the next, in a process that runs many.

One is used again only if the stored configuration, with its secrets, is what it was opened with. The mapping
itself is kept as well, for as long as no row that it is made of has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.db import connection
from pydantic import BaseModel

from connectors.base import Connector
from connectors.lasting import lasts
from connectors.surroundings import Purpose
from syncadmin.models import Mapping, System

from .connect import connector_class, open_connector, resolved

MOST = 16  # connectors, and mappings
_ITS = "(SELECT system_id FROM syncadmin_resource WHERE id IN (m.left_id, m.right_id))"
_VERSION = f"""
    SELECT md5(concat_ws(';', m::text,
    (SELECT string_agg(f::text, ';' ORDER BY f.id) FROM syncadmin_fieldmapping f WHERE f.mapping_id = m.id),
    (SELECT string_agg(w::text, ';' ORDER BY w.id) FROM syncadmin_rowrule w WHERE w.mapping_id = m.id),
    (SELECT string_agg(r::text, ';' ORDER BY r.id) FROM syncadmin_resource r WHERE r.system_id IN {_ITS}),
    (SELECT string_agg(s::text, ';' ORDER BY s.id) FROM syncadmin_system s WHERE s.id IN {_ITS})))
    FROM syncadmin_mapping m WHERE m.id = %s
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Open:
    """An open connector, and the stored system and configuration that it was opened with."""

    system: System
    config: tuple[BaseModel, dict[str, BaseModel]]
    connector: Connector


class Keeper:
    """The open connectors of a process, those used last at the end, and its mappings with their versions."""

    def __init__(self) -> None:
        self.kept: list[Open] = []
        self.mappings: dict[int, tuple[str, Mapping]] = {}

    def take(self, system: System) -> Open:
        """An open connector, the caller's to give back or to close. Raises Misconfigured."""
        same = next((one for one in self.kept if one.system is system), None)
        if same is not None:  # it is kept with its mapping, only as long as nothing in it has changed
            self.kept.remove(same)
            return same
        config = resolved(system)
        for one in [one for one in self.kept if one.system.pk == system.pk]:
            self.kept.remove(one)
            if one.config == config:
                return replace(one, system=system)
            one.connector.close()
        return Open(system, config, connector_class(system)(*config, system=system.name))

    def give(self, one: Open) -> None:
        """Keep a connector with which all went well."""
        self.kept.append(one)
        while len(self.kept) > MOST:
            self.kept.pop(0).connector.close()

    def close(self) -> None:
        """Close them all."""
        while self.kept:
            self.kept.pop().connector.close()

    def mapping(self, mapping_id: int, read: Callable[[int], Mapping]) -> Mapping:
        """A mapping as it is stored now."""
        with connection.cursor() as cursor:
            cursor.execute(_VERSION, [mapping_id])
            found = cursor.fetchone()
        known = self.mappings.pop(mapping_id, None)
        if known is None or found is None or known[0] != found[0]:
            known = (found[0] if found is not None else ""), read(mapping_id)
        self.mappings[mapping_id] = known
        while len(self.mappings) > MOST:
            del self.mappings[next(iter(self.mappings))]
        return known[1]


_keeper: ContextVar[Keeper | None] = ContextVar("keeper", default=None)


@contextmanager
def keeping() -> Iterator[Keeper]:
    """Inside, connectors that can stay open between passes do."""
    keeper = Keeper()
    token = _keeper.set(keeper)
    try:
        yield keeper
    finally:
        _keeper.reset(token)
        keeper.close()


def mapping_as_it_is(mapping_id: int, read: Callable[[int], Mapping]) -> Mapping:
    """A mapping, with all that `read` reads of it, as it is stored now. Nobody changes anything in it.

    Where one statement tells that it is as it was, it is not read again.
    """
    keeper = _keeper.get()
    if keeper is None or connection.vendor != "postgresql":
        return read(mapping_id)
    return keeper.mapping(mapping_id, read)


@contextmanager
def opened(system: System, purpose: Purpose) -> Iterator[Connector]:
    """A connector for the length of a pass; where it can, it stays open for the next, if all goes well.

    Raises Misconfigured.
    """
    keeper = _keeper.get()
    if keeper is None or not lasts(connector_class(system)):
        connector = open_connector(system, purpose)
        try:
            yield connector
        finally:
            connector.close()
        return
    one = keeper.take(system)
    try:
        yield one.connector
    except BaseException:
        one.connector.close()
        raise
    keeper.give(one)
