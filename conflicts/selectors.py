"""Reads of the inbox: pages of items by filter, one item with everything its card shows, and counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch, Q
from django.utils import timezone

from syncadmin.core.plan import ConflictKind
from syncadmin.models import Distinct, Link, LinkStatus

from .models import Conflict, ConflictField, ConflictQuerySet, ConflictState

PAGE = 50
COUNT_LIMIT = 1000  # counting further costs more than it tells


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What part of the inbox is wanted; empty means any. `state` "all" includes closed items."""

    mapping: str = ""
    kind: str = ""
    field: str = ""
    state: str = "open"
    search: str = ""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> InboxFilter:
        """From a query string or command options; unknown kinds and states count as not given."""
        kind, state = data.get("kind") or "", data.get("state") or "open"
        return cls(
            mapping=(data.get("mapping") or "")[:50],
            kind=kind if kind in list(ConflictKind) else "",
            field=(data.get("field") or "")[:50],
            state=state if state in [*ConflictState.values, "all"] else "open",
            search=(data.get("search") or "").strip()[:200],
        )

    def query(self) -> str:
        """As a query string, without what is not set."""
        given = {name: value for name, value in asdict(self).items() if value}
        if given.get("state") == "open":
            del given["state"]
        return urlencode(given)

    @property
    def narrowed(self) -> bool:
        """Whether anything but the default is asked for."""
        return bool(self.query())

    def items(self) -> ConflictQuerySet:
        """The items wanted, oldest first."""
        items = Conflict.objects.all()
        if self.state != "all":
            items = items.filter(state=self.state)
        if self.state == ConflictState.OPEN:
            items = items.awake(timezone.now())
        if self.mapping:
            items = items.filter(mapping__name=self.mapping)
        if self.kind:
            items = items.filter(kind=self.kind)
        if self.field:
            items = items.filter(pk__in=ConflictField.objects.filter(field=self.field).values("conflict_id"))
        if self.search:
            items = items.filter(_found(self.search))
        return items.order_by("id")


def _found(text: str) -> Q:
    number = text.removeprefix("#")
    found = Q(label__icontains=text) | Q(key=text) | Q(link__left_key=text) | Q(link__right_key=text)
    return found | Q(pk=int(number)) if number.isascii() and number.isdigit() and len(number) < 19 else found


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of items, `next` is where the following page starts after (None: this is the last)."""

    items: list[Conflict]
    next: int | None


def page(wanted: InboxFilter, after: int = 0, size: int = PAGE) -> InboxPage:
    """One keyset page, with what a list row shows. Two queries, however many items."""
    fields = ConflictField.objects.only("conflict", "field", "left", "right", "pick").order_by("id")
    rows = (
        wanted.items()
        .filter(pk__gt=after)
        .select_related(
            "mapping__left__system", "mapping__right__system", "decided_by", "assignee", "claimed_by"
        )
        .prefetch_related(Prefetch("fields", queryset=fields))[: size + 1]
    )
    items = list(rows)
    return InboxPage(items[:size], items[size - 1].pk if len(items) > size else None)


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
    items = (
        wanted.items().filter(state=ConflictState.OPEN).exclude(pk__in={conflict_id, *skip}).order_by("id")
    )
    after = items.filter(pk__gt=conflict_id).values_list("pk", flat=True).first()
    return after if after is not None else items.values_list("pk", flat=True).first()


def waiting_count(wanted: InboxFilter | None = None) -> int:
    """How many items wait for a person, counted up to COUNT_LIMIT (which then means: or more)."""
    items = wanted.items() if wanted else Conflict.objects.waiting().awake(timezone.now())
    return items.order_by()[:COUNT_LIMIT].count()


def waiting_label() -> str:
    """The count for the sidebar: '' for none."""
    count = waiting_count()
    return f"{COUNT_LIMIT - 1}+" if count >= COUNT_LIMIT else str(count or "")
