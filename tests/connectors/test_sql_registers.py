"""Stamps of columns on PostgreSQL: kept, read, carried by writes, refused; whatever columns they are."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Op, Outcome, Result, Write
from connectors.sql import SqlConnector
from syncadmin.core.fieldtype import FieldType, Kind
from syncadmin.core.side import Side
from syncadmin.core.values import reader

from .sql_harness import connect, execute

TABLE, TEXT, KEY = "Ta\"b'le; drop $syncadmin$ %s :x", "Näme \"q\" 'a' $$ %d", 'I"D'
EARLY, LATE = "1700000000000000.000000.aaaaaaaa", "1700000000000001.000000.bbbbbbbb"
# column: type, kind, what it held, what somebody made of it unread, what we write
COLUMNS: dict[str, tuple[str, Kind, Any, Any, Any]] = {
    TEXT: ("varchar(50)", Kind.TEXT, "first", "it's \"theirs\" %s", "ours"),
    "visits": ("integer", Kind.INTEGER, 1, 2, 3),
    "credit": ("numeric(30, 2)", Kind.DECIMAL, Decimal(1), Decimal("12345678901234567890.12"), Decimal(3)),
    "active": ("boolean", Kind.BOOLEAN, None, False, True),
    "born": ("date", Kind.DATE, date(2001, 1, 1), date(2002, 2, 2), date(2003, 3, 3)),
    "mood": ("mood", Kind.TEXT, "sad", "so so", "glad"),
}  # fmt: skip


class World:
    """A tracked table of one row, all of whose columns are registers."""

    def __init__(self, url: str) -> None:
        columns = ", ".join(f"{quoted(name)} {told[0]}" for name, told in COLUMNS.items())
        execute(
            url,
            "create type mood as enum ('sad', 'so so', 'glad')",
            f"create table {quoted(TABLE)} ({quoted(KEY)} integer primary key, {columns})",
            f"insert into {quoted(TABLE)} values (1, {', '.join(literal(c[2]) for c in COLUMNS.values())})",
        )
        self.url = url
        self.connector: SqlConnector = connect(url, t={"table": TABLE, "key": KEY, "changes": "tracking"})
        self.connector.track("t", list(COLUMNS), list(COLUMNS))
        *_, start = self.connector.changes("t", None, fields=list(COLUMNS), limit=10)
        self.cursor = start.cursor

    def edit(self) -> None:
        """Somebody changes all columns at once."""
        changed = ", ".join(f"{quoted(name)} = {literal(told[3])}" for name, told in COLUMNS.items())
        execute(self.url, f"update {quoted(TABLE)} set {changed}")

    def write(self, name: str, stamp: str) -> Outcome:
        """Our write of one column, that expects what it held first."""
        _, _, first, _, ours = COLUMNS[name]
        (outcome,) = self.connector.write(
            "t",
            [
                Write(
                    Op.UPDATE, "1", {name: ours}, {name: first}, stamps={name: stamp}, newer=frozenset({name})
                )
            ],
            fields=[name],
        )
        return outcome

    @property
    def stamps(self) -> dict[str, str]:
        """The stamps of the row."""
        found = self.connector.fetch("t", ["1"], fields=[]).found["1"].stamps
        return dict(found or {})


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture
def world(postgres_database: str) -> Iterator[World]:
    world = World(postgres_database)
    yield world
    world.connector.close()


def test_a_write_carries_its_stamp_and_what_it_replaced_unread_is_told_once(world: World) -> None:
    assert world.connector.capabilities("t").stamps == tuple(sorted(COLUMNS))
    world.edit()
    made = world.stamps
    assert made.keys() == COLUMNS.keys()
    future = f"{int(made[TEXT][:16]) + 1_000_000}.000000.cccccccc"
    for name in COLUMNS:
        assert world.write(name, EARLY).result is Result.STALE  # theirs is newer
        outcome = world.write(name, future)
        assert (outcome.result, outcome.record and outcome.record.values[name]) == (
            Result.APPLIED,
            COLUMNS[name][4],
        )
        assert world.stamps[name] == future
    told = [
        one
        for page in world.connector.changes("t", world.cursor, fields=list(COLUMNS), limit=1000)
        for one in page.replaced
    ]
    assert {one.field for one in told} == COLUMNS.keys()
    assert len(told) == len(COLUMNS)
    for one in told:
        _, kind, first, theirs, _ = COLUMNS[one.field]
        read = reader(FieldType(kind, scale=2), Side.LEFT)
        assert (read(one.expected), read(one.value)) == (read(first), read(theirs))


@pytest.mark.parametrize("stamp", ["9999999999999999.000000.aaaaaaaa", "yesterday", "", EARLY + "0"])
def test_a_stamp_that_can_be_none_is_refused(world: World, stamp: str) -> None:
    outcome = world.write("visits", stamp)
    assert outcome.result is Result.REJECTED
    assert world.stamps == {}


def test_a_value_without_a_stamp_is_not_replaced_unread(world: World) -> None:
    world.edit()
    execute(
        world.url,
        "do $$ begin execute (select 'delete from syncadmin_tracking.' || relname"
        " from pg_class where relname like 'registers%' and relkind = 'r'); end $$",
    )
    assert world.write("visits", LATE).result is Result.STALE


def test_stamps_go_with_the_row_its_key_and_the_tracking(world: World) -> None:
    world.edit()
    execute(world.url, f"update {quoted(TABLE)} set {quoted(KEY)} = 2")
    execute(world.url, f"update {quoted(TABLE)} set {quoted(KEY)} = 1")
    assert world.stamps == {}
    world.connector.untrack("t")
    assert world.connector.capabilities("t").stamps == ()
