"""Keeping items findable: the pattern of each field, the impact, the words for searching, and the facets.

Called by `intake` when items open or are refreshed, in bulk, and for all items of a mapping when its weights
have changed. Reads and writes named columns only, so that a migration may call it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from syncadmin.core.plan import ConflictKind
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind
from syncadmin.models import FieldMapping, MappingState, bulk
from syncadmin.models import Mapping as SyncMapping

from . import patterns
from .impact import impact
from .models import Conflict, ConflictField, ConflictGroup, ConflictState, Facet
from .models.items import LIVE
from .models.listing import BATCH, count, drop
from .searching import words_of

Key = tuple[str, str, str, str]  # kind, field, pattern, changed
_ITEM = (
    "id", "kind", "side", "key", "label", "candidates", "twins", "snapshot", "seqs", "state", "opened_at",
    "waiting", "snoozed_until",
)  # fmt: skip
_FIELD = (
    "id", "conflict_id", "field", "has_base", "base_left", "base_right", "left", "right", "left_time",
    "right_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a mapping says on how its conflicts are classed and weighed."""

    mapping_id: int
    kinds: Mapping[str, Kind]
    weights: Mapping[str, float]
    value: str

    @classmethod
    def of(cls, mapping_id: int) -> Yardstick:
        """The mapping's, as it is configured now. Two queries."""
        fields = FieldMapping.objects.filter(mapping_id=mapping_id).only("name", "type", "weight", "mapping")
        return cls.by(SyncMapping.objects.only("value").get(pk=mapping_id), fields)

    @classmethod
    def by(cls, mapping: SyncMapping, fields: Iterable[FieldMapping] | None = None) -> Yardstick:
        """That of a mapping with its fields, which are read unless they are given."""
        rows = list(mapping.fields.all() if fields is None else fields)
        kinds = {row.name: Kind(row.type) for row in rows}
        return cls(mapping.pk, kinds, {row.name: row.weight for row in rows}, mapping.value)

    def weight(self, fields: Iterable[str]) -> float:
        """Of the fields in question; a record as a whole weighs as much as its heaviest field."""
        weights = [self.weights.get(name, 1.0) for name in fields]
        return sum(weights) if weights else max(self.weights.values(), default=1.0)

    def worth(self, snapshot: Mapping[str, Any]) -> float | None:
        """What the record is worth: the larger of both sides' values."""
        if not self.value:
            return None
        held = [(snapshot.get(side.value) or {}).get(self.value) for side in SIDES]
        return max((number for value in held if (number := _number(value)) is not None), default=None)

    def mark(self) -> dict[str, Any]:
        """What impacts were made with, to tell later whether it has changed."""
        return {"weights": dict(self.weights), "value": self.value}


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1e300 else None


def measure(yard: Yardstick, item: Conflict, rows: Sequence[ConflictField], keys: Iterable[str]) -> None:
    """Class the fields of an item, and give it its impact and search words. Nothing is stored yet."""
    for row in rows:
        kind = yard.kinds.get(row.field, Kind.TEXT)
        row.pattern = patterns.of_field(kind, row.left, row.right, row.left_time, row.right_time).value
        row.changed = patterns.changed(row.has_base, (row.base_left, row.base_right), (row.left, row.right))
    item.value = yard.worth(item.snapshot)
    item.impact = impact(yard.weight(row.field for row in rows), item.value, item.waiting, item.opened_at)
    values = (value for row in rows for value in (row.left, row.right))
    item.search = words_of((item.label, item.key, *keys, *values))


def enlist(mapping_id: int, items: Sequence[tuple[Conflict, Sequence[ConflictField]]]) -> None:
    """Store the facets of measured items that have none."""
    wanted = [(item, _lines(item, rows)) for item, rows in items]
    groups = _groups(mapping_id, {key for _, lines in wanted for key in lines})
    facets = [
        (
            item.pk,
            groups[key],
            number == 0,
            _is_open(item),
            item.impact,
            item.opened_at,
        )
        for item, lines in wanted
        for number, key in enumerate(lines)
    ]
    bulk.insert(Facet, ("conflict_id", "group_id", "first", "open", "impact", "opened_at"), facets)
    count((group, first, 1) for _, group, first, is_open, _, _ in facets if is_open)


def _is_open(item: Conflict) -> bool:
    return item.state == ConflictState.OPEN and item.snoozed_until is None


def _lines(item: Conflict, rows: Sequence[ConflictField]) -> list[Key]:
    if rows:
        return [(item.kind, row.field, row.pattern, row.changed) for row in rows]
    refused = (item.snapshot.get("refused") or {}).get("op", "")
    side = Side(item.side) if item.side else None
    pattern = patterns.of_record(
        ConflictKind(item.kind), side, len(item.candidates), len(item.twins), refused
    )
    moved = {place.partition("/")[0] for place in item.seqs}
    changed = "both" if len(moved) > 1 else next(iter(moved), "")
    return [(item.kind, "", pattern.value, changed)]


def _groups(mapping_id: int, wanted: set[Key]) -> dict[Key, int]:
    """Ids of groups; those that are missing are made."""
    found = _known(mapping_id)
    missing = sorted(wanted - found.keys())
    if missing:
        names = ("kind", "field", "pattern", "changed")
        made = [ConflictGroup(mapping_id=mapping_id, **dict(zip(names, key, strict=True))) for key in missing]
        ConflictGroup.objects.bulk_create(made, ignore_conflicts=True)
        found = _known(mapping_id)
    return found


def _known(mapping_id: int) -> dict[Key, int]:
    rows = ConflictGroup.objects.filter(mapping_id=mapping_id).order_by()
    return {
        (kind, field, pattern, changed): pk
        for pk, kind, field, pattern, changed in rows.values_list("pk", "kind", "field", "pattern", "changed")
    }


def weigh_anew(mapping: SyncMapping, weighed: Mapping[str, Any]) -> int:
    """Relist the mapping's live items if its weights are no longer those `weighed`. Returns how many."""
    mark = Yardstick.by(mapping).mark()
    if mark == weighed:
        return 0
    done = relist(mapping.pk)
    MappingState.objects.filter(mapping=mapping).update(weighed=mark)
    return done


def relist(mapping_id: int, every: bool = False) -> int:
    """Class and weigh the mapping's live items anew (`every`: the closed ones too). Returns how many.

    In batches, each a transaction under the mapping's lock, like any other that changes items.
    """
    items = Conflict.objects.filter(mapping_id=mapping_id)
    if not every:
        items = items.filter(LIVE)
    last, done = 0, 0
    while True:
        ids = list(items.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not ids:
            return done
        with transaction.atomic():
            MappingState.objects.select_for_update().values_list("token").filter(
                mapping_id=mapping_id
            ).first()
            _relist(Yardstick.of(mapping_id), ids)
        last, done = ids[-1], done + len(ids)


def relist_items(mapping_id: int, ids: Sequence[int]) -> None:
    """Class and weigh these items anew, in the caller's transaction and under its locks."""
    _relist(Yardstick.of(mapping_id), ids)


def _relist(yard: Yardstick, ids: Sequence[int]) -> None:
    fields: dict[int, list[ConflictField]] = {}
    for values in ConflictField.objects.filter(conflict_id__in=ids).order_by("pk").values(*_FIELD):
        fields.setdefault(values["conflict_id"], []).append(ConflictField(**values))
    rows = Conflict.objects.filter(pk__in=ids).order_by("pk")
    measured = []
    for values in rows.values(*_ITEM, "link__left_key", "link__right_key"):
        keys = [key for key in (values.pop("link__left_key"), values.pop("link__right_key")) if key]
        item = Conflict(**values, mapping_id=yard.mapping_id)
        measure(yard, item, fields.get(item.pk, []), keys)
        measured.append((item, fields.get(item.pk, [])))
    store(item for item, _ in measured)
    classed = [(row.pk, row.pattern, row.changed) for _, rows in measured for row in rows]
    bulk.update(ConflictField, ("pattern", "changed"), classed)
    drop(ids)
    enlist(yard.mapping_id, measured)


def store(items: Iterable[Conflict]) -> None:
    """Store what `measure` gave to items that are there already."""
    rows = [(item.pk, item.impact, item.value, item.search) for item in items]
    bulk.update(Conflict, ("impact", "value", "search"), rows)
