"""The connector Protocol over a simulated system: every remote call passes the world's chaos on its way.

What the Protocol promises holds here whatever the habits: `fetch` is fresh, `changes` overlaps, one outcome a
write. What it does not promise is bent as far as it goes: pages lag and shift, answers are lost or missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from connectors import base

from .chaos import Chaos
from .system import Missing, Refused, Row, System

OVERLAP = timedelta(seconds=30)
TYPES = {"n": "integer", "s": "set", "p": "decimal"}


class NoConfig(BaseModel):
    """A simulated system needs no configuration."""


class SimConnector:
    """One open connection to a simulated system."""

    kind: ClassVar[str] = "simulated"
    Config: ClassVar[type[BaseModel]] = NoConfig
    ResourceConfig: ClassVar[type[BaseModel]] = NoConfig

    def __init__(self, system: System, chaos: Chaos, names: Mapping[str, Sequence[str]]) -> None:
        self.system, self.chaos, self.names = system, chaos, names
        self.habits = system.habits

    def check(self) -> list[base.CheckItem]:
        """All is well."""
        return [base.CheckItem("connection", True)]

    def discover(self) -> list[base.ResourceInfo]:
        """The resources."""
        return [self.describe(resource) for resource in self.names]

    def describe(self, resource: str) -> base.ResourceInfo:
        """The fields as they are now: one may have vanished."""
        fields = [n for n in self.names[resource] if n not in self.chaos.vanished(self.system.side)]
        return base.ResourceInfo(
            resource, "id", tuple(base.FieldInfo(n, TYPES.get(n, "text")) for n in fields)
        )

    def capabilities(self, resource: str) -> base.Capabilities:
        """As the habits say."""
        h = self.habits
        return base.Capabilities(
            changes=h.changes,
            update=h.update,
            delete=h.update,
            finds=h.finds,
            tombstones=h.tombstones,
            batch=h.batch,
            answers=h.answers,
            versions=h.versions,
            idempotent=h.idempotent,
        )

    def close(self) -> None:
        """Nothing to release."""

    # ------------------------------------------------------------ reading

    def changes(
        self, resource: str, cursor: Any, *, fields: Sequence[str], limit: int
    ) -> Iterator[base.Page]:
        """Pages of records by their time stamp, read again as far back as the overlap reaches."""
        self.chaos.remote(self.system.side, "changes")
        if cursor is None:
            yield base.Page([], self.system.now().isoformat())
            return
        since = datetime.fromisoformat(cursor)
        begin, top = since - self.overlap(), since
        done: set[str] = set()
        while True:
            rows = sorted(self.system.live(resource).values(), key=lambda r: (r.modified, r.key))
            page = [r for r in rows if r.modified >= begin and r.key not in done][: self.habits.page]
            gone = [key for _, at, key in self.system.table(resource).gone if at >= begin and key not in done]
            gone = (
                [key for key in gone if key not in self.system.live(resource)]
                if self.habits.tombstones
                else []
            )
            if not page and not gone:
                return
            done |= {r.key for r in page} | set(gone)
            top = max([top, *(r.modified for r in page)])
            yield base.Page([self._laggard(r, fields) for r in page], top.isoformat(), gone)
            self.chaos.remote(self.system.side, "changes")

    @staticmethod
    def overlap() -> timedelta:
        """How far back from its cursor a read begins."""
        return OVERLAP

    def scan(self, resource: str, *, fields: Sequence[str], limit: int) -> Iterator[base.Page]:
        """Every record in key order; with offsets, a delete between two pages makes one be skipped."""
        after, offset = "", 0
        seen: set[str] = set()
        while True:
            self.chaos.remote(self.system.side, "scan")
            if self.chaos.cuts_short():
                return
            rows = sorted(self.system.live(resource).values(), key=lambda r: r.key)
            if self.habits.offset_pages:
                page, offset = rows[offset : offset + self.habits.page], offset + self.habits.page
            else:
                page = [r for r in rows if r.key > after][: self.habits.page]
            if not page:
                self.chaos.shifted(self.system, resource, seen)
                return
            after = page[-1].key
            fresh = [r for r in page if r.key not in seen]
            seen |= {r.key for r in page}
            yield base.Page([self._laggard(r, fields) for r in fresh])
            self.chaos.shift(self.system.side)

    def fetch(self, resource: str, keys: Sequence[str], *, fields: Sequence[str]) -> base.Fetched:
        """Records by key, fresh; some may go unanswered."""
        self.chaos.remote(self.system.side, "fetch")
        live = self.system.live(resource)
        asked = [key for key in keys if not self.chaos.withholds(self.system.side)]
        return base.Fetched(
            {key: self._record(live[key], fields) for key in asked if key in live},
            frozenset(key for key in asked if key not in live),
        )

    def find(
        self, resource: str, field: str, values: Sequence[Any], *, fields: Sequence[str]
    ) -> list[base.Record]:
        """Records by a value, compared as this system keeps it."""
        self.chaos.remote(self.system.side, "find")
        wanted = {str(self.habits.store({field: value})[field]).lower() for value in values}
        rows = self.system.live(resource).values()
        return [self._record(r, fields) for r in rows if str(r.values.get(field)).lower() in wanted]

    def _record(self, row: Row, fields: Sequence[str]) -> base.Record:
        return self._as_record(row.key, row.values, row.version, row.modified, fields)

    def _laggard(self, row: Row, fields: Sequence[str]) -> base.Record:
        """The record as a lagging replica may show it: as it was before its last change."""
        recent = self.system.now() - row.modified < self.habits.lag
        if row.before is not None and recent and self.chaos.lags(self.system):
            self.chaos.probe("listing lagged behind")
            return self._as_record(row.key, *row.before, fields)
        return self._record(row, fields)

    def _as_record(
        self, key: str, values: Mapping[str, Any], version: int, modified: datetime, fields: Sequence[str]
    ) -> base.Record:
        vanished = self.chaos.vanished(self.system.side)
        given = {n: values.get(n) for n in fields if n not in vanished}
        told = None if self.habits.timeless else modified
        return base.Record(key, given, str(version) if self.habits.versions else None, told)

    # ------------------------------------------------------------ writing

    def write(
        self, resource: str, writes: Sequence[base.Write], *, fields: Sequence[str]
    ) -> list[base.Outcome]:
        """One outcome each; an answer may be lost on the way, and a batch may break off."""
        self.chaos.remote(self.system.side, "write")
        outcomes: list[base.Outcome] = []
        for number, write in enumerate(writes):
            if self.chaos.breaks_off(self.system.side, number):
                rest = len(writes) - number
                return outcomes + [base.Outcome(base.Result.RETRY, said="overloaded")] * rest
            lost = self.chaos.loses_answer(self.system.side, write.op.value)
            if lost == "before":
                outcomes.append(base.Outcome(base.Result.UNKNOWN, said="timed out"))
                continue
            outcome = self._one(resource, write, fields)
            if lost == "after":
                outcome = base.Outcome(base.Result.UNKNOWN, said="timed out")
            outcomes.append(outcome)
            self.chaos.wrote(self.system.side, write.op.value)
        return outcomes

    def _one(self, resource: str, write: base.Write, fields: Sequence[str]) -> base.Outcome:
        try:
            if write.op is base.Op.CREATE:
                return self._create(resource, write, fields)
            return self._change(resource, write, fields)
        except Refused as error:
            return base.Outcome(base.Result.REJECTED, write.key, said=str(error))
        except Missing:
            return base.Outcome(base.Result.GONE, write.key)

    def _create(self, resource: str, write: base.Write, fields: Sequence[str]) -> base.Outcome:
        known = self.system.table(resource).created.get(write.idempotency) if self.habits.idempotent else None
        if known is not None:
            self.chaos.probe("create repeated by its idempotency key")
            row = self.system.live(resource).get(known)
            if row is None or row.version > 1:
                return base.Outcome(base.Result.STALE, known)
        else:
            row = self.system.create(resource, dict(write.values), "hub", write.idempotency)
        return base.Outcome(base.Result.APPLIED, row.key, self._answer(row, fields))

    def _change(self, resource: str, write: base.Write, fields: Sequence[str]) -> base.Outcome:
        key = str(write.key)
        before = self._checked(resource, write)
        if before is None:
            return base.Outcome(base.Result.STALE, key)
        values, version = before
        raced: frozenset[str] = frozenset()
        window: timedelta | None = None
        if self.habits.update is base.Guarantee.CHECKED:
            began = self.system.clock()
            self.chaos.window(self.system.side, key)
            row = self.system.live(resource).get(key)
            touched = list(write.values) if write.op is base.Op.UPDATE else list(values)
            raced = frozenset(n for n in touched if row is not None and row.values.get(n) != values.get(n))
            window = self.system.clock() - began
        seconds = window.total_seconds() if window is not None else None
        if write.op is base.Op.DELETE:
            self.system.delete(resource, key, "hub", raced=raced, window=window)
            return base.Outcome(base.Result.APPLIED, key, window=seconds)
        row = self.system.edit(resource, key, dict(write.values), "hub", raced=raced, window=window)
        told = self.habits.shows_races and base.skipped(str(version), str(row.version))
        return base.Outcome(base.Result.APPLIED, key, self._answer(row, fields), window=seconds, raced=told)

    def _checked(self, resource: str, write: base.Write) -> tuple[dict[str, Any], int] | None:
        """The record's values and version if it is as the write expects, else None. Raises Missing."""
        row = self.system.live(resource).get(str(write.key))
        if row is None:
            raise Missing(str(write.key))
        if self.habits.versions and write.version is not None:
            fits = str(row.version) == write.version
        else:
            fits = all(row.values.get(name) == value for name, value in write.expected.items())
        return (dict(row.values), row.version) if fits else None

    def _answer(self, row: Row, fields: Sequence[str]) -> base.Record | None:
        return self._record(row, fields) if self.habits.answers else None
