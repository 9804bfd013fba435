"""Passes and guard stops: what ran, how far it is, what stopped it, who let it go on."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from .mappings import Mapping


class PassKind(models.TextChoices):
    """Incremental reads what changed; reconcile compares all of both sides; backfill is the first of them."""

    INCREMENTAL = "incremental"
    RECONCILE = "reconcile"
    BACKFILL = "backfill"


class PassState(models.TextChoices):
    """How a pass stands or ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by a guard
    LOST = "lost"  # its worker died or lost the lease


class Pass(models.Model):
    """One run of a mapping. `counts` by name (read, linked, created, updated, deleted, conflicts...).

    `phase`, `progress` and `total` are for the page and the progress bar; `total` 0 means unknown.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="passes")
    kind = models.CharField(max_length=11, choices=PassKind.choices)
    state = models.CharField(max_length=7, choices=PassState.choices, default=PassState.RUNNING)
    token = models.BigIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    phase = models.CharField(max_length=40, blank=True)
    progress = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    counts = models.JSONField(default=dict)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "passes"
        permissions = [("run_pass", "Can start passes")]
        indexes = [models.Index(fields=["mapping", "-id"], name="pass_of_mapping")]

    def __str__(self) -> str:
        return f"{self.mapping} {self.kind} #{self.pk}"


KEPT_PASSES = 2000
TRIM_EVERY = 500


def trim_passes(mapping_id: int) -> None:
    """Let go of incremental passes that went well, but for the newest: there may be several a second.

    The journal keeps what they did.
    """
    well = Pass.objects.filter(mapping_id=mapping_id, kind=PassKind.INCREMENTAL, state=PassState.DONE)
    for oldest in well.order_by("-id").values_list("id", flat=True)[KEPT_PASSES : KEPT_PASSES + 1]:
        well.filter(id__lte=oldest).delete()


class GuardStop(models.Model):
    """A pass that a guard stopped, with its evidence, and the one-time approval of exactly that plan.

    `digest` identifies the plan; an approval counts once, and only for a plan with this digest.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="guard_stops")
    stopped_pass = models.ForeignKey(Pass, null=True, on_delete=models.SET_NULL, related_name="guard_stops")
    created_at = models.DateTimeField()
    reason = models.TextField()
    digest = models.CharField(max_length=64)
    evidence = models.JSONField(default=dict)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_how = models.CharField(max_length=20, blank=True, help_text="used, replaced or moved")

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_guardstop", "Can let a stopped pass go on")]

    def __str__(self) -> str:
        return f"{self.mapping}: {self.reason}"
