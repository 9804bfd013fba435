"""Working on an item together: claim it, hand it to somebody, put it off, hold it.

Each is one transaction, may be sent twice without doing anything twice, and is journaled with the person. A
claim lapses by itself. Nothing here asks for permissions: views do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from conflicts.models import Conflict, ConflictState
from syncadmin.models import EventKind, MappingState, events

from .bars import Refused, claimed_by_another, ensure_unclaimed, name_of
from .choices import Invalid
from .decide import Moved
from .writing_down import write_down

RENEW_AFTER = timedelta(minutes=1)  # a claim is not written anew more often than this
LONGEST_SNOOZE = timedelta(days=366)
REASON = 500


def claim(conflict_id: int, user: Any, now: datetime, over: int | None = None) -> Conflict:
    """Have `user` work on the item, seen by all, for the time of a claim; again: for that time from now.

    `over` is the id of the holder whose running claim the person saw and takes over. Raises `Refused` if
    another one's claim runs, `Moved` or `Conflict.DoesNotExist`.
    """
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        text = ""
        if claimed_by_another(conflict, user, now):
            if over is None or over != conflict.claimed_by_id:
                words = _("%(name)s was first and works on this.")
                raise Refused(conflict, words % {"name": name_of(conflict.claimed_by)})
            text = f"claim taken over from {conflict.claimed_by}"
        elif conflict.claimed_by_id != user.pk or not runs(conflict, now):
            text = "claimed"
        conflict.claimed_by, conflict.claimed_until = user, now + settings.CLAIM_FOR
        conflict.save(update_fields=["claimed_by", "claimed_until"])
        if text:
            write_down(conflict, user.get_username(), text, now)
    return conflict


def runs(conflict: Conflict, now: datetime) -> bool:
    """Whether anybody's claim on the item runs."""
    return conflict.claimed_by_id is not None and (
        conflict.claimed_until is not None and conflict.claimed_until > now
    )


def renew(conflict_id: int, user: Any, now: datetime) -> None:
    """The holder is at work: a running claim of `user` runs on. One statement, and rarely that."""
    until = now + settings.CLAIM_FOR
    Conflict.objects.filter(
        pk=conflict_id,
        state=ConflictState.OPEN,
        claimed_by=user,
        claimed_until__gt=now,
        claimed_until__lt=until - RENEW_AFTER,
    ).update(claimed_until=until)


def release(conflict_id: int, user: Any, now: datetime) -> Conflict:
    """Give up one's own claim; one that has lapsed or is another's is left alone."""
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        if runs(conflict, now) and conflict.claimed_by_id == user.pk:
            conflict.claimed_by = conflict.claimed_until = None
            conflict.save(update_fields=["claimed_by", "claimed_until"])
            write_down(conflict, user.get_username(), "claim given up", now)
    return conflict


def assign(conflict_id: int, person: User | None, user: Any, now: datetime) -> Conflict:
    """Make the item `person`'s (None: nobody's). Raises `Invalid` for somebody who cannot decide it."""
    if person is not None and not may_decide(person):
        raise Invalid({"": _("%(name)s may not resolve conflicts.") % {"name": name_of(person)}})
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        if conflict.assignee_id != (person.pk if person else None):
            give(conflict, person)
            whose = person.get_username() if person else "nobody"
            write_down(conflict, user.get_username(), f"assigned to {whose}", now)
            if person is not None and person.pk != user.pk:
                events.tell(
                    EventKind.ASSIGNED,
                    now,
                    mapping_id=conflict.mapping_id,
                    conflicts=[conflict.pk],
                    people=[person.pk],
                    actor=name_of(user),
                )
    return conflict


def give(conflict: Conflict, person: User | None) -> None:
    """Store whose the item is."""
    conflict.assignee = person
    conflict.save(update_fields=["assignee"])


def may_decide(person: User) -> bool:
    """Whether a person can act on items at all."""
    return person.is_active and person.is_staff and person.has_perm("conflicts.resolve_conflict")


def snooze(conflict_id: int, until: datetime | None, user: Any, now: datetime) -> Conflict:
    """Keep the item out of the list until a time, or until a value changes. None: back at once.

    Raises `Invalid` for a time that is over or too far away, `Refused` while another works on it.
    """
    if until is not None and not now < until <= now + LONGEST_SNOOZE:
        raise Invalid({"": _("Choose a time from now to a year ahead.")})
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        ensure_unclaimed(conflict, user, now)
        if conflict.snoozed_until != until:
            conflict.snoozed_until = until
            conflict.save(update_fields=["snoozed_until"])
            text = f"put off until {until.isoformat(timespec='minutes')}" if until else "no longer put off"
            write_down(conflict, user.get_username(), text, now)
    return conflict


def hold(conflict_id: int, reason: str, user: Any, now: datetime) -> Conflict:
    """Let nobody decide the item until the hold is lifted. Raises `Invalid` without a reason.

    A hold that is there stays as it is: `Refused`, unless it is the very same.
    """
    reason = reason.replace("\0", "").strip()[:REASON]
    if not reason:
        raise Invalid({"": _("Say why it is held.")})
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        if conflict.hold_reason:
            if conflict.hold_reason == reason and conflict.held_by_id == user.pk:
                return conflict
            words = _("%(name)s holds it already: %(reason)s")
            raise Refused(
                conflict, words % {"name": name_of(conflict.held_by), "reason": conflict.hold_reason}
            )
        conflict.hold_reason, conflict.held_by = reason, user
        conflict.save(update_fields=["hold_reason", "held_by"])
        write_down(conflict, user.get_username(), "put on hold", now, reason)
    return conflict


def lift(conflict_id: int, user: Any, now: datetime) -> Conflict:
    """End a hold; without one there is nothing to do."""
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        if conflict.hold_reason:
            reason, by = conflict.hold_reason, conflict.held_by
            conflict.hold_reason, conflict.held_by = "", None
            conflict.save(update_fields=["hold_reason", "held_by"])
            write_down(conflict, user.get_username(), f"hold of {by or 'someone'} lifted", now, reason)
    return conflict


def locked(conflict_id: int) -> Conflict:
    """The item, locked until the transaction ends: first the mapping's state, then the item, as the engine
    does. Raises `Conflict.DoesNotExist`."""
    mapping_id = Conflict.objects.values_list("mapping_id", flat=True).get(pk=conflict_id)
    MappingState.objects.select_for_update().get_or_create(mapping_id=mapping_id)
    people = ("claimed_by", "held_by", "assignee")
    found = Conflict.objects.select_for_update(of=("self",)).select_related("mapping", "link", *people)
    return found.get(pk=conflict_id)


def locked_open(conflict_id: int) -> Conflict:
    """The item, locked, if it waits for a person. Raises `Moved` or `Conflict.DoesNotExist`."""
    conflict = locked(conflict_id)
    if conflict.state != ConflictState.OPEN:
        raise Moved(conflict)
    return conflict
