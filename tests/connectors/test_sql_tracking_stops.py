"""Change tracking by triggers stops loudly: they are touched, or the table is altered."""

from contextlib import suppress

import pytest

from connectors.base import Gap, Misconfigured

from .tracked_table import World


def test_whoever_touches_the_triggers_is_noticed(tracked: World) -> None:
    cursor = tracked.now()
    if tracked.dialect == "postgresql":
        tracked.run("alter table t disable trigger all")
        with pytest.raises(Misconfigured, match="disabled"):
            tracked.changes(cursor)
        tracked.run("alter table t enable trigger all")
        with pytest.raises(Gap, match="triggers or columns"):
            tracked.changes(cursor)
        cursor = tracked.now()
        tracked.run("truncate t")
        with pytest.raises(Gap, match="TRUNCATE"):
            tracked.changes(cursor)
    name = next(name for name in tracked.ours if name.endswith(("_update", "_u")))
    on = " on t" if tracked.dialect == "postgresql" else ""
    tracked.run(f"drop trigger {name}{on}")
    with pytest.raises(Misconfigured, match=r"is gone; run manage\.py track erp t"):
        tracked.changes(cursor)
    checked = {item.name: item for item in tracked.connector.check()}
    assert not checked["t: changes"].ok
    tracked.track()
    with pytest.raises(Gap, match="anew"):
        tracked.changes(cursor)


def retyped(column: str, kind: str) -> dict[str, str]:
    """A column gets another type; SQLite knows no such change."""
    using = f" using {'1' if kind == 'real' else column}"
    return {
        "postgresql": f"alter table t alter {column} type {kind}{using}",
        "mysql": f"alter table t modify {column} {kind}",
    }


# what is done to the table, the smallest of changes that comes then, and whether reading may go on
ALTERED: tuple[tuple[str | dict[str, str], tuple[str, str, str], bool], ...] = (
    ("alter table t add column extra varchar(20)", ("name", "'x'", "'X'"), True),
    ("alter table t rename column note to remark", ("name", "'x'", "'X'"), True),
    (retyped("name", "varchar(99)"), ("name", "'x'", "'X'"), True),
    (retyped("visits", "varchar(20)"), ("visits", "'a'", "'A'"), True),
    (retyped("name", "real"), ("name", "1.0000001", "1.0000002"), True),
    (retyped("id", "bigint"), ("visits", "7", "8"), True),
    ("alter table t rename column visits to times", ("times", "7", "8"), False),
    ("alter table t drop column visits", ("name", "'x'", "'X'"), False),
    (
        "create table u as select * from t; drop table t; alter table u rename to t",
        ("visits", "7", "8"),
        False,
    ),
)


def test_a_table_that_is_altered_is_logged_whole_or_stops_loudly_and_the_application_goes_on(
    world: World,
) -> None:
    """Also what a session of the application writes that was open all the time."""
    for told, (column, first, second), goes_on in ALTERED:
        statement = told if isinstance(told, str) else told.get(world.dialect)
        if statement is None or (world.dialect == "sqlite" and "drop column" in statement):
            continue  # SQLite refuses to drop what a trigger names
        world.run("drop table t")
        world.create()
        world.track()
        world.run("insert into t values (1, '1', '', 1)")
        cursor = world.now()
        ways = []
        with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
            session.exec_driver_sql("update t set name = '2', visits = 2")
            assert world.changes(cursor)[0] == ["1"]
            cursor = world.now()
            world.run(*statement.split("; "))
            with suppress(Misconfigured):
                world.connector.describe("t")  # as each pass does
            for run in (session.exec_driver_sql, world.run):
                for value in (first, second):
                    run(f"update t set {column} = {value}")
                    seen, cursor = world.seen(cursor)
                    ways.append(seen)
        assert "nothing" not in ways, (statement, ways)
        assert (ways[-1] == "read", "stopped" in ways) == (goes_on, not goes_on), (statement, ways)


def test_a_field_that_is_not_logged_stops_the_reading(tracked: World) -> None:
    with pytest.raises(Misconfigured, match="changes of note are not logged"):
        list(tracked.connector.changes("t", None, fields=["note"], limit=10))


def test_a_foreign_key_that_deletes_by_itself_is_refused_on_mariadb(mariadb_database: str) -> None:
    world = World(mariadb_database)
    world.run(
        "create table p (id integer primary key)",
        "alter table t add foreign key (visits) references p (id) on delete cascade",
    )
    with pytest.raises(Misconfigured, match="foreign key"):
        world.track()
    world.close()
