"""A simulated system: tables in memory, with switchable habits, and an audit of all that ever happened in it.

It knows nothing of the hub. The audit is the checker's only source for what users and the hub really did.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.base import ChangeMode, Guarantee

Values = dict[str, Any]
_TOKEN = re.compile(r"e(\d+)[.-](\d+)", re.IGNORECASE)

_NUMBER = re.compile(r"\d+\.\d+")


def token(value: Any) -> str | None:
    """What identifies the writing of a value, however a system has re-formatted it; None for no value."""
    if isinstance(value, Decimal | float):
        return f"d{int(value)}"
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return f"d{int(Decimal(value))}"
    found = _TOKEN.search(str(value)) if isinstance(value, str) else None
    return f"{found[1]}-{found[2]}" if found else None


def tokens(value: Any) -> set[str]:
    """All tokens in a value: of a list, one each."""
    parts = value if isinstance(value, list | tuple) else [value]
    return {t for part in parts if (t := token(part)) is not None}


@dataclass(frozen=True)
class Habits:
    """How a system behaves. Each history draws its own."""

    update: Guarantee = Guarantee.ATOMIC
    changes: ChangeMode = ChangeMode.CURSOR
    tombstones: bool = False
    versions: bool = False
    answers: bool = True
    finds: bool = True
    idempotent: bool = False
    unique: bool = False
    trims: bool = False
    soft: bool = False
    reuses_keys: bool = False
    offset_pages: bool = False
    late_commits: bool = False
    lagging: bool = False
    lag: timedelta = timedelta(seconds=10)  # shorter than the overlap that connectors read again
    timeless: bool = False
    batch: int = 100
    page: int = 100
    skew: timedelta = timedelta()
    refuses: bool = False
    hashes: bool = False

    @property
    def shows_races(self) -> bool:
        """Whether the answer to a write shows that somebody changed the record just before."""
        return self.versions and self.answers

    def store(self, values: Mapping[str, Any]) -> Values:
        """Values as this system keeps them."""
        return {name: value if name == "f" else self._keep(value) for name, value in values.items()}

    def _keep(self, value: Any) -> Any:
        if self.trims and isinstance(value, str):
            return value.strip().upper()
        if self.trims and isinstance(value, Decimal):
            return value.quantize(Decimal("0.1"), ROUND_HALF_UP)
        return value


@dataclass(frozen=True)
class Event:
    """One effect on one record. `old` and `new` hold the fields that it touched; None for no record."""

    number: int
    at: datetime
    resource: str
    side: str
    actor: str
    op: str
    key: str
    old: Values | None
    new: Values | None
    raced: frozenset[str] = frozenset()  # fields that somebody changed after the hub had checked them
    window: timedelta | None = None  # how long before it the hub had checked the record
    late: bool = False  # by a worker that had lost its lease


@dataclass
class Row:
    """One stored record. A soft-deleted one is kept, unseen."""

    key: str
    values: Values
    version: int
    modified: datetime
    moved: int  # the table's change number
    deleted: bool = False
    before: tuple[Values, int, datetime] | None = None


@dataclass
class Table:
    """The rows of one resource, by key."""

    rows: dict[str, Row] = field(default_factory=dict)
    gone: list[tuple[int, datetime, str]] = field(default_factory=list)
    created: dict[str, str] = field(default_factory=dict)  # idempotency -> key


class Refused(Exception):
    """The system does not take the values."""


class Missing(Exception):
    """There is no such record."""


@dataclass
class System:
    """One side's system."""

    side: str
    habits: Habits
    clock: Any
    audit: list[Event]
    tables: dict[str, Table] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    late: bool = False

    def table(self, resource: str) -> Table:
        """The table of a resource."""
        return self.tables.setdefault(resource, Table())

    def live(self, resource: str) -> dict[str, Row]:
        """Rows that are there, by key."""
        return {key: row for key, row in self.table(resource).rows.items() if not row.deleted}

    def now(self) -> datetime:
        """The system's own clock."""
        return self.clock() + self.habits.skew

    def create(self, resource: str, values: Values, actor: str, idempotency: str = "") -> Row:
        """Insert. Raises Refused (a unique value is taken, a value is not taken)."""
        table, stored = self.table(resource), self.habits.store(values)
        self._admit(resource, stored, None)
        key = self._new_key(table, actor)
        row = Row(key, stored, 1, self.now(), next(self.numbers))
        table.rows[key] = row
        if idempotency:
            table.created[idempotency] = key
        self._note(resource, actor, "create", key, None, dict(stored))
        return row

    def edit(
        self,
        resource: str,
        key: str,
        values: Values,
        actor: str,
        *,
        late: timedelta = timedelta(),
        raced: frozenset[str] = frozenset(),
        window: timedelta | None = None,
    ) -> Row:
        """Change fields. A late commit carries a time stamp of when it began. Raises Missing, Refused."""
        row = self.live(resource).get(key)
        if row is None:
            raise Missing(key)
        stored = self.habits.store(values)
        self._admit(resource, {**row.values, **stored}, key, stored)
        old = {name: row.values.get(name) for name in stored}
        row.before = (dict(row.values), row.version, row.modified)
        row.values.update(stored)
        row.version += 1
        row.modified, row.moved = self.now() - late, next(self.numbers)
        self._note(resource, actor, "update", key, old, dict(stored), raced, window)
        return row

    def delete(
        self,
        resource: str,
        key: str,
        actor: str,
        *,
        raced: frozenset[str] = frozenset(),
        window: timedelta | None = None,
    ) -> None:
        """Delete. Raises Missing."""
        table = self.table(resource)
        row = self.live(resource).get(key)
        if row is None:
            raise Missing(key)
        if self.habits.soft:
            row.deleted = True
            row.version += 1
        else:
            del table.rows[key]
        table.gone.append((next(self.numbers), self.now(), key))
        self._note(resource, actor, "delete", key, dict(row.values), None, raced, window)

    def restore(self, resource: str, key: str, actor: str) -> Row:
        """Bring back a soft-deleted record under its old key."""
        row = self.table(resource).rows[key]
        self._admit(resource, row.values, key)
        row.deleted = False
        row.version += 1
        row.modified, row.moved = self.now(), next(self.numbers)
        self._note(resource, actor, "create", key, None, dict(row.values))
        return row

    def trash(self, resource: str) -> list[str]:
        """Keys of soft-deleted records."""
        return [key for key, row in self.table(resource).rows.items() if row.deleted]

    def _new_key(self, table: Table, actor: str) -> str:
        if self.habits.reuses_keys and actor == "hub":  # where users get it, nothing could tell
            return next(key for n in itertools.count(1) if (key := f"{self.side[0]}{n}") not in table.rows)
        return f"{self.side[0]}{next(self.numbers)}"

    def _admit(self, resource: str, values: Values, key: str | None, touched: Values | None = None) -> None:
        if self.habits.unique and values.get("email"):
            for row in self.live(resource).values():
                if row.key != key and str(row.values.get("email")).lower() == str(values["email"]).lower():
                    raise Refused("email is taken")
        if self.habits.refuses:
            for name, value in (touched if touched is not None else values).items():
                if name in "ab" and (t := token(value)) and int(t.split("-")[1]) % 11 == 0:
                    raise Refused(f"{name} is not valid")

    def _note(
        self,
        resource: str,
        actor: str,
        op: str,
        key: str,
        old: Any,
        new: Any,
        raced: frozenset[str] = frozenset(),
        window: timedelta | None = None,
    ) -> None:
        at = self.clock()
        self.audit.append(
            Event(
                len(self.audit) + 1,
                at,
                resource,
                self.side,
                actor,
                op,
                key,
                old,
                new,
                raced,
                window,
                actor == "hub" and self.late,
            )
        )
