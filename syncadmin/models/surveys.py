"""Surveys: what two resources hold and how they may be paired, as it was found at a time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .mappings import Mapping
from .systems import Resource


class SurveyState(models.TextChoices):
    """Waits for a worker; is read; is there; a system went away or a person must act; a person stopped it."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    INTERRUPTED = "interrupted", _("interrupted")
    CANCELLED = "cancelled", _("cancelled")


class Survey(models.Model):
    """One survey. `sample` is the most records read of each side (0: all), `budget` the most reads of both.

    `left_profile` and `right_profile` are what was read of a side, kept until the other one is read too, so
    that a survey that was interrupted goes on where it was. `token` grows with each worker that takes it up:
    one that was overtaken, or stopped, stores nothing any more. `side` and `read` tell how far it is.
    """

    id = models.BigAutoField(primary_key=True)
    left = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="+")
    right = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="+")
    sample = models.PositiveIntegerField()
    budget = models.PositiveIntegerField()
    actor = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=11, choices=SurveyState.choices, default=SurveyState.WAITING)
    token = models.PositiveIntegerField(default=0)
    side = models.CharField(max_length=5, blank=True)
    read = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0, help_text="Records of the side, 0 if not known.")
    requests = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    left_profile = models.BinaryField(null=True)
    right_profile = models.BinaryField(null=True)
    result = models.JSONField(null=True)
    mapping = models.ForeignKey(Mapping, null=True, on_delete=models.SET_NULL, related_name="surveys")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["beat_at"], condition=Q(state__in=["waiting", "running"]), name="survey_at_work"
            )
        ]

    def __str__(self) -> str:
        return f"survey #{self.pk}"
