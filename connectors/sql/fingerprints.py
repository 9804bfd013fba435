"""Fingerprints of ranges of rows, made by the database itself.

PostgreSQL hashes the text of a row twice, with different seeds. MariaDB and MySQL hash it by MD5, of which
both halves are used. SQLite has no hash: its rows are hashed here, which still saves their translation and
comparison. A row's text has every byte of its columns, and tells NULL from an empty text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import mysql

from connectors.fingerprints import MODULUS, Hash, Hashed, Order, Span, Sum

from . import read
from .columns import Column, Family
from .select import Native, Row, Selection, run
from .table import Bound

SPANS = 20  # ranges in one statement
_BIG = (-(2**63), 2**63 - 1)


def hindrance(bound: Bound) -> str:
    """Why ranges of this table's keys can't be told apart exactly, for a person; '' if they can."""
    if order(bound) is None:
        return f"its key {bound.key.name} is of type {bound.key.native}"
    return ""


def order(bound: Bound) -> Order | None:
    """How the keys are ordered, in every database alike; None if there is no such order."""
    key = bound.key
    if key.family is Family.INTEGER:
        low, high = key.bounds or _BIG
        return Order.NUMBER if low >= _BIG[0] and high <= _BIG[1] else None
    if key.family in (Family.TEXT, Family.UUID) and key.native != "bpchar":
        return Order.TEXT
    return None


def sums(
    engine: Engine, bound: Bound, columns: Sequence[Column], bounds: Sequence[str], seed: int
) -> list[Sum] | None:
    """The fingerprint over the ranges that `bounds` make. None if some keys are not in the order."""
    found: list[Sum] = [(0, 0, 0)] * (len(bounds) + 1)
    with engine.connect() as connection:
        if bound.dialect == "sqlite":
            return _sums_here(connection, bound, columns, bounds, seed)
        statement = _postgres if bound.dialect == "postgresql" else _mysql
        for leaf, count, high, low in statement(connection, bound, columns, bounds, seed):
            found[leaf] = (count, int(high) % MODULUS, int(low) % MODULUS)
    return found


def hashed(
    engine: Engine, bound: Bound, columns: Sequence[Column], spans: Sequence[Span], seed: int, limit: int
) -> Iterator[Hashed]:
    """The rows of the ranges in pages, with their hashes."""
    with engine.connect() as connection:
        extra = () if bound.dialect == "sqlite" else _row_hashes(connection, bound, columns, seed)
    selection = Selection(bound, columns, extra=extra)
    taken = partial(_hash_here, selection, len(columns), seed) if not extra else _hash_there
    for start in range(0, len(spans), SPANS):
        where = sa.or_(*(_within(bound, span) for span in spans[start : start + SPANS]))
        for rows in read.rows(engine, selection, limit, where):
            yield Hashed(selection.records(rows), [taken(row) for row in rows])


# ---------------------------------------------------------------- ranges of keys


def _plain(bound: Bound, key: str) -> Any:
    return int(key) if order(bound) is Order.NUMBER else key


def _ordered(bound: Bound) -> sa.ColumnElement[Any]:
    """The key as ranges order it: as a number, or as bytes whatever its collation."""
    key: sa.ColumnElement[Any] = bound.clause.c[bound.key.name]
    if order(bound) is Order.NUMBER:
        return key
    if bound.dialect == "postgresql":
        return sa.collate(sa.cast(key, Native("text")), "C")
    if bound.dialect == "sqlite":
        return sa.collate(key, "BINARY")
    return sa.cast(sa.func.convert(key.op("using")(sa.literal_column("utf8mb4"))), mysql.BINARY)


def _compared(bound: Bound, key: str) -> Any:
    plain = _plain(bound, key)
    return plain.encode() if bound.dialect not in ("sqlite", "postgresql") and type(plain) is str else plain


def _within(bound: Bound, span: Span) -> sa.ColumnElement[bool]:
    first, end = span
    key = _ordered(bound)
    found: list[sa.ColumnElement[bool]] = [sa.true()]
    if first is not None:
        found.append(key >= _compared(bound, first))
    if end is not None:
        found.append(key < _compared(bound, end))
    return sa.and_(*found)


def _leaf(bound: Bound, bounds: Sequence[str], first: int, last: int) -> sa.ColumnElement[Any]:
    """In which of the ranges `first` to `last` a key is, found by halving."""
    if first == last:
        return sa.literal_column(str(first))
    middle = (first + last) // 2
    below = _ordered(bound) < _compared(bound, bounds[middle])
    return sa.case((below, _leaf(bound, bounds, first, middle)), else_=_leaf(bound, bounds, middle + 1, last))


# ---------------------------------------------------------------- hashes


def _quoted(connection: Connection, bound: Bound, columns: Sequence[Column]) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote
    return [quote(column.name) for column in (bound.key, *columns)]


def _row_text(connection: Connection, bound: Bound, columns: Sequence[Column]) -> str:
    """The text of a row; in it values are quoted, so that no two rows have the same."""
    names = _quoted(connection, bound, columns)
    if bound.dialect == "postgresql":
        return f'ROW({", ".join(names)})::text COLLATE "C"'
    # not by CONCAT_WS, which leaves out what is NULL because it is too long
    return "CONCAT(" + ", ',', ".join(f"QUOTE(CAST({name} AS BINARY))" for name in names) + ")"


def _row_hashes(
    connection: Connection, bound: Bound, columns: Sequence[Column], seed: int
) -> tuple[sa.ColumnElement[Any], ...]:
    text = _row_text(connection, bound, columns)
    if bound.dialect == "postgresql":
        hashes = [f"hashtextextended({text}, {seed + n})" for n in (0, 1)]
    else:
        # a row beyond max_allowed_packet has no text: its hash is another each time, so that it is read
        md5 = f"COALESCE(MD5(CONCAT({seed}, {text})), MD5(RAND()))"
        hashes = [f"CAST(CONV(SUBSTR({md5}, {at}, 15), 16, 10) AS UNSIGNED)" for at in (1, 16)]
    return tuple(sa.literal_column(part) for part in hashes)


def _postgres(
    connection: Connection, bound: Bound, columns: Sequence[Column], bounds: Sequence[str], seed: int
) -> Sequence[Row]:
    kind = "int8[]" if order(bound) is Order.NUMBER else "text[]"
    listed: sa.BindParameter[Any] = sa.bindparam(None, [_plain(bound, key) for key in bounds], unique=True)
    leaf = sa.func.width_bucket(_ordered(bound), sa.cast(listed, Native(kind)))
    text: sa.ColumnClause[Any] = sa.literal_column(_row_text(connection, bound, columns))
    # OFFSET 0 keeps the text from being made twice
    inner = (
        sa.select(leaf.label("leaf"), text.label("row_text")).select_from(bound.clause).offset(0).subquery()
    )
    both = [
        sa.func.sum(sa.func.hashtextextended(inner.c.row_text, sa.literal_column(str(seed + n))))
        for n in (0, 1)
    ]
    return run(connection, sa.select(inner.c.leaf, sa.func.count(), *both).group_by(inner.c.leaf))


def _mysql(
    connection: Connection, bound: Bound, columns: Sequence[Column], bounds: Sequence[str], seed: int
) -> Sequence[Row]:
    leaf = _leaf(bound, bounds, 0, len(bounds)).label("syncadmin_leaf")
    both = [sa.func.sum(part) for part in _row_hashes(connection, bound, columns, seed)]
    statement = sa.select(leaf, sa.func.count(), *both).select_from(bound.clause)
    return run(connection, statement.group_by(sa.literal_column("syncadmin_leaf")))


# ---------------------------------------------------------------- SQLite


def _hash_row(seed: int, values: tuple[Any, ...]) -> Hash:
    digest = blake2b(repr(values).encode(), digest_size=16, key=seed.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:8], "big", signed=True), int.from_bytes(digest[8:], "big", signed=True)


def _hash_here(selection: Selection, fields: int, seed: int, row: Row) -> Hash:
    return _hash_row(seed, (row[selection.key], *row[:fields]))


def _hash_there(row: Row) -> Hash:
    return int(row[-2]), int(row[-1])


def _sums_here(
    connection: Connection, bound: Bound, columns: Sequence[Column], bounds: Sequence[str], seed: int
) -> list[Sum] | None:
    edges = [_plain(bound, key) for key in bounds]
    kind = int if order(bound) is Order.NUMBER else str
    counts, highs, lows = ([0] * (len(edges) + 1) for _ in range(3))
    table = connection.dialect.identifier_preparer.format_table(bound.clause)
    names = ", ".join(_quoted(connection, bound, columns))
    driver: Any = connection.connection.driver_connection
    for row in driver.execute(f"SELECT {names} FROM {table}"):  # noqa: S608  quoted names
        if type(row[0]) is not kind:
            return None
        leaf = bisect_right(edges, row[0])
        high, low = _hash_row(seed, row)
        counts[leaf] += 1
        highs[leaf] += high
        lows[leaf] += low
    return [(n, high % MODULUS, low % MODULUS) for n, high, low in zip(counts, highs, lows, strict=True)]
