"""A batch of writes made ready: names checked, values in their column's form, order kept.

What can be told without asking the database is told here: a value that no such column holds, a
key that no row can have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Merging, Op, Outcome, Receipt, Result, Write

from .columns import Family, UnfitValue, plain
from .errors import Errors
from .keys import key_text, key_value
from .table import Bound

# families whose values are in a log as they are read from the table, or as text that says the same
LOGGED = (
    Family.TEXT,
    Family.INTEGER,
    Family.DECIMAL,
    Family.BOOLEAN,
    Family.DATE,
    Family.CHOICE,
    Family.UUID,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A write with plain values, ready for the database. `index` is its place in the batch."""

    index: int
    op: Op
    key: str | None
    key_value: Any
    values: Mapping[str, Any]
    expected: Mapping[str, Any]
    stamps: Mapping[str, str] = field(default_factory=dict)
    newer: frozenset[str] = frozenset()
    merges: Mapping[str, Merging] = field(default_factory=dict)
    receipt: Receipt | None = None


class TransactionEnded(Exception):
    """The database ended the transaction while refusing a row (a trigger or constraint may do so)."""


def segments(prepared: Sequence[Prepared]) -> list[list[Prepared]]:
    """The writes in runs in which no key occurs twice: later writes to a record see the earlier ones."""
    runs: list[list[Prepared]] = [[]]
    seen: set[str] = set()
    for write in prepared:
        if write.key is not None:
            if write.key in seen:
                runs.append([])
                seen.clear()
            seen.add(write.key)
        runs[-1].append(write)
    return runs


def prepare(
    index: int, write: Write, bound: Bound, errors: Errors, outcomes: dict[int, Outcome]
) -> Prepared | None:
    """The write with plain values; None if its outcome is clear already."""
    values = _checked(write, bound, errors)
    bound.named(write.expected, errors)
    key = write.key
    if write.op is Op.CREATE:
        given = values.get(bound.key.name)
        key = key if key is not None else None if given is None else key_text(given)
        if key is not None:
            values = {bound.key.name: key, **{n: v for n, v in values.items() if n != bound.key.name}}
    elif key is None:
        raise ValueError(f"{write.op} of {bound.name} without a key")
    else:
        if bound.key.name in values and key_text(values[bound.key.name]) != key:
            outcomes[index] = Outcome(
                Result.REJECTED, key, said=f"the key {bound.key.name} cannot be changed"
            )
            return None
        values = {n: v for n, v in values.items() if n != bound.key.name}
    value = None if key is None else key_value(bound.key, key)
    if key is not None and value is None:
        said = f"{key!r} cannot be a value of the key column {bound.key.name}"
        result = Result.REJECTED if write.op is Op.CREATE else Result.GONE
        outcomes[index] = Outcome(result, key, said=said)
        return None
    try:
        values = {name: plain(bound.columns[name], v) for name, v in values.items()}
    except UnfitValue as error:
        outcomes[index] = Outcome(Result.REJECTED, key, said=str(error))
        return None
    try:
        expected = _expected(write, bound)
    except UnfitValue as error:
        outcomes[index] = Outcome(Result.STALE, key, said=str(error))
        return None
    stamps = {n: stamp for n, stamp in write.stamps.items() if n in bound.registers and n in values}
    newer = frozenset(
        n for n in write.newer if n in stamps and n in expected and bound.columns[n].family in LOGGED
    )
    merges = {n: merge for n, merge in write.merges.items() if n in values and n in expected}
    return Prepared(index, write.op, key, value, values, expected, stamps, newer, merges, write.receipt)


def _checked(write: Write, bound: Bound, errors: Errors) -> Mapping[str, Any]:
    for column in bound.named(write.values, errors):
        if not column.writable and column is not bound.key:
            raise errors.misconfigured(
                f"column {column.name} of table {bound.config.table} is computed by the database "
                "and cannot be written; take it out of the mapping, or let the other side follow it",
                resource=bound.name,
            )
    return write.values


def _expected(write: Write, bound: Bound) -> dict[str, Any]:
    if write.op is Op.CREATE:
        return {}
    if bound.version is not None and write.version is not None:
        return {bound.version.name: plain(bound.version, write.version)}
    return {name: _comparable(bound, name, value) for name, value in write.expected.items()}


def _comparable(bound: Bound, name: str, value: Any) -> Any:
    try:
        return plain(bound.columns[name], value)
    except UnfitValue:
        if bound.dialect == "sqlite":  # which keeps anything in any column
            return value
        raise


def missed_outcome(write: Prepared, there: bool) -> Outcome:
    """The outcome of a conditional write that met no row."""
    if not there:
        return Outcome(Result.GONE, write.key, said="there is no such row")
    return Outcome(
        Result.STALE,
        write.key,
        said=f"not as expected: {', '.join(write.expected) or 'ignored by the database'}",
    )
