"""Writes that people send to live systems by hand, from *Try it*: who, what, when, and what came of each.

A row is stored before its request is sent, and changed by nothing but what came of it: a hub that dies
meanwhile leaves an open question instead of no trace.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .systems import System


class TriedWrite(models.Model):
    """One write. `sent` are its requests as [method, address, headers, body], without secrets, cut.

    `nonce` comes from the page that showed the request: what was confirmed once is not sent again. `result`
    is a `connectors.base.Result`, '' as long as nobody knows; `new_key` that of a record that was made.
    """

    id = models.BigAutoField(primary_key=True)
    nonce = models.CharField(max_length=40, unique=True)
    system = models.ForeignKey(System, null=True, on_delete=models.SET_NULL, related_name="tried_writes")
    system_name = models.CharField(max_length=50)
    resource = models.CharField(max_length=50)
    op = models.CharField(max_length=6)
    key = models.TextField(blank=True)
    sent = models.JSONField(default=list)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=150)
    at = models.DateTimeField()
    result = models.CharField(max_length=8, blank=True)
    new_key = models.TextField(blank=True)
    said = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("write by hand")
        verbose_name_plural = _("writes by hand")

    def __str__(self) -> str:
        return f"try it #{self.pk}"
