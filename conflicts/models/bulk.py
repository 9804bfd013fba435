"""Bulk runs: many decisions, or many undos, that were looked at together and confirmed once.

A run is bound to the items as its preview showed them: each with the revision seen. What has moved since is
left out and says so.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from .items import Conflict


class RunKind(models.TextChoices):
    """What a run does: decide by a rule, or take the decisions of another run back."""

    DECIDE = "decide"
    UNDO = "undo"


class RunState(models.TextChoices):
    """Preparing: its items are being looked at; ready: waits to be confirmed; then it runs to its end."""

    PREPARING = "preparing"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class BulkRun(models.Model):
    """One run. `query` is the filter of the inbox, or `ticked` the items; `of` is the run that is undone, or
    `query` says which decisions are (`conflicts.taken`).

    `after` is the last item looked at, `counts` what the preview found: {"fields": {...}, "excluded": {...}}.
    `beat_at` is when a worker last got further: a run that stands still is taken up by another.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=6, choices=RunKind.choices, default=RunKind.DECIDE)
    of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="undos")
    query = models.TextField(blank=True)
    ticked = models.JSONField(default=list)
    rule = models.CharField(max_length=10, blank=True)
    override = models.BooleanField(default=False, help_text="Undo: also what has moved since.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=150)
    state = models.CharField(max_length=9, choices=RunState.choices, default=RunState.PREPARING)
    after = models.BigIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    cut = models.BooleanField(default=False, help_text="There were more items than one run takes.")
    counts = models.JSONField(default=dict)
    chosen = models.PositiveIntegerField(default=0)
    decided = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        permissions = [("bulk_resolve_conflict", "Can resolve many conflicts at once")]
        indexes = [
            models.Index(
                fields=["beat_at"], condition=Q(state__in=["preparing", "running"]), name="bulk_run_at_work"
            )
        ]

    def __str__(self) -> str:
        return f"bulk run #{self.pk}"

    @property
    def left(self) -> int:
        """How many of the items looked at were not decided."""
        return self.seen - self.decided


class BulkItemState(models.TextChoices):
    """Chosen waits for its turn; decided is done; left out says why."""

    CHOSEN = "chosen"
    DECIDED = "decided"
    LEFT_OUT = "left out"


class BulkItem(models.Model):
    """One item of a run, at the revision that the preview showed.

    `picks` is {field: side} for a decision, {field: [decision, left, right]} for an undo with the values
    seen. `reason` is the code of why it is left out, `detail` what is said with it.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="items")
    conflict = models.ForeignKey(Conflict, on_delete=models.CASCADE, related_name="bulk_items")
    revision = models.PositiveIntegerField()
    label = models.CharField(max_length=200, blank=True)
    picks = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=BulkItemState.choices)
    reason = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "conflict"], name="bulk_item_once")]
        indexes = [models.Index(fields=["run", "state", "id"], name="bulk_items")]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.conflict_id}"
