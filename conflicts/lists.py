"""What the list of the inbox shows, as data for its templates: rows, groups, chips, choices of filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncadmin.core.plan import ConflictKind
from syncadmin.models import Mapping
from syncadmin.show import brief

from . import pages, patterns
from .cards.places import title
from .census import Census, Group, Tally, counted
from .impact import strength_of
from .models import Conflict, ConflictField, ConflictState
from .services import views
from .wanted import ME, NOBODY, InboxFilter, Order

CHIPS = 12
COUNTED_CHIPS = 6  # so many views whose count the groups do not know are counted; others show none
EXAMPLES = 60  # groups with an example
SHOWN_GROUPS = 200
NAME = 60  # characters of an item's name
AGES = {
    "<1h": gettext_lazy("the last hour"),
    "<1d": gettext_lazy("the last day"),
    ">1d": gettext_lazy("older than a day"),
    ">7d": gettext_lazy("older than a week"),
    ">30d": gettext_lazy("older than a month"),
}
STATES = {
    ConflictState.OPEN.value: gettext_lazy("open"),
    ConflictState.DECIDED.value: gettext_lazy("decided"),
    ConflictState.CLOSED.value: gettext_lazy("closed"),
    "all": gettext_lazy("all"),
}
ORDERS = {
    Order.IMPACT: gettext_lazy("matters most"),
    Order.OLDEST: gettext_lazy("oldest first"),
    Order.NEWEST: gettext_lazy("newest first"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An item in the list. `fields` are (name, title, left, right); `more` are further ones.

    `name` and `tick` are what its link and its box are called, `address` is where its card is.
    """

    item: Conflict
    name: str
    tick: str
    address: str
    fields: tuple[tuple[str, str, Any, Any], ...]
    more: int
    matters: int


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group in the list: what it is in words, its share of the largest one, and an item as an example."""

    group: Group
    title: str
    words: str
    share: int
    example: Row | None


@dataclass(frozen=True, slots=True)
class Section:
    """The groups of one mapping."""

    mapping: Mapping
    tally: Tally
    groups: list[GroupRow]
    hidden: int


@dataclass(frozen=True, slots=True)
class Chip:
    """A way to another list. `tally` None: not counted."""

    label: str
    query: str
    tally: Tally | None
    current: bool
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A filter that is set, in words, and the list without it."""

    title: str
    label: str
    query: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter, with how many items there are of it (None: not counted)."""

    value: str
    label: str
    number: int | None
    chosen: bool


def rows(items: Iterable[Conflict], wanted: InboxFilter) -> list[Row]:
    """Items as rows: the field that is asked for comes first."""
    query, tick = wanted.query(), _("Tick %(name)s")
    return [_row(item, wanted.field, query, tick) for item in items]


def _row(item: Conflict, first: str, query: str = "", tick: str = "") -> Row:
    fields = sorted(item.fields.all(), key=lambda row: row.field != first)
    shown = tuple((f.field, title(f.field), f.left, f.right) for f in fields[:2])
    name = brief(item.label or item.key, NAME)
    address = f"{reverse('conflicts:detail', args=[item.pk])}?{query}"
    return Row(item, name, tick % {"name": name}, address, shown, len(fields) - len(shown), _matters(item))


def _matters(item: Conflict) -> int:
    """How much it matters apart from its age, from 0 (as much as any) to 3."""
    return min(max(int(strength_of(item.impact, item.opened_at) / 2), 0), 3)


def sections(census: Census, wanted: InboxFilter) -> list[Section]:
    """The groups of what is wanted, mapping by mapping, the largest first."""
    groups = census.groups(wanted)
    largest = max((group.tally.number for group in groups), default=1)
    found = groupby(groups[:SHOWN_GROUPS], key=lambda group: group.mapping.pk)
    by_mapping = Counter(group.mapping.pk for group in groups)
    parts = [list(members) for _key, members in found]
    examples = _examples([group for members in parts for group in members][:EXAMPLES], census)
    made = []
    for members in parts:
        mapping = members[0].mapping
        lines = [_group_row(group, largest, examples.get(id(group))) for group in members]
        tally = census.size(wanted, mapping)
        made.append(Section(mapping, tally, lines, by_mapping[mapping.pk] - len(members)))
    return sorted(made, key=lambda section: -section.tally.number)


def _group_row(group: Group, largest: int, example: Conflict | None) -> GroupRow:
    left, right = str(group.mapping.left.system), str(group.mapping.right.system)
    share = max(round(100 * group.tally.number / largest), 1)
    return GroupRow(
        group,
        title(group.field) if group.field else "",
        patterns.words(group.pattern, left, right),
        share,
        _row(example, group.field) if example is not None else None,
    )


def _examples(groups: Sequence[Group], census: Census) -> dict[int, Conflict]:
    """The first item of each group, by the group's identity."""
    known = {id(group): census.matching(group.wanted) for group in groups if counted(group.wanted)}
    first = pages.first_of([row.pk for rows in known.values() for row in rows])
    best = {
        key: max(first[row.pk] for row in rows if row.pk in first)[1]
        for key, rows in known.items()
        if any(row.pk in first for row in rows)
    }
    fields = ConflictField.objects.only("conflict", "field", "left", "right").order_by("id")
    items = (
        Conflict.objects.filter(pk__in=best.values())
        .only("id", "label", "key", "kind", "impact", "opened_at", "state", "mapping_id")
        .prefetch_related(Prefetch("fields", queryset=fields))
        .in_bulk()
    )
    return {key: items[pk] for key, pk in best.items() if pk in items}


def chips(user: Any, wanted: InboxFilter, census: Census) -> list[Chip]:
    """All that waits, the person's own items, and the saved views that they see."""
    kept = [(_("All"), InboxFilter(), False), (_("Mine"), InboxFilter(assignee=ME), False)]
    kept += [
        (view.name, InboxFilter.read(dict(parse_qsl(view.query))), view.shared)
        for view in views.visible(user)[:CHIPS]
    ]
    made, left = [], COUNTED_CHIPS
    for label, plain, shared in kept:
        wish = plain.read_by(user)
        by_hand = not counted(wish)
        tally = census.count(wish) if not by_hand or left > 0 else None
        left -= by_hand
        made.append(Chip(label, plain.query() or "view=list", tally, wish == wanted, shared))
    return made


def is_saved(user: Any, wanted: InboxFilter) -> bool:
    """Whether the filter is one of the views that the person sees."""
    return views.visible(user).filter(query=wanted.query()).exists()


def around(wanted: InboxFilter) -> InboxFilter:
    """Of what to show groups: if exactly one group is wanted, of all that is around it."""
    one = wanted.kind and wanted.pattern
    return wanted.without("mapping", "kind", "field", "pattern") if one else wanted


def tokens(census: Census, wanted: InboxFilter) -> list[Token]:
    """The filters that are set."""
    left, right = _systems(census, wanted)
    names = {mapping.name: str(mapping) for mapping in census.mappings.values()}
    in_words: dict[str, tuple[str, Callable[[str], str | None]]] = {
        "mapping": (_("Mapping"), names.get),
        "kind": (_("Kind"), kind_words),
        "field": (_("Field"), title),
        "pattern": (_("Pattern"), lambda value: patterns.words(value, left, right)),
        "changed": (_("Changed in"), _sides(left, right).get),
        "age": (_("Age"), age_words),
        "assignee": (_("Assigned to"), {ME: _("me"), NOBODY: _("nobody")}.get),
        "state": (_("State"), STATES.get),
        "search": (_("Search"), lambda value: f"“{value}”"),
    }
    return [
        Token(name, str(label(value) or value), wanted.without(key).query())
        for key, (name, label) in in_words.items()
        if (value := getattr(wanted, key)) and value != getattr(InboxFilter(), key)
    ]


def age_words(age: str) -> str:
    """An age like ">7d" in words."""
    if age in AGES:
        return str(AGES[age])
    number, unit = int(age[1:-1]), {"h": _("h"), "d": _("d"), "w": _("wk")}[age[-1]]
    over = age[0] == ">"
    words = _("older than %(number)s %(unit)s") if over else _("newer than %(number)s %(unit)s")
    return words % {"number": number, "unit": unit}


def _sides(left: str, right: str) -> dict[str, str]:
    return {"left": left or _("left"), "right": right or _("right"), "both": _("both sides")}


def choices(census: Census, wanted: InboxFilter, assignees: Sequence[str]) -> dict[str, list[Choice]]:
    """The values of each filter, with how many items wait of them beside what else is chosen."""
    left, right = _systems(census, wanted)
    names = {mapping.name: str(mapping) for mapping in census.mappings.values()}
    by_pk = {pk: mapping.name for pk, mapping in census.mappings.items()}
    people = {ME: _("me"), NOBODY: _("nobody"), **{name: name for name in assignees}}
    plain = {
        "state": {value: str(label) for value, label in STATES.items()},
        "order": {order.value: str(label) for order, label in ORDERS.items()},
        "age": {value: age_words(value) for value in dict.fromkeys([*AGES, *filter(None, [wanted.age])])},
        "assignee": people,
    }
    return {
        "mapping": _counted(census, wanted, "mapping", lambda row: by_pk.get(row.mapping, ""), names.get),
        "kind": _counted(census, wanted, "kind", lambda row: row.kind, kind_words),
        "field": _counted(census, wanted, "field", lambda row: row.field, title),
        "pattern": _counted(
            census, wanted, "pattern", lambda row: row.pattern, lambda p: patterns.words(p, left, right)
        ),
        "changed": _counted(
            census,
            wanted,
            "changed",
            lambda row: row.changed,
            _sides(left, right).get,
        ),
        **{
            name: [
                Choice(value, label, None, getattr(wanted, name) == value) for value, label in values.items()
            ]
            for name, values in plain.items()
        },
    }


def _systems(census: Census, wanted: InboxFilter) -> tuple[str, str]:
    """The names of both sides, where all mappings that are wanted have the same."""
    found = {
        (str(mapping.left.system), str(mapping.right.system))
        for mapping in census.mappings.values()
        if wanted.mapping in ("", mapping.name)
    }
    return found.pop() if len(found) == 1 else ("", "")


def _counted(
    census: Census,
    wanted: InboxFilter,
    name: str,
    value: Callable[[Any], str],
    label: Callable[[str], str | None],
) -> list[Choice]:
    rest = wanted.without(name)
    sizes: Counter[str] = Counter()
    for row in census.matching(rest):
        sizes[value(row)] += (
            row.facets if name in ("field", "pattern", "changed") or rest.by_field else row.items
        )
    chosen = getattr(wanted, name)
    if chosen:
        sizes.setdefault(chosen, 0)
    told = not wanted.searched and wanted.state == ConflictState.OPEN
    found = sorted(((v, n) for v, n in sizes.items() if v), key=lambda pair: (-pair[1], pair[0]))
    return [Choice(v, label(v) or v, n if told else None, v == chosen) for v, n in found]


KINDS = {
    ConflictKind.FIELD: gettext_lazy("values differ"),
    ConflictKind.AMBIGUOUS: gettext_lazy("ambiguous match"),
    ConflictKind.DELETED_CHANGED: gettext_lazy("deleted / changed"),
    ConflictKind.DELETE_REVIEW: gettext_lazy("deleted"),
    ConflictKind.SCOPE: gettext_lazy("left scope"),
    ConflictKind.REJECTED: gettext_lazy("rejected"),
}


def kind_words(kind: str) -> str:
    """A kind of conflict in words."""
    return str(KINDS[ConflictKind(kind)]) if kind in list(ConflictKind) else kind
