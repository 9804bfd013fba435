"""Creates whose answer was lost, and what they may have made: looked for here, decided by people.

A record that holds what was sent, or most of it under the same match values, is the one that was made. Any
other that appeared since the create was planned, and that holds something of what was sent, may be it, edited
by somebody since, or may be a stranger's: both records ask a person, and neither is copied until then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from syncadmin.core import plan as core
from syncadmin.core.alike import alike, plain
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import decode, empty
from syncadmin.models import Unlinked, bulk
from syncadmin.models.marks import mark

from . import links, pairs
from .binding import Binding, Translated
from .effort import Item, open_intents

Pair = tuple[str, str]  # left key, right key

TABLE = "syncadmin_doubt"


def others(mapping_id: int, side: Side, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """By key on `side`: the keys on the other side that may be the same record."""
    return pairs.others(TABLE, mapping_id, side, keys)


def remember(mapping_id: int, pairs: Iterable[Pair], now: datetime) -> None:
    """Keep these doubts. In a transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO syncadmin_doubt (mapping_id, left_key, right_key, at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (mapping_id, left_key, right_key) DO NOTHING",
            [(mapping_id, left, right, now) for left, right in sorted(pairs)],
        )


def forget(mapping_id: int, places: Iterable[tuple[Side, str]], now: datetime) -> None:
    """These records have a partner now: nothing is in doubt; the others look again. In a transaction."""
    paired = list(places)
    for side in SIDES:
        keys = [key for s, key in paired if s is side]
        doubted = {key for found in others(mapping_id, side, keys).values() for key in found}
        if not doubted:
            continue
        pairs.forget(TABLE, mapping_id, side, keys)
        mark(mapping_id, [(side.other, key) for key in sorted(doubted)], "doubt", now)


def resembles(held: core.Values, sent: core.Values, match: Sequence[str]) -> bool:
    """Whether a record with the match values that were sent is surely the one that a create has made.

    It holds at least half of what was sent besides: somebody may have edited the rest since. Zero, and yes or
    no, tell nothing: most records hold such values.
    """
    told = [name for name, value in sent.items() if _tells(value) and name not in match]
    kept = sum(alike(held.get(name), sent[name]) for name in told)
    return _holds(held, sent) or (kept > 0 and 2 * kept >= len(told))


def bury(mapping_id: int, gone: Iterable[tuple[Side, str]], now: datetime) -> None:
    """These records were deleted. In a transaction.

    What they may have been the copy or the original of looks again, and still knows that there was something:
    made anew without asking, it would bring back what somebody has deleted. A doubt is over if both are gone,
    or if a person has said that the two are not the same.
    """
    places = list(gone)
    for side in SIDES:
        keys = [key for s, key in places if s is side]
        if not keys:
            continue
        where, params = bulk.one_of(f"d.{side}_key", keys)
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM syncadmin_doubt AS d WHERE d.mapping_id = %s AND {where} AND ("
                "EXISTS (SELECT 1 FROM syncadmin_distinct s WHERE s.mapping_id = d.mapping_id "
                "AND s.left_key = d.left_key AND s.right_key = d.right_key) "
                "OR NOT EXISTS (SELECT 1 FROM syncadmin_unlinked u WHERE u.mapping_id = d.mapping_id "
                f"AND u.side = %s AND u.key = d.{side.other}_key))",
                [mapping_id, *params, side.other.value],
            )
        left = {key for found in others(mapping_id, side, keys).values() for key in found}
        mark(mapping_id, [(side.other, key) for key in sorted(left)], "doubt", now)


def appeared(
    binding: Binding, side: Side, since: datetime, items: Sequence[Item]
) -> tuple[list[Translated], bool]:
    """Unlinked records of a side that the hub first saw since then, and whether each of them gave an answer.

    Those among `items` were read just now. Raises ConnectorError.
    """
    rows = Unlinked.objects.filter(mapping_id=binding.id, side=side.value, first_seen__gte=since)
    keys = sorted(rows.filter(ignored=False).values_list("key", flat=True))
    free = set(keys) - links.by_key(binding.id, side, keys).keys()
    read = [
        seen for i in items if i.side is side and i.key in free and (seen := i.seen.get(side)) is not None
    ]
    missing = sorted(free - {t.record.key for t in read})
    if not missing:
        return read, True
    bound = binding.sides[side]
    fetched = bound.connector.fetch(bound.resource, missing, fields=bound.wanted)
    told = set(missing) <= fetched.found.keys() | fetched.absent
    return read + bound.translate(list(fetched.found.values())), told


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


def _tells(value: object) -> bool:
    return not (empty(value) or isinstance(value, bool)) and bool(str(value).strip("0."))


def _holds(held: core.Values, wanted: core.Values) -> bool:
    return all(name in held and alike(held[name], value) for name, value in wanted.items())


def hold_back(binding: Binding, items: Sequence[Item]) -> None:
    """Unlinked records wait for the end of a create that is not known yet, if they have to do with it.

    A record that it may have made, linked or copied now, would be doubled; so would its source, paired with
    another record.
    """
    free = [item for item in items if item.link is None and not item.unanswered and item.seen.get(item.side)]
    if not free:
        return
    settled = {intent.pk for item in items if not item.unanswered for intent in item.intents}
    sources: set[tuple[Side, str | None]] = set()
    texts: dict[Side, set[str]] = defaultdict(set)
    since: list[datetime] = []
    for intent in open_intents(binding.id):
        if intent.op != core.Op.CREATE or intent.pk in settled:
            continue
        body = decode(bytes(intent.body))
        if body.get("undone"):
            continue
        side = Side(intent.side)
        texts[side] |= _texts(body["values"])
        since.append(intent.created_at)
        if intent.link_id is None:
            sources.add((side.other, intent.key))
    if not since:
        return
    for side in SIDES:
        mine = {item.key: item for item in free if item.side is side}
        may_be = [key for key, item in mine.items() if texts[side] & _texts(_values(item))]
        recent = _seen_since(binding.id, side, may_be, min(since))
        for key, item in mine.items():
            item.unanswered = key in recent or any((side.other, k) in sources for k in item.partners)


def _values(item: Item) -> core.Values:
    seen = item.seen[item.side]
    return seen.record.values if seen is not None else {}


def _texts(values: core.Values) -> set[str]:
    return {plain(value) for value in values.values() if isinstance(value, str) and not empty(value)}


def _seen_since(mapping_id: int, side: Side, keys: Sequence[str], since: datetime) -> set[str]:
    """Those of these unlinked records that the hub first saw since then."""
    if not keys:
        return set()
    where, params = bulk.one_of("key", keys)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM syncadmin_unlinked "
            f"WHERE mapping_id = %s AND side = %s AND first_seen >= %s AND {where}",
            [mapping_id, side.value, bulk.moment(since), *params],
        )
        return {row[0] for row in cursor.fetchall()}
