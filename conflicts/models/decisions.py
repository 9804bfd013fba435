"""Decisions as they were made: what there is to undo, whatever has become of the item since.

The journal says the same for the record; these rows are for looking up. An item that comes back loses its
picks, a decision stays.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from syncadmin.models import Link, Mapping

from .items import Conflict

UNDO = "undo"  # the kind of a pick that takes a decision back


class Overruled(models.TextChoices):
    """How people said otherwise than a rule had decided."""

    UNDONE = "undone", _("undone")
    DECIDED = "decided", _("decided otherwise")
    EDITED = "edited", _("edited back")


class Decision(models.Model):
    """One field, or one record ('' as field), that somebody decided.

    `left` and `right` are what the sides held, `ancestor` what they had last agreed on, as [left, right]
    (null: nothing). `seq` is the number of its entry in the mapping's journal, `left_seq` and `right_seq`
    those of the changes that it settled.

    `pattern` and `changed` say what was decided, as `ConflictField` does. `followed`: it took a suggestion as
    it was. `rule` decided it, if no person did; then `overruled` says how people said otherwise since.
    """

    id = models.BigAutoField(primary_key=True)
    conflict = models.ForeignKey(Conflict, on_delete=models.CASCADE, related_name="decisions")
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="decisions", db_index=False)
    link = models.ForeignKey(
        Link, null=True, on_delete=models.SET_NULL, related_name="decisions", db_index=False
    )
    field = models.CharField(max_length=50, blank=True)
    kind = models.CharField(max_length=10)
    left = models.JSONField(null=True)
    right = models.JSONField(null=True)
    ancestor = models.JSONField(null=True)
    left_seq = models.BigIntegerField(null=True)
    right_seq = models.BigIntegerField(null=True)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    run = models.ForeignKey(
        "conflicts.BulkRun", null=True, on_delete=models.SET_NULL, related_name="decisions"
    )
    undone_at = models.DateTimeField(null=True)
    pattern = models.CharField(max_length=20, blank=True)
    changed = models.CharField(max_length=5, blank=True)
    followed = models.BooleanField(default=False)
    rule = models.ForeignKey(
        "conflicts.LearnedRule",
        null=True,
        on_delete=models.SET_NULL,
        related_name="decisions",
        db_index=False,
    )
    overruled = models.CharField(max_length=9, blank=True, choices=Overruled.choices)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["mapping", "seq"], name="decision_in_journal")]
        indexes = [
            models.Index(
                fields=["mapping", "field", "pattern", "changed", "id"],
                condition=Q(rule=None),
                name="decision_habit",
            ),
            models.Index(fields=["rule", "id"], condition=Q(rule__isnull=False), name="decision_by_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.field or 'record'}: {self.kind}"
