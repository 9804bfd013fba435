"""Webhooks: what systems have sent, which records that named, and what came of it.

A delivery is only a hint. Its body is kept for a while so that people can look at it and handle it again; its
values are never used.
"""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils.translation import gettext_lazy as _

from .mappings import SIDE_CHOICES, Mapping
from .systems import System


class DeliveryState(models.TextChoices):
    """How a delivery stands."""

    WAITING = "waiting", _("waiting")  # stored, not looked at yet
    ASKED = "asked", _("asked for")  # its records are to be read
    DONE = "done", _("done")
    FAILED = "failed", _("not understood")


class Delivery(models.Model):
    """One webhook that proved where it comes from.

    `identity` is the same for the same delivery sent again, and NULL if that can't be told; `repeats` counts
    how often it was. `body` is emptied before the row goes. `told` are remarks as [what, about].
    """

    id = models.BigAutoField(primary_key=True)
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="deliveries")
    received_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    event_id = models.CharField(max_length=200, blank=True)
    identity = models.CharField(max_length=64, null=True)  # noqa: DJ001
    topic = models.CharField(max_length=200, blank=True)
    body = models.BinaryField(default=b"")
    size = models.PositiveIntegerField(default=0)
    repeats = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=7, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    handled_at = models.DateTimeField(null=True)
    told = models.JSONField(default=list)
    replay_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replays")
    replayed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [models.UniqueConstraint(fields=["system", "identity"], name="delivery_once")]
        indexes = [
            models.Index(fields=["system", "-id"], name="delivery_of_system"),
            models.Index(fields=["id"], name="delivery_waiting", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.system} #{self.pk}"


class Came(models.TextChoices):
    """What came of a hint, as the journal tells after the record was read."""

    WAITING = "waiting", _("to be read")
    CHANGED = "changed", _("changes seen")
    KNOWN = "known", _("a pass had seen it before")
    ECHO = "echo", _("echo of the hub's own write")
    NOTHING = "nothing", _("nothing new")


class Hint(models.Model):
    """A record that a delivery named, in one mapping. `since`: how far the journal was at that time.

    `marked` once a pass has marked it: only at its beginning, so that guards and plans have counted what it
    does. `changes` are those that were journaled of it when it was read.
    """

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="hints")
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="hints")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    key = models.TextField()
    at = models.DateTimeField()
    since = models.BigIntegerField()
    marked = models.BooleanField(default=False)
    came = models.CharField(max_length=7, choices=Came.choices, default=Came.WAITING)
    changes = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["mapping", "side", "key"], name="hint_waiting", condition=models.Q(came="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.key}: {self.came}"


class HookReading(models.Model):
    """How far a mapping's journal has been read for what came of hints. None as long as no hooks are on."""

    mapping = models.OneToOneField(Mapping, on_delete=models.CASCADE, primary_key=True, related_name="+")
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.mapping}: {self.sequence}"


class HookDay(models.Model):
    """A system's webhooks of one day: taken, repeated, refused and why; and who saw changes first.

    `hinted` and `polled` are records with changes: first named by a delivery, or first seen by a pass.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="hook_days")
    day = models.DateField()
    taken = models.PositiveBigIntegerField(default=0)
    repeated = models.PositiveBigIntegerField(default=0)
    unsigned = models.PositiveBigIntegerField(default=0)
    forged = models.PositiveBigIntegerField(default=0)
    old = models.PositiveBigIntegerField(default=0)
    large = models.PositiveBigIntegerField(default=0)
    hinted = models.PositiveBigIntegerField(default=0)
    polled = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["system", "day"], name="hook_day_once")]

    def __str__(self) -> str:
        return f"{self.system} {self.day}"


COUNTED = ("taken", "repeated", "unsigned", "forged", "old", "large", "hinted", "polled")


def count_hooks(system_id: int, day: date, **by: int) -> None:
    """Add to the figures of a system's day. In a transaction."""
    more = {name: number for name, number in by.items() if number}
    if more:
        row, _made = HookDay.objects.get_or_create(system_id=system_id, day=day)
        HookDay.objects.filter(pk=row.pk).update(**{n: models.F(n) + number for n, number in more.items()})
