"""Rules that were learned from decisions: proposed from a pattern, approved by an integrator, watched since.

What a rule does is in the mapping's configuration (`FieldMapping.learned`), like everything that decides; a
row here is its story, and may suspend it. A rule that came by a file has one too, made when it first counts.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from syncadmin.core.habits import Changed
from syncadmin.core.patterns import Pattern
from syncadmin.core.side import Side
from syncadmin.models import Mapping
from syncadmin.models.mappings import SIDE_CHOICES


class RuleState(models.TextChoices):
    """Proposed waits for an integrator; approved decides; suspended decides nothing until it is let again."""

    PROPOSED = "proposed", _("proposed")
    APPROVED = "approved", _("in force")
    SUSPENDED = "suspended", _("suspended")
    ENDED = "ended", _("ended")


class LearnedRule(models.Model):
    """Fields `field` whose values differ by `pattern`, and of which `changed` changed, take the side `take`.

    `evidence` is what the decisions said when it was proposed. `counts_from` is since when its own decisions
    are watched; `uses` and `overruled` are what the watch last found among its latest ones.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="learned_rules")
    field = models.CharField(max_length=50)
    pattern = models.CharField(max_length=20)
    changed = models.CharField(max_length=5, blank=True)
    take = models.CharField(max_length=5, choices=SIDE_CHOICES)
    state = models.CharField(max_length=9, choices=RuleState.choices, default=RuleState.PROPOSED)
    evidence = models.JSONField(default=dict)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    proposed_at = models.DateTimeField()
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    counts_from = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    uses = models.PositiveIntegerField(default=0)
    overruled = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "field", "pattern", "changed"],
                condition=~Q(state="ended"),
                name="one_rule_a_habit",
            )
        ]

    def __str__(self) -> str:
        return f"rule #{self.pk}"

    @property
    def entry(self) -> dict[str, str]:
        """The rule as the configuration has it."""
        changed = Changed.of(self.changed)
        return {"differs": self.pattern, "changed": changed.value, "take": self.take}

    @property
    def side(self) -> Side:
        """The side that it takes."""
        return Side(self.take)

    @property
    def differs(self) -> Pattern:
        """How the values differ."""
        return Pattern(self.pattern)
