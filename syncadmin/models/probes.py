"""Probes: marked values written to records that a person named, and what has to be put back afterwards."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .mappings import SIDE_CHOICES, Mapping
from .systems import Resource


class ProbeState(models.TextChoices):
    """Waits for a worker; writes and reads; is there; a system or person came between. See `ProbeHold`."""

    WAITING = "waiting", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    INTERRUPTED = "interrupted", _("interrupted")


class Probe(models.Model):
    """One probe of a mapping's systems, by its records; a side without a key is left alone.

    `token` grows with each worker that takes it up, to probe or to clean up: an overtaken one writes no more.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="probes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=150)
    left_key = models.TextField(blank=True)
    right_key = models.TextField(blank=True)
    fields = models.JSONField(default=list, help_text="Names of field mappings; empty: all.")
    state = models.CharField(max_length=11, choices=ProbeState.choices, default=ProbeState.WAITING)
    token = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"probe #{self.pk}"


class ProbeHold(models.Model):
    """The original of a field, stored before its first probe is written; open until it is settled.

    Values are raw, as tagged JSON. `sent` is the probe (name, value, raw) whose effect is not known
    yet, `known` what probes are known to have left there: what else is found there is somebody else's.
    """

    id = models.BigAutoField(primary_key=True)
    probe = models.ForeignKey(Probe, on_delete=models.CASCADE, related_name="holds")
    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="+")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    key = models.TextField()
    name = models.CharField(max_length=50)
    source = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)
    original = models.TextField()
    sent = models.JSONField(null=True)
    known = models.JSONField(default=list)
    settled_at = models.DateTimeField(null=True)
    settled_how = models.CharField(max_length=10, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "key", "source"],
                condition=Q(settled_at=None),
                name="one_probe_of_a_field_at_a_time",
            )
        ]
        indexes = [models.Index(fields=["probe"], condition=Q(settled_at=None), name="probe_open_hold")]

    def __str__(self) -> str:
        return f"{self.resource} {self.key} {self.source}"
