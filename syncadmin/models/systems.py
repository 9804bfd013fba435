"""Systems and their resources: how to reach what is kept in sync. Secrets are encrypted at rest.

A configuration names secrets as `${NAME}`; the values live in `System.secrets`, encrypted, or in
the process's environment. Nothing here ever gives a secret to a page, a log or an export.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from syncadmin.fields import EncryptedJSONField


class System(models.Model):
    """One of the applications or databases that are kept in sync, reached through a connector."""

    name = models.SlugField(
        _("name"), unique=True, help_text=_("Short name, used in files, commands and pages.")
    )
    label = models.CharField(
        _("label"), max_length=100, blank=True, help_text=_("Name that people see; the short name if empty.")
    )
    connector = models.CharField(_("connector"), max_length=50)
    config = models.JSONField(
        _("config"), default=dict, blank=True, help_text=_("Connector settings; secrets as ${NAME}.")
    )
    secrets = EncryptedJSONField(_("secrets"), default=dict, blank=True)
    record_url = models.CharField(
        _("record url"),
        max_length=500,
        blank=True,
        help_text=_("Link to a record in the system's own UI, with {resource} and {key}."),
    )
    history = HistoricalRecords(excluded_fields=["secrets"])

    class Meta:
        verbose_name = _("system")
        verbose_name_plural = _("systems")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.label or self.name


class Resource(models.Model):
    """A table or collection of a system, with the connector's settings for it."""

    system = models.ForeignKey(
        System, verbose_name=_("system"), on_delete=models.CASCADE, related_name="resources"
    )
    name = models.SlugField(
        _("name"),
    )
    config = models.JSONField(_("config"), default=dict, blank=True)
    link = models.CharField(
        _("address of a record"),
        max_length=500,
        blank=True,
        help_text=_("Address of a record in the system's own pages, with {key}; the system's if empty."),
    )
    changed_by = models.CharField(
        _("changed by"),
        max_length=200,
        blank=True,
        help_text=_("The field in which the system keeps who changed a record last, if it does."),
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        ordering = ["system__name", "name"]
        constraints = [models.UniqueConstraint(fields=["system", "name"], name="resource_once_a_system")]

    def __str__(self) -> str:
        return f"{self.system.name}.{self.name}"

    def natural(self) -> dict[str, Any]:
        """The pair that names the resource in a file."""
        return {"system": self.system.name, "resource": self.name}


class Health(models.Model):
    """How a system is doing: failures in a row, and until when it is left alone (its circuit breaker).

    `skew` is by how many seconds its clock is ahead of the hub's, give or take `skew_error`; None: not known.
    """

    system = models.OneToOneField(System, on_delete=models.CASCADE, related_name="health")
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True)
    message = models.TextField(blank=True)
    changed_at = models.DateTimeField(null=True)
    skew = models.FloatField(null=True)
    skew_error = models.FloatField(default=0.0)
    skew_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.system}: {self.failures} failures" if self.failures else f"{self.system}: well"


class Remembered(models.Model):
    """What a connector has to remember beyond its own life, such as a refresh token that was replaced.

    The name is made of what it belongs to. `holder` alone may replace it, until `held_until`.
    """

    name = models.CharField(max_length=150, unique=True)
    value = EncryptedJSONField(null=True)
    system = models.CharField(max_length=50, blank=True)
    put_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=32, blank=True)
    held_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.system}: {self.name}"
