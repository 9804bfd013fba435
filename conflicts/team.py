"""What the team is at: decisions that wait for a second person, who works on what, what is held or put off.

A bounded number of queries, on indexes of their own: none of this depends on how long the list is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from .colleagues import Look, shown
from .models import Conflict, SecondLook

MOST = 50  # of each kind that the page shows
_NOT_SHOWN = ("snapshot", "seqs", "twins", "search", "decision")


@dataclass(frozen=True, slots=True)
class Asked:
    """A second look that nobody has given yet."""

    conflict: Conflict
    look: Look


@dataclass(frozen=True, slots=True)
class Team:
    """What is shown to one person; each of these is cut at `MOST`."""

    to_answer: Sequence[Asked]
    waits: Sequence[Asked]
    at_work: Sequence[Conflict]
    held: Sequence[Conflict]
    put_off: Sequence[Conflict]


def team(user: Any, now: datetime) -> Team:
    """How things stand, as `user` sees them."""
    asked = list(_unanswered().exclude(asked_by=user)[:MOST])
    mine = list(_unanswered().filter(asked_by=user)[:MOST])
    items = Conflict.objects.waiting().select_related("mapping", "claimed_by", "held_by").defer(*_NOT_SHOWN)
    return Team(
        to_answer=[Asked(look.conflict, shown(look, look.conflict, user)) for look in asked],
        waits=[Asked(look.conflict, shown(look, look.conflict, user)) for look in mine],
        at_work=items.filter(claimed_until__gt=now).exclude(claimed_by=None).order_by("claimed_until")[:MOST],
        held=items.exclude(hold_reason="").order_by("pk")[:MOST],
        put_off=items.filter(snoozed_until__gt=now).order_by("snoozed_until")[:MOST],
    )


def asked_label(user: Any) -> str:
    """How many second looks wait for others than who asked, for the sidebar: '' for none."""
    count = len(_unanswered().exclude(asked_by=user).order_by().values_list("pk")[: MOST + 1])
    return f"{MOST}+" if count > MOST else str(count or "")


def _unanswered() -> QuerySet[SecondLook]:
    """Oldest first; decisions of closed items are there to be undone."""
    looks = SecondLook.objects.filter(answer="").order_by("pk")
    looks = looks.select_related(
        "asked_by", "conflict__mapping__left__system", "conflict__mapping__right__system"
    )
    return looks.prefetch_related("conflict__decisions")
