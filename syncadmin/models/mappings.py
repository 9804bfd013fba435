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
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from syncadmin.core import policy as core
from syncadmin.core.exposure import Unaccepted
from syncadmin.core.rehearsed import Rehearse
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import FieldType, Kind, Normalize

from .systems import Resource


def choices_of(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Django choices from one of the core's enums."""
    return [(member.value, _(member.value)) for member in enum]


SIDE_CHOICES = choices_of(Side)


def _answers_only(saved: dict[str, Any]) -> bool:
    """Whether only answers of the assessment are saved: they change nothing that a pass does."""
    return saved.get("update_fields") == ["assessment"]


class Mapping(models.Model):
    """One mapping. `match` lists field mappings; `schedule` is in seconds; guards are shares 0..1."""

    name = models.SlugField(_("name"), unique=True)
    label = models.CharField(_("label"), max_length=100, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    left = models.ForeignKey(
        Resource, verbose_name=_("left"), on_delete=models.PROTECT, related_name="left_mappings"
    )
    right = models.ForeignKey(
        Resource, verbose_name=_("right"), on_delete=models.PROTECT, related_name="right_mappings"
    )
    match = models.JSONField(
        _("match"),
        default=list,
        blank=True,
        help_text=_("Names of the field mappings that identify a record."),
    )
    title = models.CharField(
        _("title"),
        max_length=100,
        blank=True,
        help_text=_("Field mapping whose value names a record to people; a match key if empty."),
    )
    value = models.CharField(
        _("value"),
        max_length=50,
        blank=True,
        help_text=_("Number field mapping that says what a record is worth: its conflicts come first."),
    )
    owner = models.CharField(
        _("owner"),
        max_length=5,
        blank=True,
        choices=SIDE_CHOICES,
        help_text=_("One side owns the whole table."),
    )
    drift = models.CharField(
        _("drift"), max_length=10, choices=choices_of(core.Drift), default=core.Drift.ENFORCE.value
    )
    create = models.CharField(
        _("create"), max_length=5, choices=choices_of(core.Create), default=core.Create.BOTH.value
    )
    deletes = models.CharField(
        _("deletes"), max_length=10, choices=choices_of(core.Deletes), default=core.Deletes.REVIEW.value
    )
    edit_vs_delete = models.CharField(
        _("edit vs delete"),
        max_length=15,
        choices=choices_of(core.EditVsDelete),
        default=core.EditVsDelete.REVIEW.value,
    )
    first_contact = models.CharField(
        _("first contact"),
        max_length=15,
        choices=choices_of(core.FirstContact),
        default=core.FirstContact.REVIEW.value,
    )
    left_scope = models.CharField(
        _("left scope"), max_length=10, choices=choices_of(core.LeftScope), default=core.LeftScope.STOP.value
    )
    left_filter = models.TextField(
        _("left filter"),
        blank=True,
        help_text=_("CEL over `record`; records for which it is false are out of scope."),
    )
    right_filter = models.TextField(_("right filter"), blank=True)
    whole_record = models.BooleanField(
        _("whole record"), default=False, help_text=_("A conflict on one field holds back the whole record.")
    )
    clock_tolerance = models.FloatField(
        _("clock tolerance"), default=5.0, help_text=_("Seconds within which two changes cannot be ordered.")
    )
    schedule = models.FloatField(_("schedule"), default=30.0, help_text=_("Seconds between passes."))
    reconcile_every = models.FloatField(
        _("reconcile every"), default=86400.0, help_text=_("Seconds between full comparisons.")
    )
    max_deletes = models.FloatField(_("max deletes"), default=0.05)
    max_changes = models.FloatField(_("max changes"), default=0.40)
    max_blanks = models.FloatField(
        _("max blanks"), default=0.10, help_text=_("Share of records that may lose a value to an empty one.")
    )
    max_shrinks = models.FloatField(
        _("max shrinks"),
        default=0.10,
        help_text=_("Share of records that may get, in one field, a value that says less."),
    )
    max_same = models.FloatField(
        _("max same"),
        default=0.20,
        help_text=_("Share of records that may get, in one field, the same value for another."),
    )
    guard_floor = models.PositiveIntegerField(
        _("guard floor"), default=10, help_text=_("Fewer changes than this never trip a guard.")
    )
    due = models.FloatField(
        _("due"),
        null=True,
        blank=True,
        help_text=_("Seconds within which a conflict shall be decided; empty: no limit."),
    )
    escalate_after = models.FloatField(
        _("escalate after"),
        null=True,
        blank=True,
        help_text=_("Seconds after the due time when somebody else is given it."),
    )
    escalate_person = models.CharField(
        _("escalate person"), max_length=150, blank=True, help_text=_("User name of who is given it.")
    )
    escalate_group = models.CharField(
        _("escalate group"),
        max_length=150,
        blank=True,
        help_text=_("Group of whom one is given it, and all are told."),
    )
    risk = models.CharField(
        _("risk"),
        max_length=5,
        choices=choices_of(Unaccepted),
        default=Unaccepted.WARN.value,
        help_text=_("What happens to writes that could replace an unseen edit, until the risk is accepted."),
    )
    rehearse = models.CharField(
        _("rehearse"),
        max_length=8,
        choices=choices_of(Rehearse),
        default=Rehearse.NO.value,
        help_text=_("Whether the first pass writes only what somebody has approved beforehand."),
    )
    assessment = models.JSONField(
        default=dict,
        blank=True,
        help_text="What people answered of all records: edits, needs, cost, teams, rows, every_row.",
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("mapping")
        verbose_name_plural = _("mappings")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.label or self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new mapping gets its state row, a changed one is due for a full comparison."""
        from .state import MappingState

        super().save(*args, **kwargs)
        MappingState.objects.get_or_create(mapping=self)
        if not _answers_only(kwargs):
            self.compare_soon()

    def compare_soon(self) -> None:
        """Have the next pass compare everything and take the fields' types as they are.

        A stop for its configuration is over.
        """
        from .state import MappingState

        state = MappingState.objects.filter(mapping=self)
        state.update(next_reconcile=timezone.now(), shape={})
        state.filter(stopped="configuration").update(stopped="", message="")

    @property
    def in_use(self) -> bool:
        """Whether it has ever linked or changed anything: from then on it is changed by versions."""
        told = self.entries.exclude(kind="note")  # such as of a probe: that changes nothing of a record
        return self.pk is not None and (self.links.exists() or told.exists())

    @property
    def retired(self) -> bool:
        """Whether it is out of service for good."""
        from .state import MappingState

        return MappingState.objects.filter(mapping_id=self.pk, retired_at__isnull=False).exists()

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
    position = models.PositiveIntegerField(_("position"), default=0)
    when = models.TextField(
        _("when"), help_text=_("CEL over left_record and right_record, e.g. left_record.country == 'DE'.")
    )
    owner = models.CharField(_("owner"), max_length=5, choices=SIDE_CHOICES)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("row rule")
        verbose_name_plural = _("row rules")
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
    position = models.PositiveIntegerField(_("position"), default=0)
    name = models.SlugField(
        _("name"),
    )
    left = models.CharField(_("left"), max_length=200)
    right = models.CharField(_("right"), max_length=200)
    type = models.CharField(_("type"), max_length=10, choices=choices_of(Kind), default=Kind.TEXT.value)
    scale = models.PositiveSmallIntegerField(
        _("scale"), default=2, help_text=_("Digits after the point, for decimals.")
    )
    normalize = models.JSONField(
        _("normalize"), default=list, blank=True, help_text=_("How values are evened out.")
    )
    choices = models.JSONField(
        _("choices"), default=dict, blank=True, help_text=_("Left value: right value.")
    )
    separators = models.JSONField(
        _("separators"), default=dict, blank=True, help_text=_('{"left": ";"} if a side keeps a set as text.')
    )
    zones = models.JSONField(
        _("zones"),
        default=dict,
        blank=True,
        help_text=_('{"left": "Europe/Berlin"} if a side has local times.'),
    )
    owner = models.CharField(
        _("owner"), max_length=5, blank=True, choices=SIDE_CHOICES, help_text=_("Empty: shared.")
    )
    drift = models.CharField(
        _("drift"), max_length=10, choices=choices_of(core.Drift), default=core.Drift.ENFORCE.value
    )
    merge = models.CharField(
        _("merge"), max_length=15, choices=choices_of(core.Merge), default=core.Merge.REVIEW.value
    )
    rule = models.TextField(
        _("rule"), blank=True, help_text=_("CEL expression for the merge strategy `rule`.")
    )
    group = models.CharField(
        _("group"), max_length=50, blank=True, help_text=_("Fields of one group are decided together.")
    )
    first_contact = models.CharField(
        _("first contact"), max_length=15, blank=True, choices=choices_of(core.FirstContact)
    )
    weight = models.FloatField(
        _("weight"), default=1.0, help_text=_("How much a conflict on this field matters.")
    )
    target = models.ForeignKey(
        Mapping,
        verbose_name=_("target"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="referenced_by",
        help_text=_("For references: the mapping that syncs the referenced resource."),
    )
    two_people = models.BooleanField(
        _("two people"),
        default=False,
        help_text=_("A decision on this field takes two people: one decides, another approves."),
    )
    learned = models.JSONField(
        default=list,
        blank=True,
        help_text="Rules learned from decisions, each {differs, changed, take}: see the inbox's rules.",
    )
    assessment = models.JSONField(
        default=dict, blank=True, help_text="What people answered of this field: edits, needs, cost, both."
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        ordering = ["mapping", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["mapping", "name"], name="field_once_a_mapping")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the mapping has to be compared anew."""
        super().save(*args, **kwargs)
        if not _answers_only(kwargs):
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
