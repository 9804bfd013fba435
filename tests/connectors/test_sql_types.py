"""Column types of MariaDB and SQLite: values come back, and can be expected."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Op, Result, Write

from .sql_harness import connect, execute

NOON = datetime(2024, 1, 1, 12, 0, 0, 123456)  # noqa: DTZ001  a column without zone
MARIADB: dict[str, tuple[str, str, list[Any]]] = {
    "tinyint(1)": ("boolean", "tinyint(1)", [True, False]),
    "bit": ("boolean", "bit(1)", [True, False]),
    "tinyint": ("integer", "tinyint(4)", [127, -128]),
    "unsigned": ("integer", "bigint unsigned", [2**64 - 1, 0]),
    "decimal": ("decimal", "decimal(30,9)", [Decimal("123456789012345678901.123456789"), Decimal(0)]),
    "double": ("decimal", "double", [0.1, 1e300]),
    "float": ("decimal", "float", [0.5, 0.1]),
    "datetime": ("datetime", "datetime(6)", [NOON]),
    "timestamp": ("datetime", "timestamp(6) null", [NOON.replace(tzinfo=UTC)]),
    "date": ("date", "date", [date(2024, 2, 29), date(1000, 1, 1)]),
    "enum": ("choice", "enum('new', 'Älter')", ["new", "Älter"]),
    "set": ("set", "set('a', 'b', 'c')", [["a", "c"], []]),
    "json": ("json", "json", [{"b": [1, None], "a": "ü🏴"}, []]),
    "text": ("text", "longtext character set utf8mb4", ["🏴" * 1000, "", "trailing  "]),
    "time": ("unknown", "time", ["10:00:00"]),
    "blob": ("unknown", "blob", ["\\x00ff"]),
    "year": ("integer", "year", [2024]),
}
SQLITE: dict[str, tuple[str, str, list[Any]]] = {
    "boolean": ("boolean", "boolean", [True, False]),
    "integer": ("integer", "bigint", [2**63 - 1, -(2**63)]),
    "decimal": ("decimal", "decimal(12,2)", [Decimal("12345.67"), Decimal("0.1"), Decimal(5)]),
    "real": ("decimal", "real", [0.1, 1e300]),
    "datetime": ("datetime", "datetime", [NOON, NOON.replace(microsecond=0)]),
    "zoned": ("datetime", "timestamptz", [NOON.replace(tzinfo=UTC)]),
    "date": ("date", "date", [date(2024, 2, 29)]),
    "json": ("json", "json", [{"b": [1, None], "a": "ü🏴"}, [], "text"]),
    "text": ("text", "varchar(20)", ["1", "007", "", "🏴"]),
    "blob": ("unknown", "blob", ["\\x00ff"]),
}


def keeps(url: str, kind: str, native: str, values: list[Any]) -> None:
    """Every value comes back as it was written, can be expected, and is no longer expected once changed."""
    execute(
        url,
        f"create table people (id integer primary key, value {native})",
        "insert into people (id) values (1)",
    )
    connector = connect(url, people={"table": "people"})
    (_, info) = connector.describe("people").fields
    assert info.type == kind
    for value in [*values, None]:
        before = connector.fetch("people", ["1"], fields=["value"]).found["1"].values["value"]
        write = Write(Op.UPDATE, "1", {"value": value}, {"value": before})
        (outcome,) = connector.write("people", [write], fields=["value"])
        assert outcome.result is Result.APPLIED, outcome.said
        assert outcome.record is not None
        assert outcome.record.values["value"] == value
        assert type(outcome.record.values["value"]) is type(value)
        (stale,) = connector.write("people", [write], fields=["value"])
        assert stale.result is Result.STALE
        if value is not None and kind != "json":
            assert [r.key for r in connector.find("people", "value", [value], fields=[])] == ["1"]
    connector.close()


@pytest.mark.parametrize("name", MARIADB)
def test_mariadb_types_come_back_and_can_be_expected(mariadb_database: str, name: str) -> None:
    keeps(mariadb_database, *MARIADB[name])


@pytest.mark.parametrize("name", SQLITE)
def test_sqlite_types_come_back_and_can_be_expected(sqlite_database: str, name: str) -> None:
    keeps(sqlite_database, *SQLITE[name])


def test_sqlite_gives_what_it_holds_where_it_does_not_fit_the_column(sqlite_database: str) -> None:
    execute(
        sqlite_database,
        "create table people (id integer primary key, born date, age integer, extra json)",
        "insert into people values (1, 'unknown', 'old', 'no json')",
    )
    connector = connect(sqlite_database, people={"table": "people"})
    (page,) = connector.scan("people", fields=["born", "age", "extra"], limit=10)
    assert page.records[0].values == {"born": "unknown", "age": "old", "extra": "no json"}
    (outcome,) = connector.write(
        "people", [Write(Op.UPDATE, "1", {"age": 3}, {"born": "unknown"})], fields=["age"]
    )
    assert outcome.result is Result.APPLIED
    connector.close()


def test_a_sqlite_row_needs_a_key_where_the_database_makes_none(sqlite_database: str) -> None:
    execute(sqlite_database, "create table people (id text primary key, name text)")
    connector = connect(sqlite_database, people={"table": "people"})
    (outcome,) = connector.write("people", [Write(Op.CREATE, None, {"name": "x"})], fields=[])
    assert outcome.result is Result.REJECTED
    assert "needs a value in its key column id" in outcome.said
    connector.close()


def test_what_a_column_takes_is_told(mariadb_database: str) -> None:
    execute(
        mariadb_database,
        "create table limits (id integer primary key, code varchar(12) not null, price decimal(10,2), "
        "small smallint, big bigint unsigned, kind enum('new', 'old'))",
    )
    connector = connect(mariadb_database, limits={"table": "limits"})
    told = {f.name: f for f in connector.describe("limits").fields}
    connector.close()
    assert (told["code"].max_length, told["code"].nullable) == (12, False)
    assert (told["price"].precision, told["price"].scale) == (10, 2)
    assert (told["small"].low, told["small"].high) == (-(2**15), 2**15 - 1)
    assert (told["big"].low, told["big"].high) == (0, 2**64 - 1)
    assert told["kind"].choices == ("new", "old")
