"""Reading: what changed on each side becomes dirty marks, stored in one transaction with the cursor.

A record that equals its shadow (an echo of our own write, an overlap read again) leaves no mark. Records just
read are kept in a bounded cache, so that a batch need not read them twice.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from connectors.base import ChangeMode, Gap
from connectors.tracked import Tracks
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import encode
from syncadmin.models import bulk
from syncadmin.models.marks import mark, note_backup

from . import links, ranges, replaced, stage
from .binding import Binding, BoundSide, Translated
from .lease import Lease
from .ranges import Look

PAGE = 5000
logger = logging.getLogger(__name__)
CACHED = 40_000


@dataclass(slots=True)
class Cache:
    """Records read in this pass, by side and key; at most CACHED, then no more are kept.

    `matching`, if both sides were read completely: all records, by side, with the match values of the other
    side's. Who looks for a partner need not ask its system then.
    """

    records: dict[tuple[Side, str], Translated] = field(default_factory=dict)
    matching: dict[Side, list[Translated]] | None = None

    def keep(self, side: Side, record: Translated) -> None:
        """Remember a record, if there is room or an older reading of it."""
        if len(self.records) < CACHED or (side, record.record.key) in self.records:
            self.records[side, record.record.key] = record

    def take(self, side: Side, key: str) -> Translated | None:
        """The record, once: a second decision needs a second reading."""
        return self.records.pop((side, key), None)

    def forget(self, places: Iterable[tuple[Side, str]]) -> None:
        """Drop readings of records that are being written: they are older than our own write."""
        for place in places:
            self.records.pop(place, None)


@dataclass(slots=True)
class Collected:
    """What a read found: records read, marks set, pairs linked silently because they are equal.

    `restored`: the marks stand for all that is not as a restored database says. `sides` are the records by
    side, if all were compared, and `pages` in how many pages they came. `confirmed` records were not read:
    fingerprints tell that they are as they were when last compared. `gaps` say why a side was compared as a
    whole, though its changes should have told.
    """

    read: int = 0
    confirmed: int = 0
    marked: int = 0
    linked: int = 0
    restored: bool = False
    sides: dict[Side, int] = field(default_factory=dict)
    pages: Counter[Side] = field(default_factory=Counter)
    gaps: list[str] = field(default_factory=list)


Report = Callable[[str, int], None]


def read_changes(binding: Binding, lease: Lease, cache: Cache, now: datetime, report: Report) -> Collected:
    """Incremental read of both sides; one that can't tell what changed is scanned. Raises ConnectorError."""
    found, cursors = Collected(), _cursors(binding.id)
    for side in SIDES:
        bound = binding.sides[side]
        if bound.can.changes is ChangeMode.SCAN:
            _compare_side(binding, side, lease, now, found, report)
        else:
            try:
                _read_side(binding, bound, cursors.get(side), lease, cache, now, found, report)
            except Gap as gap:
                logger.warning("mapping %s: %s; the whole %s side is compared", binding.mapping, gap, side)
                _read_whole(binding, bound, lease, now, found, report)
                found.gaps.append(str(gap))
    return found


def _compare_side(
    binding: Binding, side: Side, lease: Lease, now: datetime, found: Collected, report: Report
) -> None:
    """Compare a side with what the hub knows, and mark what differs."""
    looks = ranges.look(binding, (side,))
    with _stages((side,)):
        _fill(binding, side, looks.get(side), lease, found, report)
        _mark_compared(binding, (side,), looks, lease, now, found)


def _read_whole(
    binding: Binding, bound: BoundSide, lease: Lease, now: datetime, found: Collected, report: Report
) -> None:
    """Compare all of a side whose cursor does not tell any more what changed; then a new cursor holds.

    The cursor is established before the comparison, so that no change falls between, and stored after it, so
    that a crash leaves the old one, and with it the gap.
    """
    (page,) = bound.connector.changes(bound.resource, None, fields=bound.wanted, limit=PAGE)
    _compare_side(binding, bound.side, lease, now, found, report)
    with lease.fenced():
        _store_cursor(binding.id, bound.side, page.cursor, now)


def _read_side(
    binding: Binding,
    bound: BoundSide,
    cursor: Any,
    lease: Lease,
    cache: Cache,
    now: datetime,
    found: Collected,
    report: Report,
) -> None:
    for page in bound.connector.changes(bound.resource, cursor, fields=bound.wanted, limit=PAGE):
        records = bound.translate(page.records)
        dirty, new = _unsettled(binding, bound.side, records)
        for record in dirty:
            cache.keep(bound.side, record)
        marks = [(bound.side, r.record.key) for r in dirty] + [(bound.side, key) for key in page.gone]
        if marks or page.cursor != cursor:
            with lease.fenced():
                remember_unlinked(binding, bound.side, new, now)
                found.marked += mark(binding.id, marks, "changed", now)
                _store_cursor(binding.id, bound.side, page.cursor, now)
                replaced.account(binding, bound, page.replaced, now)
            cursor = page.cursor
        found.read += len(records)
        lease.keep()
        report("reading", len(records))


def _unsettled(
    binding: Binding, side: Side, records: list[Translated]
) -> tuple[list[Translated], list[Translated]]:
    """Records that need a decision, and those among them that are not linked."""
    known = links.by_key(binding.id, side, [r.record.key for r in records])
    missing = [r.record.key for r in records if r.record.key not in known]
    ignored = _ignored(binding.id, side, missing)
    dirty, new = [], []
    for r in records:
        link = known.get(r.record.key)
        if link is None:
            if r.in_scope and r.record.key not in ignored:
                dirty.append(r)
                new.append(r)
        elif r.problems or not r.in_scope or encode(r.record.values) != link.shadow_bytes(side):
            dirty.append(r)
    return dirty, new


def _ignored(mapping_id: int, side: Side, keys: list[str]) -> set[str]:
    if not keys:
        return set()
    where, params = bulk.one_of("key", keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key FROM syncadmin_unlinked WHERE mapping_id = %s AND side = %s AND ignored AND {where}",
            [mapping_id, side.value, *params],
        )
        return {row[0] for row in cursor.fetchall()}


def remember_unlinked(binding: Binding, side: Side, records: list[Translated], now: datetime) -> None:
    """Note unlinked records with their match values, so that each can find its partner and its twins."""
    rows: list[Any] = []
    for key, r in {r.record.key: r for r in records}.items():
        match = binding.match_of(r.record.values)
        rows.append((binding.id, side.value, key, None if match is None else stage.encode_match(match), now))
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO syncadmin_unlinked (mapping_id, side, key, match, ignored, first_seen) "
            "VALUES (%s, %s, %s, %s, false, %s) "
            "ON CONFLICT (mapping_id, side, key) DO UPDATE SET match = excluded.match",
            rows,
        )


def compare_all(binding: Binding, lease: Lease, now: datetime, report: Report) -> Collected:
    """Full comparison: link what is equal, mark what differs. Raises base.ConnectorError.

    Where a system hashes its records by itself, only those are read that may have changed since they were
    last compared. Equal records are linked here only if both sides were read as wholes: the records that make
    a match ambiguous may be among those that were not read. The others are linked as any new record is.
    """
    found = Collected()
    for side in SIDES:
        establish_cursor(binding, side, lease, now)
    report("reading", 0)
    looks = ranges.look(binding)
    with _stages(SIDES):
        for side in SIDES:
            found.sides[side] = _fill(binding, side, looks.get(side), lease, found, report)
        stage.duplicated_keys(binding)
        if all(one.read is None for one in looks.values()):
            report("linking", 0)
            with lease.fenced():
                found.linked = stage.link_equal(binding.id)
        _mark_compared(binding, SIDES, looks, lease, now, found, backup=True)
    return found


def _fill(
    binding: Binding, side: Side, look: Look | None, lease: Lease, found: Collected, report: Report
) -> int:
    """Read what of a side has to be compared into its stage; how many records the side has."""
    pages = None if look is None else look.pages()
    read = stage.fill(binding, side, lease, _counting(found, side, report), hashed=pages)
    confirmed = 0 if look is None else look.confirmed
    found.read += read
    found.confirmed += confirmed
    return read + confirmed


def _mark_compared(
    binding: Binding,
    sides: Sequence[Side],
    looks: Mapping[Side, Look],
    lease: Lease,
    now: datetime,
    found: Collected,
    *,
    backup: bool = False,
) -> None:
    """Mark what of the staged sides differs, and keep their fingerprints; with `backup`, note one with it."""
    for side in sides:
        with lease.fenced():
            covered = looks[side].covered() if side in looks else ("true", [])
            found.marked += stage.mark_differences(binding.id, side, now, covered)
            found.restored = backup and side is sides[-1] and note_backup(binding.id)
    if looks:
        with lease.fenced():
            ranges.keep(binding, looks, now)


@contextmanager
def _stages(sides: Sequence[Side]) -> Iterator[None]:
    for side in sides:
        stage.open_stage(side)
    try:
        yield
    finally:
        for side in sides:
            stage.close_stage(side)


@contextmanager
def compared(
    binding: Binding, lease: Lease, now: datetime, report: Report, *, times: bool = False
) -> Iterator[Collected]:
    """A full comparison whose stages stay open until the end of the context. Raises base.ConnectorError.

    Cursors are established before the scan, so that no change falls between the two.
    """
    found = Collected()
    for side in SIDES:
        establish_cursor(binding, side, lease, now)
    for side in SIDES:
        stage.open_stage(side)
    try:
        for side in SIDES:
            found.sides[side] = stage.fill(binding, side, lease, _counting(found, side, report), times=times)
        found.read = sum(found.sides.values())
        stage.duplicated_keys(binding)
        report("linking", 0)
        with lease.fenced():
            found.linked = stage.link_equal(binding.id)
        for side in SIDES:
            with lease.fenced():
                found.marked += stage.mark_differences(binding.id, side, now)
                found.restored = side is SIDES[-1] and note_backup(binding.id)
        yield found
    finally:
        for side in SIDES:
            stage.close_stage(side)


def _counting(found: Collected, side: Side, report: Report) -> Callable[[int], None]:
    def page(records: int) -> None:
        found.pages[side] += 1
        report("reading", records)

    return page


def establish_cursor(binding: Binding, side: Side, lease: Lease, now: datetime) -> None:
    """Give a side that was never read a cursor that stands at the present."""
    bound = binding.sides[side]
    if bound.can.changes is ChangeMode.SCAN or _cursors(binding.id).get(side) is not None:
        return
    for page in bound.connector.changes(bound.resource, None, fields=bound.wanted, limit=PAGE):
        with lease.fenced():
            _store_cursor(binding.id, side, page.cursor, now)


def acknowledge(binding: Binding) -> None:
    """Tell systems that log changes how far their log was read for good; it keeps the rest for the mapping.

    For passes alone: whoever only looks has stored nothing. Raises base.ConnectorError.
    """
    logging_sides = [
        (side, bound.connector, bound.resource)
        for side, bound in binding.sides.items()
        if bound.can.changes is ChangeMode.TRACKING and isinstance(bound.connector, Tracks)
    ]
    cursors = _cursors(binding.id) if logging_sides else {}
    for side, connector, resource in logging_sides:
        if cursors.get(side) is not None:
            connector.passed(resource, cursors[side])


def _cursors(mapping_id: int) -> dict[Side, Any]:
    """How far the sides have been read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT side, value FROM syncadmin_cursor WHERE mapping_id = %s", [mapping_id])
        return {
            Side(side): json.loads(value) if isinstance(value, str) else value
            for side, value in cursor.fetchall()
        }


def _store_cursor(mapping_id: int, side: Side, value: Any, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO syncadmin_cursor (mapping_id, side, value, read_at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (mapping_id, side) DO UPDATE SET value = excluded.value, "
            "read_at = excluded.read_at, waiting_since = NULL",
            [mapping_id, side.value, None if value is None else json.dumps(value), bulk.moment(now)],
        )
