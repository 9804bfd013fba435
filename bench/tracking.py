"""`python -m bench.tracking [URL...] [--rows N] [--peer bucardo]`: what tracking costs the application.

The same writes with and without triggers, in turn, in each database (an embedded PostgreSQL and a SQLite file
if no address is given): one row a transaction, and many rows in one statement. A scratch table is made and
dropped. With --peer also with the triggers of another replicator, on the embedded PostgreSQL.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from connectors.sql import SqlConfig, SqlConnector, SqlResource
from connectors.sql.config import parse_url
from syncadmin.embedded import PostgresServer

TABLE, TURNS = "syncadmin_bench", 5
COLUMNS = ("name", "phone", "city", "points")


def main() -> None:
    """Measure each database and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("urls", nargs="*", metavar="URL", help="databases where a scratch table may be made")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the table (default 20,000)")
    parser.add_argument(
        "--durable", action="store_true", help="every commit is on disk (the embedded PostgreSQL)"
    )
    parser.add_argument(
        "--peer", choices=["bucardo"], help="also with its triggers, on the embedded PostgreSQL"
    )
    given = parser.parse_args()
    if given.peer and given.urls:
        parser.error("--peer goes with the embedded PostgreSQL")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        Path(directory).chmod(0o711)
        with databases(given.urls, Path(directory), given.durable) as urls:
            if given.peer:
                beside(urls[0], given.rows, Path(directory) / "peer")
            else:
                for url in urls:
                    measure(url, given.rows)


@contextmanager
def databases(urls: list[str], directory: Path, durable: bool) -> Iterator[list[str]]:
    """The given addresses, or databases of our own."""
    if urls:
        yield urls
        return
    (directory / "bench.sqlite3").touch()
    server = PostgresServer(directory / "postgres", durable=durable).start()
    try:
        yield [server.create_database("bench"), f"sqlite:///{directory / 'bench.sqlite3'}"]
    finally:
        server.stop()


def beside(url: str, rows: int, folder: Path) -> None:
    """The same with Bucardo's triggers, in turn with ours, in the same database; its daemon does not run."""
    from .peers.bucardo import bucardo

    copy = url + "_copy"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {conninfo_to_dict(copy)['dbname']}")
    for one in (url, copy):
        fill(sa.create_engine(parse_url(one)), rows)
    with bucardo(folder) as other:
        other.replicate({"left": url, "right": copy}, TABLE, at_once=True)
        measure(url, rows, lambda on: other.triggers(url, TABLE, "enable" if on else "disable"))


def measure(url: str, rows: int, peer: Callable[[bool], None] | None = None) -> None:
    """Both kinds of writes without triggers, with them, and with stamps too, in turn; medians.

    `peer` switches the triggers of another replicator on and off.
    """
    engine = sa.create_engine(parse_url(url))
    connector = SqlConnector(
        SqlConfig.model_validate({"url": url}), {"t": SqlResource(table=TABLE, key="id")}, system="bench"
    )
    if peer is None:
        fill(engine, rows)
    took: dict[tuple[str, str], list[float]] = {}
    spent: dict[tuple[str, str], list[float]] = {}
    ways: dict[str, Callable[[], None]] = {
        "without": lambda: connector.untrack("t"),
        "with": lambda: connector.track("t", COLUMNS),
        "with stamps": lambda: connector.track("t", COLUMNS, COLUMNS),
    }
    if peer is not None:
        ways["with Bucardo's"] = lambda: connector.untrack("t")
    try:
        for turn, (way, prepare) in enumerate(list(ways.items()) * TURNS):
            prepare()
            if peer is not None:
                peer(way == "with Bucardo's")
            for name, write, count in (("one by one", singly, 500), ("in bulk", at_once, rows)):
                wall, cpu = timed(write, engine, turn)
                took.setdefault((name, way), []).append(wall / count)
                spent.setdefault((name, way), []).append(cpu / count)
    finally:
        connector.untrack("t")
        connector.close()
        with engine.begin() as connection:
            connection.exec_driver_sql(f"drop table {TABLE}")
        engine.dispose()
    for name in ("one by one", "in bulk"):
        for what, found in (("", took), (", CPU of the session", spent)):
            if any(found[name, "without"]):
                told = (f"{statistics.median(found[name, way]) * 1e6:.1f} us {way}" for way in ways)
                sys.stdout.write(f"{engine.dialect.name:<11}{name:<11} a row{what}: {', '.join(told)}\n")


def fill(engine: sa.Engine, rows: int) -> None:
    """The scratch table."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"create table {TABLE} (id integer primary key, name varchar(100), phone varchar(50),"
            " city varchar(50), points integer, note varchar(200))"
        )
        connection.execute(
            sa.text(f"insert into {TABLE} values (:id, :name, '030 1', 'Berlin', 0, 'a note')"),
            [{"id": n, "name": f"Name {n}"} for n in range(rows)],
        )


def timed(write: Callable[[sa.Engine, int], None], engine: sa.Engine, turn: int) -> tuple[float, float]:
    """Seconds that it took, and seconds of CPU of the server's process, where that is one of this machine."""
    used, began = session_cpu(engine), time.perf_counter()
    write(engine, turn)
    return time.perf_counter() - began, session_cpu(engine) - used


def session_cpu(engine: sa.Engine) -> float:
    """Of the engine's one pooled connection; 0 where that can't be told."""
    if engine.dialect.name != "postgresql":
        return 0.0
    with engine.connect() as connection:
        told = Path(f"/proc/{connection.scalar(sa.text('select pg_backend_pid()'))}/schedstat")
    return int(told.read_text().split()[0]) / 1e9 if told.exists() else 0.0


def singly(engine: sa.Engine, turn: int) -> None:
    """500 updates, each in a transaction of its own."""
    with engine.connect() as connection:
        for n in range(500):
            connection.exec_driver_sql(
                f"update {TABLE} set points = {turn + 1}, city = 'C{turn}' where id = {n}"
            )
            connection.commit()


def at_once(engine: sa.Engine, turn: int) -> None:
    """All rows in one statement."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"update {TABLE} set phone = '030 {turn}', points = points + 1")


if __name__ == "__main__":
    main()
