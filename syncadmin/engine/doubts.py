"""Creates whose answer was lost, and what they may have made: looked for here, decided by people.

A record that holds what was sent, or most of it under the same match values, is the one that was made. Any
other that appeared since the create was planned, and that holds something of what was sent, may be it, edited
by somebody since, or may be a stranger's: both records ask a person, and neither is copied until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from syncadmin.core import plan as core
from syncadmin.core.alike import alike
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import empty
from syncadmin.models import Unlinked, bulk
from syncadmin.models.marks import mark

from . import links
from .binding import Binding, Translated

Pair = tuple[str, str]  # left key, right key


def others(mapping_id: int, side: Side, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """By key on `side`: the keys on the other side that may be the same record."""
    if not keys:
        return {}
    where, params = bulk.one_of(f"{side}_key", keys)
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {side}_key, {side.other}_key FROM syncadmin_doubt WHERE mapping_id = %s AND {where}",
            [mapping_id, *params],
        )
        for key, other in cursor.fetchall():
            found.setdefault(key, set()).add(other)
    return {key: frozenset(other) for key, other in found.items()}


def remember(mapping_id: int, pairs: Iterable[Pair], now: datetime) -> None:
    """Keep these doubts. In a transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO syncadmin_doubt (mapping_id, left_key, right_key, at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (mapping_id, left_key, right_key) DO NOTHING",
            [(mapping_id, left, right, now) for left, right in sorted(pairs)],
        )


def forget(mapping_id: int, places: Iterable[tuple[Side, str]], now: datetime) -> None:
    """These records have a partner now, or are gone: nothing is in doubt; the others look again."""
    gone = list(places)
    for side in SIDES:
        keys = [key for s, key in gone if s is side]
        doubted = {key for found in others(mapping_id, side, keys).values() for key in found}
        if not doubted:
            continue
        where, params = bulk.one_of(f"{side}_key", keys)
        with connection.cursor() as cursor:
            delete = f"DELETE FROM syncadmin_doubt WHERE mapping_id = %s AND {where}"
            cursor.execute(delete, [mapping_id, *params])
        mark(mapping_id, [(side.other, key) for key in sorted(doubted)], "doubt", now)


def resembles(held: core.Values, sent: core.Values, match: Sequence[str]) -> bool:
    """Whether a record with the match values that were sent is surely the one that a create has made.

    It holds at least half of what was sent besides: somebody may have edited the rest since.
    """
    told = [name for name, value in sent.items() if not empty(value) and name not in match]
    kept = sum(alike(held.get(name), sent[name]) for name in told)
    return _holds(held, sent) or (kept > 0 and 2 * kept >= len(told))


def appeared(binding: Binding, side: Side, since: datetime) -> list[Translated]:
    """Unlinked records of a side that the hub first saw since then. Raises ConnectorError."""
    rows = Unlinked.objects.filter(mapping_id=binding.id, side=side.value, first_seen__gte=since)
    keys = sorted(rows.filter(ignored=False).values_list("key", flat=True))
    free = sorted(set(keys) - links.by_key(binding.id, side, keys).keys())
    if not free:
        return []
    bound = binding.sides[side]
    fetched = bound.connector.fetch(bound.resource, free, fields=bound.wanted)
    return bound.translate(list(fetched.found.values()))


def suspects(
    sent: core.Write, found: Sequence[Translated], news: Sequence[Translated]
) -> dict[str, Translated]:
    """By key, what a create may have made: `found` by its match values, or one of the `news`."""
    may_be = {t.record.key: t for t in found}
    for t in news:
        if any(_alike_text(t.record.values.get(name), value) for name, value in sent.values.items()):
            may_be[t.record.key] = t
    return may_be


def _alike_text(held: object, sent: object) -> bool:
    return isinstance(held, str) and isinstance(sent, str) and not empty(sent) and alike(held, sent)


def _holds(held: core.Values, wanted: core.Values) -> bool:
    return all(name in held and alike(held[name], value) for name, value in wanted.items())
