"""The profile of a resource: what its records hold, field by field, and when they were last changed.

Records stream through a `Profiler`, which keeps a bounded amount, whatever comes: counters, sketches of
values, a few examples, and of the first records the hashes of their values. `finish` gives the profile, plain
data that can be stored and compared with that of the other side.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from syncadmin.core.values import Kind

from . import forms
from .sketch import Sketch, hash_of

CELLS = 2_000_000  # hashes of values kept of the first records: 16 MB
ENTRIES = 150_000  # values kept by all sketches of a resource
MOST_FIELDS = 150
LARGEST_SKETCH, SMALLEST_SKETCH = 5_000, 500
SHAPES = 200  # different shapes counted a field
SHOWN_SHAPES = 5
LOOKED_AT = 2_000  # texts whose format is looked at, and then one of so many:
ONE_OF = 16
SURE = 0.98  # the share of values that must fit a kind for the field to be taken as of that kind
SEPARATORS = (";", ",", "|")
AGES = (
    ("hour", timedelta(hours=1)),
    ("day", timedelta(days=1)),
    ("week", timedelta(days=7)),
    ("month", timedelta(days=30)),
    ("quarter", timedelta(days=91)),
    ("year", timedelta(days=365)),
)
OLDER, AHEAD = "older", "ahead"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the system itself says of a field. `type` is a kind's name, anything else: it can't tell."""

    name: str
    type: str = ""
    native: str = ""
    writable: bool = True
    max_length: int | None = None
    scale: int | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """One field. Counts are of values; `fits` is the share of filled values that are of `kind`.

    `shortest` to `longest` are characters, `low` to `high` numbers or times; `spaced` values have space
    around them, `zoned` times say their zone, `stamps` equal the record's own time of change. `formats`,
    `shapes` and `separated` are of `looked` texts: the first ones, and then some of the rest.
    """

    declared: Declared
    kind: Kind
    fits: float
    seen: int
    filled: int
    nulls: int
    formats: Mapping[str, int]
    shapes: Sequence[tuple[str, int]]
    shortest: int | None
    longest: int | None
    low: str
    high: str
    scale: int
    spaced: int
    upper: int
    times: int
    zoned: int
    stamps: int
    looked: int
    separated: Mapping[str, int]
    examples: Sequence[str]
    plain: Sketch
    exact: Sketch

    @property
    def name(self) -> str:
        """The system's own name of the field."""
        return self.declared.name

    @property
    def format(self) -> str:
        """The format that nearly all values have, "" if there is none."""
        name, count = max(self.formats.items(), key=lambda item: item[1], default=("", 0))
        return name if count and count >= SURE * self.looked else ""

    @property
    def fill(self) -> float:
        """The share of records that hold a value."""
        return self.filled / self.seen if self.seen else 0.0

    @property
    def stamp(self) -> bool:
        """Whether this is the field that says when a record was last changed."""
        return self.filled > 0 and self.stamps >= SURE * self.filled


@dataclass(frozen=True, slots=True)
class Rows:
    """The first records as hashes of plain values, row by row (0: no value), and when each was changed."""

    width: int
    cells: bytes
    modified: bytes

    def __len__(self) -> int:
        return len(self.modified) // 8

    def columns(self) -> list[array[int]]:
        """The hashes, a column a field."""
        cells = array("Q", self.cells)
        return [cells[at :: self.width] for at in range(self.width)]

    def times(self) -> array[float]:
        """Seconds since 1970 at which each record was changed; not a number where that is not known."""
        return array("d", self.modified)


@dataclass(frozen=True, slots=True)
class ResourceProfile:
    """A resource as far as it was read. `whole`: every record of it was.

    `ages` counts records by how long ago they were changed (the names in AGES, then OLDER; AHEAD: in the
    future), `timed` all that tell it.
    """

    key: str
    records: int
    whole: bool
    timed: int
    oldest: datetime | None
    newest: datetime | None
    ages: Mapping[str, int]
    fields: Sequence[FieldProfile]
    left_out: int
    rows: Rows

    @property
    def aligned(self) -> bool:
        """Whether `rows` are all records."""
        return self.whole and len(self.rows) == self.records


@dataclass(slots=True)
class _Field:
    """What is counted of one field while records stream by."""

    declared: Declared
    plain: Sketch
    exact: Sketch
    seen: int = 0
    nulls: int = 0
    filled: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    separated: Counter[str] = field(default_factory=Counter)
    shortest: int | None = None
    longest: int | None = None
    numbers: tuple[Decimal, Decimal] | None = None
    moments: tuple[str, str] | None = None
    scale: int = 0
    spaced: int = 0
    upper: int = 0
    zoned: int = 0
    times: int = 0
    stamps: int = 0
    looked: int = 0

    def add(self, value: Any, key: str, modified: str) -> int:
        """Count one value; answers the hash of its plain form, 0 if it says nothing."""
        self.seen += 1
        if forms.nothing(value):
            self.nulls += value is None
            return 0
        self.filled += 1
        plain, kind = forms.plain(value), forms.kind_of(value)
        self.kinds[kind] += 1
        if isinstance(value, str):
            self._text(value)
        if kind in (Kind.INTEGER, Kind.DECIMAL):
            self._number(plain)
        elif kind in (Kind.DATE, Kind.DATETIME):
            self._time(value, plain, modified)
        hashed = hash_of(plain)
        written = forms.exact(value)
        if self.plain.wants(hashed):
            self.plain.add(hashed, forms.example(written), forms.example(key))
        else:
            self.plain.add(hashed)
        self.exact.add(hashed if written == plain else hash_of(written))
        return hashed

    def _text(self, text: str) -> None:
        length = len(text)
        self.shortest = length if self.shortest is None else min(self.shortest, length)
        self.longest = length if self.longest is None else max(self.longest, length)
        if length > forms.SHORT:
            return
        self.spaced += text != text.strip()
        self.upper += text != text.lower()
        if self.filled > LOOKED_AT and self.filled % ONE_OF:
            return
        self.looked += 1
        if found := forms.format_of(text):
            self.formats[found] += 1
        for separator in SEPARATORS:
            self.separated[separator] += separator in text
        shape = forms.shape(text)
        if shape in self.shapes or len(self.shapes) < SHAPES:
            self.shapes[shape] += 1

    def _number(self, plain: str) -> None:
        try:
            number = Decimal(plain)
        except ArithmeticError:
            return
        if not number.is_finite():
            return
        low, high = self.numbers or (number, number)
        self.numbers = min(low, number), max(high, number)
        self.scale = max(self.scale, len(plain.partition(".")[2]))

    def _time(self, value: Any, plain: str, modified: str) -> None:
        at = forms.time_of(value)
        self.times += isinstance(at, datetime)
        self.zoned += isinstance(at, datetime) and at.tzinfo is not None
        self.stamps += bool(modified) and plain == modified
        low, high = self.moments or (plain, plain)
        self.moments = min(low, plain), max(high, plain)

    def finish(self) -> FieldProfile:
        self.plain.prune()
        self.exact.prune()
        kind, fits = self._kind()
        low, high = ("", "")
        if kind in (Kind.INTEGER, Kind.DECIMAL) and self.numbers:
            low, high = f"{self.numbers[0]:f}", f"{self.numbers[1]:f}"
        elif kind in (Kind.DATE, Kind.DATETIME) and self.moments:
            low, high = self.moments
        separated = {text: count for text, count in self.separated.items() if count}
        return FieldProfile(
            declared=self.declared,
            kind=kind,
            fits=fits,
            seen=self.seen,
            filled=self.filled,
            nulls=self.nulls,
            formats=dict(self.formats),
            shapes=self.shapes.most_common(SHOWN_SHAPES),
            shortest=self.shortest,
            longest=self.longest,
            low=low,
            high=high,
            scale=self.scale,
            spaced=self.spaced,
            upper=self.upper,
            times=self.times,
            zoned=self.zoned,
            stamps=self.stamps,
            looked=self.looked,
            separated=separated,
            examples=[value for _, value, _ in self.plain.examples(5)],
            plain=self.plain,
            exact=self.exact,
        )

    def _kind(self) -> tuple[Kind, float]:
        """The system's own word where that says more than text; else what nearly all values are."""
        told = Kind(self.declared.type) if self.declared.type in set(Kind) else None
        if not self.filled:
            return told or Kind.TEXT, 0.0
        merged = Counter(self.kinds)
        for narrow, wide in ((Kind.INTEGER, Kind.DECIMAL), (Kind.DATE, Kind.DATETIME), (Kind.SET, Kind.JSON)):
            if merged[wide]:  # a decimal that happens to be whole is one all the same
                merged[wide] += merged[narrow]
        guessed, count = merged.most_common(1)[0]
        share = min(1.0, count / self.filled)
        if told is not None and told is not Kind.TEXT:
            return told, min(1.0, merged[told] / self.filled) if merged[told] else 1.0
        return (guessed, share) if share >= SURE else (Kind.TEXT, 1.0)


class Profiler:
    """Takes records in, one by one. `now` is the time from which ages count."""

    def __init__(self, declared: Iterable[Declared], key: str, now: datetime) -> None:
        listed = list(declared)
        self._key, self._now = key, now
        kept = [one for one in listed if forms.clean(one.name) == one.name][:MOST_FIELDS]
        self._left_out = len(listed) - len(kept)
        size = max(SMALLEST_SKETCH, min(LARGEST_SKETCH, ENTRIES // max(1, len(kept))))
        self._fields = [_Field(one, Sketch(size), Sketch(size)) for one in kept]
        self._cells = array("Q")
        self._modified = array("d")
        self._most_rows = CELLS // max(1, len(kept))
        self._ages: Counter[str] = Counter()
        self._range: tuple[datetime, datetime] | None = None
        self.records = 0

    @property
    def wanted(self) -> list[str]:
        """The names of the fields to read."""
        return [one.declared.name for one in self._fields]

    def add(self, key: str, values: Mapping[str, Any], modified: datetime | None) -> None:
        """Take in one record. A field that is not in `values` was not delivered, and counts as not seen."""
        self.records += 1
        modified = _aware(modified)
        stamp = forms.moment(modified) if modified else ""
        if modified:
            self._age(modified)
        hashes = [
            one.add(values[one.declared.name], key, stamp) if one.declared.name in values else 0
            for one in self._fields
        ]
        if len(self._modified) < self._most_rows:
            self._cells.extend(hashes)
            self._modified.append(modified.timestamp() if modified else float("nan"))

    def _age(self, modified: datetime) -> None:
        oldest, newest = self._range or (modified, modified)
        self._range = min(oldest, modified), max(newest, modified)
        age = self._now - modified
        name = next((name for name, most in AGES if age <= most), OLDER)
        self._ages[AHEAD if age < timedelta(minutes=-5) else name] += 1

    def finish(self, *, whole: bool) -> ResourceProfile:
        """The profile of what came; `whole`: nothing is left to come."""
        oldest, newest = self._range or (None, None)
        return ResourceProfile(
            key=self._key,
            records=self.records,
            whole=whole,
            timed=sum(self._ages.values()),
            oldest=oldest,
            newest=newest,
            ages=dict(self._ages),
            fields=[one.finish() for one in self._fields],
            left_out=self._left_out,
            rows=Rows(len(self._fields), self._cells.tobytes(), self._modified.tobytes()),
        )


def _aware(at: Any) -> datetime | None:
    """A time with its zone; a system that tells none means UTC."""
    if isinstance(at, datetime):
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return datetime(at.year, at.month, at.day, tzinfo=UTC) if isinstance(at, date) else None


def packed(profile: ResourceProfile) -> bytes:
    """A profile as bytes, to be kept while the other side is read."""
    return msgspec.msgpack.encode(profile)


def unpacked(data: bytes) -> ResourceProfile:
    """The profile that `packed` was given."""
    return msgspec.msgpack.decode(data, type=ResourceProfile)
