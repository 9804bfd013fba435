"""Pages of items in the order wanted, quick among a million: by walking an index, not by sorting all.

Groups that the filter lets through are walked side by side, each in its own index, and merged: what is
rare is found as quickly as what is common. Conditions that the order's index does not know (age, assignee,
search) are tried on the head of the list, and further on if many items there fulfil them; if few do, all that
fulfil them are gathered, counted and sorted by the database.
Every way gives what `InboxFilter.items` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Q

from syncadmin.models import bulk

from .census import Census
from .models import Conflict, ConflictState
from .wanted import InboxFilter, Order

HEAD = 300  # items on which conditions that the order's index does not know are tried at first
FAR = 3000  # and as many at most, before all that fulfil them are gathered
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
    tried = _try(wanted, groups, place, limit)
    if tried is not None:
        return tried
    found, number = _gather(wanted, groups, place, limit)
    if number is not None:
        census.note(wanted, number)
    return found


def _try(
    wanted: InboxFilter, groups: Sequence[int] | None, place: Place | None, limit: int
) -> list[int] | None:
    """The next items by trying each that is next in the list; None if the page would not be full soon."""
    far = HEAD
    while True:
        head = _walk(wanted, groups, place, far)
        fitting = Conflict.objects.filter(wanted.extras(few=True), pk__in=head)
        tried = list(fitting.order_by(*wanted.ordered.columns).values_list("pk", flat=True)[:limit])
        if len(tried) == limit or len(head) < far:
            return tried
        farther = far * limit * 3 // (2 * len(tried)) if tried else FAR + 1  # half as much again as it takes
        if far > HEAD or farther > FAR:
            return None
        far = farther


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


def _source(wanted: InboxFilter, groups: Sequence[int] | None) -> Source:
    """All that is wanted, found by its most telling condition; by age alone from the index of ages."""
    if not wanted.only_aged:
        items: Any = wanted.items().order_by().values_list("id", "impact", "opened_at")
        sql, params = items.query.sql_with_params()
        return sql, params
    where, params = _open_facets(wanted, True)
    if groups is not None:
        where += f" AND group_id IN ({', '.join(['%s'] * len(groups))})"
        params += groups
    columns = "conflict_id AS id, impact, opened_at"
    return f"SELECT {'DISTINCT ' if groups else ''}{columns} FROM conflicts_facet WHERE {where}", params


def _gather(
    wanted: InboxFilter, groups: Sequence[int] | None, place: Place | None, limit: int
) -> tuple[list[int], int | None]:
    """Sort all that is wanted: the next items, and how many there are in all, where that is had by the way.

    The database must not take the order's index here: it would walk far. So what is sorted is planned alone.
    """
    column, descending = _COLUMN[wanted.ordered], wanted.ordered is not Order.OLDEST
    source, params = _source(wanted, groups)
    where = ""
    if place is not None:
        where, params = f"WHERE ({column}, id) {'<' if descending else '>'} (%s, %s)", (*params, *place)
    order = f"{column} DESC, id DESC" if descending else f"{column}, id"
    if wanted.only_aged:  # counted for less than keeping what was found
        fence = "OFFSET 0" if connection.vendor == "postgresql" else "LIMIT -1"
        sql = f"SELECT id, NULL FROM ({source} {fence}) AS found {where} ORDER BY {order} LIMIT %s"
    else:
        sql = (
            f"WITH found AS MATERIALIZED ({source}) SELECT id, (SELECT count(*) FROM found) FROM found "
            f"{where} ORDER BY {order} LIMIT %s"
        )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, limit])
        rows = cursor.fetchall()
    return [pk for pk, _ in rows], rows[0][1] if rows else None
