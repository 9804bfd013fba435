"""Webhooks, from the moment they come in: kept, understood, and made into hints that passes work off.

A delivery is trusted for no more than the names of records: what it names is read. Taking one is an insert
and a job for the queue; all else is the job's. What proves nothing is counted beside the queue, so that a
flood of it costs the hub's database nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone
from redis.exceptions import RedisError

from connectors.base import Misconfigured
from connectors.rest import payloads
from syncadmin import jobs
from syncadmin.config.connect import webhook_of
from syncadmin.core.side import SIDES, Side
from syncadmin.models import (
    Delivery,
    DeliveryState,
    EntryKind,
    Hint,
    HookDay,
    MappingState,
    Resource,
    System,
    bulk,
    ledger,
)
from syncadmin.models import Mapping as MappingRow
from syncadmin.models.hooks import COUNTED, count_hooks

logger = logging.getLogger(__name__)

KEPT = 500  # deliveries a system
KEPT_BYTES = 16 * 1024 * 1024  # of their bodies
MOST_WAITING = 20_000  # of a system that sends faster than anybody works
BATCH = 100
REFUSED = "syncadmin:refused-hooks"
LOST_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is kept: its number, and whether it had come before."""

    id: int
    repeated: bool


def take(
    system_id: int, event_id: str, topic: str, sent_at: datetime | None, body: bytes, now: datetime
) -> Taken:
    """Keep a delivery, in one statement. The same one, come again, is only counted."""
    identity = hashlib.sha256(f"{event_id}\n".encode() + body).hexdigest() if event_id else None
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO syncadmin_delivery (system_id, received_at, sent_at, event_id, identity, topic, "
            "body, size, repeats, state, told, replayed_by) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 'waiting', '[]', '') "
            "ON CONFLICT (system_id, identity) DO UPDATE SET repeats = syncadmin_delivery.repeats + 1 "
            "RETURNING id, repeats",
            [
                system_id,
                bulk.moment(now),
                None if sent_at is None else bulk.moment(sent_at),
                payloads.clean(event_id)[:200],
                identity,
                payloads.clean(topic)[:200],
                body,
                len(body),
            ],
        )
        number, repeats = cursor.fetchone()
    return Taken(int(number), bool(repeats))


# ---------------------------------------------------------------- what is only counted


def count(system_id: int, what: str, now: datetime) -> None:
    """Count a delivery that is not kept, beside the queue; if that is away, only the log tells."""
    try:
        jobs.kept_connection().hincrby(REFUSED, f"{system_id} {_day(now)} {what}", 1)
    except RedisError as error:
        logger.warning("a webhook of system %s was %s; it can't be counted: %s", system_id, what, error)


def counted() -> Counter[tuple[int, date, str]]:
    """What was counted beside the queue and is not in the tables yet, by system, day and what."""
    found: Counter[tuple[int, date, str]] = Counter()
    for name, number in jobs.impatient_connection().hgetall(REFUSED).items():
        system_id, day, what = name.decode().split(" ")
        if what in COUNTED:
            found[int(system_id), date.fromisoformat(day), what] += int(number)
    return found


def keep_counts() -> None:
    """Put into the tables what was counted beside the queue. Raises RedisError."""
    found = {place: number for place, number in counted().items() if number}
    if not found:
        return
    known = set(System.objects.filter(pk__in={place[0] for place in found}).values_list("pk", flat=True))
    with transaction.atomic():
        for (system_id, day, what), number in sorted(found.items()):
            if system_id in known:
                count_hooks(system_id, day, **{what: number})
    queue = jobs.impatient_connection()
    for (system_id, day, what), number in found.items():
        name = f"{system_id} {day} {what}"
        if queue.hincrby(REFUSED, name, -number) == 0:
            queue.hdel(REFUSED, name)


def figures(system: System, since: date) -> dict[str, int]:
    """A system's figures of all days from `since` on, those beside the queue included."""
    rows = HookDay.objects.filter(system=system, day__gte=since)
    found = {name: number or 0 for name, number in rows.aggregate(**{n: Sum(n) for n in COUNTED}).items()}
    try:
        for (system_id, day, what), number in counted().items():
            if system_id == system.pk and day >= since:
                found[what] += number
    except RedisError as error:
        logger.warning("refused webhooks can't be counted: %s", error)
    return found


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


# ---------------------------------------------------------------- what is handled


@dataclass(slots=True)
class _Found:
    """What a delivery comes to: records to be read, by mapping; and remarks about the rest."""

    records: dict[int, dict[tuple[Side, str], None]] = field(default_factory=dict)
    told: list[list[str]] = field(default_factory=list)

    def remark(self, what: str, about: str = "") -> None:
        """Say something about the delivery, once."""
        if [what, about] not in self.told:
            self.told.append([what, about])


def handle(now: datetime | None = None) -> int:
    """Make hints of all deliveries that wait, and ask for passes. Returns how many there were."""
    done = 0
    while handled := _handle_some(now or timezone.now()):
        done += handled
    return done


def stalled(now: datetime) -> bool:
    """Whether a delivery waits that the queue seems to have lost."""
    return Delivery.objects.filter(state=DeliveryState.WAITING, received_at__lt=now - LOST_AFTER).exists()


@transaction.atomic
def _handle_some(now: datetime) -> int:
    """One batch, in one transaction. Passes are asked for as it commits."""
    waiting = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).select_related("system")
    rows = list(waiting.filter(state=DeliveryState.WAITING).order_by("id")[:BATCH])
    asked: set[int] = set()
    for system in {row.system for row in rows}:
        mine = [row for row in rows if row.system == system]
        users = _users(system)
        for row in mine:
            found = _understand(row, users)
            _keep_hints(row, found, now)
            asked.update(found.records)
        count_hooks(system.pk, _day(now), taken=sum(row.replay_of_id is None for row in mine))
        trim(system.pk)
    for mapping_id in asked:
        jobs.enqueue_pass(mapping_id)
    return len(rows)


def _users(system: System) -> dict[str, list[tuple[MappingRow, Side]]]:
    """By resource of the system: the mappings that use it, and on which side."""
    found: dict[str, list[tuple[MappingRow, Side]]] = {
        name: [] for name in Resource.objects.filter(system=system).values_list("name", flat=True)
    }
    rows = MappingRow.objects.filter(Q(left__system=system) | Q(right__system=system))
    for mapping in rows.select_related("left", "right", "state"):
        for side in SIDES:
            if mapping.resource(side).system_id == system.pk:
                found[mapping.resource(side).name].append((mapping, side))
    return found


def _understand(delivery: Delivery, users: Mapping[str, list[tuple[MappingRow, Side]]]) -> _Found:
    """What a delivery comes to. Whatever is in it, this raises nothing."""
    found = _Found()
    try:
        webhook = webhook_of(delivery.system)
        if webhook is None:
            raise Misconfigured("webhooks were switched off")
        told = payloads.read(webhook, payloads.loads(webhook, bytes(delivery.body)), delivery.topic)
    except (Misconfigured, payloads.NotReadable) as error:
        found.remark("unread", getattr(error, "message", str(error)))
        return found
    for words in told.left_out:
        found.remark("left out", words)
    for named in told.named:
        only = next(iter(users)) if len(users) == 1 and not named.said else ""
        resource = named.resource or only
        if resource not in users:
            found.remark("resource", named.said or resource)
            continue
        if not users[resource]:
            found.remark("unmapped", resource)
        for mapping, side in users[resource]:
            if not mapping.enabled or mapping.state.retired_at is not None:
                found.remark("off", str(mapping))
            else:
                records = found.records.setdefault(mapping.pk, {})
                records.update(((side, key), None) for key in named.keys)
        if not named.keys:
            found.remark("no keys", resource)
    if delivery.sent_at is None and told.at is not None:
        delivery.sent_at = told.at
    return found


def _keep_hints(delivery: Delivery, found: _Found, now: datetime) -> None:
    """Store what a delivery comes to."""
    heads = dict(
        MappingState.objects.filter(mapping__in=list(found.records)).values_list("mapping_id", "sequence")
    )
    hints = [
        Hint(
            delivery=delivery,
            mapping_id=pk,
            side=side.value,
            key=key,
            at=now,
            since=heads[pk],
        )
        for pk, records in found.records.items()
        for side, key in records
    ]
    Hint.objects.bulk_create(hints, batch_size=500)
    unread = any(what == "unread" for what, _about in found.told)
    delivery.told, delivery.handled_at = found.told, now
    delivery.state = DeliveryState.FAILED if unread else DeliveryState.ASKED if hints else DeliveryState.DONE
    delivery.save(update_fields=["told", "handled_at", "state", "sent_at"])


def trim(system_id: int) -> None:
    """Keep no more of a system's deliveries, and of their bodies, than there is room for."""
    handled = Delivery.objects.filter(system_id=system_id).exclude(state=DeliveryState.WAITING)
    edge = handled.order_by("-id").values_list("id", flat=True)[KEPT : KEPT + 1].first()
    if edge is not None:
        Delivery.objects.filter(pk__in=_older(handled.filter(id__lte=edge))).delete()
    room = KEPT_BYTES
    for number, size in handled.exclude(body=b"").order_by("-id").values_list("id", "size"):
        room -= size
        if room < 0:
            handled.filter(id__lte=number).update(body=b"")
            break


def trim_waiting(system_id: int) -> None:
    """Let the oldest go that wait, if there are far too many: passes find by themselves what they named."""
    waiting = Delivery.objects.filter(system_id=system_id, state=DeliveryState.WAITING)
    edge = waiting.order_by("-id").values_list("id", flat=True)[MOST_WAITING : MOST_WAITING + 1].first()
    if edge is not None:
        waiting.filter(id__lte=edge).delete()


def _older(rows: Any) -> Sequence[int]:
    return list(rows.order_by("id").values_list("id", flat=True)[:1000])


def replay(delivery: Delivery, user: Any) -> Delivery:
    """Have a delivery handled again, as a new one, for this person; journaled in the mappings it names.

    Raises ValueError if its body is no longer kept.
    """
    if not delivery.body:
        raise ValueError("its body is no longer kept")
    name, now = user.get_username(), timezone.now()
    with transaction.atomic():
        again = Delivery.objects.create(
            system=delivery.system,
            received_at=now,
            sent_at=delivery.sent_at,
            event_id=delivery.event_id,
            topic=delivery.topic,
            body=bytes(delivery.body),
            size=delivery.size,
            replay_of=delivery,
            replayed_by=name,
        )
        named = _understand(again, _users(delivery.system)).records
        for mapping_id in sorted(named):
            text = f"webhook delivery #{delivery.pk} of {delivery.system.name} handled again, as #{again.pk}"
            ledger.append(mapping_id, [ledger.Row(EntryKind.DECISION, rule=text, actor=name)], now)
        jobs.enqueue_hooks()
    return again


def records_of(deliveries: Iterable[Delivery]) -> dict[int, Counter[str]]:
    """By delivery: how many records it named, by what came of them; and under `changes`, how many changes."""
    found: dict[int, Counter[str]] = {}
    rows = Hint.objects.filter(delivery__in=[d.pk for d in deliveries]).values_list("delivery_id", "came")
    for number, came, records, changes in rows.annotate(n=Count("id"), c=Sum("changes")):
        found.setdefault(number, Counter())[came] += records
        found[number]["changes"] += changes or 0
    return found
