"""One look of a watch: both sides are read as a pass reads them, and only fingerprints are stored.

Nothing is written to any system. Each page is one transaction together with how far it has come, made only
by the worker that holds the watch, so that a look may end anywhere and the next one goes on. The first
reading of a side is what later ones are compared with; what it finds counts as no edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from connectors import base
from connectors.tracked import Tracks
from syncadmin.config.versions import as_mapping, spec_of
from syncadmin.core import risk
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import encode
from syncadmin.core.watching import (
    UNKNOWN,
    Kept,
    Rules,
    fingerprint,
    never_edited,
    number,
    raw_fingerprint,
)
from syncadmin.models import Mapping, Watch, WatchDay, WatchedRecord, WatchState, bulk
from syncadmin.models.watches import CREATED, DELETED

from .binding import Binding, BoundSide, Translated, bind
from .stage import encode_match

PAGE = 2000
MOST = 100_000  # records of a side that are kept; of more, a sample is
TERM = timedelta(minutes=5)
FULL_EVERY = timedelta(days=1)
SKEW = timedelta(minutes=5)  # a time of change counts if it is later than the last reading, about
MOST_ABSENT = 1000  # records that are asked for one by one, whether they are gone
COLUMNS = ("watch_id", "side", "key", "match", "prints", "edited", "edits")

Place = tuple[str, date, str]  # side, day, field
Row = tuple[int, int, Kept]  # id, match, what is kept


class Overtaken(Exception):
    """The watch was stopped, or another worker has taken it up."""


@dataclass(slots=True)
class _Tally:
    """Edits of one page, by side, day and field."""

    edits: Counter[Place] = field(default_factory=Counter)
    met: Counter[Place] = field(default_factory=Counter)
    equal: Counter[Place] = field(default_factory=Counter)

    def store(self, watch: Watch) -> None:
        """Add to the days, a sample's counts as those of all. In a transaction."""
        for place in sorted(self.edits):
            side, day, name = place
            row, _made = WatchDay.objects.get_or_create(watch=watch, side=side, day=day, field=name)
            seen = {what: getattr(self, what)[place] << watch.halvings for what in ("edits", "met", "equal")}
            more = {what: F(what) + count for what, count in seen.items()}
            WatchDay.objects.filter(pk=row.pk).update(**more)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of a side that began at a time. `since`: when the same was read last; None: never."""

    bound: BoundSide
    began: datetime
    since: datetime | None
    near: float

    def at(self, modified: datetime | None) -> int:
        """When an edit happened, in seconds; UNKNOWN if too much time has passed to tell."""
        if self.since is None:
            return UNKNOWN
        if modified is not None:
            modified = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
            if self.since - SKEW <= modified <= self.began + SKEW:
                return int(min(modified, self.began).timestamp())
        recent = (self.began - self.since).total_seconds() <= self.near
        return int(self.began.timestamp()) if recent else UNKNOWN

    def place(self, at: int, name: str) -> Place:
        """Where an edit is counted."""
        moment = self.began if at == UNKNOWN else datetime.fromtimestamp(at, UTC)
        return self.bound.side.value, moment.astimezone(UTC).date(), name


@dataclass(frozen=True, slots=True)
class _Edit:
    """A kept record that is not as it was: its row, what paired it, before and after, which fields, when."""

    row: int
    match: int
    before: Kept
    after: Kept
    fields: list[int]
    at: int


class Look:
    """A worker's hold on a watch, for one look at both sides."""

    def __init__(self, watch: Watch, clock: Callable[[], datetime]) -> None:
        self._watch, self._clock = watch, clock
        self._full = clock() >= watch.full_at
        self._near = risk.near_of(watch.every)
        self._rules = Rules([], self._near)
        self._sources: dict[Side, list[tuple[str, str, bool]]] = {}

    def do(self) -> None:
        """Read both sides, and note that they were. Raises base.ConnectorError, Overtaken."""
        watch = self._watch
        began = watch.started_at is None
        with bind(self._mapping()) as binding:
            groups = {row.name: row.group for row in binding.mapping.fields.all() if row.group}
            self._rules = Rules.of(watch.names, groups, self._near)
            for side in SIDES:
                self._side(binding, binding.sides[side])
        now = self._clock()
        values: dict[str, Any] = {
            "looks": watch.looks + 1,
            "last_at": now,
            "next_at": now + timedelta(seconds=watch.every),
            "leased_until": None,
            "failed_since": None,
            "message": "",
        }
        if began:
            values["started_at"] = now
        if began or self._full:
            values["full_at"] = now + FULL_EVERY
        if watch.last_at is not None:
            values["spans"] = added(watch.spans, watch.last_at, now)
        with self._held(**values):
            pass

    def _mapping(self) -> Mapping:
        """The pairing as a mapping that is nowhere stored."""
        watch = self._watch
        stands_for = Mapping(pk=watch.mapping_id or 0, name=str(watch))
        return as_mapping(stands_for, spec_of(watch.document))

    # ------------------------------------------------------------ reading

    def _side(self, binding: Binding, bound: BoundSide) -> None:
        watch, side = self._watch, bound.side
        by_name = {f.name: (f.name, f.source, f.target_id is not None) for f in bound.fields}
        self._sources[side] = [by_name[name] for name in watch.names]
        before = watch.progress.get(side.value, {})
        since = datetime.fromisoformat(before["read_at"]) if "read_at" in before else None
        began, progress = self._clock(), dict(before)
        told = bound.can.changes is not base.ChangeMode.SCAN
        gap: dict[str, Any] = {}
        if told:
            reading = _Reading(bound, began, since, self._near)
            try:
                for page in self._changes(bound, before.get("cursor")):
                    progress["cursor"] = page.cursor
                    self._page(binding, reading, page.records, page.gone, progress)
            except base.Gap:  # a log was emptied, or begun anew
                (page,) = self._changes(bound, None)
                gap = {"cursor": page.cursor}  # kept once all was read
        if since is None or self._full or not told or gap:
            last_full = watch.full_at - FULL_EVERY if told and since is not None else since
            self._scan(binding, _Reading(bound, began, last_full, self._near), progress)
        progress |= gap | {"read_at": began.isoformat()}
        with self._held(progress={**watch.progress, side.value: progress}):
            pass
        if "cursor" in progress and isinstance(bound.connector, Tracks):
            bound.connector.passed(bound.resource, progress["cursor"])

    @staticmethod
    def _changes(bound: BoundSide, cursor: Any) -> Iterator[base.Page]:
        return bound.connector.changes(bound.resource, cursor, fields=bound.wanted, limit=PAGE)

    def _scan(self, binding: Binding, reading: _Reading, progress: dict[str, Any]) -> None:
        """Read all of a side."""
        bound, first = reading.bound, reading.since is None
        listed: set[str] = set()
        for page in bound.connector.scan(bound.resource, fields=bound.wanted, limit=PAGE):
            self._page(binding, reading, page.records, (), progress)
            if first:
                self._thin(bound.side)
            else:
                listed.update(record.key for record in page.records)
        if not first:
            self._absent(binding, reading, listed, progress)

    def _absent(
        self, binding: Binding, reading: _Reading, listed: set[str], progress: dict[str, Any]
    ) -> None:
        """Records that a complete reading did not list, and that are not there by key either, are gone.

        Too many are a reading that can't be believed: they stay until they can be asked for.
        """
        bound = reading.bound
        rows = WatchedRecord.objects.filter(watch=self._watch, side=bound.side.value).exclude(prints=b"")
        missing = [key for key in rows.values_list("key", flat=True).iterator() if key not in listed]
        if missing and len(missing) <= MOST_ABSENT:
            fetched = bound.connector.fetch(bound.resource, missing, fields=bound.wanted)
            self._page(binding, reading, (), sorted(fetched.absent), progress)

    def _page(
        self,
        binding: Binding,
        reading: _Reading,
        records: Sequence[base.Record],
        gone: Sequence[str],
        progress: dict[str, Any],
    ) -> None:
        """Take in a page, in one transaction."""
        watch, side = self._watch, reading.bound.side
        mine = {t.record.key: t for t in reading.bound.translate(records) if t.in_scope}
        values = {
            "read": watch.read + len(records),
            "requests": watch.requests + 1,
            "progress": {**watch.progress, side.value: progress},
        }
        with self._held(**values):
            known = dict(self._known(side, "key", [*mine, *gone]))
            made, edits, tally = [], [], _Tally()
            for key, t in mine.items():
                row = known.get(key)
                if row is None or row[2].gone:
                    match = self._number(binding, side, t) if row is None else row[1]
                    if match & ((1 << watch.halvings) - 1):
                        continue  # not of the sample
                    at = reading.at(t.record.modified)
                    tally.edits[reading.place(at, CREATED)] += 1
                    made.append((row, (watch.pk, side.value, key, match, self._prints(side, t))))
                elif fields := row[2].changed(prints := self._prints(side, t)):
                    at = reading.at(t.record.modified)
                    edits.append(_Edit(row[0], row[1], row[2], row[2].after(prints, fields, at), fields, at))
            for key in gone:
                if (row := known.get(key)) is not None and not row[2].gone:
                    at = reading.at(None)
                    after = row[2].after(b"", [len(watch.names)], at)
                    edits.append(_Edit(row[0], row[1], row[2], after, [], at))
            self._keep(made, edits, counted=reading.since is not None)
            if reading.since is not None:
                self._count(reading, edits, tally)
                tally.store(watch)

    def _keep(
        self, made: Sequence[tuple[Row | None, tuple[Any, ...]]], edits: Sequence[_Edit], *, counted: bool
    ) -> None:
        """Store fingerprints. In a transaction."""
        never = never_edited(len(self._watch.names))
        bulk.delete(WatchedRecord, [row[0] for row, _ in made if row is not None])
        bulk.insert(WatchedRecord, COLUMNS, [(*values, never, 0) for _, values in made])
        bulk.update(
            WatchedRecord,
            ("prints", "edited"),
            [(one.row, one.after.prints, one.after.edited) for one in edits],
        )
        if counted and edits:
            where, params = bulk.one_of("id", [one.row for one in edits], "int8")
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE syncadmin_watchedrecord SET edits = edits + 1 WHERE {where}", params)

    def _count(self, reading: _Reading, edits: Sequence[_Edit], tally: _Tally) -> None:
        """Edits of known records, and those that met one of the other side."""
        names = self._watch.names
        partners = self._partners(reading.bound.side.other, {one.match for one in edits})
        for one in edits:
            partner = partners.get(one.match)
            if one.after.gone:
                place = reading.place(one.at, DELETED)
                tally.edits[place] += 1
                tally.met[place] += partner is not None and self._rules.met_by_delete(one.at, partner)
                continue
            for n in one.fields:
                tally.edits[reading.place(one.at, names[n])] += 1
            if partner is not None:
                for met in self._rules.meetings(one.after.prints, one.fields, one.at, partner):
                    place = reading.place(one.at, names[met.field])
                    tally.met[place] += 1
                    tally.equal[place] += met.equal

    def _partners(self, side: Side, matches: set[int]) -> dict[int, Kept]:
        """By match, the records of a side that are alone with it."""
        found: dict[int, Kept | None] = {}
        for _key, (_row, match, kept) in self._known(side, "match", list(matches)):
            found[match] = None if match in found else kept
        return {match: kept for match, kept in found.items() if kept is not None}

    # ------------------------------------------------------------ one record

    def _prints(self, side: Side, t: Translated) -> bytes:
        """A record's fingerprints; what has no canonical form, or refers, counts as the system gives it."""
        values, raw = t.record.values, t.raw.values
        return b"".join(
            fingerprint(values[name]) if name in values and not refers else raw_fingerprint(raw.get(source))
            for name, source, refers in self._sources[side]
        )

    def _number(self, binding: Binding, side: Side, t: Translated) -> int:
        """What pairs a record with one of the other side, and says whether it is of the sample."""
        match = binding.match_of(t.record.values)
        return number(encode({side.value: t.record.key}) if match is None else encode_match(match))

    # ------------------------------------------------------------ what is stored

    def _known(self, side: Side, column: str, wanted: Sequence[Any]) -> list[tuple[str, Row]]:
        """What is kept of a side's records, by key or by match."""
        if not wanted:
            return []
        where, params = bulk.one_of(column, wanted, "text" if column == "key" else "int8")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT key, id, match, prints, edited FROM syncadmin_watchedrecord "
                f"WHERE watch_id = %s AND side = %s AND {where}",
                [self._watch.pk, side.value, *params],
            )
            return [(k, (n, m, Kept(bytes(p), bytes(e)))) for k, n, m, p, e in cursor.fetchall()]

    def _thin(self, side: Side) -> None:
        """Keep a sample where there are too many records: of both sides the same."""
        watch = self._watch
        rows = WatchedRecord.objects.filter(watch=watch)
        while rows.filter(side=side.value).count() > MOST:
            with self._held(halvings=watch.halvings + 1):
                bit = 1 << (watch.halvings - 1)
                rows.annotate(rest=F("match").bitand(bit)).exclude(rest=0)._raw_delete(rows.db)

    @contextmanager
    def _held(self, **values: Any) -> Iterator[None]:
        """A transaction that only the watch's holder makes, which stores this. Raises Overtaken."""
        watch = self._watch
        values = {"leased_until": self._clock() + TERM, **values}
        with transaction.atomic():
            mine = Watch.objects.filter(pk=watch.pk, token=watch.token, state=WatchState.WATCHING)
            if not mine.update(**values):
                raise Overtaken
            for name, value in values.items():
                setattr(watch, name, value)
            yield


def added(spans: Dict[str, float], begin: datetime, end: datetime) -> dict[str, float]:
    """Seconds by day (UTC), with those from `begin` to `end`."""
    found = dict(spans)
    while begin < end:
        midnight = datetime.combine(begin.astimezone(UTC).date() + timedelta(days=1), time(tzinfo=UTC))
        day, until = begin.astimezone(UTC).date().isoformat(), min(end, midnight)
        found[day] = found.get(day, 0.0) + (until - begin).total_seconds()
        begin = until
    return found
