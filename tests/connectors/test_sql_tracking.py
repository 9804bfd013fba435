"""Change tracking by triggers: what is logged, that it is read once, in order, and that it stops loudly."""

import random
import sqlite3
import subprocess
import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy.engine import make_url

from connectors.base import ConnectorError, Gap, Misconfigured, Op, Result, Write
from connectors.sql.tracking import reading
from syncadmin.embedded.postgres import programs
from tests.conftest import unique

from .sql_harness import connect, execute, open_database
from .tracked_table import World

TABLES = {  # as hostile as the database allows, and as long
    "postgresql": "Ta\"b'le; drop $syncadmin$ %s :x " + "ö" * 14,
    "mysql": "Ta\"b'le `; // \\ %s :x " + "ö" * 40,
    "sqlite": "Ta\"b'le `; \\ %s :x " + "ö" * 40,
}
COLUMNS = (
    "name", "Name of it", "SELECT", "order", "new", "old", "now_", "v_op", "seq", "it's", 'do"uble', "ba`ck",
    "back\\slash", "100%", "%s", "%(x)s", ":x", "$1 $$ $syncadmin$", "a;b//c", "--", "/*", "Näme", "名前",
    "😀",
)  # fmt: skip


def test_each_change_is_logged_with_what_it_was_and_what_it_is(tracked: World) -> None:
    tracked.run(
        "insert into t values (1, 'Anna', 'x', 3)",
        "update t set note = 'not tracked'",
        "update t set name = 'ANNA'",
        "update t set id = 2, visits = null",
        "delete from t",
    )
    three: int | str = "3" if tracked.dialect == "postgresql" else 3  # which logs all as text
    told = [(r["op"], r["record_key"], r["old_values"], r["new_values"]) for r in tracked.log]
    assert told == [
        ("I", "1", None, {"name": "Anna", "visits": three}),
        ("U", "1", {"name": "Anna"}, {"name": "ANNA"}),
        ("D", "1", {"name": "ANNA", "visits": three}, None),
        ("I", "2", None, {"name": "ANNA", "visits": None}),
        ("D", "2", {"name": "ANNA", "visits": None}, None),
    ]
    assert [sorted(row["stamps"]) for row in tracked.log][1] == ["name"]
    assert all(row["changed_at"] for row in tracked.log)


WAYS = (  # statements, and what is logged of which key
    ("insert into t select n, 'n', '', 1 from generate_series(1, 3) n", "I1 I2 I3"),
    ("update t set visits = 2", "U1 U2 U3"),
    ("update t set visits = 2, note = 'x'", ""),
    ("update t set name = null, visits = null where id = 3", "U3"),
    ("update t set id = 4 where id = 3", "D3 I4"),
    ("insert into t values (2, 'b', '', 1), (3, 'c', '', 1) on conflict (id) do update set name = 'B'",
     "I3 U2"),
    ("merge into t using (values (3), (5)) v(k) on id = k when matched then delete"
     " when not matched then insert values (k, 'e', '', 1)", "D3 I5"),
    ("with gone as (delete from t where id = 5) update t set name = 'A' where id = 1", "D5 U1"),
    ("set session_replication_role = replica; update t set visits = 3 where id = 1;"
     " delete from t where id = 4", "U1 D4"),
    ("create table p (id integer primary key); insert into p values (7); update t set visits = 7;"
     " alter table t add foreign key (visits) references p on update cascade on delete set null", "U1 U2"),
    ("update p set id = 8", "U1 U2"),
    ("delete from p", "U1 U2"),
    ("alter table t drop constraint t_pkey, add primary key (id) deferrable;"
     " update t set id = 3 - id", "U1 U2"),
    ("delete from t", "D1 D2"),
)  # fmt: skip


@pytest.mark.runs_once
@pytest.mark.parametrize("registers", [(), ("name", "visits")])
def test_however_rows_are_written_each_is_logged_once(
    postgres_database: str, registers: tuple[str, ...]
) -> None:
    world = World(postgres_database)
    world.connector.track("t", ("name", "visits"), registers)
    for statement, expected in WAYS:
        before = len(world.log)
        world.run(statement)
        logged = [f"{row['op']}{row['record_key']}" for row in world.log[before:]]
        assert sorted(logged) == sorted(expected.split()), statement
    world.close()


@pytest.mark.runs_once
def test_what_an_older_version_has_installed_is_read_on(postgres_database: str) -> None:
    """It had one trigger for each row."""
    world = World(postgres_database)
    world.track()
    events = ("insert", "update", "delete", "replica")
    world.run(*(f"drop trigger zz_syncadmin_{event} on t" for event in events))
    with pytest.raises(Misconfigured, match="is gone"):
        world.now()
    world.run(
        "create trigger zz_syncadmin_row after insert or update or delete on t for each row"
        f" execute function syncadmin_tracking.capture_{world.id}_row()"
    )
    cursor = world.now()
    world.run("insert into t values (1, 'Anna', '', 1)", "update t set visits = 2")
    assert world.changes(cursor)[0] == ["1"]
    world.close()


@pytest.mark.runs_once
def test_a_partition_is_logged_row_by_row_and_a_table_that_becomes_one_stops(postgres_database: str) -> None:
    """What is written to the whole table arrives in it."""
    world = World(postgres_database)
    world.track()
    world.run(
        "create table whole (like t including all) partition by range (id)",
        "alter table whole attach partition t for values from (0) to (9)",
    )
    with pytest.raises(Misconfigured, match="is gone"):
        world.now()
    world.track()
    cursor = world.now()
    world.run("insert into whole values (1, 'Anna', '', 1)", "update whole set visits = 2")
    assert world.changes(cursor)[0] == ["1"]
    assert [row["op"] for row in world.log] == ["I", "U"]
    world.close()


def test_changes_come_once_and_what_was_deleted_is_gone(tracked: World) -> None:
    tracked.run("insert into t values (1, 'Anna', '', 1), (2, 'Ben', '', 1), (3, 'Cleo', '', 1)")
    cursor = tracked.now()
    tracked.run("update t set visits = 2 where id = 1", "delete from t where id = 2")
    keys, gone, cursor = tracked.changes(cursor)
    assert (keys, gone) == (["1"], ["2"])
    assert tracked.changes(cursor) == ([], [], cursor)
    tracked.run("update t set name = 'C' where id = 3", "update t set name = 'A' where id = 1")
    assert tracked.changes(cursor, limit=1)[0] == ["3", "1"]


def test_a_read_page_by_page_can_be_taken_up_anywhere(tracked: World) -> None:
    start = tracked.now()
    tracked.run(*(f"insert into t values ({i}, 'n', '', 1)" for i in range(3)), "delete from t where id = 1")
    pages = list(tracked.connector.changes("t", start, fields=[], limit=2))
    for page in pages:
        rest = tracked.changes(page.cursor)
        seen = {r.key for p in pages[: pages.index(page) + 1] for r in p.records}
        assert {"0", "2"} <= seen | set(rest[0])


def test_it_leaves_no_trace(world: World) -> None:
    assert world.ours == []
    world.track()
    assert world.ours
    plan = world.connector.tracking("t", ("name", "visits"))
    assert (plan.installed, plan.current, plan.wrong) == (True, True, "")
    assert not world.connector.tracking("t", ("name", "note")).current
    world.connector.untrack("t")
    assert world.ours == []
    world.run("insert into t values (1, 'still', 'works', 1)")


@pytest.mark.parametrize("fixture", ["postgres_database", "mariadb_database", "sqlite_database"])
def test_names_of_any_kind_are_tracked_also_by_a_script_that_a_person_runs(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    engine = open_database(url := request.getfixturevalue(fixture))
    dialect = engine.dialect.name
    # MariaDB has no names beyond the Unicode BMP
    names = [name for name in COLUMNS if dialect != "mysql" or name != "😀"]
    world = World(url, TABLES[dialect], names[0], 'I"D Key')
    quote = engine.dialect.identifier_preparer.quote_identifier
    quoted = [quote(name).replace("%%", "%") for name in names]
    world.run(*(f"alter table {world.table} add column {name} varchar(20)" for name in quoted[1:]))
    plan = world.connector.tracking("t", names)
    run_script(url, plan.script())
    assert world.connector.tracking("t", names).current
    cursor = world.now()
    world.run(f"insert into {world.table} ({world.key}) values (1)")
    world.run(*(f"update {world.table} set {name} = 'x'" for name in quoted))
    assert world.changes(cursor)[:2] == (["1"], [])
    assert [list(row["new_values"].items()) for row in world.log[1:]] == [[(name, "x")] for name in names]
    run_script(url, world.connector.tracking("t", names).script(remove=True))
    assert world.ours == []
    world.close()
    engine.dispose()


def run_script(url: str, script: str) -> None:
    """As a person would: by the database's own shell."""
    address = make_url(url)
    command = {
        "postgresql": [str(programs() / "psql"), "-q", "-v", "ON_ERROR_STOP=1", url.replace("+psycopg", "")],
        "mysql": ["mariadb", "--no-defaults", "--protocol=tcp", f"--host={address.host}",
                  f"--port={address.port}", f"--user={address.username}", f"--password={address.password}",
                  "--default-character-set=utf8mb4", str(address.database)],
    }.get(address.get_backend_name())  # fmt: skip
    if command is None:  # as `.read` of its shell does
        with closing(sqlite3.connect(str(address.database))) as connection:
            connection.executescript(script)
        return
    ran = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


ACCOUNTS = {  # an account that may look at the table, and no more; and how it goes again
    "postgres_database": (
        ("create role {name} login password 'restricted'", "grant select on t to {name}"),
        ("drop owned by {name}", "drop role {name}"),
    ),
    "mariadb_database": (
        (
            "create user {name}@'127.0.0.1' identified by 'restricted'",
            "grant select on t to {name}@'127.0.0.1'",
        ),
        ("drop user {name}@'127.0.0.1'",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fixture", ACCOUNTS)
def test_an_account_without_rights_is_told_which_it_needs_and_needs_no_more(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    """Somebody else installs it, and the account reads; then it gets its rights and installs it by itself."""
    world, name = World(request.getfixturevalue(fixture)), unique("hub")
    made, gone = ACCOUNTS[fixture]
    world.run(*(one.format(name=name) for one in made))
    own = make_url(world.url).set(username=name, password="restricted").render_as_string(hide_password=False)
    owner, world.connector = (
        world.connector,
        connect(own, t={"table": "t", "changes": "tracking", "overlap": 0}),
    )
    plan = world.connector.tracking("t", ("name", "visits"))
    with pytest.raises(ConnectorError, match=r"it takes these rights: grant .*trigger on .*t.* to"):
        world.track()
    run_script(world.url, plan.script())
    assert world.connector.tracking("t", ("name", "visits")).current
    cursor = world.now()
    world.run("insert into t values (1, 'Anna', '', 1)")
    world.passed(world.changes(cursor)[2])
    assert world.log == []
    run_script(world.url, owner.tracking("t", ()).script(remove=True))
    assert world.ours == []

    world.run(*plan.rights)
    world.track()
    cursor = world.now()
    world.run("insert into t values (2, 'Ben', '', 1)")
    assert world.changes(cursor)[0] == ["2"]
    world.connector.untrack("t")
    assert world.ours == []
    world.run("insert into t values (3, 'still', 'works', 1)")
    owner.close()
    world.close()
    execute(world.url, *(one.format(name=name) for one in gone))


def test_our_own_writes_are_marked_and_people_are_named(tracked: World) -> None:
    write = Write(Op.CREATE, "5", {"name": "by the hub"})
    assert tracked.connector.write("t", [write], fields=["name"])[0].result is Result.APPLIED
    say = {
        "postgresql": "select set_config('syncadmin.user', 'anna', true)",
        "mysql": "set @syncadmin_user = 'anna'",
        "sqlite": "select 1",
    }
    tracked.run(say[tracked.dialect], "update t set name = 'by the application'")
    ours, theirs = tracked.log
    assert (ours["origin"], theirs["origin"]) == ("syncadmin", None)
    if tracked.dialect != "sqlite":
        assert (ours["app_user"], theirs["app_user"]) == (None, "anna")
        assert theirs["db_user"].split("@")[0] in ("postgres", "tester")


@pytest.mark.parametrize("fixture", ["postgres_database", "mariadb_database", "sqlite_database"])
def test_f23_transactions_that_commit_late_and_out_of_order_are_read_once(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    """Writers that commit or take back when they like, and a reader that never waits for them."""
    world = World(request.getfixturevalue(fixture), overlap=1)
    world.track()
    cursor = world.now()
    writers = [threading.Thread(target=_write, args=(world, n)) for n in range(6)]
    for writer in writers:
        writer.start()
    seen: Counter[str] = Counter()
    while True:
        over = not any(writer.is_alive() for writer in writers)
        for page in world.connector.changes("t", cursor, fields=[], limit=7):
            seen.update([*(record.key for record in page.records), *page.gone])
            cursor = page.cursor
        if over and not world.unread(cursor):
            break
    with world.engine.connect() as connection:
        there = {str(key) for key in connection.exec_driver_sql("select id from t").scalars()}
    assert len(there) > 20
    assert seen == Counter(there)
    world.close()


def _write(world: World, writer: int) -> None:
    """Ten transactions of one to four rows; a third is taken back, some after others have committed."""
    rng = random.Random(writer)
    for turn in range(10):
        with world.engine.connect() as connection:
            if world.dialect == "sqlite":
                connection.exec_driver_sql("begin immediate")
            for row in range(rng.randint(1, 4)):
                key = writer * 1000 + turn * 10 + row
                connection.exec_driver_sql(f"insert into t values ({key}, 'n', '', 1)")
                threading.Event().wait(rng.random() / 50)
            if rng.random() < 0.7:
                connection.commit()
            else:
                connection.rollback()


def test_a_number_that_is_missing_is_waited_for(mariadb_database: str) -> None:
    """MariaDB: it may be of a row that is being written at this moment."""
    world = World(mariadb_database, overlap=5)
    world.track()
    cursor = world.now()
    with world.engine.connect() as connection:
        connection.exec_driver_sql("insert into t values (1, 'taken back', '', 1)")
        connection.rollback()
    world.run("insert into t values (2, 'n', '', 1)")
    assert world.changes(cursor)[0] == []
    world.run("update syncadmin_log_" + world.id + " set changed_at = changed_at - interval 3 second")
    assert world.changes(cursor)[0] == ["2"]
    world.close()


def test_what_all_readers_have_behind_them_is_let_go(tracked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOVING_NOTED", 0)
    first, second = tracked.now(), tracked.now()
    tracked.run("insert into t values (1, 'Anna', '', 1)")
    first = tracked.changes(first)[2]
    assert len(tracked.log) == 1  # to have read it is not to have stored it
    tracked.passed(first)
    assert tracked.log == []  # the second has not told anything yet, so it is not known
    with pytest.raises(Gap, match="emptied"):
        tracked.changes(second)
    tracked.passed(second)  # from before: it is known no better for that
    second = tracked.now()
    tracked.passed(second)
    tracked.run("insert into t values (2, 'Ben', '', 1)")
    tracked.passed(tracked.changes(first)[2])
    assert len(tracked.log) == 1
    tracked.passed(tracked.changes(second)[2])
    assert tracked.log == []


def test_a_log_tells_its_rows_its_age_and_who_has_not_read_them(
    tracked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOVING_NOTED", 0)
    early = tracked.now()
    tracked.passed(early)
    tracked.run(
        "insert into t values (1, 'Anna', '', 1)", "update t set visits = 2", "update t set note = 'x'"
    )
    late = tracked.changes(early)[2]
    told = tracked.connector.logged("t")
    (reader,) = told.readers
    assert (told.rows, reader.waiting) == (2, 2)
    assert told.oldest is not None
    assert told.oldest == reader.since
    assert abs((datetime.now(UTC) - told.oldest).total_seconds()) < 3600
    assert (reader.id, told.seal) == (early["reader"], early["seal"])
    tracked.passed(late)
    told = tracked.connector.logged("t")
    assert (told.rows, told.oldest, told.readers[0].waiting, told.readers[0].since) == (0, None, 0, None)
    tracked.connector.untrack("t")
    with pytest.raises(Misconfigured, match="not tracked"):
        tracked.connector.logged("t")
