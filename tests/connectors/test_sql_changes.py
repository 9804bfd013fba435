"""Incremental reads of a database miss nothing: late commits, odd clocks, odd columns."""

import json
import time
from typing import Any

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url

from connectors.sql import SqlConnector

from .sql_harness import connect, execute


def changed(connector: SqlConnector, cursor: Any, limit: int = 100) -> tuple[list[str], Any]:
    """Keys that changed, in order, and the next cursor."""
    keys: list[str] = []
    for page in connector.changes("people", json.loads(json.dumps(cursor)), fields=[], limit=limit):
        keys += [record.key for record in page.records]
        cursor = page.cursor
    return keys, cursor


def people(url: str, **resource: Any) -> SqlConnector:
    return connect(url, people={"table": "people", "modified": "changed", **resource})


@pytest.fixture
def postgres(postgres_database: str) -> str:
    columns = "id integer primary key, changed timestamptz default now()"
    execute(postgres_database, f"create table people ({columns})")
    return postgres_database


def test_f23_a_row_of_a_transaction_that_commits_late_is_seen(postgres: str) -> None:
    connector = people(postgres, overlap=0)
    cursor = changed(connector, None)[1]
    with psycopg.connect(postgres) as late:
        late.execute("insert into people values (1)")  # stamped now, committed below
        time.sleep(0.2)
        execute(postgres, "insert into people values (2)")
        keys, cursor = changed(connector, cursor)
        assert keys == ["2"]
        late.commit()
    assert "1" in changed(connector, cursor)[0]
    connector.close()


def test_f23_also_on_mariadb(mariadb_database: str) -> None:
    execute(
        mariadb_database,
        "create table people (id integer primary key,"
        " changed timestamp(6) not null default current_timestamp(6))",
    )
    connector = people(mariadb_database, overlap=0)
    cursor = changed(connector, None)[1]
    url = make_url(mariadb_database)
    late = pymysql.connect(
        host=url.host,
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        database=url.database,
    )
    late.cursor().execute("insert into people (id) values (1)")
    time.sleep(1.2)
    execute(mariadb_database, "insert into people (id) values (2)")
    keys, cursor = changed(connector, cursor)
    assert keys == ["2"]
    late.commit()
    late.close()
    assert "1" in changed(connector, cursor)[0]
    connector.close()


def test_f23_a_clock_that_lags_is_covered_by_the_overlap(postgres: str) -> None:
    connector = people(postgres, overlap=5)
    execute(postgres, "insert into people values (1)")
    cursor = changed(connector, None)[1]
    execute(postgres, "insert into people values (2, now() - interval '3 seconds')")
    assert "2" in changed(connector, cursor)[0]
    connector.close()


def test_a_table_filled_in_one_go_is_not_read_again_for_ever(postgres: str) -> None:
    connector = people(postgres, overlap=0.1)
    cursor = changed(connector, None)[1]
    execute(postgres, "insert into people select g from generate_series(1, 50) g")
    keys, cursor = changed(connector, cursor)
    assert len(keys) == 50
    time.sleep(1.3)
    cursor = changed(connector, cursor)[1]  # once more, after the overlap has passed
    assert changed(connector, cursor)[0] == []
    execute(postgres, "update people set changed = now() where id = 7")
    assert changed(connector, cursor)[0] == ["7"]
    connector.close()


def test_a_row_dated_in_the_future_hides_no_later_change(postgres: str) -> None:
    connector = people(postgres)
    execute(postgres, "insert into people values (1, '2099-01-01')")
    cursor = changed(connector, None)[1]
    execute(postgres, "insert into people values (2)")
    keys, cursor = changed(connector, cursor)
    assert "2" in keys
    execute(postgres, "insert into people values (3)")
    assert "3" in changed(connector, cursor)[0]
    connector.close()


def test_a_row_without_a_date_is_seen_by_scans_only(postgres: str) -> None:
    connector = people(postgres)
    cursor = changed(connector, None)[1]
    execute(postgres, "insert into people values (1, null)", "insert into people values (2)")
    assert changed(connector, cursor)[0] == ["2"]
    scanned = [
        record.key for page in connector.scan("people", fields=[], limit=10) for record in page.records
    ]
    assert scanned == ["1", "2"]
    connector.close()


TEXTS = [
    "2026-01-01 10:00:00",
    "2026-01-01T10:00:01Z",
    "2026-01-01T12:00:02+02:00",
    "2026-01-01 10:00:03.250",
    "2026-01-01T05:00:04-05:00",
]


def test_iso_texts_of_any_make_are_put_in_order(sqlite_database: str) -> None:
    rows = ", ".join(f"({i}, '{text}')" for i, text in enumerate(TEXTS))
    execute(sqlite_database, "create table people (id integer primary key, changed text)")
    execute(sqlite_database, f"insert into people values {rows}, (9, 'last week')")
    connector = people(sqlite_database, overlap=0)
    start = {"at": None, "seen": "2026-01-01T00:00:00+00:00", "settled": False}
    keys, _ = changed(connector, start, limit=2)
    assert keys == ["0", "1", "2", "3", "4"]
    after = {"at": "2026-01-01T10:00:02+00:00", "seen": "2026-01-01T10:00:02+00:00", "settled": True}
    assert changed(connector, after)[0] == ["3", "4"]
    connector.close()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", ["1767261600", "1767261601", "1767261602"]),
        ("bigint", ["1767261600000", "1767261601000", "1767261602000"]),
        ("date", ["'2026-01-01'", "'2026-01-02'", "'2026-01-03'"]),
        ("timestamp", ["'2026-01-01 10:00:00'", "'2026-01-01 10:00:01'", "'2026-01-01 10:00:02'"]),
        ("bigint", ["1", "2", "3"]),
    ],
)
@pytest.mark.parametrize("fixture", ["postgres_database", "mariadb_database", "sqlite_database"])
def test_every_kind_of_modified_column_gives_changes(
    request: pytest.FixtureRequest, fixture: str, kind: str, values: list[str]
) -> None:
    url = request.getfixturevalue(fixture)
    execute(url, f"create table people (id integer primary key, changed {kind} not null)")
    execute(url, f"insert into people values (1, {values[0]})")
    connector = people(url, overlap=0)
    cursor = changed(connector, None)[1]
    execute(url, f"insert into people values (2, {values[1]})")
    keys, cursor = changed(connector, cursor)
    assert "2" in keys
    execute(url, f"update people set changed = {values[2]} where id = 1")
    assert "1" in changed(connector, cursor)[0]
    modified = connector.fetch("people", ["1"], fields=[]).found["1"].modified
    if values[0] == "1":
        assert modified is None
    else:
        assert modified is not None
        assert modified.tzinfo is not None
        assert modified.isoformat().startswith("2026-01-0")
    connector.close()


def test_an_interrupted_read_leaves_a_cursor_that_skips_nothing(postgres: str) -> None:
    connector = people(postgres, overlap=0)
    cursor = changed(connector, None)[1]
    execute(
        postgres, "insert into people select g, now() + g * interval '1 ms' from generate_series(1, 20) g"
    )
    time.sleep(0.1)
    pages = connector.changes("people", cursor, fields=[], limit=6)
    first = next(pages)
    del pages
    rest = changed(connector, first.cursor, limit=6)[0]
    assert {record.key for record in first.records} | set(rest) == {str(i) for i in range(1, 21)}
    connector.close()
