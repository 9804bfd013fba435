"""Appending to the journal: numbers and chains entries, one chain a mapping.

Each entry's hash covers its content and the hash before it, so that an edited, removed or swapped row
breaks the chain. This is the only code that inserts journal rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction

from syncadmin.core.side import Side

from . import bulk
from .journal import Entry
from .state import MappingState, locked

_json = msgspec.json.Encoder(order="sorted")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
COLUMNS = (
    "mapping_id",
    "seq",
    "at",
    "kind",
    "pass_id",
    "link_id",
    "side",
    "key",
    "field",
    "old",
    "new",
    "disposition",
    "rule",
    "of",
    "actor",
    "changed_at",
    "hash",
)
_MOMENTS = COLUMNS.index("at"), COLUMNS.index("changed_at")


@dataclass(slots=True)
class Row:
    """One entry to be appended. `old` and `new` are canonical values; UNSET where there is none.

    `of` is the sequence number of the change that a disposition or a write is about.
    """

    kind: str  # of EntryKind
    side: Side | str = ""
    key: str = ""
    field: str = ""
    old: Any = msgspec.UNSET
    new: Any = msgspec.UNSET
    disposition: str = ""
    rule: str = ""
    of: int | None = None
    actor: str = ""
    link_id: int | None = None
    pass_id: int | None = None
    changed_at: datetime | None = None


def as_text(value: Any) -> str | None:
    """A canonical value as the journal keeps it: JSON text, None for 'there is none'."""
    return None if value is msgspec.UNSET else _json.encode(value).decode()


def chain(before: bytes, content: Sequence[Any]) -> bytes:
    """The hash of an entry: SHA-256 over the hash before it and its content."""
    return hashlib.sha256(before + msgspec.msgpack.encode(content)).digest()


def content_of(entry: Entry) -> list[Any]:
    """What an entry's hash covers, read back from a stored row."""
    return plain(getattr(entry, column) for column in COLUMNS[:-1])


def plain(values: Iterable[Any]) -> list[Any]:
    """Column values, in the order of COLUMNS, as they are hashed: moments as microseconds, exactly."""
    content = list(values)
    for n in _MOMENTS:
        if content[n] is not None:
            content[n] = (content[n] - _EPOCH) // _MICROSECOND
    return content


def append(mapping_id: int, rows: Iterable[Row], at: datetime) -> list[int]:
    """Append rows to the mapping's journal in one transaction; returns their sequence numbers.

    Locks the mapping's state row, so appends of a pass and of people take turns.
    """
    rows = list(rows)
    if not rows:
        return []
    with transaction.atomic(savepoint=False):
        state = locked(mapping_id)
        sequence, head = state.sequence, state.head
        stored, numbers = [], []
        for row in rows:
            sequence += 1
            content = (
                mapping_id,
                sequence,
                at,
                str(row.kind),
                row.pass_id,
                row.link_id,
                str(row.side),
                row.key,
                row.field,
                as_text(row.old),
                as_text(row.new),
                row.disposition,
                row.rule,
                row.of,
                row.actor,
                row.changed_at,
            )
            head = chain(head, plain(content))
            stored.append((*content, head))
            numbers.append(sequence)
        bulk.insert(Entry, COLUMNS, stored)
        bulk.assign(MappingState, {"mapping_id": mapping_id}, {"sequence": sequence, "head": head})
    return numbers
