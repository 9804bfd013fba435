"""Who wants to be told of what, how and when; and the notices that wait, were sent, or were given up.

A channel's address carries credentials: it is encrypted at rest, and never shown, logged or exported.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from syncadmin.fields import EncryptedJSONField

from .events import EventKind
from .mappings import Mapping
from .systems import System


class Profile(models.Model):
    """A person's time zone and language, and the hours in which no notice is sent."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="profile"
    )
    zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.person}: {self.zone}"


class Channel(models.Model):
    """A way to reach a person. `busy_until` is the lease of who sends; `error` why the last try failed."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_channels"
    )
    name = models.CharField(max_length=60)
    scheme = models.CharField(max_length=30)
    address = EncryptedJSONField()
    created_at = models.DateTimeField()
    busy_until = models.DateTimeField(null=True)
    last_sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="channel_once_a_person")]

    def __str__(self) -> str:
        return self.name


class Rhythm(models.TextChoices):
    """When notices of a subscription are sent."""

    NOW = "now", _("at once")
    HOURLY = "hourly", _("every hour, together")
    DAILY = "daily", _("once a day, together")


class Subscription(models.Model):
    """What a person is told on a channel. No mapping: all. `query` is a filter of the inbox, '' for all.

    `values` allows values of the systems in the messages; without it they hold labels and field names only.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="subscriptions")
    mapping = models.ForeignKey(
        Mapping, null=True, blank=True, on_delete=models.CASCADE, related_name="subscriptions"
    )
    kinds = models.JSONField(default=list)
    rhythm = models.CharField(max_length=6, choices=Rhythm.choices, default=Rhythm.NOW)
    at = models.TimeField(null=True, blank=True)
    query = models.CharField(max_length=500, blank=True)
    values = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.channel}: {', '.join(self.kinds)}"


class NoticeState(models.TextChoices):
    """What became of a notice."""

    WAITING = "waiting", _("waiting")
    SENT = "sent", _("sent")
    GIVEN_UP = "given up", _("given up")


class Notice(models.Model):
    """One event for one channel. Notices that are sent together share `message`, their message's number.

    A message that was sent, but not noted as sent before a crash, is sent again with the same number.
    """

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=[*EventKind.choices, ("test", _("A test"))])
    at = models.DateTimeField()
    mapping = models.ForeignKey(Mapping, null=True, on_delete=models.CASCADE, related_name="+")
    system = models.ForeignKey(System, null=True, on_delete=models.CASCADE, related_name="+")
    subject = models.BigIntegerField(null=True)
    conflicts = models.JSONField(default=list)
    actor = models.CharField(max_length=150, blank=True)
    words = models.TextField(blank=True)
    values = models.BooleanField(default=False)
    ready_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=NoticeState.choices, default=NoticeState.WAITING)
    message = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["ready_at"], condition=Q(state="waiting"), name="notice_ready"),
            models.Index(fields=["channel", "-id"], name="notice_of_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.channel}: {self.state}"
