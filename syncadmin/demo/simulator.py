"""The activity simulator: a service that lets the sample systems' staff work while the switch is on.

Every second or so somebody edits something; now and then it is something that a person will have to
decide, unless the inbox is full of such already. A system that does not answer is waited for.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import psycopg
from django.db import close_old_connections

from conflicts.models import Conflict
from syncadmin.demo.office import NobodyFound, Office
from syncadmin.demo.place import Addresses
from syncadmin.demo.scenes import EVERYDAY, ODD, TROUBLE, Scene
from syncadmin.demo.shop import ShopError
from syncadmin.demo.switch import Switch

logger = logging.getLogger(__name__)

STEP_SECONDS = 0.8
TROUBLE_EVERY = 12  # steps: about six a minute
ODD_EVERY = 300
FULL_INBOX = 120
WAIT_SECONDS = 2.0
UNREACHABLE = (psycopg.OperationalError, httpx.HTTPError)
REFUSED = (ShopError, psycopg.Error, NobodyFound)


@dataclass
class Workday:
    """Chooses the next scene: mostly everyday ones, trouble in turn, something odd now and then."""

    chance: random.Random
    step: int = 0
    troubles: int = field(default=0)

    def next(self, inbox_is_full: Callable[[], bool]) -> Scene:
        self.step += 1
        if self.step % ODD_EVERY == 0:
            return self.chance.choice(ODD)
        if self.step % TROUBLE_EVERY == 0 and not inbox_is_full():
            scene = TROUBLE[self.troubles % len(TROUBLE)]
            self.troubles += 1
            return scene
        return self.chance.choices(list(EVERYDAY), weights=list(EVERYDAY.values()))[0]


def inbox_is_full() -> bool:
    """More open items than anybody wants to see in a demo."""
    return Conflict.objects.waiting()[:FULL_INBOX].count() >= FULL_INBOX


def run(addresses: Addresses, switch: Switch, stopped: Callable[[], bool], chance: random.Random) -> None:
    """Work until `stopped` answers true."""
    workday = Workday(chance)
    while not stopped():
        try:
            with Office(addresses, chance) as office:
                work(office, workday, switch, stopped)
        except UNREACHABLE as error:
            logger.warning("a sample system does not answer (%s); trying again", error)
            time.sleep(WAIT_SECONDS)


def work(office: Office, workday: Workday, switch: Switch, stopped: Callable[[], bool]) -> None:
    """One scene after the other while the switch is on. Raises what UNREACHABLE lists."""
    edits = switch.read().edits
    while not stopped():
        if switch.on:
            close_old_connections()
            scene = workday.next(inbox_is_full)
            try:
                done = scene(office)
            except UNREACHABLE:
                raise
            except (
                REFUSED
            ) as error:  # somebody else was there first, or nothing fits: staff do something else
                logger.info("%s: %s", scene.__name__, error)
            else:
                edits += 1
                switch.report(edits, done)
        time.sleep(STEP_SECONDS)
