"""Reads of the inbox: pages of items by filter, one item with everything its card shows, and counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, Sum
from django.utils.formats import number_format

from syncadmin.models import Distinct, Link, LinkStatus

from . import pages
from .census import COUNT_LIMIT, Census
from .models import Conflict, ConflictField, ConflictGroup, ConflictState
from .wanted import InboxFilter

__all__ = [
    "COUNT_LIMIT",
    "InboxFilter",
    "InboxPage",
    "following",
    "item",
    "linked_candidates",
    "page",
    "said_distinct",
    "waiting_count",
    "waiting_label",
]

PAGE = 50
HEAVY = ("snapshot", "seqs", "twins", "search", "decision")  # what a list row does not show


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of items, `next` is where the following page starts after (None: this is the last)."""

    items: list[Conflict]
    next: int | None


def page(wanted: InboxFilter, after: int = 0, size: int = PAGE, census: Census | None = None) -> InboxPage:
    """One keyset page, with what a list row shows. A bounded number of queries, however many items."""
    census = census or Census()
    ids = pages.ids(wanted, after, size + 1, census)
    fields = ConflictField.objects.only("conflict", "field", "left", "right", "pick", "pattern").order_by(
        "id"
    )
    rows = (
        Conflict.objects.filter(pk__in=ids[:size])
        .select_related("decided_by", "assignee", "claimed_by")
        .prefetch_related(Prefetch("fields", queryset=fields))
        .defer(*HEAVY)
    )
    found = {row.pk: row for row in rows}
    items = [found[pk] for pk in ids[:size] if pk in found]
    for item in items:
        if mapping := census.mappings.get(item.mapping_id):  # else it is newer than the census
            item.mapping = mapping
    return InboxPage(items, ids[size - 1] if len(ids) > size else None)


def item(conflict_id: int) -> Conflict:
    """One item with all that its card shows. Raises `Conflict.DoesNotExist`."""
    return (
        Conflict.objects.select_related(
            "mapping__left__system__health",
            "mapping__right__system__health",
            "mapping__state",
            "link",
            "decided_by",
        )
        .prefetch_related("fields", "mapping__fields")
        .get(pk=conflict_id)
    )


def linked_candidates(conflict: Conflict) -> set[str]:
    """Which candidates of an ambiguous match belong to another record already."""
    other = "right_key" if conflict.side == "left" else "left_key"
    links = Link.objects.filter(mapping=conflict.mapping_id, **{f"{other}__in": conflict.candidates})
    return set(links.exclude(status=LinkStatus.CLOSED).values_list(other, flat=True))


def said_distinct(conflict: Conflict) -> list[Distinct]:
    """The records that a person has said the item's unlinked record is not; at most 20."""
    known = Distinct.objects.filter(mapping=conflict.mapping_id, **{f"{conflict.side}_key": conflict.key})
    return list(known.order_by("id")[:20])


def following(wanted: InboxFilter, conflict_id: int, skip: Iterable[int] = ()) -> int | None:
    """The open item to look at after this one: the next of the list, else its first; none of `skip`."""
    if wanted.state not in (ConflictState.OPEN, "all"):
        return None
    waiting, passed, census = wanted.without("state"), {conflict_id, *skip}, Census()
    for start in (conflict_id, 0):
        for found in pages.ids(waiting, start, len(passed) + 1, census):
            if found not in passed:
                return found
    return None


def waiting_count() -> int:
    """How many items wait for a person."""
    return int(ConflictGroup.objects.aggregate(waiting=Sum("items"))["waiting"] or 0)


def waiting_label() -> str:
    """The count for the sidebar: '' for none."""
    count = waiting_count()
    return number_format(count, force_grouping=True) if count else ""
