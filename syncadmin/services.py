"""What people may ask of a mapping besides deciding conflicts: approve a plan, accept a risk, run now.

The change is stored here; callers check permissions and ask the queue for a pass afterwards.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin.config.connect import try_connection
from syncadmin.config.verify import verify_live
from syncadmin.core.exposure import Need
from syncadmin.core.side import SIDES
from syncadmin.engine.risk import Figures, lapse, short
from syncadmin.models import (
    EntryKind,
    GuardStop,
    Mapping,
    MappingState,
    Mark,
    RiskAcceptance,
    ledger,
)
from syncadmin.selectors import probing

LONGEST = timedelta(days=366)


class Overtaken(Exception):
    """The stop is no longer waiting: it was approved, used or replaced. `stop` is how it stands now."""

    def __init__(self, stop: GuardStop) -> None:
        super().__init__(f"guard stop #{stop.pk} no longer waits for an approval")
        self.stop = stop


def approve(stop_id: int, user: Any) -> GuardStop:
    """Let exactly the plan of this stop go on, once. Raises `Overtaken` or `GuardStop.DoesNotExist`."""
    with transaction.atomic():
        mapping_id = GuardStop.objects.values_list("mapping_id", flat=True).get(pk=stop_id)
        state, _made = MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
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
        state, _made = MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
        state.next_due = min(state.next_due, now)
        state.save(update_fields=["next_due"])


def hindrances(mapping: Mapping) -> list[str]:
    """What keeps a mapping from running with both systems as they are: it does not fit, or may not write."""
    if mapping.retired or mapping.leavings.filter(ended_at=None).exists():
        return [_("It is out of service, or on its way out.")]
    if probing.held(mapping):
        return [_("Values of a probe are still in its records: they have to be put back first.")]
    try:
        found = [f"{problem.place}: {problem.text}" for problem in verify_live(mapping)]
    except ConnectorError as error:
        return [str(error)]
    policy = mapping.policy()
    for side in SIDES:
        resource = mapping.resource(side)
        if policy.owner is side or all(field.owner is side for field in policy.fields):
            continue  # nothing of the other side is written there
        for item in try_connection(resource.system):
            if not item.ok and item.name == f"{resource.name}: writable":
                found.append(f"{resource}: {item.detail}. {item.remedy}")
    return found


def switch_on(mapping: Mapping, *, by: str) -> list[str]:
    """Switch a mapping on, unless something hinders it, which is answered: its first pass is due at once.

    `by` is told in the history of the mapping.
    """
    if found := hindrances(mapping):
        return found
    mapping.enabled = True
    mapping._change_reason = f"switched on by {by}"[:100]
    mapping.save()
    make_due(mapping.pk)
    return []


class NotAccepted(ValueError):
    """A risk can't be accepted like this; says what is wrong, in words for a person."""


def accept_risk(
    mapping: Mapping, told: Figures, *, most: float, until: datetime, role: str, note: str, user: Any
) -> RiskAcceptance:
    """Accept up to `most` lost edits a year until a day, by the figures that were shown. Raises NotAccepted.

    It takes the place of an earlier acceptance. What waited for it is due now.
    """
    now = timezone.now()
    _ensure_acceptable(told, most, until, role, now)
    name = user.get_username()
    with transaction.atomic():
        state, _made = MappingState.objects.select_for_update().get_or_create(mapping=mapping)
        before = RiskAcceptance.objects.filter(mapping=mapping, lapsed_at=None)
        before.update(lapsed_at=now, lapsed_how=f"accepted anew by {name}")
        made = RiskAcceptance.objects.create(
            mapping=mapping,
            person=user,
            name=user.get_full_name() or name,
            role=role.strip()[:100],
            note=note.strip()[:2000],
            at=now,
            until=until,
            most=most,
            figures=told.as_dict(),
            promises={side.value: promise for side, promise in told.exposure.sides.items()},
        )
        text = (
            f"accepted up to {short(most)} lost edits a year until {made.last_day:%Y-%m-%d}, as {made.role}"
        )
        ledger.append(mapping.pk, [ledger.Row(EntryKind.DECISION, rule=text, actor=name)], now)
        Mark.objects.filter(mapping=mapping, not_before__gt=now).update(not_before=now)
        state.next_due = min(state.next_due, now)
        state.save(update_fields=["next_due"])
    return made


def _ensure_acceptable(told: Figures, most: float, until: datetime, role: str, now: datetime) -> None:
    if told.exposure.need is not Need.SIGN:
        raise NotAccepted(_("There is no risk to accept: no edit can be lost unseen here."))
    if not role.strip():
        raise NotAccepted(_("Say in which role you accept it."))
    if not 0 < most < 1e9:
        raise NotAccepted(_("The number of lost edits a year must be more than zero."))
    if told.lost is not None and most < told.lost.expected:
        raise NotAccepted(_("More lost edits than that are to be expected already."))
    if until <= now:
        raise NotAccepted(_("The last day must be in the future."))
    if until - now > LONGEST:
        raise NotAccepted(_("A risk can be accepted for a year at most."))


def withdraw_risk(mapping_id: int, user: Any) -> bool:
    """Take an acceptance back. False if there is none."""
    name = user.get_username()
    return lapse(mapping_id, f"withdrawn by {name}", timezone.now(), actor=name)
