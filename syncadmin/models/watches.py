"""Watches: two resources read again and again without writing, to see who really edits what."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .mappings import SIDE_CHOICES, Mapping
from .systems import Resource

CREATED, DELETED = "+", "-"  # stand for a field where records are counted


class WatchState(models.TextChoices):
    """Looks again and again; a person stopped it; its time was up, or the mapping was switched on."""

    WATCHING = "watching", _("watching")
    STOPPED = "stopped", _("stopped")
    OVER = "over", _("over")


class Watch(models.Model):
    """One watch. `document` is the pairing as a file would say it, `names` its fields in a lasting order.

    `token` grows with each worker that takes it up: one that was overtaken, or stopped, stores nothing any
    more. `progress` says by side how far it was read and when. `halvings`: of 2**halvings records that could
    be kept one is, the same on both sides. `spans` are the seconds watched by day (UTC). `full_at`: when all
    is read next, to see what changes did not tell.
    """

    id = models.BigAutoField(primary_key=True)
    left = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="+")
    right = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="+")
    mapping = models.ForeignKey(Mapping, null=True, on_delete=models.SET_NULL, related_name="watches")
    document = models.JSONField()
    names = models.JSONField()
    every = models.PositiveIntegerField()
    days = models.PositiveSmallIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=150)
    state = models.CharField(max_length=8, choices=WatchState.choices, default=WatchState.WATCHING)
    token = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    full_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=100, blank=True)
    failed_since = models.DateTimeField(null=True)
    message = models.TextField(blank=True)
    progress = models.JSONField(default=dict)
    halvings = models.PositiveSmallIntegerField(default=0)
    spans = models.JSONField(default=dict)
    looks = models.PositiveIntegerField(default=0)
    read = models.PositiveBigIntegerField(default=0)
    requests = models.PositiveBigIntegerField(default=0)
    both_edited = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["left", "right"], condition=Q(state="watching"), name="one_watch_of_two_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"watch #{self.pk}"

    @property
    def seconds(self) -> float:
        """How long it has watched."""
        return float(sum(self.spans.values()))

    @property
    def until(self) -> datetime | None:
        """When its time is up, None before it has begun."""
        return self.started_at + timedelta(days=self.days) if self.started_at else None


class WatchedRecord(models.Model):
    """A record as far as it is kept: see `core.watching.Kept`. `edits` counts the looks that found an edit.

    `match` pairs the two sides and makes the sample; it is what it was when the record was first seen.
    """

    id = models.BigAutoField(primary_key=True)
    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="records")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    key = models.TextField()
    match = models.BigIntegerField()
    prints = models.BinaryField()
    edited = models.BinaryField()
    edits = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["watch", "side", "key"], name="one_watched_record")]
        indexes = [models.Index(fields=["watch", "side", "match"], name="watched_match")]

    def __str__(self) -> str:
        return f"{self.side} {self.key}"


class WatchDay(models.Model):
    """One field on one side on one day (UTC): edits seen, how many met one of the other side, equal ones.

    `field` is the name of a field mapping, or CREATED or DELETED.
    """

    id = models.BigAutoField(primary_key=True)
    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="counted")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    day = models.DateField()
    field = models.CharField(max_length=50)
    edits = models.PositiveBigIntegerField(default=0)
    met = models.PositiveBigIntegerField(default=0)
    equal = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["watch", "day", "side", "field"], name="one_watched_day")
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.field} {self.day}"
