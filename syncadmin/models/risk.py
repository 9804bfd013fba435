"""The lost-update meter and what people accepted of it: daily figures by side, and signed acceptances.

Only mappings that can lose an edit unseen have rows here (see `core.exposure`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .mappings import SIDE_CHOICES, Mapping


class Meter(models.Model):
    """How far the journal has been read for its edits, and since when edits are watched.

    `counted_by` says by what fields and span they were counted: if that changes, they are counted anew.
    """

    mapping = models.OneToOneField(Mapping, on_delete=models.CASCADE, primary_key=True, related_name="meter")
    sequence = models.BigIntegerField(default=0)
    since = models.DateTimeField(null=True)
    counted_by = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.mapping} up to {self.sequence}"


class MeterDay(models.Model):
    """One side on one day (UTC): edits seen, how many met one of the other side, and unguarded writes.

    `microseconds` are the measured windows added up; `unmeasured` writes have none in it.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="meter_days")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    day = models.DateField()
    edits = models.BigIntegerField(default=0)
    meetings = models.BigIntegerField(default=0)
    writes = models.BigIntegerField(default=0)
    unmeasured = models.BigIntegerField(default=0)
    raced = models.BigIntegerField(default=0)
    microseconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "day", "side"], name="one_meter_a_day")]

    def __str__(self) -> str:
        return f"{self.mapping} {self.side} {self.day}"


def add_to_day(mapping_id: int, side: str, day: date, **by: int) -> None:
    """Add to the figures of a side's day. In a transaction."""
    row, _made = MeterDay.objects.get_or_create(mapping_id=mapping_id, side=side, day=day)
    MeterDay.objects.filter(pk=row.pk).update(**{name: models.F(name) + more for name, more in by.items()})


class RiskAcceptance(models.Model):
    """Somebody's word that up to `most` lost edits a year are accepted, until a day, in a role.

    `figures` are those that were shown; `promises` what each exposed side promised. It lapses by itself,
    once: `lapsed_how` says why.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="acceptances")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    name = models.CharField(max_length=150)
    role = models.CharField(max_length=100)
    note = models.TextField(blank=True)
    at = models.DateTimeField()
    until = models.DateTimeField()
    most = models.FloatField()
    figures = models.JSONField(default=dict)
    promises = models.JSONField(default=dict)
    lapsed_at = models.DateTimeField(null=True)
    lapsed_how = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("accepted risk")
        permissions = [("accept_risk", "Can accept the risk of lost edits")]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping"], condition=models.Q(lapsed_at=None), name="one_acceptance_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.mapping}: {self.name}, {self.at:%Y-%m-%d}"

    @property
    def last_day(self) -> date:
        """The last day on which it counts, where the reader is."""
        return timezone.localdate(self.until - timedelta(seconds=1))

    def in_force(self, now: datetime) -> bool:
        """Whether it counts at this moment."""
        return self.lapsed_at is None and now < self.until
