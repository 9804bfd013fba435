"""Pages of items in the order wanted, quick among a million: by walking an index, not by sorting all.

Groups that the filter lets through are walked side by side, each in its own index, and merged: what is
rare is found as quickly as what is common. Conditions that no index of facets knows (age, assignee, search)
are first tried on the head of the list; if that does not fill the page, what they let through is gathered
and sorted.
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

HEAD = 2000  # items on which rare conditions are tried before they are gathered
_COLUMN = {Order.IMPACT: "impact", Order.OLDEST: "opened_at", Order.NEWEST: "opened_at"}
Place = tuple[Any, int]


def ids(wanted: InboxFilter, after: int, limit: int, census: Census | None = None) -> list[int]:
    """The ids of the next `limit` items after the item `after` (0: from the first)."""
    if wanted.state != ConflictState.OPEN:
        older = Q(pk__lt=after) if after else Q()
        return list(wanted.items().filter(older).values_list("pk", flat=True)[:limit])
    place = _place(wanted, after)
    groups = None
    if wanted.mapping or wanted.kind or wanted.by_field:
        groups = [row.pk for row in (census or Census()).matching(wanted)]
        if not groups:
            return []
    if not wanted.searched:
        return _walk(wanted, groups, place, limit)
    head = _walk(wanted, groups, place, HEAD)
    fitting = Conflict.objects.filter(wanted.extras(), pk__in=head).order_by(*wanted.ordered.columns)
    found = list(fitting.values_list("pk", flat=True)[:limit])
    return found if len(found) == limit or len(head) < HEAD else _gather(wanted, place, limit)


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
    first = "" if wanted.by_field else " AND first"
    where, params = f"open{first}", []
    if place is not None:
        where += f" AND ({column}, conflict_id) {'<' if descending else '>'} (%s, %s)"
        params = list(place)
    if groups is None:
        sql = f"SELECT conflict_id FROM conflicts_facet WHERE {where} ORDER BY {order} LIMIT %s"
    elif connection.vendor == "postgresql":
        inner = (
            f"SELECT conflict_id, {column} FROM conflicts_facet WHERE group_id = g.id AND {where} "
            f"ORDER BY {order} LIMIT %s"
        )
        sql = (
            f"SELECT DISTINCT conflict_id, {column} FROM unnest(%s::bigint[]) AS g(id) "
            f"CROSS JOIN LATERAL ({inner}) AS f ORDER BY {order} LIMIT %s"
        )
        params = [list(groups), *params, limit]
    else:
        marks = ", ".join(["%s"] * len(groups))
        sql = (
            f"SELECT DISTINCT conflict_id, {column} FROM conflicts_facet "
            f"WHERE group_id IN ({marks}) AND {where} ORDER BY {order} LIMIT %s"
        )
        params = [*groups, *params]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, limit])
        return [row[0] for row in cursor.fetchall()]


def _gather(wanted: InboxFilter, place: Place | None, limit: int) -> list[int]:
    """Find all that is wanted by the most telling condition first, and sort it.

    The database must not take the order's index here: it would walk through all that waits.
    """
    column, descending = _COLUMN[wanted.ordered], wanted.ordered is not Order.OLDEST
    found: Any = wanted.items().order_by().values_list("pk", "impact", "opened_at")
    inner, params = found.query.sql_with_params()
    where = ""
    if place is not None:
        where, params = f"WHERE ({column}, id) {'<' if descending else '>'} (%s, %s)", (*params, *place)
    order = f"{column} DESC, id DESC" if descending else f"{column}, id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found (id, impact, opened_at) AS MATERIALIZED ({inner}) "
            f"SELECT id FROM found {where} ORDER BY {order} LIMIT %s",
            [*params, limit],
        )
        return [row[0] for row in cursor.fetchall()]
