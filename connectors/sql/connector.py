"""The SQL connector: what the engine talks to. The work is in the modules beside it.

One database, some of its tables. It reads in pages, writes in transactions that refuse what is
not as expected, and knows nothing of what is on the other side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Engine

from connectors.base import (
    Capabilities,
    ChangeMode,
    CheckItem,
    ClockReading,
    Fetched,
    Gap,
    Guarantee,
    Misconfigured,
    Outcome,
    Page,
    Receipt,
    Record,
    ResourceInfo,
    Write,
)
from connectors.fingerprints import Hashed, Order, Span, Sum
from connectors.offers import Offer
from connectors.signals import Ear, Unread
from connectors.tracked import Log, Tracking

from . import check, fingerprints, read, shape, table
from .changes import changes, decode
from .config import SqlConfig, SqlResource
from .engine import open_engine, reading
from .errors import DATABASE_ERRORS, Errors
from .moments import database_now
from .offers import OFFERS, suggested
from .table import Bound
from .tracking import contents, installed, receipts, signals
from .tracking import reading as log
from .tracking.receipts import with_receipts
from .tracking.stamps import with_registers
from .tracking.target import Target, target
from .write import write

T = TypeVar("T")


class SqlConnector:
    """Connector for PostgreSQL, MariaDB or MySQL, and SQLite."""

    kind: ClassVar[str] = "sql"
    Config: ClassVar[type[BaseModel]] = SqlConfig
    ResourceConfig: ClassVar[type[BaseModel]] = SqlResource
    offers: ClassVar[Sequence[Offer]] = OFFERS
    lasts: ClassVar[bool] = True

    def __init__(self, config: BaseModel, resources: Mapping[str, BaseModel], *, system: str = "") -> None:
        """Keep the configuration; connects when first used."""
        self._config = config if isinstance(config, SqlConfig) else SqlConfig.model_validate(config)
        self._resources = {
            name: r if isinstance(r, SqlResource) else SqlResource.model_validate(r)
            for name, r in resources.items()
        }
        address = self._config.address
        secret = str(address.password or "")
        shown = address.set(drivername=address.get_backend_name(), query={}).render_as_string()
        self._errors = Errors(system, shown, secret)
        self._engine: Engine | None = None
        self._bound: dict[str, Bound] = {}
        self._stamps: dict[str, str | None] = {}
        self._targets: dict[str, Target] = {}
        self._noted: dict[str, tuple[str, float]] = {}  # by resource, which reader of its log told when

    def __repr__(self) -> str:
        return f"<SqlConnector {self._errors.address}>"

    # ------------------------------------------------------------ description

    def check(self) -> list[CheckItem]:
        """One line each: reachable, signed in, and per resource readable, writable, indexed."""
        return check.check(self._opened(), self._resources, self._config.db_schema, self._errors)

    def discover(self) -> list[ResourceInfo]:
        """All tables that the user may see."""
        with self._connection("listing the tables") as connection:
            return table.discover(connection, self._config.db_schema)

    def suggested(self, info: ResourceInfo) -> dict[str, Any]:
        """How a table that `discover` found would be configured."""
        return suggested(info)

    def describe(self, resource: str) -> ResourceInfo:
        """The table as it is now: also what the following reads and writes go by."""
        return self._bind(resource).info()

    def capabilities(self, resource: str) -> Capabilities:
        """All is atomic, except in tables that ignore transactions."""
        bound = self._table(resource)
        guarantee = Guarantee.ATOMIC if bound.transactional else Guarantee.CHECKED
        return Capabilities(
            changes=bound.config.mode,
            update=guarantee,
            delete=guarantee,
            create=guarantee,
            tombstones=bound.config.mode is ChangeMode.TRACKING,
            versions=bound.version is not None,
            stamps=bound.registers,
            receipts=bound.receipts_since,
        )

    def clock(self) -> ClockReading:
        """How the database's clock differs from ours: it is asked, between two looks at ours."""
        with self._connection("asking for the time") as connection:
            before = datetime.now(UTC)
            told = database_now(connection)
            after = datetime.now(UTC)
        around = (after - before) / 2
        return ClockReading((told - before - around).total_seconds(), around.total_seconds())

    # ------------------------------------------------------------ reading

    def changes(self, resource: str, cursor: Any, *, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Pages of rows changed since the cursor: from the log of a tracked table, or by `modified`."""
        bound = self._table(resource)
        if bound.config.mode is ChangeMode.TRACKING:
            yield from self._tracked(bound, cursor, fields, limit)
            return
        if bound.config.mode is not ChangeMode.CURSOR or bound.modified is None:
            raise self._errors.misconfigured(
                "changes are found by scans only; set `modified` to the column "
                "that says when a row was last changed",
                resource=resource,
            )
        columns = bound.named(fields, self._errors)
        position = None if cursor is None else self._decoded(resource, decode, cursor)
        with self._translated("reading changes", resource):
            yield from changes(self._opened(), bound, bound.modified, position, columns, limit)

    def _tracked(self, bound: Bound, cursor: Any, fields: Sequence[str], limit: int) -> Iterator[Page]:
        columns = bound.named(fields, self._errors)
        position = None if cursor is None else self._decoded(bound.name, log.decode, cursor)
        with self._translated("reading the log of changes", bound.name):
            aim = self._target(bound)
            yield from log.changes(self._opened(), bound, aim, position, columns, limit, self._errors)

    def _decoded(self, resource: str, decode: Callable[[Any], T], cursor: Any) -> T:
        """The position a stored cursor stands for. Raises Gap if it is of another way to find changes."""
        try:
            return decode(cursor)
        except (KeyError, TypeError, ValueError) as error:
            raise Gap(
                "what changed since the last read is not known: "
                "the stored cursor is of another way to find changes",
                system=self._errors.system,
                resource=resource,
                said=str(error),
            ) from error

    def scan(self, resource: str, *, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Every row, in key order."""
        bound = self._table(resource)
        columns = bound.named(fields, self._errors)
        with self._translated("reading the table", resource):
            yield from read.scan(self._opened(), bound, columns, limit)

    def fetch(self, resource: str, keys: Sequence[str], *, fields: Sequence[str]) -> Fetched:
        """Rows by key; absent are those that the query did not find."""
        bound = self._table(resource)
        columns = bound.named(fields, self._errors)
        with self._connection("reading by key", resource) as connection:
            return read.fetch(connection, bound, keys, columns)

    def find(
        self, resource: str, field: str, values: Sequence[Any], *, fields: Sequence[str]
    ) -> list[Record]:
        """Rows whose column equals one of the values exactly."""
        bound = self._table(resource)
        columns = bound.named(fields, self._errors)
        column = bound.named([field], self._errors)[0]
        with self._connection(f"searching by {field}", resource) as connection:
            return read.find(connection, bound, column, values, columns)

    # ------------------------------------------------------------ fingerprints

    def order(self, resource: str) -> Order | None:
        """How the table's keys are ordered for ranges; None if it can't be fingerprinted."""
        return fingerprints.order(self._table(resource))

    def hindrance(self, resource: str) -> str:
        """Why the table can't be fingerprinted, '' if it can."""
        return fingerprints.hindrance(self._table(resource))

    def sums(
        self, resource: str, bounds: Sequence[str], *, fields: Sequence[str], seed: int
    ) -> list[Sum] | None:
        """The fingerprint over ranges of keys, made by one statement."""
        bound = self._table(resource)
        columns = bound.named(fields, self._errors)
        with self._translated("hashing the table", resource):
            return fingerprints.sums(self._opened(), bound, columns, bounds, seed)

    def hashed(
        self, resource: str, spans: Sequence[Span], *, fields: Sequence[str], seed: int, limit: int
    ) -> Iterator[Hashed]:
        """The rows of ranges of keys, with their hashes."""
        bound = self._table(resource)
        columns = bound.named(fields, self._errors)
        with self._translated("reading parts of the table", resource):
            yield from fingerprints.hashed(self._opened(), bound, columns, spans, seed, limit)

    # ------------------------------------------------------------ writing

    def write(self, resource: str, writes: Sequence[Write], *, fields: Sequence[str]) -> list[Outcome]:
        """The batch in one transaction: one outcome a write, in order."""
        bound = self._table(resource)
        columns = bound.named(fields, self._errors)
        return write(self._opened(), bound, writes, columns, self._errors)

    def carried_out(self, resource: str, asked: Sequence[tuple[str, Receipt]]) -> list[frozenset[str]]:
        """Which of our writes to a tracked table it has taken, and that it takes no others of these."""
        bound = self._table(resource)
        options: dict[str, Any] = {"writing": True}
        if bound.dialect != "sqlite":
            options["isolation_level"] = "READ COMMITTED"
        with self._translated("looking for receipts", resource):
            engine = self._opened().execution_options(**options)
            with engine.begin() as connection:
                return receipts.carried_out(connection, bound, asked)

    def close(self) -> None:
        """Release the connections. The connector can be used again: it then connects anew."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        self._bound.clear()
        self._stamps.clear()
        self._targets.clear()
        self._noted.clear()

    # ------------------------------------------------------------ signals

    def tells(self, resource: str) -> bool:
        """Whether the table is tracked: its log is quickly asked."""
        config = self._resources.get(resource)
        return config is not None and config.mode is ChangeMode.TRACKING

    def unread(self, resource: str, cursor: Any, *, ours: bool = False) -> Unread | None:
        """The oldest change in the log beyond the cursor."""
        if cursor is None:
            return None
        bound = self._table(resource)
        position = self._decoded(resource, log.decode, cursor)
        with self._translated("looking for changes", resource):
            return signals.unread(self._opened(), bound, self._target(bound), position, ours=ours)

    def ear(self, resources: Sequence[str]) -> Ear | None:
        """A connection that listens to the notifications of these tables, if they notify."""
        bounds = [self._table(name) for name in resources]
        with self._translated("listening for changes", ""):
            return signals.ear(self._opened(), bounds, self._errors) if bounds else None

    # ------------------------------------------------------------ tracking

    def tracking(self, resource: str, columns: Sequence[str], registers: Sequence[str] = ()) -> Tracking:
        """How change tracking of a table stands, and the SQL that would be run."""
        with self._translated("looking at the tracking", resource):
            bound = self._bind(resource)
            return installed.tracking(self._opened(), bound, columns, self._errors, registers)

    def track(self, resource: str, columns: Sequence[str], registers: Sequence[str] = ()) -> None:
        """Install the triggers and the log, or bring them up to date."""
        with self._translated("installing the tracking", resource):
            bound = self._bind(resource)
            installed.install(self._opened(), bound, columns, self._errors, registers)
        self._bind(resource)

    def untrack(self, resource: str) -> None:
        """Remove triggers and log."""
        with self._translated("removing the tracking", resource):
            installed.remove(self._opened(), self._bind(resource), self._errors)
        self._bind(resource)

    def logged(self, resource: str) -> Log:
        """What is in the log of a tracked table, and who reads it."""
        with self._translated("looking into the log", resource):
            return contents.logged(self._opened(), self._bind(resource), self._errors)

    def passed(self, resource: str, cursor: Any) -> None:
        """Note how far the reader of a tracked table is, and let go what all readers have behind them."""
        bound = self._table(resource)
        if bound.config.mode is not ChangeMode.TRACKING:
            return
        position = self._decoded(resource, log.decode, cursor)
        with self._translated("noting how far the log was read", resource):
            reader, at = self._noted.get(resource, ("", 0.0))
            if reader == position.reader and time.monotonic() - at < log.MOVING_NOTED:
                return
            log.passed(self._opened(), bound, self._target(bound), position, self._errors)
            self._noted[resource] = position.reader, time.monotonic()

    # ------------------------------------------------------------ inside

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = open_engine(self._config)
        return self._engine

    def _table(self, resource: str) -> Bound:
        return self._bound.get(resource) or self._bind(resource)

    def _bind(self, resource: str) -> Bound:
        config = self._resources.get(resource)
        if config is None:
            raise self._errors.misconfigured(
                f"there is no resource {resource}; configured are {', '.join(self._resources) or 'none'}",
                resource=resource,
            )
        known = self._bound.pop(resource, None)
        with self._connection("reading the shape of the table", resource) as connection:
            # stamped before it is read: what changes in between is seen the next time
            aim = self._targets.get(resource)
            stamp = shape.stamp(connection, known, aim) if known is not None else None
            if known is None or stamp is None or stamp != self._stamps.get(resource):
                self._stamps[resource] = stamp
                self._targets.pop(resource, None)
                known = table.bind(connection, resource, config, self._config.db_schema, self._errors)
                told = False
            else:
                told = known.dialect == "postgresql"  # the stamp is of what its tracking keeps, too
            if config.mode is ChangeMode.TRACKING and not told:
                known = self._with_tracking(connection, known)
        self._bound[resource] = known
        return known

    def _with_tracking(self, connection: Connection, bound: Bound) -> Bound:
        """The table, knowing what its tracking keeps besides the log: stamps and receipts."""
        aim = self._targets.get(bound.name)
        if aim is None:
            try:
                aim = self._targets[bound.name] = target(connection, bound, (), self._errors)
            except Misconfigured:  # said by whoever reads the log
                return bound
        return with_receipts(connection, with_registers(connection, bound, aim), aim)

    def _target(self, bound: Bound) -> Target:
        """What is tracked of a table, asked once for each of its shapes."""
        aim = self._targets.get(bound.name)
        if aim is None:
            with reading(self._opened()) as connection:
                aim = self._targets[bound.name] = target(connection, bound, (), self._errors)
        return aim

    @contextmanager
    def _connection(self, doing: str, resource: str = "") -> Iterator[Connection]:
        with self._translated(doing, resource), reading(self._opened()) as connection:
            yield connection

    @contextmanager
    def _translated(self, doing: str, resource: str) -> Iterator[None]:
        try:
            yield
        except DATABASE_ERRORS as error:
            raise self._errors.raised(error, doing, resource=resource) from error
