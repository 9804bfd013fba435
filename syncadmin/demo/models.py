"""The switch of the activity simulator: one row in the hub; the page writes it, the simulator watches it."""

from __future__ import annotations

from django.db import models


class Activity(models.Model):
    """Whether the sample systems' staff are at work, and what they did last. There is one row.

    The page writes `on` and `changed_by`, the simulator the rest: neither overwrites the other's.
    """

    on = models.BooleanField(default=True)
    changed_by = models.CharField(max_length=150, blank=True)
    edits = models.PositiveBigIntegerField(default=0)
    last = models.CharField(max_length=200, blank=True)
    beat_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "activity"

    def __str__(self) -> str:
        return "at work" if self.on else "off"

    @classmethod
    def switch(cls) -> Activity:
        """The row, made at the first call."""
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def turn(cls, on: bool, by: str) -> Activity:
        """Turn it on or off."""
        cls.switch()
        cls.objects.filter(pk=1).update(on=on, changed_by=by[:150])
        return cls.switch()

    @classmethod
    def report(cls, edits: int, last: str, now: object) -> None:
        """What the simulator did since it last said so."""
        cls.objects.filter(pk=1).update(edits=models.F("edits") + edits, last=last[:200], beat_at=now)
