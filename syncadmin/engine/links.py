"""Links in bulk: reading them by key, and storing what both sides have agreed on.

A link row is read and written as plain tuples, a few thousand at a time; shadows are bytes until a
decision needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from syncadmin.core.plan import AloneRecord
from syncadmin.core.side import Side
from syncadmin.core.values import Value, decode, encode
from syncadmin.models import Link, bulk
from syncadmin.models.marks import mark

from . import distinct

_READ = "id, left_key, right_key, left_shadow, right_shadow, left_version, right_version, alone, held, status"
STORED = ("left_shadow", "right_shadow", "left_version", "right_version", "match", "alone", "held", "status")


BURIED = "gone:"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A write of a field ('': a delete) that was given up and may still arrive.

    A system that compares takes it only where it holds `expected`. After `until` nobody reckons with it.
    """

    side: Side
    field: str
    expected: Value
    value: Value
    until: datetime


@dataclass(slots=True)
class LinkRow:
    """One link as stored; `id` is None for one that is about to be made."""

    id: int | None
    left_key: str
    right_key: str
    left_shadow: bytes
    right_shadow: bytes | None
    left_version: str | None = None
    right_version: str | None = None
    alone: bytes | None = None
    held: bool = False
    status: str = "open"

    def key(self, side: Side) -> str:
        """The key of the record on `side`."""
        return self.left_key if side is Side.LEFT else self.right_key

    def shadow_bytes(self, side: Side) -> bytes:
        """The encoded shadow of `side`."""
        if side is Side.LEFT or self.right_shadow is None:
            return self.left_shadow
        return self.right_shadow

    def shadow(self, side: Side) -> dict[str, Value]:
        """The shadow of `side`."""
        return decode(self.shadow_bytes(side))

    def version(self, side: Side) -> str | None:
        """The version of `side` as of which it equals its shadow, if known."""
        return self.left_version if side is Side.LEFT else self.right_version

    def reopened(self) -> frozenset[str]:
        """The fields on which a person took a decision back."""
        return unpack_reopened(self.alone)

    def left_alone(self) -> tuple[dict[str, tuple[Value, Value]], AloneRecord | None]:
        """What is to be left as it is: pairs of values by field, and the record as a whole."""
        return unpack_alone(self.alone)

    def store(
        self,
        shadows: Mapping[Side, Mapping[str, Value]],
        versions: Mapping[Side, str | None],
        alone: bytes | None,
    ) -> None:
        """Take over new shadows, versions and left-alone pairs."""
        self.left_shadow = encode(shadows[Side.LEFT])
        right = encode(shadows[Side.RIGHT])
        self.right_shadow = None if right == self.left_shadow else right
        self.left_version, self.right_version = versions[Side.LEFT], versions[Side.RIGHT]
        self.alone = alone


def pack_alone(
    fields: Mapping[str, tuple[Value, Value]],
    record: AloneRecord | None,
    reopened: frozenset[str],
    given_up: Sequence[GivenUp] = (),
) -> bytes | None:
    """What is left as it is, what only a person decides, what may arrive late, as bytes; None for nothing."""
    if not fields and record is None and not reopened and not given_up:
        return None
    whole = None if record is None else {str(side): values for side, values in record.items()}
    kept: dict[str, Any] = {"fields": {name: list(pair) for name, pair in fields.items()}, "record": whole}
    if reopened:
        kept["reopened"] = sorted(reopened)
    if given_up:
        kept["given up"] = [
            [g.side.value, g.field, g.expected, g.value, g.until.isoformat()] for g in given_up
        ]
    return encode(kept)


def unpack_alone(data: bytes | None) -> tuple[dict[str, tuple[Value, Value]], AloneRecord | None]:
    """What `pack_alone` was given to be left as it is."""
    if data is None:
        return {}, None
    stored = decode(data)
    whole = stored["record"]
    return (
        {name: (pair[0], pair[1]) for name, pair in stored["fields"].items()},
        None if whole is None else {Side(side): values for side, values in whole.items()},
    )


def unpack_reopened(data: bytes | None) -> frozenset[str]:
    """The reopened fields that `pack_alone` was given."""
    return frozenset() if data is None else frozenset(decode(data).get("reopened", ()))


def unpack_given_up(data: bytes | None) -> list[GivenUp]:
    """The writes that may arrive late that `pack_alone` was given."""
    stored = () if data is None else decode(data).get("given up", ())
    return [GivenUp(Side(g[0]), g[1], g[2], g[3], datetime.fromisoformat(g[4])) for g in stored]


def _row(values: Sequence[Any]) -> LinkRow:
    pk, left_key, right_key, left, right, left_version, right_version, alone, held, status = values
    return LinkRow(
        pk,
        left_key,
        right_key,
        bytes(left),
        None if right is None else bytes(right),
        left_version,
        right_version,
        None if alone is None else bytes(alone),
        bool(held),
        status,
    )


def by_key(mapping_id: int, side: Side, keys: Iterable[str]) -> dict[str, LinkRow]:
    """Links that are not closed, by their key on `side`."""
    return {row.key(side): row for row in _select(mapping_id, f"{side}_key", list(keys), "text")}


def by_match(mapping_id: int, matches: Iterable[bytes]) -> list[tuple[bytes, LinkRow]]:
    """(match, link) of links whose agreed match values are among `matches`."""
    wanted = list(matches)
    if not wanted:
        return []
    where, params = bulk.one_of("match", wanted, "bytea")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT match, {_READ} FROM syncadmin_link "
            f"WHERE mapping_id = %s AND NOT status = 'closed' AND {where}",
            [mapping_id, *params],
        )
        return [(bytes(row[0]), _row(row[1:])) for row in cursor.fetchall()]


def count_open(mapping_id: int, at_most: int | None = None) -> int:
    """How many open links a mapping has; with `at_most`, no more than so many are looked at."""
    limit = "" if at_most is None else f" LIMIT {int(at_most)}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM syncadmin_link "
            f"WHERE mapping_id = %s AND status = 'open'{limit}) AS found",
            [mapping_id],
        )
        return int(cursor.fetchone()[0])


def _select(mapping_id: int, column: str, values: list[Any], kind: str) -> list[LinkRow]:
    if not values:
        return []
    where, params = bulk.one_of(column, values, kind)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_READ} FROM syncadmin_link WHERE mapping_id = %s AND NOT status = 'closed' AND {where}",
            [mapping_id, *params],
        )
        return [_row(row) for row in cursor.fetchall()]


def save(mapping_id: int, rows: Sequence[tuple[LinkRow, bytes | None]]) -> None:
    """Store links (row, match): new ones (id None) are inserted and get their id, others updated."""
    new = [(row, match) for row, match in rows if row.id is None]
    for (row, _), pk in zip(new, bulk.reserve_ids(Link, len(new)), strict=True):
        row.id = pk
    if new:
        bulk.insert(
            Link,
            ("id", "mapping_id", "left_key", "right_key", *STORED),
            [(row.id, mapping_id, row.left_key, row.right_key, *_stored(row, match)) for row, match in new],
        )
    fresh = {id(row) for row, _ in new}
    bulk.update(Link, STORED, [(row.id, *_stored(row, match)) for row, match in rows if id(row) not in fresh])


def rekey(row: LinkRow) -> None:
    """Store new keys of a link: a record that was restored after a delete has a new one."""
    Link.objects.filter(pk=row.id).update(left_key=row.left_key, right_key=row.right_key)


def bury(mapping_id: int, side: Side, keys: Sequence[str], now: datetime) -> None:
    """The system gave these keys to new records: those that open links know by them are gone.

    Such a link keeps a key that no system has, so that its other record is decided as after any other delete.
    """
    for key, link in by_key(mapping_id, side, keys).items():
        buried = buried_key(key, link.id)
        Link.objects.filter(pk=link.id).update(**{f"{side}_key": buried})
        mark(mapping_id, [(side, buried)], "absent", now)
    distinct.forget(mapping_id, [(side, key) for key in keys])


def never_held(key: str, intent_id: int) -> str:
    """What stands for a record that a create had made, and whose key went to another before it was linked."""
    return f"{BURIED}{key}:i{intent_id}"


def buried_key(key: str, link_id: int | None) -> str:
    """What a link keeps of a key that its system has given to another record."""
    return f"{BURIED}{key}:{link_id}"


def is_buried(key: str) -> bool:
    """Whether the key stands for a record that is known to be gone."""
    return key.startswith(BURIED)


def _stored(row: LinkRow, match: bytes | None) -> tuple[Any, ...]:
    return (
        row.left_shadow,
        row.right_shadow,
        row.left_version,
        row.right_version,
        match,
        row.alone,
        row.held,
        row.status,
    )
