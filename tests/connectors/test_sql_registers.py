"""Stamps of columns: kept, read, carried by writes, refused; in every database, whatever they are of."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Op, Outcome, Result, Write
from connectors.sql import SqlConnector
from syncadmin.core.fieldtype import FieldType, Kind
from syncadmin.core.side import Side
from syncadmin.core.stamps import tick
from syncadmin.core.values import reader

from .sql_harness import connect, execute, open_database

TABLE, TEXT, KEY = "Ta\"b'le; drop $syncadmin$ %s :x", "Näme \"q\" `b` 'a' $$ %d", 'I"D'
DATABASES = ("postgres_database", "mariadb_database", "sqlite_database")
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
        self.url, self.engine = url, open_database(url)
        self.dialect, quote = self.engine.dialect.name, self.quoted
        mood = "enum ('sad', 'so so', 'glad')"
        types = {name: told[0] for name, told in COLUMNS.items()}
        types["mood"] = {"mysql": mood, "sqlite": "text"}.get(self.dialect, "mood")
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in types.items())
        first = ", ".join(self.literal(told[2]) for told in COLUMNS.values())
        execute(
            url,
            *([f"create type mood as {mood}"] if self.dialect == "postgresql" else []),
            f"create table {quote(TABLE)} ({quote(KEY)} integer primary key, {columns})",
            f"insert into {quote(TABLE)} values (1, {first})",
        )
        config = {"table": TABLE, "key": KEY, "changes": "tracking", "overlap": 0}
        self.connector: SqlConnector = connect(url, t=config)
        self.connector.track("t", list(COLUMNS), list(COLUMNS))
        *_, start = self.connector.changes("t", None, fields=list(COLUMNS), limit=10)
        self.cursor = start.cursor

    def edit(self) -> None:
        """Somebody changes all columns at once."""
        changed = ", ".join(
            f"{self.quoted(name)} = {self.literal(told[3])}" for name, told in COLUMNS.items()
        )
        execute(self.url, f"update {self.quoted(TABLE)} set {changed}")

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

    def registers(self) -> str:
        """The table of the stamps."""
        if self.dialect == "postgresql":
            asked = (
                "select 'syncadmin_tracking.' || relname from pg_class"
                " where relname like 'registers%%' and relkind = 'r'"
            )
        elif self.dialect == "mysql":
            asked = (
                "select table_name from information_schema.tables"
                " where table_schema = database() and table_name like 'syncadmin_registers%%'"
            )
        else:
            asked = "select name from sqlite_master where name like 'syncadmin_reg%' and type = 'table'"
        with self.engine.connect() as connection:
            return str(connection.exec_driver_sql(asked).scalar())

    def stamped(self, name: str, stamp: str) -> None:
        """Put a stamp in the place of another."""
        if self.dialect == "postgresql":
            made = f"stamps = stamps || jsonb_build_object({self.literal(name)}, '{stamp}')"
        else:
            made = f"{self.quoted(name)} = '{stamp}'"
        execute(self.url, f"update {self.registers()} set {made}")

    def quoted(self, name: str) -> str:
        mark = "`" if self.dialect == "mysql" else '"'
        return mark + name.replace(mark, 2 * mark) + mark

    def literal(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(int(value)) if self.dialect != "postgresql" else str(value)
        return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture(params=DATABASES)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.getfixturevalue(request.param))
    yield world
    world.connector.close()
    world.engine.dispose()


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
        if world.dialect == "sqlite" and kind is Kind.DECIMAL:
            theirs = float(theirs)  # which is what it keeps
        read = reader(FieldType(kind, scale=2), Side.LEFT)
        assert (read(one.expected), read(one.value)) == (read(first), read(theirs))


def test_a_stamp_that_can_be_none_is_refused(world: World) -> None:
    for stamp in ("9999999999999999.000000.aaaaaaaa", "yesterday", "", EARLY + "0"):
        assert world.write("visits", stamp).result is Result.REJECTED, stamp
    assert world.stamps == {}


def test_a_value_without_a_stamp_is_not_replaced_unread(world: World) -> None:
    world.edit()
    execute(world.url, f"delete from {world.registers()}")
    assert world.write("visits", LATE).result is Result.STALE


def test_the_triggers_stamp_as_the_clock_in_the_core_does(world: World) -> None:
    world.edit()
    node = world.stamps["visits"][-8:]
    for visits, before in ((8, "2999999999999999.000007.ffffffff"), (9, "2999999999999999.999999.ffffffff")):
        world.stamped("visits", before)
        others = world.stamps
        execute(world.url, f"update {world.quoted(TABLE)} set visits = {visits}")
        assert world.stamps == others | {"visits": tick(before, 1, node)}


def test_stamps_go_with_the_row_its_key_and_the_tracking(world: World) -> None:
    world.edit()
    table, key = world.quoted(TABLE), world.quoted(KEY)
    execute(world.url, f"update {table} set {key} = 2", f"update {table} set {key} = 1")
    assert world.stamps == {}
    world.connector.untrack("t")
    assert world.connector.capabilities("t").stamps == ()
