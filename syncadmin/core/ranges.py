"""Ranges of keys whose records need not be compared again, because neither side of the comparison changed.

When a system and what the hub knows of it have been compared, the fingerprints of both are kept, range by
range. Later, a range where both are as they were then holds nothing new: comparing it would find what it
found before. Only where one of them differs the records are read. A range in which something was found is
not `clean`: it is read each time, until nothing is found there.

Pure: where fingerprints come from, and where they are kept, is the engine's affair.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

Sum = tuple[int, int, int]  # number of records, two sums of hashes modulo 2**64
Span = tuple[str | None, str | None]  # from this key on, up to but without that one; None: no end
NOTHING: Sum = (0, 0, 0)
MODULUS = 2**64
SIZE = 1000  # records in a range, when it is made
_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}|[1-9]\d{18}", re.ASCII)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """A record of a system that was just compared: its key, and its hashes."""

    key: str
    high: int
    low: int


@dataclass(frozen=True, slots=True)
class Range:
    """Keys from `first` on (the first range: all below the second), as they were when compared.

    `system` is the fingerprint of its records, `known` of what the hub knows of them.
    """

    first: str
    system: Sum
    known: Sum = NOTHING
    clean: bool = True


@dataclass(frozen=True, slots=True)
class Ranges:
    """All keys of a side in ranges, in order. `numbers` tells if keys are ordered as numbers, else as text.

    `elsewhere` is what the hub knows of keys that have no place in this order.
    """

    numbers: bool
    ranges: tuple[Range, ...]
    elsewhere: Sum = NOTHING

    @property
    def bounds(self) -> list[str]:
        """The keys at which a range begins, but for the first."""
        return [r.first for r in self.ranges[1:]]

    @property
    def edges(self) -> list[Any]:
        """The bounds, as they are ordered."""
        return [int(key) for key in self.bounds] if self.numbers else self.bounds

    def known(self) -> Sum:
        """The fingerprint of all that the hub knows."""
        return total([self.elsewhere, *(r.known for r in self.ranges)])


def place(edges: Sequence[Any], numbers: bool, key: str) -> int | None:
    """The number of the range that a key belongs to; None if it has no place in the order."""
    if not numbers:
        return bisect_right(edges, key)
    if not _NUMBER.fullmatch(key) or int(key) > _LARGEST:
        return None
    return bisect_right(edges, int(key))


def total(sums: Iterable[Sum]) -> Sum:
    """The fingerprint of several ranges together."""
    count = high = low = 0
    for n, one, two in sums:
        count, high, low = count + n, high + one, low + two
    return count, high % MODULUS, low % MODULUS


def suspect(kept: Ranges, system: Sequence[Sum], known: Sequence[Sum] | None) -> list[int]:
    """The ranges that have to be read: unlike they were, or not clean. `known` None: all as it was."""
    return [
        n
        for n, r in enumerate(kept.ranges)
        if not r.clean or r.system != system[n] or (known is not None and r.known != known[n])
    ]


def spans(kept: Ranges, wanted: Sequence[int]) -> list[Span]:
    """What to read for these ranges, in order; neighbours are read together."""
    found: list[Span] = []
    for _, run in groupby(enumerate(wanted), lambda pair: pair[1] - pair[0]):
        numbers = [n for _, n in run]
        first, end = numbers[0], numbers[-1] + 1
        found.append(
            (
                kept.ranges[first].first if first else None,
                kept.ranges[end].first if end < len(kept.ranges) else None,
            )
        )
    return found


def made_of(rows: Iterable[Row], first: str = "") -> list[Range]:
    """Ranges of rows, which come in the order of their keys. The first begins at `first`."""
    found: list[Range] = []
    count = high = low = 0
    for row in rows:
        if count == SIZE:
            found.append(Range(first, total([(count, high, low)])))
            first, count, high, low = row.key, 0, 0, 0
        count, high, low = count + 1, high + row.high, low + row.low
    return [*found, Range(first, total([(count, high, low)]))]


def renewed(kept: Ranges, read: Collection[int], rows: Iterable[Row]) -> Ranges:
    """The ranges after those in `read` have been read again: `rows` are all of theirs, in order.

    A range that has grown to twice its size is divided. What the hub knows is to be filled in.
    """
    edges = kept.edges
    parts = {n: list(made) for n, made in groupby(rows, lambda row: place(edges, kept.numbers, row.key))}
    found: list[Range] = []
    for n, r in enumerate(kept.ranges):
        if n not in read:
            found.append(r)
        elif len(mine := parts.get(n, [])) > 2 * SIZE:
            found += made_of(mine, r.first)
        else:
            found.append(Range(r.first, total((1, row.high, row.low) for row in mine)))
    return replace(kept, ranges=tuple(found))


def with_known(ranges: Ranges, known: Sequence[Sum], elsewhere: Sum, unclean: Collection[int]) -> Ranges:
    """The ranges with what the hub knows now; those in `unclean` had something found in them."""
    filled = (
        replace(r, known=known[n], clean=r.clean and n not in unclean) for n, r in enumerate(ranges.ranges)
    )
    return replace(ranges, ranges=tuple(filled), elsewhere=elsewhere)
