"""Field authority sheets: who owns what of a mapping, as it was recommended at a time, and who signed it.

Append-only: a sheet is never changed, a new one is made. The database refuses updates.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .mappings import SIDE_CHOICES, Mapping


class AssessmentVersion(models.Model):
    """One sheet. `answers` are those it was made from, `sheet` all that is printed on it, as plain data.

    `mark` is a digest of both, so that a printed sheet can be told from another of the same number.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="assessments")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    answers = models.JSONField()
    sheet = models.JSONField()
    mark = models.CharField(max_length=64)

    class Meta:
        ordering = ["-number"]
        verbose_name = _("field authority sheet")
        constraints = [models.UniqueConstraint(fields=["mapping", "number"], name="sheet_number_once")]

    def __str__(self) -> str:
        return f"{self.mapping} #{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new sheet. Raises TypeError for one that is stored already."""
        if not self._state.adding:
            raise TypeError("a sheet is never changed")
        super().save(*args, **kwargs)

    @property
    def short_mark(self) -> str:
        """As it is printed: eight characters."""
        return f"{self.mark[:4]}-{self.mark[4:8]}"


class AssessmentSignature(models.Model):
    """Somebody signed a sheet for the team of a side, on a day. `by` is who put that down here."""

    version = models.ForeignKey(AssessmentVersion, on_delete=models.CASCADE, related_name="signatures")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    name = models.CharField(max_length=150)
    role = models.CharField(max_length=100, blank=True)
    on = models.DateField()
    at = models.DateTimeField()
    by = models.CharField(max_length=150)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("signature")
        constraints = [models.UniqueConstraint(fields=["version", "side"], name="signed_once_a_side")]

    def __str__(self) -> str:
        return f"{self.version}: {self.name}, {self.on}"
