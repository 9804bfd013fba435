"""What a connector offers whose system can hash its own records, so that equal ones need not be read.

A fingerprint is made of ranges of keys. For each it has the number of records and two sums, modulo 2**64, of
hashes over key and fields. It is only ever compared with one that the same system made: how a system hashes
is its own affair. Hashes depend on a `seed`, so that nobody can prepare values that cancel each other out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from .base import Record

Sum = tuple[int, int, int]  # number of records, sums of both hashes
Hash = tuple[int, int]
Span = tuple[str | None, str | None]  # from this key on, up to but without that one; None: no end
MODULUS = 2**64


class Order(StrEnum):
    """How keys are ordered for ranges: as whole numbers of 64 bits, or as the bytes of their UTF-8 text."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Hashed:
    """One page of a read, with the hash of each record as it is in the sums of a fingerprint."""

    records: Sequence[Record]
    hashes: Sequence[Hash]


@runtime_checkable
class Fingerprints(Protocol):
    """A connector whose system hashes records by itself."""

    def order(self, resource: str) -> Order | None:
        """How the resource's keys are ordered; None if it can't be fingerprinted (see `hindrance`)."""
        ...

    def hindrance(self, resource: str) -> str:
        """Why a resource can't be fingerprinted, for a person; '' if it can."""
        ...

    def sums(
        self, resource: str, bounds: Sequence[str], *, fields: Sequence[str], seed: int
    ) -> list[Sum] | None:
        """The fingerprint over the ranges below, between and from the last of `bounds` on, in one look.

        `bounds` are in order. None if there are keys that are not in the resource's order.
        """
        ...

    def hashed(
        self, resource: str, spans: Sequence[Span], *, fields: Sequence[str], seed: int, limit: int
    ) -> Iterator[Hashed]:
        """Every record of these ranges, which do not overlap, with the hash of exactly what is delivered."""
        ...
