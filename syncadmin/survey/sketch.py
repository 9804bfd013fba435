"""Distinct values in bounded memory: exact up to a bound, beyond it a fair sample with a known error.

Of all values those with the smallest hashes are kept, each with how often it came (a bottom-k sketch, also
known as K minimum values). Which values are kept depends on the values alone, so sketches of two sides kept
values of the same hashes: what they share can be counted, which two random samples could not tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

HASHES = 2**63


def hash_of(text: str) -> int:
    """A text as one of 2**63 numbers, evenly spread, the same in every process. Never 0, which means none."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1


@dataclass(slots=True)
class Sketch:
    """The values with the smallest hashes, at most `size`: hash -> (times seen, the value, a record's key).

    `limit`: all values with a hash below it are here. The counts of those are exact.
    """

    size: int
    limit: int = HASHES
    total: int = 0
    entries: dict[int, tuple[int, str, str]] = field(default_factory=dict)

    def add(self, hashed: int, value: str = "", key: str = "") -> None:
        """Count one value."""
        self.total += 1
        if hashed >= self.limit:
            return
        known = self.entries.get(hashed)
        if known is not None:
            self.entries[hashed] = (known[0] + 1, known[1], known[2])
            return
        self.entries[hashed] = (1, value, key)
        if len(self.entries) > 2 * self.size:
            self.prune()

    def wants(self, hashed: int) -> bool:
        """Whether a value with this hash is a new one that would be kept."""
        return hashed < self.limit and hashed not in self.entries

    def prune(self) -> None:
        """Keep the smallest hashes only."""
        if len(self.entries) <= self.size:
            return
        kept = sorted(self.entries)[: self.size]
        self.limit = kept[-1] + 1
        self.entries = {hashed: self.entries[hashed] for hashed in kept}

    @property
    def exact(self) -> bool:
        """Whether every value is here."""
        return self.limit == HASHES

    @property
    def distinct(self) -> int:
        """How many different values there are; an estimate unless `exact` (off by about 1 / sqrt(size))."""
        if self.exact:
            return len(self.entries)
        return round((len(self.entries) - 1) * HASHES / self.limit)

    @property
    def single(self) -> float:
        """The share of different values that came once only."""
        once = sum(1 for times, _, _ in self.entries.values() if times == 1)
        return once / len(self.entries) if self.entries else 0.0

    def below(self, limit: int) -> dict[int, tuple[int, str, str]]:
        """The values with a hash below `limit`, which must not be above the sketch's own."""
        if limit >= self.limit:
            return self.entries
        return {hashed: entry for hashed, entry in self.entries.items() if hashed < limit}

    def examples(self, count: int) -> Iterator[tuple[int, str, str]]:
        """Values drawn by chance, the same ones every time: (times seen, the value, a record's key)."""
        for hashed in sorted(self.entries)[:count]:
            yield self.entries[hashed]


def shared(one: Sketch, other: Sketch) -> tuple[int, int, int]:
    """Different values of both that can be compared: how many `one` has, `other` has, and both have."""
    limit = min(one.limit, other.limit)
    mine, theirs = one.below(limit), other.below(limit)
    return len(mine), len(theirs), len(mine.keys() & theirs.keys())
