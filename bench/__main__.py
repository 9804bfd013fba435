"""`python -m bench [--rows N] [--tracking] [--peer bucardo]`: first link and updates, beside their floor.

(a) first link: N equal rows on both sides. Floor: both tables copied into one database and paired by a join.
(b) updates: N / 100 random updates a side and N / 2000 records changed on both (half in different columns,
half in the same), all linked before. Floor: as many rows copied across and updated by compare-and-set.
With --peer another replicator carries the same updates between two more databases; of a row, its latest edit
wins there.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from . import rig as rigs


def copy_table(made: rigs.Rig, source: str, table: str, where: str = "true") -> None:
    """Copy rows of `customers` from a side into a new table of `floor`."""
    query = f"SELECT id, email, name, phone, city, credit, points FROM customers WHERE {where}"
    with made.connect(source) as out, made.connect("floor") as into:
        into.execute(
            f"CREATE TABLE {table} AS SELECT * FROM (SELECT 0::bigint id, ''::text email, ''::text name, "
            "''::text phone, ''::text city, 0::numeric(12, 2) credit, 0 points) t WHERE false"
        )
        with (
            out.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as read,
            into.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as write,
        ):
            for data in read:
                write.write(data)


def first_link_floor(made: rigs.Rig, rows: int) -> None:
    """Copy both tables into one database and pair them there."""
    with made.measured("(a) floor: copy and join", 2 * rows):
        for side in ("left", "right"):
            copy_table(made, side, f"all_{side}")
        with made.connect("floor") as floor:
            floor.execute(
                "CREATE TABLE pairs AS SELECT l.id AS left_id, r.id AS right_id "
                "FROM all_left l JOIN all_right r "
                "USING (email, name, phone, city, credit, points)"
            )


def first_link(made: rigs.Rig, rows: int, mapping: int) -> None:
    """The product's first pass over two equal tables."""
    with made.measured("(a) first link", 2 * rows):
        counts = rigs.run_pass(mapping, "incremental")
    expect(counts.get("linked") == rows, f"{counts}: every row has to be linked")


def scatter(made: rigs.Rig, rows: int, shifts: Mapping[str, int] = rigs.SHIFTS) -> tuple[int, int]:
    """Edit both sides as their users would. Returns (updates of one side only, records changed on both)."""
    dice = random.Random(1)  # the same numbers each time
    single, both = max(rows // 100, 1), max(rows // 2000, 2)
    ids = dice.sample(range(1, rows + 1), 2 * single + both)
    columns = ("name", "phone", "city")
    edits: dict[str, dict[str, list[int]]] = {side: {c: [] for c in columns} for side in ("left", "right")}
    for n in ids[:single]:
        edits["left"][dice.choice(columns)].append(n)
    for n in ids[single : 2 * single]:
        edits["right"][dice.choice(columns)].append(n)
    for position, n in enumerate(ids[2 * single :]):
        same = position % 2
        edits["left"]["phone"].append(n)
        edits["right"]["phone" if same else "city"].append(n)
    for (side, found), (name, shift) in zip(edits.items(), shifts.items(), strict=True):
        with made.connect(name) as connection:
            for column, numbers in found.items():
                connection.execute(
                    f"UPDATE customers SET {column} = {column} || ' {side}', updated_at = clock_timestamp() "
                    "WHERE id = ANY(%s)",
                    [[n + shift for n in numbers]],
                )
    return 2 * single, both


def updates(made: rigs.Rig, rows: int, mapping: int) -> None:
    """The product's pass over random updates of both sides."""
    rigs.run_pass(mapping, "incremental")
    single, both = scatter(made, rows)
    with made.measured("(b) updates", single + both):
        counts = rigs.run_pass(mapping, "incremental")
    expect(counts.get("conflicts") == both // 2, f"{counts}: half of what both changed has to wait")
    expect(counts.get("updated") == single + 2 * (both - both // 2), f"{counts}: all else has to be written")
    with made.measured("(b) nothing changed", rows):
        counts = rigs.run_pass(mapping, "incremental")
    expect("updated" not in counts, f"{counts}: nothing may be written twice")


def updates_peer(made: rigs.Rig, rows: int, folder: Path) -> None:
    """The same updates, carried by Bucardo in one run."""
    from .peers.bucardo import bucardo

    urls = made.pair()
    shifts = dict.fromkeys(urls, 0)
    made.fill(rows, shifts)
    with bucardo(folder) as other:
        other.replicate(urls, "customers", at_once=False)
        other.start()
        single, both = scatter(made, rows, shifts)
        with made.measured("(b) updates, Bucardo", single + both, other.cpu):
            other.kick()
    sums = []
    for name in urls:
        with made.connect(name) as connection:
            sums.append(
                connection.execute("SELECT sum(hashtextextended(t::text, 0)) FROM customers t").fetchone()
            )
    expect(sums[0] == sums[1], "Bucardo has to make both sides equal")


def updates_floor(made: rigs.Rig, rows: int) -> None:
    """Copy as many changed rows across and update them, on a copy of the table, by compare-and-set."""
    single = max(rows // 100, 1)
    with made.connect("floor") as floor:
        floor.execute("CREATE TABLE target AS SELECT * FROM all_right")
        floor.execute("ALTER TABLE target ADD PRIMARY KEY (id)")
    with made.measured("(b) floor: copy and update", 2 * single):
        for n in range(2):
            copy_table(made, "left", f"some_{n}", f"id % {rows // single} = {n}")
            with made.connect("floor") as floor:
                floor.execute(
                    f"UPDATE target t SET phone = s.phone || '!' FROM some_{n} s "
                    "WHERE t.id = s.id + 5000000 AND t.email IS NOT DISTINCT FROM s.email"
                )


def expect(holds: bool, message: str) -> None:
    """A benchmark of something that does not work says nothing."""
    if not holds:
        raise SystemExit(message)


def main() -> None:
    """Run both benchmarks and print what they took."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows a side")
    parser.add_argument("--tracking", action="store_true", help="both tables are tracked")
    parser.add_argument("--peer", choices=["bucardo"], help="(b) with another replicator, on the same server")
    parser.add_argument("--profile", action="store_true", help="print where the time of (b) goes")
    options = parser.parse_args()
    with rigs.rig() as made:
        print(f"{options.rows:,} rows a side, PostgreSQL to PostgreSQL, hub in PostgreSQL", flush=True)
        made.fill(options.rows)
        mapping = rigs.make_mapping(made)
        if options.tracking:
            rigs.track()
        steps: list[Callable[[], None]] = [
            lambda: first_link_floor(made, options.rows),
            lambda: first_link(made, options.rows, mapping),
            lambda: updates_floor(made, options.rows),
            lambda: profiled(options.profile, lambda: updates(made, options.rows, mapping)),
        ]
        if options.peer:
            steps.append(lambda: updates_peer(made, options.rows, made.folder / "peer"))
        for step in steps:
            step()
        cost = {c.name: c.wall for c in made.costs}
        print(
            f"(a) is {cost['(a) first link'] / cost['(a) floor: copy and join']:.1f} times its floor, "
            f"(b) is {cost['(b) updates'] / cost['(b) floor: copy and update']:.1f} times its floor"
        )
        if options.peer:
            print(
                f"(b) took {cost['(b) updates'] / cost['(b) updates, Bucardo']:.2f} times as long as Bucardo"
            )


def profiled(wanted: bool, step: Callable[[], None]) -> None:
    """Run a step, with a profile of its Python if that is wanted."""
    if not wanted:
        return step()
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(step)
    pstats.Stats(profile, stream=sys.stdout).sort_stats("cumulative").print_stats(45)
    return None


if __name__ == "__main__":
    main()
