"""Taking a mapping out of service: begun, reversible until it is confirmed, then for good."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from .mappings import Mapping


class Leaving(models.Model):
    """One mapping's way out. `ran` is whether passes ran when it was begun, to be brought back if given up.

    `report` is what stood open when it was confirmed.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="leavings")
    ran = models.BooleanField()
    begun_at = models.DateTimeField()
    begun_name = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_name = models.CharField(max_length=150, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    confirmed = models.BooleanField(default=False)
    report = models.JSONField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping"], condition=Q(ended_at=None), name="one_way_out_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.mapping}: out of service"
