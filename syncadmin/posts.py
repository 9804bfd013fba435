"""A post that listens to one system, and asks it often where it hears nothing. It knows no tables of the hub.

However many signals come at once, each mapping that they concern is woken once. What was woken is asked for
soon after: a transaction that still ran may have held its change back, and its end is told by nobody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event

from connectors.base import Connector, ConnectorError
from connectors.signals import Signals, Unread
from syncadmin.core.side import Side

logger = logging.getLogger(__name__)

SOON, OFTEN, SELDOM = 0.1, 1.0, 10.0  # seconds until a log is asked: after news, at rest, where signals come
BREATH = 0.02  # seconds between two wakings by signals, at least
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds until a system that was lost is tried again


@dataclass(frozen=True, slots=True)
class Reader:
    """A side of a mapping that reads a resource. `shared`: what the hub writes there is news to it, too."""

    mapping_id: int
    side: Side
    resource: str
    shared: bool = False

    def cares(self, heard: set[tuple[str, bool]]) -> bool:
        """Whether something that was heard (resource, ours) is news to it."""
        return (self.resource, False) in heard or (self.shared and (self.resource, True) in heard)


@dataclass(slots=True)
class Asked:
    """When a reader's log is asked next, and after how long a pause the time after that."""

    at: float = 0.0
    pause: float = SOON


@dataclass
class Post:
    """Listens to one system, until `over`.

    `open` connects, `unread` says what a reader has not read, `wake` has passes of mappings run, as many of
    them as may.
    """

    name: str
    readers: Sequence[Reader]
    open: Callable[[], Connector]
    unread: Callable[[Signals, Reader], Unread | None]
    wake: Callable[[set[int]], None]
    over: Event = field(default_factory=Event)
    clock: Callable[[], float] = time.monotonic

    def run(self) -> None:
        """Listen; connect again, after a growing while, whenever the system is lost."""
        delay = FIRST_DELAY
        while not self.over.is_set():
            try:
                with closing(self.open()) as connector:
                    if isinstance(connector, Signals):
                        for _ in self.turns(connector):
                            delay = FIRST_DELAY
            except ConnectorError as error:
                logger.warning("%s is not listened to for %.1f s: %s", self.name, delay, error)
                self.over.wait(delay)
                delay = min(delay * 2, LONGEST_DELAY)

    def turns(self, connector: Signals) -> Iterator[None]:
        """Wait for a signal or until a log is to be asked, and act on it; again and again.

        Raises ConnectorError.
        """
        ear = connector.ear(sorted({reader.resource for reader in self.readers}))
        hears = ear.hears if ear is not None else frozenset[str]()
        asked = {reader: Asked(self.clock()) for reader in self.readers}
        heard: set[tuple[str, bool]]
        try:
            while not self.over.is_set():
                pause = max(0.0, min(one.at for one in asked.values()) - self.clock())
                if ear is None:
                    self.over.wait(pause)
                    heard = set()
                else:
                    heard = {(s.resource, s.ours) for s in ear.wait(min(pause, OFTEN))}
                self._wake({reader for reader in asked if reader.cares(heard)}, asked)
                now = self.clock()
                for reader, one in asked.items():
                    if one.at <= now:
                        self._ask(connector, reader, one, SELDOM if reader.resource in hears else OFTEN)
                yield
        finally:
            if ear is not None:
                ear.close()

    def _wake(self, news: set[Reader], asked: dict[Reader, Asked]) -> None:
        if news:
            self.wake({reader.mapping_id for reader in news})
        soon = self.clock() + SOON
        for reader in news:
            asked[reader].at, asked[reader].pause = min(asked[reader].at, soon), SOON
        if news:
            self.over.wait(BREATH)  # what comes meanwhile is one signal

    def _ask(self, connector: Signals, reader: Reader, one: Asked, longest: float) -> None:
        """Who has something to read is woken again, less and less often if that is of no use."""
        found = self.unread(connector, reader)
        if found is not None and found.ready:
            self.wake({reader.mapping_id})
        one.pause = min(one.pause * 2, OFTEN if found is not None else longest)
        one.at = self.clock() + one.pause
