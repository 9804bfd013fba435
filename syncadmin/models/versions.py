"""Versions of a mapping: what it was, what it is, and what somebody proposes it shall be.

A version holds the mapping as a file says it, but for whether passes run. The rows of the mapping are always
those of the active version; a proposed one changes nothing until somebody with the right approves it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .mappings import Mapping


class VersionState(models.TextChoices):
    """Waits for an approval; is what runs; was what ran; never came to run."""

    PROPOSED = "proposed", _("proposed")
    ACTIVE = "active", _("active")
    REPLACED = "replaced", _("replaced")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Comparing(models.TextChoices):
    """How far it is worked out what a version would do differently."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class MappingVersion(models.Model):
    """One version. `renamed` says which field mappings of its `base` go on under another name.

    `comparison` is what it would do differently, worked out at `compared_at`; `digest` identifies it, and an
    approval counts only for what was shown. `beat_at` is when it was asked for, or taken up.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=VersionState.choices)
    document = models.JSONField()
    renamed = models.JSONField(default=dict)
    base = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    how = models.CharField(max_length=200, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_name = models.CharField(max_length=150, blank=True)
    made_at = models.DateTimeField()
    comparing = models.CharField(max_length=7, choices=Comparing.choices, blank=True)
    message = models.TextField(blank=True)
    beat_at = models.DateTimeField(null=True)
    comparison = models.JSONField(null=True)
    compared_at = models.DateTimeField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_name = models.CharField(max_length=150, blank=True)
    active_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_how = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["mapping", "-number"]
        verbose_name = _("version of a mapping")
        constraints = [
            models.UniqueConstraint(fields=["mapping", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["mapping"], condition=Q(state="proposed"), name="one_proposed_version"
            ),
            models.UniqueConstraint(
                fields=["mapping"], condition=Q(state="active"), name="one_active_version"
            ),
        ]
        indexes = [
            models.Index(
                fields=["beat_at"], condition=Q(comparing__in=["waiting", "running"]), name="version_at_work"
            )
        ]

    def __str__(self) -> str:
        return f"{self.mapping} #{self.number}"
