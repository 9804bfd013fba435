"""Conflicts: one item per record that waits for a person, with one row per field that differs.

The engine opens, refreshes and closes items; people decide them (`conflicts.services`). A decision is
bound to `revision`: it is refused if the item has been refreshed since the person saw it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from syncadmin.core.plan import ConflictKind
from syncadmin.models import Link, Mapping
from syncadmin.models.mappings import SIDE_CHOICES, choices_of

from . import listing


class ConflictState(models.TextChoices):
    """Open waits for a person; decided waits for the engine; closed is history."""

    OPEN = "open"
    DECIDED = "decided"
    CLOSED = "closed"


class SecondLookState(models.TextChoices):
    """Wanted: another person shall look, and decide. Proposed: a decision waits for a second person."""

    WANTED = "wanted"
    PROPOSED = "proposed"


class Told(models.IntegerChoices):
    """What the clock has told of an item's due time, each once."""

    NOTHING = 0
    SOON = 1
    OVERDUE = 2
    ESCALATED = 3


LIVE = Q(state__in=["open", "decided"])


class ConflictQuerySet(models.QuerySet["Conflict"]):
    """Named queries of the inbox."""

    def waiting(self) -> ConflictQuerySet:
        """Those that a person must act on."""
        return self.filter(state=ConflictState.OPEN)

    def awake(self, now: datetime) -> ConflictQuerySet:
        """Those that are not put off until later."""
        return self.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now))

    def live(self) -> ConflictQuerySet:
        """Those not closed."""
        return self.filter(LIVE)

    def update(self, **values: Any) -> int:
        """Update the items; their facets follow, if that decides whether they are in the list."""
        if not listing.FOLLOWED.intersection(values):
            return super().update(**values)
        with transaction.atomic():
            ids = list(self.order_by().select_for_update(of=("self",)).values_list("pk", flat=True))
            for start in range(0, len(ids), listing.BATCH):
                batch = ids[start : start + listing.BATCH]
                models.QuerySet(self.model, using=self.db).filter(pk__in=batch).update(**values)
                listing.follow(batch)
        return len(ids)


class Conflict(models.Model):
    """One item of the inbox.

    Linked records have `link`; an unlinked record has `side` and `key`. `candidates` and `twins` are keys of
    an ambiguous match; `snapshot` holds, by side, the record's canonical values for showing, besides
    what was refused or may still arrive. `said` are the system's own words on a rejected write. `decision` is
    a record-level pick.

    How people work on it together (`conflicts.services.together`): `assignee`; `claimed_by` until
    `claimed_until`, when a claim lapses by itself; `snoozed_until`; on hold while there is a `hold_reason`;
    `second_look` while another person is asked; `told`, how far the clock has come with its due time.

    For lists (`conflicts.listing`): `impact` orders them; it is made of the field weights, the record's
    `value` and how many records are `waiting` for it. `search` holds the words by which the item is found.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="conflicts")
    link = models.ForeignKey(Link, null=True, blank=True, on_delete=models.CASCADE, related_name="conflicts")
    side = models.CharField(max_length=5, blank=True, choices=SIDE_CHOICES)
    key = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=choices_of(ConflictKind))
    state = models.CharField(max_length=7, choices=ConflictState.choices, default=ConflictState.OPEN)
    revision = models.PositiveIntegerField(default=1)
    label = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    said = models.TextField(blank=True)
    candidates = models.JSONField(default=list)
    twins = models.JSONField(default=list)
    snapshot = models.JSONField(default=dict)
    seqs = models.JSONField(default=dict)
    moved = models.BooleanField(default=False)
    decision = models.JSONField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    decided_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_how = models.CharField(max_length=100, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="assigned_conflicts",
        db_index=False,
    )
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="claimed_conflicts",
        db_index=False,
    )
    claimed_until = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    hold_reason = models.TextField(blank=True)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="held_conflicts",
        db_index=False,
    )
    second_look = models.CharField(max_length=8, blank=True, choices=SecondLookState.choices)
    told = models.PositiveSmallIntegerField(choices=Told.choices, default=Told.NOTHING)
    impact = models.FloatField(default=0)
    value = models.FloatField(null=True, blank=True)
    waiting = models.PositiveIntegerField(default=0)
    search = models.TextField(blank=True)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        permissions = [("resolve_conflict", "Can resolve conflicts")]
        constraints = [
            models.UniqueConstraint(
                fields=["link"], condition=LIVE & Q(link__isnull=False), name="one_item_a_link"
            ),
            models.UniqueConstraint(
                fields=["mapping", "side", "key"],
                condition=LIVE & Q(link__isnull=True),
                name="one_item_a_record",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "mapping", "id"], name="conflict_list"),
            models.Index(
                fields=["assignee", "id"], condition=Q(assignee__isnull=False), name="conflict_assigned"
            ),
            models.Index(
                fields=["snoozed_until"],
                condition=Q(snoozed_until__isnull=False),
                name="conflict_snoozed",
            ),
            models.Index(
                fields=["claimed_until"],
                condition=Q(claimed_until__isnull=False),
                name="conflict_claimed",
            ),
            models.Index(fields=["id"], condition=~Q(hold_reason=""), name="conflict_held"),
            models.Index(
                fields=["mapping", "told", "opened_at"],
                condition=Q(state="open", told__lt=3),
                name="conflict_to_tell",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.label or self.key}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the item's facets follow."""
        fields = kwargs.get("update_fields")
        with transaction.atomic():
            super().save(*args, **kwargs)
            if fields is None or listing.FOLLOWED.intersection(fields):
                listing.follow([self.pk])

    @property
    def taken_back(self) -> bool:
        """Whether it is open because its last decision was undone. One query."""
        if self.state != ConflictState.OPEN:
            return False
        last = self.decisions.order_by("-pk").values_list("undone_at", flat=True).first()
        return last is not None

    @property
    def undoing(self) -> bool:
        """Whether a decision is being taken back."""
        return any((row.pick or {}).get("kind") == "undo" for row in self.fields.all())


class ConflictField(models.Model):
    """One field of a conflict: what both sides hold, what was last agreed, and what a person picked.

    Values are canonical JSON. `left_seq` and `right_seq` are the journal numbers of the held changes.
    `pick` is {kind, value, seen_left, seen_right} once decided. `pattern` says how the values differ
    (`conflicts.patterns`), `changed` which side has changed.
    """

    id = models.BigAutoField(primary_key=True)
    conflict = models.ForeignKey(Conflict, on_delete=models.CASCADE, related_name="fields")
    field = models.CharField(max_length=50)
    has_base = models.BooleanField(default=True)
    base_left = models.JSONField(null=True)
    base_right = models.JSONField(null=True)
    left = models.JSONField(null=True)
    right = models.JSONField(null=True)
    left_time = models.DateTimeField(null=True)
    right_time = models.DateTimeField(null=True)
    left_who = models.CharField(max_length=150, blank=True)
    right_who = models.CharField(max_length=150, blank=True)
    left_seq = models.BigIntegerField(null=True)
    right_seq = models.BigIntegerField(null=True)
    reason = models.TextField(blank=True)
    pick = models.JSONField(null=True)
    pattern = models.CharField(max_length=20, blank=True)
    changed = models.CharField(max_length=5, blank=True)

    class Meta:
        ordering = ["conflict", "id"]
        constraints = [models.UniqueConstraint(fields=["conflict", "field"], name="conflict_field_once")]

    def __str__(self) -> str:
        return self.field
