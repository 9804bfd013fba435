"""What part of the inbox is wanted, as it stands in an address: the filters of a list and its order.

A filter is plain data that any list, bulk action or saved view can be made from; `items` is what it means.
How pages and counts of it are had quickly is the affair of `conflicts.pages`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, TextField, Value
from django.utils import timezone

from syncadmin.core.plan import ConflictKind

from .models import Conflict, ConflictQuerySet, ConflictState, Facet
from .patterns import Pattern
from .searching import folded

ME, NOBODY = "me", "-"
_AGE = re.compile(r"([<>])(\d{1,4})([hdw])", re.ASCII)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class Order(StrEnum):
    """By impact (the highest first), or by age."""

    IMPACT = "impact"
    OLDEST = "oldest"
    NEWEST = "newest"

    @property
    def columns(self) -> tuple[str, ...]:
        """For `order_by` on items; ends with the key, so that no two items are at the same place."""
        return {
            Order.IMPACT: ("-impact", "-pk"),
            Order.OLDEST: ("opened_at", "pk"),
            Order.NEWEST: ("-opened_at", "-pk"),
        }[self]


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What is wanted; empty means any. `state` "all" includes closed items.

    `field`, `pattern` and `changed` are about one and the same field of an item. `age` is like ">7d" (older
    than) or "<1h" (newer than). `assignee` is a user name, "me" or "-" for nobody; `reader` is who "me" is.
    """

    mapping: str = ""
    kind: str = ""
    field: str = ""
    pattern: str = ""
    changed: str = ""
    age: str = ""
    assignee: str = ""
    state: str = "open"
    search: str = ""
    order: str = Order.IMPACT.value
    reader: int | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any], reader: Any = None) -> InboxFilter:
        """From a query string or command options, for `reader`; what is unknown counts as not given."""

        def one_of(name: str, allowed: Any, default: str = "") -> str:
            value = data.get(name) or default
            return value if value in allowed else default

        return cls(
            mapping=_clean(data.get("mapping"), 50),
            kind=one_of("kind", list(ConflictKind)),
            field=_clean(data.get("field"), 50),
            pattern=one_of("pattern", list(Pattern)),
            changed=one_of("changed", ("left", "right", "both")),
            age=age if _AGE.fullmatch(age := data.get("age") or "") else "",
            assignee=_clean(data.get("assignee"), 150),
            state=one_of("state", [*ConflictState.values, "all"], "open"),
            search=_clean(data.get("search"), 200),
            order=one_of("order", list(Order), Order.IMPACT.value),
            reader=getattr(reader, "pk", None),
        )

    def query(self) -> str:
        """As a query string, without what is not set: the same filter always gives the same."""
        given = {name: getattr(self, name) for name in _DEFAULTS}
        return urlencode({name: value for name, value in given.items() if value != _DEFAULTS[name]})

    def without(self, *names: str) -> InboxFilter:
        """The same, with some of its parts not set."""
        defaults = InboxFilter()
        return replace(self, **{name: getattr(defaults, name) for name in names})

    def for_all(self) -> InboxFilter:
        """The same for whoever reads it: "me" is a name."""
        if self.assignee != ME:
            return self
        named = get_user_model().objects.filter(pk=self.reader).values_list("username", flat=True).first()
        return replace(self, assignee=named) if named else self

    def of(self, mapping: str) -> InboxFilter:
        """The same, of one mapping."""
        return replace(self, mapping=mapping)

    def read_by(self, reader: Any) -> InboxFilter:
        """The same, for another reader."""
        return replace(self, reader=reader.pk)

    @property
    def narrowed(self) -> bool:
        """Whether not all that waits is asked for."""
        return bool(self.without("order").query())

    @property
    def by_field(self) -> bool:
        """Whether single fields of items are asked for."""
        return bool(self.field or self.pattern or self.changed)

    @property
    def searched(self) -> bool:
        """Whether more is asked for than what groups of items have in common."""
        return bool(self.search or self.age or self.assignee)

    @property
    def only_aged(self) -> bool:
        """Whether nothing but the age is asked for beside what groups have in common."""
        return bool(self.age) and not (self.search or self.assignee)

    @property
    def ordered(self) -> Order:
        """The order as a member of `Order`."""
        return Order(self.order)

    def items(self) -> ConflictQuerySet:
        """The items wanted, in the order wanted."""
        items = Conflict.objects.all()
        if self.state != "all":
            items = items.filter(state=self.state)
        if self.state == ConflictState.OPEN:
            items = items.filter(snoozed_until=None)  # the clock wakes what was put off
        if self.mapping:
            items = items.filter(mapping__name=self.mapping)
        if self.kind:
            items = items.filter(kind=self.kind)
        if self.by_field:
            items = items.filter(pk__in=self._facets().values("conflict_id"))
        items = items.filter(self.extras())
        return items.order_by(*self.ordered.columns) if self.state == "open" else items.order_by("-pk")

    def _facets(self) -> Any:
        facets = Facet.objects.order_by()
        if self.state == ConflictState.OPEN:
            facets = facets.filter(open=True)
        for name in ("field", "pattern", "changed"):
            if value := getattr(self, name):
                facets = facets.filter(**{f"group__{name}": value})
        return facets

    def opened(self, now: datetime | None = None) -> tuple[str, datetime] | None:
        """When items must have been opened: ("lt" or "gte", a time), None for any time."""
        parts = _AGE.fullmatch(self.age)
        if parts is None:
            return None
        sign, number, unit = parts.groups()
        limit = (now or timezone.now()) - timedelta(**{_UNITS[unit]: int(number)})
        return ("lt" if sign == ">" else "gte"), limit

    def extras(self, now: datetime | None = None, few: bool = False) -> Q:
        """The conditions on items that groups know nothing of: age, assignee, search.

        `few`: to be held against single items, so what is searched for need not be found by its index.
        """
        limit = self.opened(now)
        found = Q(**{f"opened_at__{limit[0]}": limit[1]}) if limit else Q()
        if self.assignee == NOBODY:
            found &= Q(assignee=None)
        elif self.assignee == ME:
            found &= Q(assignee=self.reader) if self.reader else Q(pk__in=[])
        elif self.assignee:
            found &= Q(assignee__username=self.assignee)
        return found & _found(self.search, few) if self.search else found


_DEFAULTS = {field.name: field.default for field in fields(InboxFilter) if field.name != "reader"}


def _clean(text: Any, limit: int) -> str:
    return str(text or "").replace("\x00", "").strip()[:limit]


def _found(text: str, few: bool) -> Q:
    """Items with words that begin like those of `text`; or the one with this number, or with this key."""
    words = folded(text)
    number = text.removeprefix("#")
    found = has_words(words, few) if words else Q(pk__in=())
    if number.isascii() and number.isdigit() and len(number) < 19:
        found |= Q(pk=int(number))
    return found


def has_words(words: list[str], few: bool = False) -> Q:
    """Items whose search text has, for each of these folded words, one that begins with it.

    A number of one or two digits must be the whole word: too many begin with it to tell anything. `few`: in a
    way that costs less for an item, but has no index.
    """
    if few or connection.vendor != "postgresql":
        return Q(*(_has_word(word) for word in words))
    query = " & ".join(
        f"'{word}'{'' if _whole(word) else ':*'}" for word in words
    )  # letters and digits alone
    return Q(_Matches(F("search"), Value(query, output_field=TextField())))


def _whole(word: str) -> bool:
    return len(word) < 3 and word.isdigit()


def _has_word(word: str) -> Q:
    if _whole(word):
        return Q(search__contains=f" {word} ") | Q(search__endswith=f" {word}")
    return Q(search__contains=f" {word}")


class _Matches(Func):
    """Whether a search text matches a tsquery, written as in the index `conflict_search`."""

    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The first expression is the text, the second the query."""
        (text, text_params), (query, query_params) = map(compiler.compile, self.source_expressions)
        sql = f"(array_to_tsvector(string_to_array(btrim({text}), ' ')) @@ {query}::tsquery)"
        return sql, [*text_params, *query_params]
