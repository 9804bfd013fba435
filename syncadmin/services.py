"""What people may ask of a mapping besides deciding conflicts: approve a stopped plan, have a pass run now.

The change is stored here; callers check permissions and ask the queue for a pass afterwards.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from syncadmin.models import EntryKind, GuardStop, MappingState, ledger


class Overtaken(Exception):
    """The stop is no longer waiting: it was approved, used or replaced. `stop` is how it stands now."""

    def __init__(self, stop: GuardStop) -> None:
        super().__init__(f"guard stop #{stop.pk} no longer waits for an approval")
        self.stop = stop


def approve(stop_id: int, user: Any) -> GuardStop:
    """Let exactly the plan of this stop go on, once. Raises `Overtaken` or `GuardStop.DoesNotExist`."""
    with transaction.atomic():
        mapping_id = GuardStop.objects.values_list("mapping_id", flat=True).get(pk=stop_id)
        state, _ = MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
        stop = GuardStop.objects.select_for_update(of=("self",)).select_related("mapping").get(pk=stop_id)
        if stop.approved_at is not None or stop.closed_at is not None:
            raise Overtaken(stop)
        now = timezone.now()
        stop.approved_by, stop.approved_at = user, now
        stop.save(update_fields=["approved_by", "approved_at"])
        if state.stopped == "guard":
            state.stopped, state.message = "", ""
        state.next_due = now
        state.save(update_fields=["stopped", "message", "next_due"])
        text = f"approved guard stop #{stop.pk}: {stop.reason}"
        ledger.append(mapping_id, [ledger.Row(EntryKind.DECISION, rule=text, actor=user.get_username())], now)
    return stop


def make_due(mapping_id: int) -> None:
    """Make a pass of the mapping due now."""
    now = timezone.now()
    with transaction.atomic():
        state, _ = MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
        state.next_due = min(state.next_due, now)
        state.save(update_fields=["next_due"])
