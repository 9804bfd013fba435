"""Duties that one process at a time has, of however many could: who has it, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q


class Duty(models.Model):
    """What one process does for all. Whoever has it renews it; if it runs out, another one takes it."""

    name = models.CharField(max_length=50, unique=True)
    holder = models.CharField(max_length=100, blank=True)
    until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return f"{self.name}: {self.holder or 'nobody'}"


def take(name: str, holder: str, now: datetime, term: timedelta) -> bool:
    """Take the duty or renew it; whether `holder` has it now."""
    Duty.objects.bulk_create([Duty(name=name)], ignore_conflicts=True)
    free = Duty.objects.filter(Q(holder=holder) | Q(until=None) | Q(until__lte=now), name=name)
    return free.update(holder=holder, until=now + term) == 1


def give_up(name: str, holder: str) -> None:
    """Another one may take it at once."""
    Duty.objects.filter(name=name, holder=holder).update(holder="", until=None)
