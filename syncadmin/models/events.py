"""What people may want to be told of: one row an event, stored with what it is about, in one transaction.

The row is the outbox: `syncadmin.notify` turns it into notices for those who asked, and removes it. Nothing
here sends anything, and an event that nobody asked for costs one row for a short while.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .mappings import Mapping
from .systems import System


class EventKind(models.TextChoices):
    """What has happened."""

    OPENED = "opened", _("New conflicts")
    ASSIGNED = "assigned", _("A conflict is assigned to me")
    MENTIONED = "mentioned", _("Somebody mentions me")
    COMMENTED = "commented", _("A comment on what is mine or where I wrote")
    SECOND_LOOK = "second look", _("A second look is wanted")
    ANSWERED = "answered", _("My proposal is approved or declined")
    DUE_SOON = "due soon", _("A conflict is due soon")
    OVERDUE = "overdue", _("A conflict is overdue")
    ESCALATED = "escalated", _("An overdue conflict is given to me or my group")
    GUARD = "guard", _("A guard stops a pass")
    SYSTEM = "system", _("A system cannot be reached")
    RULE = "rule", _("A rule is proposed or suspends itself")
    RISK = "risk", _("An accepted risk of lost edits lapses")


class Event(models.Model):
    """One event. `conflicts` are ids; `people` the users it is for, empty: whoever asked to be told.

    `by` and `actor` are who did it, `words` what a person said or a guard found.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12, choices=EventKind.choices)
    at = models.DateTimeField()
    mapping = models.ForeignKey(Mapping, null=True, on_delete=models.CASCADE, related_name="+")
    system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="+")
    subject = models.BigIntegerField(
        null=True, help_text="The guard stop or the rule, where the event is about one."
    )
    conflicts = models.JSONField(default=list)
    people = models.JSONField(default=list)
    by = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, blank=True)
    words = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


def tell(
    kind: Any,  # of EventKind: without types for Django its members look like pairs
    at: datetime,
    *,
    mapping_id: int | None = None,
    system_id: int | None = None,
    subject: int | None = None,
    conflicts: Sequence[int] = (),
    people: Sequence[int] = (),
    by: int | None = None,
    actor: str = "",
    words: str = "",
) -> None:
    """Store an event in the current transaction."""
    Event.objects.create(
        kind=kind,
        at=at,
        mapping_id=mapping_id,
        system_id=system_id,
        subject=subject,
        conflicts=list(conflicts),
        people=list(people),
        by=by,
        actor=actor[:150],
        words=words,
    )
