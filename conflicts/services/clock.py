"""What happens to items by themselves as time goes by: they wake, come due, and are escalated. Each once.

Called by the ticker. What was told is stored with the item in the same transaction as the event, so a crash
tells nothing twice and forgets nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from conflicts.due import FORGOTTEN, before
from conflicts.models import Conflict, ConflictQuerySet, ConflictState, Told
from syncadmin.models import EventKind, Mapping, MappingState, events

from .together import may_decide
from .writing_down import write_down

BATCH = 500
ACTOR = "due time"


def look(now: datetime) -> int:
    """Do what is due now; returns how many items were touched."""
    touched = wake(now)
    for mapping in _with_oldest(now):
        due = FORGOTTEN if mapping.due is None else timedelta(seconds=mapping.due)
        steps = [(Told.OVERDUE, now - due)]
        if mapping.due is not None:
            steps.insert(0, (Told.SOON, now - due + before(mapping.due)))
        if mapping.escalate_after is not None:
            steps.append((Told.ESCALATED, now - due - timedelta(seconds=mapping.escalate_after)))
        for told, opened_before in steps:
            if any(at is not None and at <= opened_before for at in _oldest(mapping, told)):
                act = _escalate if told == Told.ESCALATED else _tell
                touched += act(mapping, told, opened_before, now)
    return touched


def _with_oldest(now: datetime) -> QuerySet[Mapping]:
    """All mappings, with when the oldest item was opened of which just this has been told. One query."""
    found = _untold(now).filter(mapping=OuterRef("pk")).order_by("opened_at").values("opened_at")
    oldest = {f"oldest_{told}": Subquery(found.filter(told=told)[:1]) for told in _less(Told.ESCALATED)}
    return Mapping.objects.annotate(**oldest)


def _oldest(mapping: Mapping, told: Told) -> list[datetime | None]:
    return [getattr(mapping, f"oldest_{less}") for less in _less(told)]


def _less(told: Told) -> list[int]:
    """What may have been told of an item before this: no range, for the index has the time after it."""
    return [earlier.value for earlier in Told if earlier < told]


def _untold(now: datetime) -> ConflictQuerySet:
    """Items of which anything may have to be told: not those put off or on hold."""
    return Conflict.objects.waiting().awake(now).filter(hold_reason="")


def wake(now: datetime) -> int:
    """Items whose snooze is over are as if they had never been put off."""
    over = Conflict.objects.filter(snoozed_until__lte=now)
    return over.update(snoozed_until=None) if over.exists() else 0


def _late(mapping: Mapping, told: Told, opened_before: datetime, now: datetime) -> ConflictQuerySet:
    """Items that were opened before and of which this has not been told; the oldest first."""
    found = _untold(now).filter(mapping=mapping, told__in=_less(told), opened_at__lte=opened_before)
    return found.order_by("opened_at", "pk")


def _tell(mapping: Mapping, told: Told, opened_before: datetime, now: datetime) -> int:
    """Tell of items that are due soon or overdue: one event an assignee, one for those of nobody."""
    kind = EventKind.DUE_SOON if told == Told.SOON else EventKind.OVERDUE
    count = 0
    while True:
        with transaction.atomic():
            MappingState.objects.select_for_update().get_or_create(mapping=mapping)
            rows = _late(mapping, told, opened_before, now).values_list("pk", "assignee_id")
            late: dict[int | None, list[int]] = {}
            for pk, assignee in rows[:BATCH]:
                late.setdefault(assignee, []).append(pk)
            for assignee, ids in late.items():
                people = [assignee] if assignee else []
                events.tell(kind, now, mapping_id=mapping.pk, conflicts=ids, people=people)
            ids = [pk for some in late.values() for pk in some]
            Conflict.objects.filter(pk__in=ids).update(told=told)
        count += len(ids)
        if len(ids) < BATCH:
            return count


def _escalate(mapping: Mapping, told: Told, opened_before: datetime, now: datetime) -> int:
    """Give items that nobody decided in time to the person, or to those of the group who have the fewest."""
    count = 0
    while True:
        with transaction.atomic():
            MappingState.objects.select_for_update().get_or_create(mapping=mapping)
            late = _late(mapping, told, opened_before, now).select_for_update(of=("self",))
            items = list(late[:BATCH])
            people = _people(mapping)
            load = _load(people)
            for item in items:
                taker = min(people, key=lambda person: (load[person.pk], person.pk), default=None)
                if taker is not None:
                    load[taker.pk] += 1
                _give(item, taker, mapping, now)
            if items and people:
                whom = [person.pk for person in people]
                ids = [item.pk for item in items]
                events.tell(EventKind.ESCALATED, now, mapping_id=mapping.pk, conflicts=ids, people=whom)
        count += len(items)
        if len(items) < BATCH:
            return count


def _give(item: Conflict, taker: User | None, mapping: Mapping, now: datetime) -> None:
    item.told = Told.ESCALATED
    if taker is not None:
        item.assignee = taker
    item.save(update_fields=["told", "assignee"])
    wanted = mapping.escalate_person or mapping.escalate_group
    given = f"given to {taker.get_username()}" if taker else f"nobody to give it to: “{wanted}” has nobody"
    write_down(item, ACTOR, f"overdue, {given}", now)


def _people(mapping: Mapping) -> list[User]:
    """Who may be given what is overdue."""
    if mapping.escalate_person:
        found: Iterable[User] = User.objects.filter(username=mapping.escalate_person)
    else:
        found = User.objects.filter(groups__in=Group.objects.filter(name=mapping.escalate_group))
    return [person for person in found if may_decide(person)]


def _load(people: list[User]) -> dict[int, int]:
    """How many open items each has."""
    mine = Q(assigned_conflicts__state=ConflictState.OPEN)
    found = User.objects.filter(pk__in=[person.pk for person in people])
    counted = found.annotate(mine=Count("assigned_conflicts", filter=mine))
    return dict(counted.values_list("pk", "mine"))
