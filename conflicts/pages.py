"""Pages of items in the order wanted, quick among a million: by walking an index, not by sorting all.

Groups that the filter lets through are walked side by side, each in its own index, and merged: what is
rare is found as quickly as what is common. Conditions that the order's index does not know (age, assignee,
search) are tried on the head of the list if many items fulfil them; if few do, or if that does not fill the
page, what fulfils them is gathered and sorted.
Every way gives what `InboxFilter.items` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Q

from syncadmin.models import bulk

from .census import Census, Found
from .models import Conflict, ConflictState
from .wanted import InboxFilter, Order

HEAD = 1000  # items on which conditions that many fulfil are tried before all of them are gathered
LEAST = 8  # items of each group that are looked at first
_COLUMN = {Order.IMPACT: "impact", Order.OLDEST: "opened_at", Order.NEWEST: "opened_at"}
Place = tuple[Any, int]


def ids(wanted: InboxFilter, after: int, limit: int, census: Census | None = None) -> list[int]:
    """The ids of the next `limit` items after the item `after` (0: from the first)."""
    if wanted.state != ConflictState.OPEN:
        older = Q(pk__lt=after) if after else Q()
        return list(wanted.items().filter(older).values_list("pk", flat=True)[:limit])
    census, place, groups = census or Census(), _place(wanted, after), None
    if wanted.mapping or wanted.kind or wanted.by_field:
        groups = [row.pk for row in census.matching(wanted)]
    aged = wanted.ordered is not Order.IMPACT  # the order's index knows the age
    if groups == [] or not wanted.searched or (aged and wanted.only_aged):
        return _walk(wanted, groups, place, limit) if groups != [] else []
    found, more = census.found(wanted)
    if not more:
        return _sorted(wanted, found, place, limit)
    head = _walk(wanted, groups, place, HEAD)
    fitting = Conflict.objects.filter(wanted.extras(), pk__in=head).order_by(*wanted.ordered.columns)
    tried = list(fitting.values_list("pk", flat=True)[:limit])
    if len(tried) == limit or len(head) < HEAD:
        return tried
    source = _young_or_old(wanted, groups) if wanted.only_aged else _fulfilling(wanted)
    return _gather(wanted, source, place, limit)


def _sorted(wanted: InboxFilter, found: Sequence[Found], place: Place | None, limit: int) -> list[int]:
    """The next of the items that were found, in the order wanted."""
    descending = wanted.ordered is not Order.OLDEST
    by_impact = wanted.ordered is Order.IMPACT
    places = sorted(
        ((impact if by_impact else bulk.moment(opened), pk) for pk, impact, opened in found),
        reverse=descending,
    )
    rest = (at for at in places if place is None or (at < place if descending else at > place))
    return [pk for _, pk in islice(rest, limit)]


def first_of(groups: Sequence[int]) -> dict[int, tuple[float, int]]:
    """The open item of the highest impact in each of these groups: (impact, id) by group. One query."""
    if not groups:
        return {}
    if connection.vendor == "postgresql":
        sql = (
            "SELECT g.id, f.impact, f.conflict_id FROM unnest(%s::bigint[]) AS g(id) CROSS JOIN LATERAL ("
            "SELECT impact, conflict_id FROM conflicts_facet WHERE group_id = g.id AND open "
            "ORDER BY impact DESC, conflict_id DESC LIMIT 1) AS f"
        )
        params: list[Any] = [list(groups)]
    else:
        marks = ", ".join(["%s"] * len(groups))
        sql = (
            "SELECT group_id, impact, conflict_id FROM (SELECT group_id, impact, conflict_id, row_number() "
            "OVER (PARTITION BY group_id ORDER BY impact DESC, conflict_id DESC) AS place "
            f"FROM conflicts_facet WHERE group_id IN ({marks}) AND open) WHERE place = 1"
        )
        params = list(groups)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {group: (impact, pk) for group, impact, pk in cursor.fetchall()}


def _place(wanted: InboxFilter, after: int) -> Place | None:
    """Where the item `after` stands in the order."""
    if not after:
        return None
    column = _COLUMN[wanted.ordered]
    found = Conflict.objects.filter(pk=after).values_list(column, "pk").first()
    return (bulk.moment(found[0]), found[1]) if found and column == "opened_at" else found


def _walk(wanted: InboxFilter, groups: Sequence[int] | None, place: Place | None, limit: int) -> list[int]:
    """The next open items of these groups (None: of all), from the index of the order."""
    column, descending = _COLUMN[wanted.ordered], wanted.ordered is not Order.OLDEST
    order = f"{column} DESC, conflict_id DESC" if descending else f"{column}, conflict_id"
    where, params = _open_facets(wanted, column == "opened_at")
    if groups is not None and connection.vendor == "postgresql":
        return _merge(wanted, groups, place, limit)
    if place is not None:
        where += f" AND ({column}, conflict_id) {'<' if descending else '>'} (%s, %s)"
        params += place
    if groups is not None:
        where += f" AND group_id IN ({', '.join(['%s'] * len(groups))})"
        params += groups
    columns = f"{'' if groups is None else 'DISTINCT '}conflict_id, {column}"
    sql = f"SELECT {columns} FROM conflicts_facet WHERE {where} ORDER BY {order} LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, limit])
        return [row[0] for row in cursor.fetchall()]


def _open_facets(wanted: InboxFilter, aged: bool) -> tuple[str, list[Any]]:
    """The condition on facets of what waits: one for each item, unless single fields are wanted."""
    where, params = "open" if wanted.by_field else "open AND first", []
    if aged and (limit := wanted.opened()):
        where += f" AND opened_at {'<' if limit[0] == 'lt' else '>='} %s"
        params = [bulk.moment(limit[1])]
    return where, params


def _merge(wanted: InboxFilter, groups: Sequence[int], place: Place | None, limit: int) -> list[int]:
    """The first items of many sorted lists: a few of each, then more of those lists that reach that far."""
    column, descending = _COLUMN[wanted.ordered], wanted.ordered is not Order.OLDEST
    kind = "float8" if column == "impact" else "timestamptz"
    where, params = _open_facets(wanted, column == "opened_at")
    sql = (
        f"SELECT g.id, f.{column}, f.conflict_id FROM unnest(%s::bigint[], %s::{kind}[], %s::bigint[]) "
        "AS g(id, place, item) CROSS JOIN LATERAL ("
        f"SELECT {column}, conflict_id FROM conflicts_facet WHERE group_id = g.id AND {where} "
        f"AND ({column}, conflict_id) {'<' if descending else '>'} (g.place, g.item) "
        f"ORDER BY {column} {'DESC' if descending else ''}, conflict_id {'DESC' if descending else ''} "
        "LIMIT %s) AS f"
    )
    start = place or ("Infinity" if descending else "-Infinity", 0)
    places, found, step = dict.fromkeys(groups, start), set[Place](), max(LEAST, 4 * limit // len(groups))
    while places:
        keys, values, items = zip(*((group, *at) for group, at in places.items()), strict=True)
        read: dict[int, list[Place]] = {}
        with connection.cursor() as cursor:
            cursor.execute(sql, [list(keys), list(map(str, values)), list(items), *params, step])
            for group, value, item in cursor.fetchall():
                read.setdefault(group, []).append((value, item))
        found.update(one for members in read.values() for one in members)
        best = sorted(found, reverse=descending)[:limit]
        last = best[-1] if len(best) == limit else None
        places = {
            group: members[-1]
            for group, members in read.items()
            if len(members) == step and (last is None or (members[-1] > last) == descending)
        }
        step *= 4
    return [item for _, item in best]


Source = tuple[str, Sequence[Any]]  # a query for id, impact and opened_at of items, and its parameters


def _fulfilling(wanted: InboxFilter) -> Source:
    """All that is wanted, found by its most telling condition."""
    found: Any = wanted.items().order_by().values_list("id", "impact", "opened_at")
    sql, params = found.query.sql_with_params()
    return sql, params


def _young_or_old(wanted: InboxFilter, groups: Sequence[int] | None) -> Source:
    """All that is wanted, if only its age is asked for beside its groups: from the index of ages alone."""
    where, params = _open_facets(wanted, True)
    if groups is not None:
        where += f" AND group_id IN ({', '.join(['%s'] * len(groups))})"
        params += groups
    columns = "conflict_id AS id, impact, opened_at"
    return f"SELECT {'DISTINCT ' if groups else ''}{columns} FROM conflicts_facet WHERE {where}", params


def _gather(wanted: InboxFilter, source: Source, place: Place | None, limit: int) -> list[int]:
    """Sort all that `source` finds. The database must not take the order's index here: it would walk far."""
    column, descending = _COLUMN[wanted.ordered], wanted.ordered is not Order.OLDEST
    inner, params = source
    where = ""
    if place is not None:
        where, params = f"WHERE ({column}, id) {'<' if descending else '>'} (%s, %s)", (*params, *place)
    order = f"{column} DESC, id DESC" if descending else f"{column}, id"
    fence = "OFFSET 0" if connection.vendor == "postgresql" else "LIMIT -1"  # what is inside is planned alone
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({inner} {fence}) AS found {where} ORDER BY {order} LIMIT %s", [*params, limit]
        )
        return [row[0] for row in cursor.fetchall()]
