"""Rehearsals: the complete plan of a mapping's first pass, kept with the mapping, and its approval.

Records that are equal and alone with each other are only counted; every other one has a line.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from syncadmin.core.rehearsed import Fate, Standing

from .mappings import SIDE_CHOICES, Mapping, choices_of


class RehearsalState(models.TextChoices):
    """Waits for a worker; is read; is there; a system went away or a person must act; a person stopped it."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    INTERRUPTED = "interrupted", _("interrupted")
    CANCELLED = "cancelled", _("cancelled")


class Rehearsal(models.Model):
    """One plan. `digest` identifies all that it would write, `fingerprint` the configuration it is made by.

    An approval counts once, for a plan with this digest; up to `allowed` lines may differ from it. From
    `begun_at` on it is being carried out. `moved_from` is the approved plan that the systems had left when a
    pass was to carry it out, `difference` by how much. `closed_how` says what became of an approved one:
    carried out, moved (the systems had changed), replaced or withdrawn. `token` grows with each worker that
    takes it up: one that was overtaken stores nothing any more.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="rehearsals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=150)
    state = models.CharField(max_length=11, choices=RehearsalState.choices, default=RehearsalState.WAITING)
    token = models.PositiveIntegerField(default=0)
    phase = models.CharField(max_length=20, blank=True)
    read = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0, help_text="Records of the phase, 0 if not known.")
    message = models.TextField(blank=True)
    created_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    result = models.JSONField(null=True)
    moved_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    difference = models.JSONField(null=True)
    allowed = models.PositiveIntegerField(default=0)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_how = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["beat_at"], condition=Q(state__in=["waiting", "running"]), name="rehearsal_at_work"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping"],
                condition=Q(approved_at__isnull=False, closed_at=None),
                name="one_approved_plan_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"plan #{self.pk}"


class RehearsalLine(models.Model):
    """What would be done with a record or pair. `place` names it, as 'l:' or 'r:' and its key on that side.

    `digest` is of what would be written, NULL if nothing; `columns` are the field mappings that differ, each
    between blanks; `held`: something waits for a person, whatever else is done; `body` holds the values.
    """

    id = models.BigAutoField(primary_key=True)
    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="lines")
    place = models.TextField()
    left_key = models.TextField(null=True)  # noqa: DJ001
    right_key = models.TextField(null=True)  # noqa: DJ001
    label = models.CharField(max_length=200)
    standing = models.CharField(max_length=10, choices=choices_of(Standing))
    fate = models.CharField(max_length=6, choices=choices_of(Fate))
    side = models.CharField(max_length=5, blank=True, choices=SIDE_CHOICES, help_text="Where it is written.")
    held = models.BooleanField(default=False)
    columns = models.TextField(blank=True)
    digest = models.BinaryField(null=True)
    body = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["rehearsal", "place"], name="rehearsal_place"),
            models.Index(fields=["rehearsal", "standing", "id"], name="rehearsal_standing"),
            models.Index(fields=["rehearsal", "fate", "id"], name="rehearsal_fate"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.standing}: {self.fate})"
