"""The connector Protocol, its data types and its errors.

A connector reads pages, reads records by key and writes batches in one system. It knows nothing of
mappings, links or Django. Keys are `str` everywhere outside a connector; raw values are plain Python
values (str, int, float, Decimal, bool, date, datetime, list, dict, None).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

# ---------------------------------------------------------------- errors


class ConnectorError(Exception):
    """Base of all connector errors; carries where it happened and the system's own words."""

    def __init__(
        self, message: str, *, system: str = "", resource: str = "", key: str = "", said: str = ""
    ) -> None:
        super().__init__(message)
        self.message, self.system, self.resource, self.key, self.said = message, system, resource, key, said

    def __str__(self) -> str:
        place = " ".join(part for part in (self.system, self.resource, self.key) if part)
        said = f" (it said: {self.said})" if self.said else ""
        return f"{place}: {self.message}{said}" if place else f"{self.message}{said}"


class Misconfigured(ConnectorError):
    """The configuration cannot work as it is: wrong credentials, unknown table, no key, bad selector.

    A person must act; retrying does not help.
    """


class Retry(ConnectorError):
    """The system is unreachable or overloaded now; nothing was done. `after` is its wish, if any."""

    def __init__(self, message: str, *, after: timedelta | None = None, **context: str) -> None:
        super().__init__(message, **context)
        self.after = after


class Spent(Retry):
    """What may be asked today for this purpose has been asked. What is more urgent may still go on."""


class Unknown(ConnectorError):
    """A write was sent and its effect is not known. Look before doing anything else."""


class Gap(ConnectorError):
    """What changed since the cursor can't be told any more: only a full comparison finds it."""


class Unreadable(ConnectorError):
    """An answer is not what the configuration says it should be (selector, key, page shape)."""


# ---------------------------------------------------------------- description


class Guarantee(StrEnum):
    """How safe a write is: the system refuses a stale one, we check just before, or neither."""

    ATOMIC = "atomic"
    CHECKED = "checked"
    BLIND = "blind"


class ChangeMode(StrEnum):
    """How changes are found: by a modified cursor, by our triggers, or by full scans only."""

    CURSOR = "cursor"
    TRACKING = "tracking"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field as the system describes it. `type` is a canonical kind's name or 'unknown'.

    `precision` and `scale` count the digits, in all and after the point, that a decimal may have; `low` and
    `high` bound an integer; `choices` are all values there are, if they are listed. None or empty: not known.
    `needed`: the system makes no record without a value for it, as far as it tells.
    """

    name: str
    type: str
    nullable: bool = True
    writable: bool = True
    max_length: int | None = None
    native: str = ""
    precision: int | None = None
    scale: int | None = None
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """A resource as introspection found it. `key` is '' if it has none that identifies a record; `parts` are
    the fields that do so only together.

    `complete` is false if the system cannot tell its fields (then unknown fields are allowed).
    """

    name: str
    key: str
    fields: tuple[FieldInfo, ...] = ()
    complete: bool = True
    count: int | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What can be promised for a resource. Guarantees are per operation.

    `finds` tells if `find` works (search by field values); `deletes` if records can be deleted at all (else a
    delete is REJECTED); `tombstones` if deletes are reported by `changes`; `batch` is the largest number of
    writes in one call that is worth making;
    `answers` tells if an applied outcome carries the record as the write left it; `idempotent` that a
    create repeated with the same idempotency makes no second record (it answers APPLIED, or STALE with the
    key if that record has been changed since). One request carries `writes_together` writes, or reads
    `reads_together` records by key, and `at_once` requests run at the same time: for estimates. `stamps` are
    the fields of which it keeps when each was last changed, as text that sorts by that in all systems which
    keep it: `fetch` and `changes` tell them, and `write` takes over those that come with the values.
    `receipts` names the place where it notes which writes it has carried out (see `KeepsReceipts`), '' if it
    notes none: what was noted in a place of another name is not known any more.
    """

    changes: ChangeMode
    update: Guarantee
    delete: Guarantee
    create: Guarantee = Guarantee.ATOMIC
    finds: bool = True
    deletes: bool = True
    tombstones: bool = False
    batch: int = 5000
    answers: bool = True
    versions: bool = False
    idempotent: bool = False
    writes_together: int = 5000
    reads_together: int = 5000
    at_once: int = 1
    stamps: tuple[str, ...] = ()
    receipts: str = ""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A system's clock beside ours: it is `ahead` by so many seconds, give or take `error`."""

    ahead: float
    error: float


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One line of a connection test: what was checked, how it went, what to do about it.

    `settings` are dotted paths of the settings that a person should look at first, if it went wrong.
    """

    name: str
    ok: bool
    detail: str = ""
    remedy: str = ""
    settings: tuple[str, ...] = ()


# ---------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the system gave it: raw values by the system's own field names (dots for nested).

    A field the system did not deliver is absent from `values`: not an empty value. `who` changed it last,
    where the system tells that with the change. `stamps` (see `Capabilities`) were read with the values.
    """

    key: str
    values: Mapping[str, Any]
    version: str | None = None
    modified: datetime | None = None
    who: str = ""
    stamps: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """A value of a record that was not as our write expected it, and was replaced because it is older."""

    key: str
    field: str
    expected: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a read. `cursor` (JSON-native) is how far the side has been read once the page was handled.

    `gone` are keys that the system itself reports as deleted (tombstones). `replaced` tells of values that
    our own writes have replaced by newer ones before anybody had read them (see `Write`), each once.
    """

    records: Sequence[Record]
    cursor: Any = None
    gone: Sequence[str] = ()
    replaced: Sequence[Replaced] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """Answer of a read by key: the found ones, and keys that the system proved not to hold.

    A key in neither was not answered (no permission, an error): absence is not proven.
    """

    found: Mapping[str, Record]
    absent: frozenset[str] = frozenset()


# ---------------------------------------------------------------- writing


class Op(StrEnum):
    """What a write does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


Merging = Callable[[Any], Any]
"""From the raw value that a field holds to the one that it is to get. Raises ValueError if there is none."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write is known by: who made it, and its number there.

    Where one write was sent as several, `parts` names what each of them was about.
    """

    by: str
    id: str
    parts: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Write:
    """One write with what the system must still hold for it to be allowed.

    `values` are raw values by the system's field names. `expected` are raw values, compared by the
    system itself (atomic) or by a read just before (checked). `version`, where the system has
    versions, is used instead of `expected`. `idempotency` names a create for systems that know keys. `stamps`
    are those of the values, for fields of which the system keeps some. Where a field in `newer` is not as
    expected, but its stamp there is an older one, the system may write it all the same, and tell what it has
    replaced with its next changes (`Page.replaced`). Where a field in `merges` is not as expected, the system
    may write what its function makes of the value that is there, while nobody else can change it. A write
    with a `receipt` leaves that in the system, and is refused as stale where it has been left before.
    """

    op: Op
    key: str | None
    values: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None
    idempotency: str = ""
    stamps: Mapping[str, str] = field(default_factory=dict)
    newer: frozenset[str] = frozenset()
    merges: Mapping[str, Merging] = field(default_factory=dict)
    receipt: Receipt | None = None


class Result(StrEnum):
    """What the system answered to one write."""

    APPLIED = "applied"
    STALE = "stale"  # the record is not as expected; nothing was written
    GONE = "gone"  # the record is not there; nothing was written
    REJECTED = "rejected"  # the system refuses the value; a person must look
    RETRY = "retry"  # not done; try again later
    UNKNOWN = "unknown"  # sent, effect not known


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one write, in the order of the writes.

    `record` is the record as this very write left it, where the system tells (bound to the write,
    or to the version that it produced); `said` are the system's own words for anything but APPLIED.
    `window`: seconds between the checking read and the answer, where the guarantee is CHECKED; `raced`: the
    record's own versions show another change within it, which this write may have overwritten. `merged` are
    the values, by field, that were written in place of the given ones, to account for what was there.
    """

    result: Result
    key: str | None = None
    record: Record | None = None
    said: str = ""
    after: timedelta | None = None
    window: float | None = None
    raced: bool = False
    merged: Mapping[str, Any] = field(default_factory=dict)


def skipped(before: str | None, after: str | None) -> bool:
    """Whether versions that count changes show more than one change between two readings of a record."""
    if before is None or after is None or not (before.isdecimal() and after.isdecimal()):
        return False
    return int(after) - int(before) > 1


# ---------------------------------------------------------------- the Protocol


@runtime_checkable
class Connector(Protocol):
    """One open connection to one system. Not shared between threads; closed by `close`."""

    kind: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    ResourceConfig: ClassVar[type[BaseModel]]

    def __init__(self, config: BaseModel, resources: Mapping[str, BaseModel], *, system: str = "") -> None:
        """Keep the configuration; connect lazily. Raises nothing but Misconfigured."""

    def check(self) -> list[CheckItem]:
        """Test the connection: reachable, authenticated, resources readable. Never raises ConnectorError."""
        ...

    def discover(self) -> list[ResourceInfo]:
        """All resources the system offers (for building a configuration)."""
        ...

    def describe(self, resource: str) -> ResourceInfo:
        """A configured resource as the system has it now. Raises Misconfigured (no such table, no key...)."""
        ...

    def capabilities(self, resource: str) -> Capabilities:
        """What can be promised for a configured resource."""
        ...

    def changes(self, resource: str, cursor: Any, *, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Pages of records changed since `cursor` (None: only establish a cursor, no records), with overlap.

        `fields` are those wanted; key, version and modified come by themselves. Ends when caught up.
        """
        ...

    def scan(self, resource: str, *, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Every record, in pages of at most `limit`, in key order if possible. Raises if incomplete."""
        ...

    def fetch(self, resource: str, keys: Sequence[str], *, fields: Sequence[str]) -> Fetched:
        """Records by key, in bulk, fresh."""
        ...

    def find(
        self, resource: str, field: str, values: Sequence[Any], *, fields: Sequence[str]
    ) -> list[Record]:
        """Records whose `field` equals one of the raw `values`."""
        ...

    def write(self, resource: str, writes: Sequence[Write], *, fields: Sequence[str]) -> list[Outcome]:
        """Carry out writes; exactly one outcome each, in order. `fields` are wanted in `Outcome.record`.

        Raises Misconfigured or Retry only if nothing at all was written.
        """
        ...

    def close(self) -> None:
        """Release connections. Safe to call twice."""
        ...


@runtime_checkable
class TellsTime(Protocol):
    """A connector that can tell how its system's clock differs from ours."""

    def clock(self) -> ClockReading | None:
        """The difference as far as it is known now, None if it can't be told. Raises ConnectorError."""
        ...


@runtime_checkable
class KeepsReceipts(Protocol):
    """A connector that can tell which writes its system has carried out, however they ended for others."""

    def carried_out(self, resource: str, asked: Sequence[tuple[str, Receipt]]) -> list[frozenset[str]]:
        """Of each (key, receipt) the parts that were carried out. Raises ConnectorError.

        The others never will be: whoever still sends one is refused.
        """
        ...
