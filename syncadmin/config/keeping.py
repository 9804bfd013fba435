"""Connectors that stay open from one pass to the next, in a process that runs many.

One is used again only if the stored configuration, with its secrets, is what it was opened with.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from pydantic import BaseModel

from connectors.base import Connector
from connectors.lasting import lasts
from connectors.surroundings import Purpose
from syncadmin.models import System

from .connect import connector_class, open_connector, resolved

MOST = 16  # connectors


@dataclass(frozen=True, slots=True)
class Open:
    """An open connector, and the configuration that it was opened with."""

    system_id: int
    config: tuple[BaseModel, dict[str, BaseModel]]
    connector: Connector


class Keeper:
    """The open connectors of a process, those used last at the end."""

    def __init__(self) -> None:
        self.kept: list[Open] = []

    def take(self, system: System) -> Open:
        """An open connector, the caller's to give back or to close. Raises Misconfigured."""
        config = resolved(system)
        for one in [one for one in self.kept if one.system_id == system.pk]:
            self.kept.remove(one)
            if one.config == config:
                return one
            one.connector.close()
        return Open(system.pk, config, connector_class(system)(*config, system=system.name))

    def give(self, one: Open) -> None:
        """Keep a connector with which all went well."""
        self.kept.append(one)
        while len(self.kept) > MOST:
            self.kept.pop(0).connector.close()

    def close(self) -> None:
        """Close them all."""
        while self.kept:
            self.kept.pop().connector.close()


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
