"""What keeps a person from deciding an item: a hold, another's claim, a decision that waits for approval.

Asked under the item's lock by every service that decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from conflicts.models import Conflict, SecondLookState


class Refused(Exception):
    """What one person asks collides with what another one does. The message says so, in words for people."""

    def __init__(self, conflict: Conflict, words: str) -> None:
        super().__init__(words)
        self.conflict = conflict


def name_of(user: Any) -> str:
    """A person's name as colleagues know it."""
    if user is None:
        return _("someone no longer here")
    return user.get_full_name() or user.get_username()


def claimed_by_another(conflict: Conflict, user: Any, now: datetime) -> bool:
    """Whether somebody else's claim on the item runs. `user` None: nobody in particular."""
    if conflict.claimed_by_id is None or conflict.claimed_until is None or conflict.claimed_until <= now:
        return False
    return user is None or conflict.claimed_by_id != user.pk


def ensure_unclaimed(conflict: Conflict, user: Any, now: datetime) -> None:
    """Raise `Refused` while somebody else's claim runs."""
    if claimed_by_another(conflict, user, now):
        words = _("%(name)s works on this. Take it over first, if you must.")
        raise Refused(conflict, words % {"name": name_of(conflict.claimed_by)})


def ensure_free(conflict: Conflict, user: Any, now: datetime) -> None:
    """Raise `Refused` if `user` (None: nobody in particular) may not decide this item now."""
    if conflict.hold_reason:
        words = _("On hold by %(name)s: %(reason)s. Nobody decides it until the hold is lifted.")
        raise Refused(conflict, words % {"name": name_of(conflict.held_by), "reason": conflict.hold_reason})
    ensure_unclaimed(conflict, user, now)
    if conflict.second_look == SecondLookState.PROPOSED:
        words = _("A decision has been proposed already. Approve or decline it first.")
        raise Refused(conflict, words)
