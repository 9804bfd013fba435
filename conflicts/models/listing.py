"""What lists of the inbox are filtered, counted and ordered by, so that a million open items are quick.

A facet is one line of one item: a field in question, or (field '') the record as a whole. Facets of one
mapping, kind, field, pattern and changed side form a group, and a group counts its open ones. Facets follow
their item: `follow` is called wherever it is stored that an item opens, closes or is put off, in the same
transaction, so counts are exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from syncadmin.core.plan import ConflictKind
from syncadmin.models import Mapping, bulk
from syncadmin.models.mappings import choices_of

BATCH = 5000  # items at a time
FOLLOWED = frozenset({"state", "snoozed_until"})  # what decides whether an item is in the list
_OPEN = Q(open=True)
_FIRST = Q(open=True, first=True)


class ConflictGroup(models.Model):
    """Facets that are alike. `items` counts open items whose first facet is here, `facets` all open ones."""

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="conflict_groups")
    kind = models.CharField(max_length=20, choices=choices_of(ConflictKind))
    field = models.CharField(max_length=50, blank=True)
    pattern = models.CharField(max_length=20, blank=True)
    changed = models.CharField(max_length=5, blank=True)
    items = models.BigIntegerField(default=0)
    facets = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "kind", "field", "pattern", "changed"], name="conflict_group_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.field} {self.pattern} ({self.facets})"


class Facet(models.Model):
    """One line of an item. `open`: the item is in the list; `first` is true for one facet an item."""

    id = models.BigAutoField(primary_key=True)
    conflict = models.ForeignKey("conflicts.Conflict", on_delete=models.CASCADE, related_name="facets")
    group = models.ForeignKey(ConflictGroup, on_delete=models.CASCADE, related_name="members", db_index=False)
    first = models.BooleanField()
    open = models.BooleanField()
    impact = models.FloatField()
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["-impact", "-conflict"], condition=_FIRST, name="facet_impact"),
            models.Index(fields=["opened_at", "conflict", "impact"], condition=_FIRST, name="facet_age"),
            models.Index(
                fields=["group", "-impact", "-conflict"], condition=_OPEN, name="facet_group_impact"
            ),
            models.Index(
                fields=["group", "opened_at", "conflict", "impact"], condition=_OPEN, name="facet_group_age"
            ),
            models.Index(
                fields=["group", "-impact", "-conflict"], condition=_FIRST, name="facet_item_impact"
            ),
            models.Index(
                fields=["group", "opened_at", "conflict", "impact"], condition=_FIRST, name="facet_item_age"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conflict_id} in {self.group_id}"


def update_items(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Update many items in one statement (see `bulk.update`); their facets follow.

    Sets of items are stored by this, single ones by `save` and queries by `update`, which do the same.
    """
    from .items import Conflict

    bulk.update(Conflict, columns, rows)
    if FOLLOWED.intersection(columns):
        follow(row[0] for row in rows)


def follow(conflict_ids: Iterable[int]) -> None:
    """Facets of these items are open exactly if their item waits and is not put off; groups count anew.

    To be called in the transaction that stored the items' state: it holds their rows, so nobody else changes
    their facets meanwhile.
    """
    ids = list(conflict_ids)
    for start in range(0, len(ids), BATCH):
        _follow(ids[start : start + BATCH])


def _follow(ids: Collection[int]) -> None:
    from .items import Conflict

    waits = Conflict.objects.filter(pk=OuterRef("conflict_id"), state="open", snoozed_until=None)
    changing = Facet.objects.filter(conflict_id__in=ids).annotate(now=Exists(waits)).exclude(open=F("now"))
    rows = list(changing.order_by().values_list("pk", "group_id", "first", "now"))
    opened = [pk for pk, _, _, now in rows if now]
    shut = [pk for pk, _, _, now in rows if not now]
    for pks, now in ((opened, True), (shut, False)):
        if pks:
            Facet.objects.filter(pk__in=pks).update(open=now)
    count((group, first, 1 if now else -1) for _, group, first, now in rows)


def count(changes: Iterable[tuple[int, bool, int]]) -> None:
    """Add to groups' counts: (group, whether it is an item's first facet, +1 or -1)."""
    items: Counter[int] = Counter()
    facets: Counter[int] = Counter()
    for group, first, step in changes:
        facets[group] += step
        items[group] += step if first else 0
    for group in sorted(facets):  # always in the same order, so that two of these never wait for each other
        if facets[group] or items[group]:
            ConflictGroup.objects.filter(pk=group).update(
                items=F("items") + items[group], facets=F("facets") + facets[group]
            )


def drop(conflict_ids: Collection[int]) -> None:
    """Remove the facets of items, and uncount those that were open."""
    gone = Facet.objects.filter(conflict_id__in=conflict_ids)
    rows = list(gone.order_by().values_list("pk", "group_id", "first", "open"))
    bulk.delete(Facet, [pk for pk, _, _, _ in rows])
    count((group, first, -1) for _, group, first, is_open in rows if is_open)
