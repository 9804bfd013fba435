"""`python -m bench.registers [--edits N] [--records N] [--rate N]`: edits on both sides, the hub at work.

Two tracked databases, one writer each, and no lock between them; the last writer decides phone and city of
each record by stamps, and the clock that the right side's triggers go by is slow. In the end it is counted
whether any edit was lost: the last one of each value, by its stamp, must be on both sides, and what the hub
has replaced must be in its journal.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg

from . import rig as rigs

COLUMNS = ("phone", "city")
TOGETHER = 25  # edits in one transaction of a writer
SHIFT = {"left": 0, "right": 5_000_000}
# what each update of a column replaced, with the stamp that it got; fires after the trigger of the tracking
AUDIT = """
create table audit (seq bigserial, id bigint, name text, was text, is_ text, ours boolean, stamp text);
create function audit() returns trigger language plpgsql as $$ begin
  insert into audit (id, name, was, is_, ours, stamp)
  select new.id, n.key, to_jsonb(old) ->> n.key, n.value,
         coalesce(current_setting('syncadmin.origin', true), '') <> '', r.stamps ->> n.key
  from (values ('phone', to_jsonb(new) ->> 'phone'), ('city', to_jsonb(new) ->> 'city')) n(key, value)
  left join syncadmin_tracking.{register} r on r.record_key = new.id::text
  where n.value is distinct from to_jsonb(old) ->> n.key;
  return null; end $$;
create trigger zzz_audit after update on {table} for each row execute function audit()"""
REGISTER = "select relname from pg_class where relname like 'registers%' and relkind = 'r'"
Cell = tuple[int, str]  # number of the record, column


def audited(connection: psycopg.Connection[tuple[object, ...]], table: str) -> None:
    """Have a tracked table keep account of each update, past the hub."""
    found = connection.execute(REGISTER).fetchone()
    connection.execute(AUDIT.format(register=found[0] if found else "", table=table))  # type: ignore[arg-type]


def slow(connection: psycopg.Connection[tuple[object, ...]], seconds: int) -> None:
    """Have the triggers of a database go by a clock that is slow."""
    found = connection.execute(
        "select replace(pg_get_functiondef(oid), 'clock_timestamp()', %s) from pg_proc"
        " where proname like 'capture%%'",
        [f"clock_timestamp() - interval '{seconds} s'"],
    ).fetchone()
    connection.execute(str(found[0]) if found else "")  # type: ignore[arg-type]


def audit(
    connection: psycopg.Connection[tuple[object, ...]],
) -> Iterator[tuple[int, str, str, str, bool, str]]:
    """Each update in order: record, column, value before and after, whether the hub made it, its stamp."""
    with connection.transaction(), connection.cursor(name="audit") as cursor:
        cursor.execute("select id, name, was, is_, ours, coalesce(stamp, '') from audit order by seq")
        yield from cursor  # type: ignore[misc]


def journaled(mapping_id: int, shift: dict[str, int]) -> set[int]:
    """Hashes of (side, number of the record, column, value) of all values that the hub has accounted for."""
    from syncadmin.models import Entry

    wanted = Entry.objects.filter(mapping_id=mapping_id, kind__in=("change", "write"), field__in=COLUMNS)
    rows = wanted.values_list("side", "key", "field", "new").iterator(chunk_size=10_000)
    return {hash((side, int(key) - shift[side], name, json.loads(new))) for side, key, name, new in rows}


def write(url: str, side: str, edits: int, records: int, rate: int) -> None:
    """One writer: so many edits of random records, each to a value that was never there before."""
    dice, began = random.Random(side), time.monotonic()
    with psycopg.connect(url) as connection:
        done = 0
        while done < edits:
            count = min(TOGETHER, edits - done)
            keys = sorted(dice.sample(range(1, records + 1), count))
            name = dice.choice(COLUMNS)
            rows = [(f"{side} {done + n}", SHIFT[side] + key) for n, key in enumerate(keys)]
            try:
                connection.cursor().executemany(f"update customers set {name} = %s where id = %s", rows)
                connection.commit()
            except psycopg.errors.DeadlockDetected:  # with a batch of the hub's, as with anybody's
                connection.rollback()
                continue
            done += count
            if rate:
                time.sleep(max(0.0, began + done / rate - time.monotonic()))


def settle(mapping: int) -> int:
    """Passes until nothing is left to do, some of them as if later; returns how many."""
    from django.utils import timezone

    from syncadmin.engine.run import run_pass
    from syncadmin.models import Mark

    for n in range(1, 100):
        later = timedelta(hours=n)
        done = run_pass(mapping, clock=lambda later=later: timezone.now() + later)  # type: ignore[misc]
        if done is not None and not done.counts.get("updated") and not Mark.objects.exists():
            return n
    raise SystemExit("it does not settle")


def lost(made: rigs.Rig, mapping: int) -> tuple[int, int, int, int]:
    """(edits, writes of the hub, values that it replaced unaccounted, values that are not the last edit)."""
    said = journaled(mapping, SHIFT)
    last: dict[Cell, tuple[str, str]] = {}
    edits = ours = unseen = wrong = 0
    for side, shift in SHIFT.items():
        with made.connect(side) as connection:
            for key, name, was, is_, by_hub, stamp in audit(connection):
                cell = (key - shift, name)
                if by_hub:
                    ours += 1
                    first = not was.startswith(("left ", "right "))
                    unseen += not first and hash((side, *cell, was)) not in said
                else:
                    edits += 1
                    last[cell] = max(last.get(cell, ("", "")), (stamp, is_))
    for side, shift in SHIFT.items():
        with made.connect(side) as connection:
            for key, *values in connection.execute("select id, phone, city from customers"):
                for name, value in zip(COLUMNS, values, strict=True):
                    cell = (key - shift, name)  # type: ignore[operator]
                    wrong += cell in last and last[cell][1] != value
    return edits, ours, unseen, wrong


def main() -> None:
    """Edit, keep in step, and count what is lost. Exit code 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edits", type=int, default=1_000_000, help="edits of both sides together")
    parser.add_argument("--records", type=int, default=5_000, help="records on each side")
    parser.add_argument("--rate", type=int, default=500, help="edits a second on each side; 0: no pause")
    parser.add_argument("--slow", type=int, default=5, help="seconds that the right clock is slow")
    given = parser.parse_args()
    with rigs.rig() as made:
        from django.core.management import call_command

        from syncadmin.models import Entry, FieldMapping, Mapping, Resource

        made.fill(given.records)
        mapping = rigs.make_mapping(made)
        Mapping.objects.filter(pk=mapping).update(guard_floor=10 * given.records)
        FieldMapping.objects.filter(mapping=mapping, name__in=COLUMNS).update(merge="newest")
        Resource.objects.update(config={"table": "customers", "changes": "tracking"})
        for side in SHIFT:
            call_command("track", side, "customers", "--yes", stdout=io.StringIO())
            with made.connect(side) as connection:
                audited(connection, "customers")
                slow(connection, given.slow if side == "right" else 0)
        rigs.run_pass(mapping, "incremental")
        context = multiprocessing.get_context("spawn")
        writers = [
            context.Process(
                target=write, args=(made.urls[side], side, given.edits // 2, given.records, given.rate)
            )
            for side in SHIFT
        ]
        passes = 0
        with made.measured("edits on both sides", given.edits):
            for writer in writers:
                writer.start()
            while any(writer.is_alive() for writer in writers):
                rigs.run_pass(mapping, "incremental")
                passes += 1
            if any(writer.exitcode for writer in writers):
                raise SystemExit("a writer failed")
        after = settle(mapping)
        edits, ours, unseen, wrong = lost(made, mapping)
        beaten = Entry.objects.filter(mapping_id=mapping, disposition="overridden").count()
        unread = Entry.objects.filter(mapping_id=mapping, kind="change", pass_id=None).count()
        sys.stdout.write(
            f"{edits:,} edits, {passes} passes beside them and {after} after, {ours:,} values written by the"
            f" hub; {beaten:,} edits lost to a later one, {unread:,} of them before they were read;"
            f" replaced without account: {unseen}; not the last edit in the end: {wrong}\n"
        )
        sys.exit(1 if unseen or wrong or edits != given.edits else 0)


if __name__ == "__main__":
    main()
