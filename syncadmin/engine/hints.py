"""Hints of webhooks in a pass: records that only they know of are met, and what came of each is told.

What came of a hint is read in the journal, once its mark is gone: then its record has been read. What other
records changed was first seen by reading on a schedule; both are counted by system and day.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from syncadmin.config.connect import takes_hooks
from syncadmin.core.side import SIDES, Side
from syncadmin.models import (
    Came,
    Delivery,
    DeliveryState,
    Entry,
    EntryKind,
    Hint,
    HookReading,
    Mark,
    bulk,
    marks,
)
from syncadmin.models.hooks import count_hooks
from syncadmin.models.state import locked

from . import links
from .binding import Binding
from .collect import remember_unlinked
from .effort import Run

BATCH = 500
MARKED = 5000
MOST = 10_000  # hints answered after one pass; the rest after the next
RECENT = timedelta(hours=1)  # an entry of the journal older than that has nothing to do with a delivery


def hooked(binding: Binding) -> dict[Side, int]:
    """The sides whose systems send webhooks, with the systems' numbers."""
    systems = {side: binding.mapping.resource(side).system for side in SIDES}
    return {side: system.pk for side, system in systems.items() if takes_hooks(system)}


def take(run: Run) -> None:
    """Mark the records that hints name. Raises LeaseLost.

    Only at the beginning of a pass: what came in the middle of it would be done without a guard, or an
    approved plan, having counted it.
    """
    waiting = Hint.objects.filter(mapping_id=run.binding.id, came=Came.WAITING, marked=False)
    while found := list(waiting.order_by("id").values_list("id", "side", "key")[:MARKED]):
        with run.lease.fenced():
            places = [(side, key) for _id, side, key in found]
            marks.mark(run.binding.id, places, "webhook", run.clock())
            Hint.objects.filter(pk__in=[number for number, _side, _key in found]).update(marked=True)


def meet(run: Run) -> None:
    """Read the records that hints name and the hub has never seen, and remember them as any read would.

    A record that is new to the hub has to be known before any is decided, because it may be another's twin.
    Raises ConnectorError, LeaseLost.
    """
    for side in hooked(run.binding):
        waiting = Hint.objects.filter(
            mapping_id=run.binding.id, came=Came.WAITING, side=side.value, marked=True
        )
        keys = list(waiting.order_by("key").values_list("key", flat=True).distinct())
        for start in range(0, len(keys), BATCH):
            _meet(run, side, keys[start : start + BATCH])


def _meet(run: Run, side: Side, keys: list[str]) -> None:
    binding, bound = run.binding, run.binding.sides[side]
    known = links.by_key(binding.id, side, keys).keys() | _remembered(binding.id, side, keys)
    strange = [key for key in keys if key not in known]
    if not strange:
        return
    fetched = bound.connector.fetch(bound.resource, strange, fields=bound.wanted)
    records = [r for r in bound.translate(list(fetched.found.values())) if r.in_scope]
    with run.lease.fenced():
        remember_unlinked(binding, side, records, run.clock())


def _remembered(mapping_id: int, side: Side, keys: list[str]) -> set[str]:
    where, params = bulk.one_of("key", keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key FROM syncadmin_unlinked WHERE mapping_id = %s AND side = %s AND {where}",
            [mapping_id, side.value, *params],
        )
        return {row[0] for row in cursor.fetchall()}


def account(binding: Binding, token: int, now: datetime, readings: bool) -> None:
    """Say what came of the hints whose records have been read, and count who saw changes first.

    `readings`: this was done before.
    """
    systems = hooked(binding)
    if not systems:
        if readings:  # they were switched off
            HookReading.objects.filter(mapping_id=binding.id).delete()
        return
    with transaction.atomic():
        state = locked(binding.id)
        if state.token != token:
            return
        answered, hinted = _answer(binding.id)
        reading, new = HookReading.objects.get_or_create(
            mapping_id=binding.id, defaults={"sequence": state.sequence}
        )
        polled = {} if new else _others(binding.id, reading.sequence, hinted)
        HookReading.objects.filter(mapping_id=binding.id).update(sequence=state.sequence)
        by_side = Counter(side for side, _key in hinted)
        for side, system_id in systems.items():
            count_hooks(
                system_id, now.astimezone(UTC).date(), hinted=by_side[side], polled=polled.get(side.value, 0)
            )
        open_hints = Hint.objects.filter(delivery__in=answered, came=Came.WAITING)
        done = Delivery.objects.filter(pk__in=answered, state=DeliveryState.ASKED)
        done.exclude(pk__in=open_hints.values("delivery_id")).update(state=DeliveryState.DONE)


def _answer(mapping_id: int) -> tuple[set[int], set[tuple[Side, str]]]:
    """Answer hints whose marks are gone. Their deliveries, and the records of which changes were seen."""
    asked = Hint.objects.filter(mapping_id=mapping_id, came=Came.WAITING, marked=True)
    waiting = list(asked.order_by("id")[:MOST])
    answered: list[Hint] = []
    for side in SIDES:
        of_side = [hint for hint in waiting if hint.side == side.value]
        for start in range(0, len(of_side), BATCH):
            answered += _answer_some(mapping_id, side, of_side[start : start + BATCH])
    Hint.objects.bulk_update(answered, ["came", "changes"], batch_size=BATCH)
    hinted = {(Side(hint.side), hint.key) for hint in answered if hint.came == Came.CHANGED}
    return {hint.delivery_id for hint in answered}, hinted


def _answer_some(mapping_id: int, side: Side, hints: list[Hint]) -> list[Hint]:
    """Those of the hints whose records have been read, with what came of them."""
    keys = {hint.key for hint in hints}
    dirty = Mark.objects.filter(mapping_id=mapping_id, side=side.value, key__in=keys)
    open_keys = set(dirty.values_list("key", flat=True))
    read = [hint for hint in hints if hint.key not in open_keys]
    if not read:
        return []
    entries = Entry.objects.filter(
        mapping_id=mapping_id, side=side.value, key__in=keys, kind__in=(EntryKind.CHANGE, EntryKind.WRITE)
    )
    since = min(hint.since for hint in read)
    begin = min(hint.at for hint in read) - RECENT
    changes: dict[str, list[int]] = {}
    last: dict[str, tuple[datetime, str]] = {}
    told = entries.filter(Q(seq__gt=since) | Q(at__gte=begin)).order_by("seq")
    for key, kind, seq, at in told.values_list("key", "kind", "seq", "at"):
        last[key] = at, kind
        if kind == EntryKind.CHANGE:
            changes.setdefault(key, []).append(seq)
    for hint in read:
        hint.changes = sum(seq > hint.since for seq in changes.get(hint.key, ()))
        at, kind = last.get(hint.key, (begin, ""))
        if hint.changes:
            hint.came = Came.CHANGED
        elif kind and at >= hint.at - RECENT:
            hint.came = Came.ECHO if kind == EntryKind.WRITE else Came.KNOWN
        else:
            hint.came = Came.NOTHING
    return read


def _others(mapping_id: int, since: int, hinted: set[tuple[Side, str]]) -> dict[str, int]:
    """By side: records with changes since then that no hint had named."""
    found: dict[str, int] = {}
    changes = Entry.objects.filter(mapping_id=mapping_id, kind=EntryKind.CHANGE, seq__gt=since)
    waiting = Hint.objects.filter(mapping_id=mapping_id, came=Came.WAITING)
    for side in SIDES:
        of_side = changes.filter(side=side.value)
        named = [key for at, key in hinted if at is side]
        found[side.value] = (
            of_side.exclude(key__in=named)
            .exclude(key__in=waiting.filter(side=side.value).values("key"))
            .values("key")
            .distinct()
            .count()
        )
    return found
