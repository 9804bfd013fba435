"""`python -m bench.registers [--edits N] [--records N] [--rate N] [--server NAME]`: edits on both sides.

Two tracked databases, one writer each, and no lock between them, while the hub is at work. The last writer
decides phone and city of each record by stamps, and the clock that the right side's triggers go by may be
slow; points are counted, tags are added. In the end it is counted whether any edit was lost: the last one of
each value, by its stamp, must be on both sides, and so must every point and every tag; what the hub has
replaced must be in its journal (where triggers of PostgreSQL keep account of that).
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from . import rig as rigs

COLUMNS = ("phone", "city")
KINDS = (*COLUMNS, "points", "tags")
SERVERS = ("postgresql", "postgresql15", "mariadb", "sqlite")
TOGETHER = 25  # edits in one transaction of a writer
SHIFT = {"left": 0, "right": 5_000_000}
# what each update of a column replaced, with the stamp that it got; fires after the trigger of the tracking
AUDIT = """
create table audit (seq bigserial, id bigint, name text, was text, is_ text, ours boolean, stamp text);
create function audit() returns trigger language plpgsql as $$ begin
  insert into audit (id, name, was, is_, ours, stamp)
  select n.id, c.name, to_jsonb(o) ->> c.name, to_jsonb(n) ->> c.name,
         coalesce(current_setting('syncadmin.origin', true), '') <> '', r.stamps ->> c.name
  from audit_new n full join audit_old o on o.id = n.id cross join (values ('phone'), ('city')) c(name)
  left join syncadmin_tracking.{register} r on r.record_key = n.id::text
  where to_jsonb(n) ->> c.name is distinct from to_jsonb(o) ->> c.name;
  return null; end $$;
create trigger zzz_audit after update on {table} referencing old table as audit_old new table as audit_new
 for each statement execute function audit()"""
STAMPS = {
    "postgresql": "select record_key, stamps ->> '{name}' from syncadmin_tracking.{table}"
    " where record_key in ({keys})",
    "mysql": "select c.id, r.{name} from {table} r join customers c"
    " on r.syncadmin_key = sha2(cast(c.id as char), 256) where c.id in ({keys})",
    "sqlite": "select syncadmin_key, {name} from {table} where syncadmin_key in ({keys})",
}
TABLE = (
    "create table customers (id bigint primary key, email varchar(80) not null, name varchar(80) not null,"
    " phone varchar(80), city varchar(80), credit numeric(12, 2), points integer not null, tags text)"
)
Cell = tuple[int, str]  # number of the record, column


@dataclass
class Edits:
    """What a writer has made: the last edit of each cell by its stamp, points and tags by record."""

    made: int = 0
    last: dict[Cell, tuple[str, str]] = field(default_factory=dict)
    points: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    tags: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


def opened(url: str) -> sa.Engine:
    """A database as an application opens it."""
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def register_of(engine: sa.Engine) -> str:
    """The table of the stamps."""
    schema = "syncadmin_tracking" if engine.dialect.name == "postgresql" else None
    return next(name for name in sa.inspect(engine).get_table_names(schema) if "registers_" in name)


def slow(connection: psycopg.Connection[tuple[object, ...]], seconds: int) -> None:
    """Have the triggers of a PostgreSQL go by a clock that is slow."""
    found = connection.execute(
        "select replace(pg_get_functiondef(oid), 'clock_timestamp()', %s) from pg_proc"
        " where proname like 'capture%%'",
        [f"clock_timestamp() - interval '{seconds} s'"],
    )
    for (function,) in found.fetchall():
        connection.execute(str(function))  # type: ignore[arg-type]


def audit(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[tuple[int, str, str]]:
    """Each value that the hub has replaced, in order: record, column, value."""
    with connection.transaction(), connection.cursor(name="audit") as cursor:
        cursor.execute("select id, name, was from audit where ours order by seq")
        yield from cursor  # type: ignore[misc]


def journaled(mapping_id: int, shift: dict[str, int]) -> set[int]:
    """Hashes of (side, number of the record, column, value) of all values that the hub has accounted for."""
    from syncadmin.models import Entry

    wanted = Entry.objects.filter(mapping_id=mapping_id, kind__in=("change", "write"), field__in=COLUMNS)
    rows = wanted.values_list("side", "key", "field", "new").iterator(chunk_size=10_000)
    return {hash((side, int(key) - shift[side], name, json.loads(new))) for side, key, name, new in rows}


def write(
    url: str, side: str, edits: int, records: int, rate: int, answer: multiprocessing.Queue[Edits]
) -> None:
    """One writer: so many edits of random records, none to a value that was ever there before."""
    dice, began, done, engine = random.Random(side), time.monotonic(), Edits(), opened(url)
    register = register_of(engine)
    joined = "concat(tags, {})" if engine.dialect.name == "mysql" else "tags || {}"
    while done.made < edits:
        count = min(TOGETHER, edits - done.made)
        numbers = sorted(dice.sample(range(1, records + 1), min(count, records)))
        name = dice.choice(KINDS)
        values = [f"{side} {done.made + n}" for n in range(len(numbers))]
        keys = [SHIFT[side] + number for number in numbers]
        stamps: dict[int, str] = {}
        try:
            with engine.connect() as connection:
                if engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("begin immediate")
                for key, value in zip(keys, values, strict=True):
                    new = {"points": "points + 1", "tags": joined.format(f"';{value}'")}.get(
                        name, f"'{value}'"
                    )
                    connection.exec_driver_sql(f"update customers set {name} = {new} where id = {key}")
                if name in COLUMNS:
                    mark = "'{}'" if engine.dialect.name != "mysql" else "{}"
                    asked = STAMPS[engine.dialect.name].format(
                        name=name, table=register, keys=", ".join(mark.format(key) for key in keys)
                    )
                    stamps = {int(key): stamp for key, stamp in connection.exec_driver_sql(asked)}
                connection.commit()
        except OperationalError:  # a deadlock with a batch of the hub's, as with anybody's, or a busy file
            continue
        for number, key, value in zip(numbers, keys, values, strict=True):
            if name == "points":
                done.points[number] += 1
            elif name == "tags":
                done.tags[number].add(value)
            else:
                done.last[number, name] = (stamps[key], value)
        done.made += len(numbers)
        if rate:
            time.sleep(max(0.0, began + done.made / rate - time.monotonic()))
    answer.put(done)


def settle(mapping: int) -> int:
    """Passes until nothing is left to do, some of them as if later; returns how many."""
    from django.utils import timezone

    from syncadmin.engine.run import run_pass
    from syncadmin.models import Mark

    quiet = 0
    for n in range(1, 100):
        later = timedelta(hours=n)
        done = run_pass(mapping, clock=lambda later=later: timezone.now() + later)  # type: ignore[misc]
        idle = done is not None and not done.counts.get("updated") and not Mark.objects.exists()
        quiet = quiet + 1 if idle else 0
        if quiet == 2:
            return n
        time.sleep(1)  # MariaDB: a number that is missing in its log is waited for
    raise SystemExit("it does not settle")


def wrong(engines: dict[str, sa.Engine], done: list[Edits]) -> dict[str, int]:
    """How many values are not what all edits come to, by kind."""
    found = dict.fromkeys(KINDS, 0)
    last: dict[Cell, tuple[str, str]] = {}
    for edits in done:
        for cell, edit in edits.last.items():
            last[cell] = max(last.get(cell, ("", "")), edit)
    for side, engine in engines.items():
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("select id, phone, city, points, tags from customers")
            for key, phone, city, points, tags in rows:
                number = key - SHIFT[side]
                for name, value in zip(COLUMNS, (phone, city), strict=True):
                    found[name] += (number, name) in last and last[number, name][1] != value
                found["points"] += points != sum(edits.points.get(number, 0) for edits in done)
                asked = set().union(*(edits.tags.get(number, set()) for edits in done))
                found["tags"] += set(filter(None, tags.split(";"))) != asked
    return found


def other(name: str, stack: ExitStack) -> str:
    """A server of its own for the right side; the address of a database there."""
    from syncadmin.embedded import PostgresServer
    from tests.servers.mariadb import MariaDbServer

    folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
    folder.chmod(0o711)
    if name == "sqlite":
        return f"sqlite:///{folder / 'right.sqlite3'}"
    server = (
        MariaDbServer(folder / "mariadb")
        if name == "mariadb"
        else PostgresServer(
            folder / "postgres", settings=rigs.SETTINGS, binaries=Path("/usr/lib/postgresql/15/bin")
        )
    ).start()
    stack.callback(server.stop)
    return server.create_database("side")


def fill(engine: sa.Engine, side: str, records: int) -> None:
    """The same customers on each side, with keys of its own."""
    rows = [
        {
            "id": SHIFT[side] + n,
            "email": f"customer{n}@example.com",
            "name": f"Customer {n}",
            "phone": f"+49 30 {n}",
            "city": f"City {n % 997}",
            "points": 0,
            "tags": "",
        }
        for n in range(1, records + 1)
    ]
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("pragma journal_mode = wal")
        connection.exec_driver_sql(TABLE)
        names = ", ".join(rows[0])
        given = ", ".join(f":{name}" for name in rows[0])
        connection.execute(sa.text(f"insert into customers ({names}) values ({given})"), rows)


def main() -> None:
    """Edit, keep in step, and count what is lost. Exit code 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edits", type=int, default=1_000_000, help="edits of both sides together")
    parser.add_argument("--records", type=int, default=5_000, help="records on each side")
    parser.add_argument("--rate", type=int, default=500, help="edits a second on each side; 0: no pause")
    parser.add_argument(
        "--slow", type=int, default=5, help="seconds that the right clock (of PostgreSQL) is slow"
    )
    parser.add_argument("--server", choices=SERVERS, default="postgresql", help="what the right side is")
    given = parser.parse_args()
    with rigs.rig() as made, ExitStack() as stack:
        if given.server != "postgresql":
            made.urls["right"] = other(given.server, stack)
        sys.exit(1 if run(made, given) else 0)


def run(made: rigs.Rig, given: argparse.Namespace) -> bool:
    """All of it; returns whether anything is lost."""
    from django.core.management import call_command

    from syncadmin.models import Entry, FieldMapping, Mapping, Resource

    engines = {side: opened(made.urls[side]) for side in SHIFT}
    kept = [side for side in SHIFT if engines[side].dialect.name == "postgresql"]
    for side, engine in engines.items():
        fill(engine, side, given.records)
    mapping = rigs.make_mapping(made)
    Mapping.objects.filter(pk=mapping).update(guard_floor=10 * given.records)
    FieldMapping.objects.filter(mapping=mapping, name__in=COLUMNS).update(merge="newest")
    FieldMapping.objects.filter(mapping=mapping, name="points").update(merge="counter")
    FieldMapping.objects.create(
        mapping_id=mapping, position=9, name="tags", left="tags", right="tags", type="set", merge="set",
        separators={"left": ";", "right": ";"},
    )  # fmt: skip
    Resource.objects.update(config={"table": "customers", "changes": "tracking"})
    for side, engine in engines.items():
        call_command("track", side, "customers", "--yes", stdout=io.StringIO())
        if side in kept:
            kept_by = AUDIT.format(register=register_of(engine), table="customers")
            with made.connect(side) as connection:
                connection.execute(kept_by)  # type: ignore[call-overload]
                slow(connection, given.slow if side == "right" else 0)
    rigs.run_pass(mapping, "incremental")
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[Edits] = context.Queue()
    writers = [
        context.Process(
            target=write, args=(made.urls[side], side, given.edits // 2, given.records, given.rate, answer)
        )
        for side in SHIFT
    ]
    passes, done = 0, []
    with made.measured("edits on both sides", given.edits):
        for writer in writers:
            writer.start()
        while len(done) < len(writers):
            rigs.run_pass(mapping, "incremental")
            passes += 1
            while not answer.empty():
                done.append(answer.get())
            if any(writer.exitcode for writer in writers):
                raise SystemExit("a writer failed")
    after = settle(mapping)
    said, ours, unseen = journaled(mapping, SHIFT), 0, 0
    for side in kept:
        with made.connect(side) as connection:
            for key, name, was in audit(connection):
                ours += 1
                first = not was.startswith(("left ", "right "))
                unseen += not first and hash((side, key - SHIFT[side], name, was)) not in said
    lost = wrong(engines, done)
    entries = Entry.objects.filter(mapping_id=mapping)
    beaten = entries.filter(disposition="overridden")
    edits = sum(one.made for one in done)
    early = entries.filter(kind="change", pass_id=None).count()
    sys.stdout.write(
        f"{edits:,} edits, {passes} passes beside them and {after} after; {ours:,} values of phone and city"
        f" written by the hub to PostgreSQL; {beaten.count():,} edits lost to a later one, {early:,} of them"
        f" before they were read; replaced without account: {unseen}; not what all edits come to: {lost}\n"
    )
    return bool(unseen or any(lost.values()) or edits != given.edits)


if __name__ == "__main__":
    main()
