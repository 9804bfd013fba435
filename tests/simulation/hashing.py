"""A simulated system that hashes its own records, so that a comparison reads only what may have changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from connectors.base import Record
from connectors.fingerprints import MODULUS, Hash, Hashed, Order, Span, Sum

from .connector import SimConnector
from .system import Row

SMALL = 2  # records in a range: the worlds are small


class HashingConnector(SimConnector):
    """One open connection to such a system. Its hashes are of what is there, never of a listing that lags."""

    def order(self, resource: str) -> Order:
        """Keys are ordered as text."""
        return Order.TEXT

    def hindrance(self, resource: str) -> str:
        """Every table can be fingerprinted."""
        return ""

    def sums(
        self, resource: str, bounds: Sequence[str], *, fields: Sequence[str], seed: int
    ) -> list[Sum] | None:
        """The fingerprint of all ranges in one look."""
        self.chaos.remote(self.system.side, "scan")
        totals = [[0, 0, 0] for _ in range(len(bounds) + 1)]
        for row in self.system.live(resource).values():
            total = totals[bisect_right(bounds, row.key)]
            for place, part in enumerate((1, *_hash(self._record(row, fields), seed))):
                total[place] += part
        return [(count, high % MODULUS, low % MODULUS) for count, high, low in totals]

    def hashed(
        self, resource: str, spans: Sequence[Span], *, fields: Sequence[str], seed: int, limit: int
    ) -> Iterator[Hashed]:
        """Pages of the records of these ranges; things happen between them."""
        for first, end in spans:
            after = ""
            while page := self._page(resource, first, end, after):
                after = page[-1].key
                records = [self._record(row, fields) for row in page]
                yield Hashed(records, [_hash(record, seed) for record in records])
                self.chaos.shift(self.system.side)

    def _page(self, resource: str, first: str | None, end: str | None, after: str) -> list[Row]:
        self.chaos.remote(self.system.side, "scan")
        rows = sorted(self.system.live(resource).values(), key=lambda row: row.key)
        within = (
            r for r in rows if r.key > after and r.key >= (first or "") and (end is None or r.key < end)
        )
        return list(within)[: self.habits.page]


def _hash(record: Record, seed: int) -> Hash:
    values = sorted(record.values.items(), key=str)
    told = blake2b(repr((record.key, values)).encode(), digest_size=16, key=seed.to_bytes(8, "big")).digest()
    return int.from_bytes(told[:8], "big", signed=True), int.from_bytes(told[8:], "big", signed=True)
