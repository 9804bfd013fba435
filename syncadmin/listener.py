"""The listener: hears from systems, or asks them often, and has passes run at once instead of on schedule.

One process listens for all systems; others stand by, and which one leads is told by the hub's database. What
it tells the queue is a hint like any other: nothing is lost with it, and without it the schedule goes on.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import ParamSpec, TypeVar

from django.db import OperationalError, close_old_connections, connections
from django.utils import timezone
from pydantic import BaseModel

from connectors.base import Connector, ConnectorError
from connectors.signals import Signals, Unread
from syncadmin.config.connect import connector_class, resolved
from syncadmin.core.side import SIDES
from syncadmin.jobs import wake, wake_running
from syncadmin.models import Cursor, Mapping, System
from syncadmin.models.duties import give_up, take
from syncadmin.posts import OFTEN, Post, Reader
from syncadmin.ticker import runnable

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

DUTY = "listener"
TERM = timedelta(seconds=10)
LOOK_SECONDS = 2.0
LAGS = timedelta(seconds=2)  # a change that waits for less is on its way


@dataclass(frozen=True)
class Station:
    """What a post is made of: equal as long as nothing was changed that it depends on."""

    system: System
    config: tuple[BaseModel, dict[str, BaseModel]]
    readers: tuple[Reader, ...]

    def connector(self) -> Connector:
        """A connector of its own."""
        return connector_class(self.system)(*self.config, system=self.system.name)

    def post(self) -> Post:
        """A post that has not begun."""
        name = str(self.system)
        return Post(name, self.readers, self.connector, _fresh(unread), _fresh(wake_those_that_may))


class Listener:
    """Has a post for each system that tells of changes, while it leads."""

    def __init__(self, holder: str = "", now: Callable[[], datetime] = timezone.now) -> None:
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self.now = now
        self.posts: dict[int, tuple[Station, Post, Thread]] = {}

    def run(self, stop: Event) -> None:
        """Listen while leading, until `stop` is set. A database that is away is waited for."""
        try:
            while not stop.is_set():
                try:
                    close_old_connections()
                    self.look()
                except OperationalError as error:
                    connections.close_all()
                    logger.warning("the hub's database can't be used: %s", error)
                stop.wait(LOOK_SECONDS)
        finally:
            self.leave()
        give_up(DUTY, self.holder)

    def look(self) -> bool:
        """Take or renew the lead; have a post for each system as it is configured now. Whether it leads."""
        if not take(DUTY, self.holder, self.now(), TERM):
            self.leave()
            return False
        wanted = stations()
        for pk, (station, _, thread) in list(self.posts.items()):
            if wanted.get(pk) != station or not thread.is_alive():
                self._end(pk)
        for pk, station in wanted.items():
            if pk not in self.posts:
                post = station.post()
                thread = Thread(target=_keep, args=(post,), name=f"post {post.name}", daemon=True)
                thread.start()
                self.posts[pk] = station, post, thread
        return True

    def leave(self) -> None:
        """End all posts."""
        for _, post, _ in self.posts.values():
            post.over.set()
        for pk in list(self.posts):
            self._end(pk)

    def _end(self, pk: int) -> None:
        _, post, thread = self.posts.pop(pk)
        post.over.set()
        thread.join(timeout=3 * OFTEN)


def _fresh(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with connections to the hub's database looked at first, as before a page's request."""

    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        return function(*args, **kwargs)

    return called


def _keep(post: Post) -> None:
    """A post's thread. Where the hub's database is away it ends, and the next look begins it again."""
    try:
        post.run()
    except OperationalError as error:
        logger.warning("%s is not listened to: the hub's database can't be used: %s", post.name, error)
    finally:
        connections.close_all()


def stations() -> dict[int, Station]:
    """The systems that tell of changes in resources that mappings read, by number."""
    mappings = Mapping.objects.filter(enabled=True).select_related("left__system", "right__system")
    sides = [(mapping, side, mapping.resource(side)) for mapping in mappings for side in SIDES]
    shared = Counter(resource.pk for _, _, resource in sides)
    read: dict[int, list[Reader]] = {}
    for mapping, side, resource in sides:
        reader = Reader(mapping.pk, side, resource.name, shared[resource.pk] > 1)
        read.setdefault(resource.system_id, []).append(reader)
    systems = {resource.system_id: resource.system for _, _, resource in sides}
    made = {pk: _station(system, read[pk]) for pk, system in systems.items()}
    return {pk: station for pk, station in made.items() if station is not None}


def _station(system: System, readers: list[Reader]) -> Station | None:
    """None where nothing that is read tells of changes, or the configuration is wrong: a pass says so."""
    try:
        if not issubclass(connector_class(system), Signals):
            return None
        station = Station(system, resolved(system), tuple(readers))
        connector = station.connector()
    except ConnectorError:
        return None
    if not isinstance(connector, Signals):
        return None
    telling = tuple(reader for reader in readers if connector.tells(reader.resource))
    return Station(system, station.config, telling) if telling else None


def unread(connector: Signals, reader: Reader) -> Unread | None:
    """What a reader has not read; if it waits for long, since when is noted. Raises ConnectorError."""
    row = Cursor.objects.filter(mapping_id=reader.mapping_id, side=reader.side.value).first()
    if row is None:
        return None
    found = connector.unread(reader.resource, row.value, ours=reader.shared)
    waits = timedelta() if found is None else timedelta(seconds=found.age)
    since = timezone.now() - waits if waits > LAGS else None
    if (since is None) != (row.waiting_since is None) or (
        since is not None and row.waiting_since is not None and abs(since - row.waiting_since) > LAGS
    ):
        Cursor.objects.filter(pk=row.pk).update(waiting_since=since)
    return found


def wake_those_that_may(mappings: set[int]) -> None:
    """Ask for passes of those mappings for which one may run: not stopped, not off, their systems there.

    One for which a pass runs is asked for one more, whatever is known of it.
    """
    idle = {mapping_id for mapping_id in mappings if not wake_running(mapping_id)}
    if not idle:
        return
    may = runnable(timezone.now()).filter(stopped="", mapping__in=idle)
    for mapping_id in may.values_list("mapping_id", flat=True):
        wake(mapping_id)
