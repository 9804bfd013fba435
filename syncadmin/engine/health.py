"""A circuit breaker per system: one that is away is left alone for a growing while, and holds nobody else.

Closed: no failure in a row. Open: until a stored time no pass that needs the system starts. Then the next
pass tries (half open): if it gets through, the breaker closes, else it opens for longer. Beside it is kept
how far the system's clock is from the hub's.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.db import connection

from connectors import base
from syncadmin.core.retry import SYSTEMS
from syncadmin.core.side import SIDES
from syncadmin.models import EventKind, Health, Mapping, System, bulk, events

from .binding import Binding

DOWN = 3  # failures in a row after which people are told that a system is down
CLOCKS_EVERY = timedelta(minutes=5)


def failed(error: base.Retry, now: datetime) -> None:
    """A system could not be reached: open its breaker, for a growing while and for what it wishes."""
    system = System.objects.filter(name=error.system).first()
    if system is None:
        return
    health, _ = Health.objects.get_or_create(system=system)
    wait = SYSTEMS.wait(health.failures, random.random(), error.after)  # noqa: S311 - spreads load
    Health.objects.filter(pk=health.pk).update(
        failures=health.failures + 1, open_until=now + wait, message=str(error), changed_at=now
    )
    if health.failures + 1 == DOWN:
        events.tell(EventKind.SYSTEM, now, system_id=system.pk)


def note_clocks(binding: Binding, now: datetime) -> bool:
    """Keep how far the systems' clocks are from the hub's, where they can be asked. Raises ConnectorError.

    Returns whether either system had failures before.
    """
    ids = [binding.mapping.resource(side).system_id for side in SIDES]
    with connection.cursor() as cursor:
        statement = "SELECT system_id, skew_at, failures FROM syncadmin_health WHERE system_id IN (%s, %s)"
        cursor.execute(statement, ids)
        found = cursor.fetchall()
    asked = {system_id: bulk.as_moment(at) for system_id, at, _ in found}
    for bound, system_id in zip((binding.sides[side] for side in SIDES), ids, strict=True):
        at = asked.get(system_id)
        if not isinstance(bound.connector, base.TellsTime) or (at is not None and now - at < CLOCKS_EVERY):
            continue
        health, _ = Health.objects.get_or_create(system_id=system_id)
        reading = bound.connector.clock()
        if reading is not None:
            Health.objects.filter(pk=health.pk).update(
                skew=reading.ahead, skew_error=reading.error, skew_at=now
            )
    return any(failures for _, _, failures in found)


def well(mapping: Mapping, now: datetime) -> None:
    """A pass got through to both systems: their breakers close."""
    systems = [mapping.resource(side).system_id for side in SIDES]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE syncadmin_health SET failures = 0, open_until = NULL, message = '', changed_at = %s "
            "WHERE failures > 0 AND system_id IN (%s, %s)",
            [bulk.moment(now), *systems],
        )
