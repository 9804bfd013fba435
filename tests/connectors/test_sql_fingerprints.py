"""Fingerprints that databases make: what is delivered is what is summed, and every byte counts."""

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.fingerprints import MODULUS, Order, Sum

from .sql_harness import connect, execute, open_database

SEED = 2**62 - 7
FIELDS = ["name", "amount", "at", "flag"]
TABLE = """create table things (id {key} primary key, name {text}, amount {number}, at {time}, flag {flag})"""
TYPES = {
    "postgresql": {"text": "text", "number": "numeric", "time": "timestamptz", "flag": "boolean"},
    "mysql": {"text": "longtext", "number": "decimal(20,4)", "time": "datetime(6)", "flag": "bit(1)"},
    "sqlite": {"text": "text", "number": "numeric", "time": "text", "flag": "integer"},
}
KINDS = {"name": "text", "amount": "number", "at": "time", "flag": "flag"}
TEXTS = {"postgresql": "text", "mysql": "varchar(50) collate utf8mb4_general_ci", "sqlite": "text"}
# (column, what it holds, what it becomes): each is another value
CHANGES: list[tuple[str, Any, Any]] = [
    ("name", None, ""), ("name", "", None), ("name", "NULL", None), ("name", "a", "A"), ("name", "a", "a "),
    ("name", "é", "e\u0301"), ("name", "', '", "','"), ("name", "x" * 70_000, "x" * 69_999 + "y"),
    ("name", "🏴\u200f", "🏴"), ("name", "a\\", "a\\\\"), ("amount", "1.5", "-1.5"), ("amount", None, "0"),
    ("amount", "1", "1.0001"), ("at", "2024-01-01 12:00:00", "2024-01-01 12:00:00.000001"),
    ("at", None, "1970-01-01 00:00:00"), ("flag", "0", None), ("flag", "0", "1"),
]  # fmt: skip


@pytest.fixture(params=["postgres_database", "mariadb_database", "sqlite_database"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def made(url: str, key: str = "bigint") -> tuple[sa.Engine, Any]:
    engine = open_database(url)
    dialect = engine.dialect.name
    execute(url, TABLE.format(key=key, **TYPES[dialect]))
    return engine, connect(url, things={"table": "things"})


def run(engine: sa.Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def added(sums: list[Sum]) -> Sum:
    count, high, low = (sum(part) for part in zip(*sums, strict=True))
    return count, high % MODULUS, low % MODULUS


def summed(connector: Any, bounds: list[str]) -> list[Sum]:
    return connector.sums("things", bounds, fields=FIELDS, seed=SEED)


def delivered(connector: Any, *span: str | None) -> tuple[list[str], Sum]:
    pages = list(connector.hashed("things", [span], fields=FIELDS, seed=SEED, limit=2))
    hashes = [(1, *made) for page in pages for made in page.hashes]
    return [r.key for page in pages for r in page.records], added([(0, 0, 0), *hashes])


def test_what_is_delivered_is_what_is_summed_range_by_range(url: str) -> None:
    engine, connector = made(url)
    for n in (-5, 0, 7, 8, 40, 2**62):
        run(engine, "insert into things (id, name) values (:id, :name)", id=n, name=f"n{n}")
    found = summed(connector, ["0", "8", "41"])
    assert [n for n, _, _ in found] == [1, 2, 2, 1]
    spans = [(None, "0"), ("0", "8"), ("8", "41"), ("41", None)]
    assert [delivered(connector, *span) for span in spans] == [
        (["-5"], found[0]), (["0", "7"], found[1]), (["8", "40"], found[2]), ([str(2**62)], found[3])
    ]  # fmt: skip
    assert added(summed(connector, [])) == added(found)
    assert connector.sums("things", [], fields=FIELDS, seed=SEED + 9) != summed(connector, [])
    connector.close()


def test_keys_of_text_are_ordered_by_their_bytes_whatever_the_collation(url: str) -> None:
    engine = open_database(url)
    _, connector = made(url, TEXTS[engine.dialect.name])
    keys = ["B", "Z", "a", "b-1", "ß", "é", "😀"]
    for key in keys:
        run(engine, "insert into things (id) values (:id)", id=key)
    assert connector.order("things") is Order.TEXT
    found = summed(connector, ["a", "ß"])
    assert [n for n, _, _ in found] == [2, 2, 3]
    for n, span in enumerate([(None, "a"), ("a", "ß"), ("ß", None)]):
        told, total = delivered(connector, *span)
        assert (sorted(told), total) == ([k for k in keys if k in told], found[n])
    connector.close()


def test_every_change_of_a_value_is_another_fingerprint(url: str) -> None:
    engine, connector = made(url)
    run(engine, "insert into things (id, name) values (1, 'one'), (2, 'two')")
    unlike = []
    for column, was, becomes in CHANGES:
        value = f"cast(:v as {TYPES['postgresql'][KINDS[column]]})"
        if engine.dialect.name != "postgresql":
            value = ":v"
        if column == "flag" and engine.dialect.name == "mysql":
            value = "cast(:v as unsigned)"
        seen = []
        for now in (was, becomes):
            run(engine, f"update things set {column} = {value} where id = 1", v=now)
            (found,) = summed(connector, [])
            assert delivered(connector, None, None)[1] == found
            seen.append(found)
        unlike += [(column, was, becomes)] if seen[0] == seen[1] else []
    assert unlike == []
    connector.close()


def test_values_that_change_places_are_another_fingerprint(url: str) -> None:
    engine, connector = made(url)
    run(engine, "insert into things (id, name) values (1, 'one'), (2, 'two')")
    before = summed(connector, [])
    run(engine, "update things set name = case id when 1 then 'two' else 'one' end")
    assert summed(connector, [])[0][0] == before[0][0]
    assert summed(connector, []) != before
    connector.close()


def test_a_row_too_long_to_hash_is_another_each_time(mariadb_database: str) -> None:
    engine, connector = made(mariadb_database)
    with engine.connect() as connection:
        most = int(connection.exec_driver_sql("select @@max_allowed_packet").scalar() or 0)
    run(
        engine,
        "insert into things (id, name) values (1, repeat('\\\\', :most))",
        most=most // 2 + 10,
    )
    assert summed(connector, []) != summed(connector, [])
    connector.close()


def test_a_key_without_such_an_order_hinders_and_odd_keys_are_told(sqlite_database: str) -> None:
    execute(
        sqlite_database,
        "create table things (id int primary key not null, name text)",
        "create table odd (id real primary key not null)",
        "insert into things values (1, 'a')",
    )
    connector = connect(sqlite_database, things={"table": "things"}, odd={"table": "odd"})
    assert (connector.order("odd"), connector.hindrance("odd")) == (None, "its key id is of type REAL")
    assert connector.hindrance("things") == ""
    assert connector.sums("things", [], fields=["name"], seed=1) is not None
    execute(sqlite_database, "insert into things values ('x', 'b')")
    assert connector.sums("things", [], fields=["name"], seed=1) is None
    connector.close()
