"""How many items there are of what: read once a request from the groups' counters, however many items wait.

Counts of open items by mapping, kind, field, pattern and changed side are exact. What groups know nothing of
(age, assignee, search, closed items) is counted up to a limit, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.formats import number_format

from syncadmin.models import Mapping

from .models import ConflictGroup, ConflictState, Facet
from .patterns import OF_RECORDS
from .wanted import InboxFilter

COUNT_LIMIT = 1000  # counting further costs more than it tells
SAMPLED = 2000  # items of which groups are made where the counters do not help


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of items; `more` if they were not counted to the end."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return number_format(self.number, force_grouping=True) + ("+" if self.more else "")


@dataclass(frozen=True, slots=True)
class Group:
    """Items that are alike, with the filter that means exactly these."""

    mapping: Mapping
    kind: str
    field: str
    pattern: str
    tally: Tally
    wanted: InboxFilter


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    mapping: int
    kind: str
    field: str
    pattern: str
    changed: str
    items: int
    facets: int


_COLUMNS = ("pk", "mapping_id", "kind", "field", "pattern", "changed", "items", "facets")


class Census:
    """All groups with open items, as they are now, and what has been counted since."""

    def __init__(self) -> None:
        self._counts: dict[InboxFilter, Tally] = {}
        self._sizes: dict[InboxFilter, dict[int, Tally]] = {}

    @cached_property
    def rows(self) -> list[_Row]:
        """The groups. One query."""
        return [_Row(*row) for row in ConflictGroup.objects.filter(facets__gt=0).values_list(*_COLUMNS)]

    @cached_property
    def mappings(self) -> dict[int, Mapping]:
        """All mappings by id, with what their names need. One query."""
        secrets = ("left__system__secrets", "right__system__secrets")
        found = Mapping.objects.select_related("left__system", "right__system").defer(*secrets)
        return {mapping.pk: mapping for mapping in found}

    def matching(self, wanted: InboxFilter) -> list[_Row]:
        """The groups that the filter lets through, as far as groups go."""
        names = {pk for pk, mapping in self.mappings.items() if mapping.name == wanted.mapping}
        return [
            row
            for row in _fitting(self.rows, wanted)
            if (not wanted.mapping or row.mapping in names) and wanted.kind in ("", row.kind)
        ]

    def count(self, wanted: InboxFilter) -> Tally:
        """How many items: exact from the counters, else counted up to `COUNT_LIMIT`."""
        if counted(wanted):
            rows = self.matching(wanted)
            return Tally(sum(row.facets if wanted.by_field else row.items for row in rows))
        if wanted in self._counts:
            return self._counts[wanted]
        if wanted.state != ConflictState.OPEN or wanted.search or wanted.assignee:
            number = wanted.items().order_by()[:COUNT_LIMIT].count()
            return Tally(number, number >= COUNT_LIMIT)
        looked_at = COUNT_LIMIT if wanted.field or not wanted.by_field else 3 * COUNT_LIMIT
        facets = self._facets(wanted)[:looked_at].aggregate(
            facets=Count("pk"), items=Count("conflict_id", distinct=True)
        )
        more = facets["facets"] == looked_at or facets["items"] > COUNT_LIMIT
        return Tally(min(facets["items"], COUNT_LIMIT), more)

    def note(self, wanted: InboxFilter, number: int) -> None:
        """Remember how many items there are, if they have been counted by the way."""
        self._counts[wanted] = Tally(number)

    def _facets(self, wanted: InboxFilter) -> QuerySet[Any, Any]:
        """The facets of what is wanted, if nothing else is asked for but what these know."""
        facets = Facet.objects.filter(open=True).order_by()
        if limit := wanted.opened():
            facets = facets.filter(**{f"opened_at__{limit[0]}": limit[1]})
        if not wanted.by_field:
            facets = facets.filter(first=True)
        if wanted.mapping or wanted.kind or wanted.by_field:
            facets = facets.filter(group_id__in=[row.pk for row in self.matching(wanted)])
        return facets

    @property
    def total(self) -> int:
        """How many items wait."""
        return sum(row.items for row in self.rows)

    def by_mapping(self) -> dict[int, int]:
        """How many items wait, by id of the mapping."""
        found: Counter[int] = Counter()
        for row in self.rows:
            found[row.mapping] += row.items
        return dict(found)

    def groups(self, wanted: InboxFilter) -> list[Group]:
        """The groups of what is wanted, the largest first within each mapping."""
        rows, more = self.matching(wanted), False
        if wanted.searched or wanted.state != ConflictState.OPEN:
            rows, more = self._sampled(wanted)
        sizes: Counter[tuple[int, str, str, str]] = Counter()
        for row in rows:
            sizes[row.mapping, row.kind, row.field, row.pattern] += row.facets
        made = [
            self._group(wanted, self.mappings[mapping], key, Tally(size, more))
            for (mapping, *key), size in sizes.items()
        ]
        return sorted(made, key=lambda g: (g.mapping.name, -g.tally.number, g.kind, g.field, g.pattern))

    def size(self, wanted: InboxFilter, mapping: Mapping) -> Tally:
        """How many items of the mapping are in the groups of what is wanted, which have been read."""
        if wanted in self._sizes:
            return self._sizes[wanted].get(mapping.pk, Tally(0))
        return self.count(wanted.of(mapping.name))

    def _group(self, wanted: InboxFilter, mapping: Mapping, key: Iterable[str], tally: Tally) -> Group:
        kind, field, pattern = key
        narrowed = replace(wanted, mapping=mapping.name, kind=kind, field=field, pattern=pattern)
        return Group(mapping, kind, field, pattern, tally, narrowed)

    def _sampled(self, wanted: InboxFilter) -> tuple[list[_Row], bool]:
        ids, more = self._sample(wanted)
        if not more:
            self.note(wanted, len(ids))
        members = Facet.objects.filter(conflict_id__in=ids).order_by().values_list("group_id")
        counts = members.annotate(lines=Count("pk"), items=Count("pk", filter=Q(first=True)))
        sizes = {group: (facets, items) for group, facets, items in counts}
        known = [_Row(*row) for row in ConflictGroup.objects.filter(pk__in=sizes).values_list(*_COLUMNS)]
        of_mapping: Counter[int] = Counter()
        for row in known:
            of_mapping[row.mapping] += sizes[row.pk][1]
        self._sizes[wanted] = {mapping: Tally(size, more) for mapping, size in of_mapping.items()}
        return [replace(row, facets=sizes[row.pk][0]) for row in _fitting(known, wanted)], more

    def _sample(self, wanted: InboxFilter) -> tuple[list[int], bool]:
        """Items that are wanted, in no order, and whether there are more of them."""
        if wanted.only_aged and wanted.state == ConflictState.OPEN:
            found = self._facets(wanted).values_list("conflict_id", flat=True)
        else:
            found = wanted.items().order_by().values_list("pk", flat=True)
        ids = list(found[: SAMPLED + 1])
        return list(dict.fromkeys(ids[:SAMPLED])), len(ids) > SAMPLED


def _fitting(rows: Iterable[_Row], wanted: InboxFilter) -> list[_Row]:
    """The groups that fit the part of a filter that is about single fields."""
    return [
        row
        for row in rows
        if wanted.field in ("", row.field)
        and wanted.pattern in ("", row.pattern)
        and wanted.changed in ("", row.changed)
    ]


def counted(wanted: InboxFilter) -> bool:
    """Whether the groups' counters count these items, each once.

    A field is once in an item, and so is a record as a whole; a pattern may be in it several times.
    """
    if wanted.searched or wanted.state != ConflictState.OPEN:
        return False
    return bool(wanted.field) or wanted.pattern in OF_RECORDS or not wanted.by_field
