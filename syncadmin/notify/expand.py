"""Events become notices: for each channel whose subscriptions ask for it, one; then the event is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.http import QueryDict

from conflicts.models import Conflict
from conflicts.selectors import InboxFilter
from syncadmin.models import Event, EventKind, Mapping, Notice, Subscription

from .profiles import profile_of, quiet_of, zone_of
from .when import ready

BATCH = 100
PERSONAL = (
    EventKind.ASSIGNED,
    EventKind.MENTIONED,
    EventKind.COMMENTED,
    EventKind.ANSWERED,
    EventKind.ESCALATED,
)
OF_MAPPINGS = (EventKind.GUARD, EventKind.SYSTEM, EventKind.RISK)
# what is over by the time it would be told is not told
WHILE_OPEN = (EventKind.OPENED, EventKind.SECOND_LOOK, EventKind.DUE_SOON, EventKind.OVERDUE)
OF_MAPPINGS = (EventKind.GUARD, EventKind.SYSTEM, EventKind.RULE)
VIEW_CONFLICT, VIEW_MAPPING = "conflicts.view_conflict", "syncadmin.view_mapping"


def expand(now: datetime) -> int:
    """Turn all events that there are into notices; returns how many events that were."""
    count = 0
    while True:
        with transaction.atomic():
            found = Event.objects.order_by("pk")
            if connection.features.has_select_for_update_skip_locked:
                found = found.select_for_update(skip_locked=True)
            some = list(found[:BATCH])
            asked = Subscription.objects.select_related("channel__person__profile")
            wanted = list(asked.defer("channel__address").order_by("pk"))
            notices = [notice for event in some for notice in _notices(event, wanted, now)]
            Notice.objects.bulk_create(notices)
            Event.objects.filter(pk__in=[event.pk for event in some]).delete()
        count += len(some)
        if len(some) < BATCH:
            return count


def _notices(event: Event, wanted: Iterable[Subscription], now: datetime) -> Iterable[Notice]:
    """One notice for each channel that asks for the event, as early as any of its subscriptions wants it."""
    made: dict[int, Notice] = {}
    for subscription in wanted:
        if not _asks(subscription, event):
            continue
        conflicts = _conflicts(subscription, event)
        if event.conflicts and not conflicts:
            continue
        notice = _notice(subscription, event, conflicts, now)
        other = made.get(subscription.channel_id)
        if other is None:
            made[subscription.channel_id] = notice
        else:
            other.ready_at = min(other.ready_at, notice.ready_at)
            other.conflicts = sorted({*other.conflicts, *notice.conflicts})
            other.values = other.values and notice.values
    return made.values()


def _asks(subscription: Subscription, event: Event) -> bool:
    person = subscription.channel.person
    if event.kind not in subscription.kinds or event.by == person.pk:
        return False
    if (event.kind in PERSONAL or event.people) and person.pk not in event.people:
        return False
    if subscription.mapping_id is not None and not _concerns(event, subscription.mapping_id):
        return False
    needed = VIEW_MAPPING if event.kind in OF_MAPPINGS else VIEW_CONFLICT
    return person.is_active and person.is_staff and person.has_perm(needed)


def _concerns(event: Event, mapping_id: int) -> bool:
    if event.mapping_id is not None:
        return event.mapping_id == mapping_id
    mapping = Mapping.objects.select_related("left", "right").get(pk=mapping_id)
    return event.system_id in (mapping.left.system_id, mapping.right.system_id)


def _conflicts(subscription: Subscription, event: Event) -> list[int]:
    """Those of the event's items that the subscription's filter lets through."""
    if not event.conflicts:
        return []
    items = Conflict.objects.filter(pk__in=event.conflicts)
    if event.kind in WHILE_OPEN:
        items = items.waiting()
    if subscription.query:
        query = QueryDict(subscription.query, mutable=True)
        query["state"] = "all"
        items = items.filter(pk__in=InboxFilter.read(query).items().order_by().values("pk"))
    return sorted(items.values_list("pk", flat=True))


def _notice(subscription: Subscription, event: Event, conflicts: list[int], now: datetime) -> Notice:
    profile = profile_of(subscription.channel.person)
    return Notice(
        channel=subscription.channel,
        kind=event.kind,
        at=event.at,
        mapping_id=event.mapping_id,
        system_id=event.system_id,
        subject=event.subject,
        conflicts=conflicts,
        actor=event.actor,
        words=event.words,
        values=subscription.values,
        ready_at=ready(now, subscription.rhythm, zone_of(profile), subscription.at, quiet_of(profile)),
    )
