"""Mappings: the pairing of a left with a right resource, with its field mappings and policy.

These rows are what integrators edit; `policy()` turns them into the plain data that the core decides
with. Vocabulary and choices come from `syncadmin.core.policy`.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from syncadmin.core import policy as core
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import FieldType, Kind, Normalize

from .systems import Resource


def choices_of(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Django choices from one of the core's enums."""
    return [(str(member.value), str(member.value)) for member in enum]


SIDE_CHOICES = choices_of(Side)


class Mapping(models.Model):
    """One mapping. `match` lists field mappings; `schedule` is in seconds; guards are shares 0..1."""

    name = models.SlugField(unique=True)
    label = models.CharField(max_length=100, blank=True)
    enabled = models.BooleanField(default=True)
    left = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="left_mappings")
    right = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="right_mappings")
    match = models.JSONField(
        default=list, blank=True, help_text="Names of the field mappings that identify a record."
    )
    title = models.CharField(
        max_length=100,
        blank=True,
        help_text="Field mapping whose value names a record to people; a match key if empty.",
    )
    value = models.CharField(
        max_length=50,
        blank=True,
        help_text="Number field mapping that says what a record is worth: its conflicts come first.",
    )
    owner = models.CharField(
        max_length=5, blank=True, choices=SIDE_CHOICES, help_text="One side owns the whole table."
    )
    drift = models.CharField(max_length=10, choices=choices_of(core.Drift), default=core.Drift.ENFORCE.value)
    create = models.CharField(max_length=5, choices=choices_of(core.Create), default=core.Create.BOTH.value)
    deletes = models.CharField(
        max_length=10, choices=choices_of(core.Deletes), default=core.Deletes.REVIEW.value
    )
    edit_vs_delete = models.CharField(
        max_length=15, choices=choices_of(core.EditVsDelete), default=core.EditVsDelete.REVIEW.value
    )
    first_contact = models.CharField(
        max_length=15, choices=choices_of(core.FirstContact), default=core.FirstContact.REVIEW.value
    )
    left_scope = models.CharField(
        max_length=10, choices=choices_of(core.LeftScope), default=core.LeftScope.STOP.value
    )
    left_filter = models.TextField(
        blank=True, help_text="CEL over `record`; records for which it is false are out of scope."
    )
    right_filter = models.TextField(blank=True)
    whole_record = models.BooleanField(
        default=False, help_text="A conflict on one field holds back the whole record."
    )
    clock_tolerance = models.FloatField(
        default=5.0, help_text="Seconds within which two changes cannot be ordered."
    )
    schedule = models.FloatField(default=30.0, help_text="Seconds between passes.")
    reconcile_every = models.FloatField(default=86400.0, help_text="Seconds between full comparisons.")
    max_deletes = models.FloatField(default=0.05)
    max_changes = models.FloatField(default=0.40)
    max_blanks = models.FloatField(
        default=0.10, help_text="Share of records that may lose a value to an empty one."
    )
    max_shrinks = models.FloatField(
        default=0.10, help_text="Share of records that may get, in one field, a value that says less."
    )
    max_same = models.FloatField(
        default=0.20, help_text="Share of records that may get, in one field, the same value for another."
    )
    guard_floor = models.PositiveIntegerField(
        default=10, help_text="Fewer changes than this never trip a guard."
    )
    due = models.FloatField(
        null=True, blank=True, help_text="Seconds within which a conflict shall be decided; empty: no limit."
    )
    escalate_after = models.FloatField(
        null=True, blank=True, help_text="Seconds after the due time when somebody else is given it."
    )
    escalate_person = models.CharField(max_length=150, blank=True, help_text="User name of who is given it.")
    escalate_group = models.CharField(
        max_length=150, blank=True, help_text="Group of whom one is given it, and all are told."
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.label or self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new mapping gets its state row, a changed one is due for a full comparison."""
        from .state import MappingState

        super().save(*args, **kwargs)
        MappingState.objects.get_or_create(mapping=self)
        self.compare_soon()

    def compare_soon(self) -> None:
        """Have the next pass compare everything and take the fields' types as they are.

        A stop for its configuration is over.
        """
        from .state import MappingState

        state = MappingState.objects.filter(mapping=self)
        state.update(next_reconcile=timezone.now(), shape={})
        state.filter(stopped="configuration").update(stopped="", message="")

    def resource(self, side: Side) -> Resource:
        """The resource on `side`."""
        return self.left if side is Side.LEFT else self.right

    def policy(self) -> core.Policy:
        """The mapping as plain data for the core."""
        filters = {Side.LEFT: self.left_filter, Side.RIGHT: self.right_filter}
        return core.Policy(
            fields=tuple(f.policy() for f in self.fields.all()),
            match=tuple(self.match),
            owner=Side(self.owner) if self.owner else None,
            drift=core.Drift(self.drift),
            row_owners=tuple(core.RowOwner(r.when, Side(r.owner)) for r in self.row_rules.all()),
            create=core.Create(self.create),
            deletes=core.Deletes(self.deletes),
            edit_vs_delete=core.EditVsDelete(self.edit_vs_delete),
            first_contact=core.FirstContact(self.first_contact),
            left_scope=core.LeftScope(self.left_scope),
            filters={side: text for side, text in filters.items() if text},
            whole_record=self.whole_record,
            clock_tolerance=timedelta(seconds=self.clock_tolerance),
        )

    def guards(self) -> core.Guards:
        """The limits that stop a pass."""
        return core.Guards(
            max_deletes=self.max_deletes,
            max_changes=self.max_changes,
            max_blanks=self.max_blanks,
            max_shrinks=self.max_shrinks,
            max_same=self.max_same,
            floor=self.guard_floor,
        )

    def title_field(self) -> str:
        """The field mapping whose value names a record to people ('' if there is none)."""
        return self.title or (self.match[0] if self.match else "")


class RowRule(models.Model):
    """Rows for which `when` (CEL) holds are owned, whole, by `owner`. The first that holds counts."""

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="row_rules")
    position = models.PositiveIntegerField(default=0)
    when = models.TextField(
        help_text="CEL over left_record and right_record, e.g. left_record.country == 'DE'."
    )
    owner = models.CharField(max_length=5, choices=SIDE_CHOICES)
    history = HistoricalRecords()

    class Meta:
        ordering = ["mapping", "position", "id"]

    def __str__(self) -> str:
        return f"{self.when} -> {self.owner}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the mapping has to be compared anew."""
        super().save(*args, **kwargs)
        self.mapping.compare_soon()


class FieldMapping(models.Model):
    """A left field paired with a right field: type, conversion, owner, merge strategy."""

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="fields")
    position = models.PositiveIntegerField(default=0)
    name = models.SlugField()
    left = models.CharField(max_length=200)
    right = models.CharField(max_length=200)
    type = models.CharField(max_length=10, choices=choices_of(Kind), default=Kind.TEXT.value)
    scale = models.PositiveSmallIntegerField(default=2, help_text="Digits after the point, for decimals.")
    normalize = models.JSONField(default=list, blank=True, help_text=f"Any of: {', '.join(Normalize)}.")
    choices = models.JSONField(default=dict, blank=True, help_text="Left value: right value.")
    separators = models.JSONField(
        default=dict, blank=True, help_text='{"left": ";"} if a side keeps a set as text.'
    )
    zones = models.JSONField(
        default=dict, blank=True, help_text='{"left": "Europe/Berlin"} if a side has local times.'
    )
    owner = models.CharField(max_length=5, blank=True, choices=SIDE_CHOICES, help_text="Empty: shared.")
    drift = models.CharField(max_length=10, choices=choices_of(core.Drift), default=core.Drift.ENFORCE.value)
    merge = models.CharField(max_length=15, choices=choices_of(core.Merge), default=core.Merge.REVIEW.value)
    rule = models.TextField(blank=True, help_text="CEL expression for the merge strategy `rule`.")
    group = models.CharField(max_length=50, blank=True, help_text="Fields of one group are decided together.")
    first_contact = models.CharField(max_length=15, blank=True, choices=choices_of(core.FirstContact))
    weight = models.FloatField(default=1.0, help_text="How much a conflict on this field matters.")
    target = models.ForeignKey(
        Mapping,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="referenced_by",
        help_text="For references: the mapping that syncs the referenced resource.",
    )
    two_people = models.BooleanField(
        default=False, help_text="A decision on this field takes two people: one decides, another approves."
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["mapping", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["mapping", "name"], name="field_once_a_mapping")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the mapping has to be compared anew."""
        super().save(*args, **kwargs)
        self.mapping.compare_soon()

    def source(self, side: Side) -> str:
        """The system's own name of the field on `side`."""
        return self.left if side is Side.LEFT else self.right

    def policy(self) -> core.FieldPolicy:
        """The field mapping as plain data for the core."""
        return core.FieldPolicy(
            name=self.name,
            type=self.field_type(),
            owner=Side(self.owner) if self.owner else None,
            drift=core.Drift(self.drift),
            merge=core.Merge(self.merge),
            rule=self.rule,
            group=self.group,
            first_contact=core.FirstContact(self.first_contact) if self.first_contact else None,
        )

    def field_type(self) -> FieldType:
        """Type and conversion as plain data for the core."""
        return FieldType(
            kind=Kind(self.type),
            scale=self.scale,
            normalize=tuple(Normalize(n) for n in self.normalize),
            choices=self.choices,
            separators={side.value: self.separators[side] for side in SIDES if self.separators.get(side)},
            zones={side.value: self.zones[side] for side in SIDES if self.zones.get(side)},
        )
