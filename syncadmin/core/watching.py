"""Watching without writing: what fingerprints of records tell of who edits what, and when edits meet.

Of a record only one number a field is kept, so that an edit shows and its value does not. Two edits meet if
they are of one field, or group of fields, of the paired records, one a side, within a span: the same meaning
as in `core.risk`, whose arithmetic goes on from here. Pure: no clock, and nothing is stored.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from .values import Value, empty, encode

WIDTH = 8  # bytes of a fingerprint
NOTHING = bytes(WIDTH)  # the fingerprint of an empty value, however it is spelled
UNKNOWN = 0  # the time of an edit that nobody can tell


def fingerprint(value: Value) -> bytes:
    """A canonical value as WIDTH bytes: equal for values that mean the same."""
    return NOTHING if empty(value) else _digest(encode({"": value}))


def raw_fingerprint(value: object) -> bytes:
    """The same of a value that has no canonical form."""
    return NOTHING if value is None or value == "" else _digest(repr(value).encode("utf-8", "surrogatepass"))


def number(text: bytes) -> int:
    """A text as one of 2**63 numbers, evenly spread: by it a record belongs to a sample, or not."""
    return int.from_bytes(_digest(text), "big") >> 1


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=WIDTH).digest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a record: its fingerprints (none: it is gone), and when each field was edited last.

    `edited` has one time more than there are fields: when the record itself was deleted. Seconds since 1970.
    """

    prints: bytes
    edited: bytes

    @property
    def gone(self) -> bool:
        """Whether it has been deleted."""
        return not self.prints

    def changed(self, prints: bytes) -> list[int]:
        """The numbers of the fields whose fingerprints are others now."""
        spans = range(0, len(prints), WIDTH)
        return [at // WIDTH for at in spans if self.prints[at : at + WIDTH] != prints[at : at + WIDTH]]

    def after(self, prints: bytes, fields: Sequence[int], at: int) -> Kept:
        """The same with other fingerprints, its `fields` edited at a time."""
        times = self.times()
        for one in fields:
            times[one] = at
        return Kept(prints, times.tobytes())

    def times(self) -> array[int]:
        """When each field was edited last, and when the record was deleted; UNKNOWN: never, or not told."""
        return array("I", self.edited)


def never_edited(fields: int) -> bytes:
    """The times of a record that nobody has edited yet."""
    return array("I", [UNKNOWN] * (fields + 1)).tobytes()


@dataclass(frozen=True, slots=True)
class Met:
    """An edit that met one of the other side: of which field, and whether both entered the same."""

    field: int
    equal: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """How edits are told to meet: fields that are decided together, and within how many seconds."""

    together: Sequence[frozenset[int]]
    near: float

    @classmethod
    def of(cls, names: Sequence[str], groups: Mapping[str, str], near: float) -> Rules:
        """`groups`: the group of each field that has one."""
        places = [groups.get(name) or f"field {name}" for name in names]
        return cls([frozenset(n for n, other in enumerate(places) if other == mine) for mine in places], near)

    def meetings(self, prints: bytes, fields: Sequence[int], at: int, partner: Kept) -> Iterator[Met]:
        """Which of the fields edited at a time met edits of the partner; a group's count once."""
        if at == UNKNOWN:
            return
        times = partner.times()
        told: set[frozenset[int]] = set()
        for one in fields:
            place = self.together[one]
            if place in told:
                continue
            others = (times[-1],) if partner.gone else tuple(times[other] for other in place)
            if any(other != UNKNOWN and abs(other - at) <= self.near for other in others):
                told.add(place)
                span = slice(one * WIDTH, (one + 1) * WIDTH)
                yield Met(one, not partner.gone and partner.prints[span] == prints[span])

    def met_by_delete(self, at: int, partner: Kept) -> bool:
        """Whether a delete at a time met an edit of any field of the partner."""
        if at == UNKNOWN:
            return False
        return any(time != UNKNOWN and abs(time - at) <= self.near for time in partner.times())
