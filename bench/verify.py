"""`python -m bench.verify [--rows N] [--no-peer]`: confirming that two systems are as they were compared.

Two tables of N equal rows are linked and compared once. Then, in turn: the floor, one plain hash aggregate
over each table, both at the same time; the product's full comparison when nothing has changed; and the peer,
reladiff from PyPI, installed into a folder of its own, on the same two tables with equal keys. Then ten rows
are changed behind the hub's back, in one place and scattered, and compared again.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import rig as rigs

PEER = ("reladiff==0.6.0", "psycopg2-binary==2.9.13")
COLUMNS = ("email", "name", "phone", "city", "credit", "points")
AGGREGATE = (
    "SELECT count(*), sum(('x' || substr(md5(concat_ws('|', id, {columns})), 1, 16))::bit(64)::bigint) "
    "FROM customers"
)


def floor(made: rigs.Rig, rows: int) -> None:
    """The hash aggregate of both tables, at the same time."""

    def ask(side: str) -> None:
        with made.connect(side) as connection:
            connection.execute(AGGREGATE.format(columns=", ".join(COLUMNS))).fetchall()

    with made.measured("plain aggregate of both", 2 * rows), ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, ("left", "right")))


def compare(made: rigs.Rig, rows: int, mapping: int, name: str, **expected: int) -> None:
    """The product's full comparison; it must have come by what is expected."""
    with made.measured(name, 2 * rows):
        counts = rigs.run_pass(mapping, "reconcile")
    found = {key: counts.get(key, 0) for key in expected}
    if found != expected:
        raise SystemExit(f"{name}: expected {expected}, got {counts}")


def install(folder: Path) -> Path:
    """The peer, in an environment of its own; returns its program."""
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PEER], check=True)
    return folder / "bin" / "reladiff"


def equal_keys(made: rigs.Rig) -> None:
    """What the peer compares: the right table with the left one's keys."""
    with made.connect("right") as connection:
        listed = ", ".join(COLUMNS)
        connection.execute(f"CREATE TABLE equal AS SELECT id - 5000000 AS id, {listed} FROM customers")
        connection.execute("ALTER TABLE equal ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE equal")


def peer(made: rigs.Rig, rows: int, program: Path) -> None:
    """The peer's comparison of the two tables."""
    columns = [part for column in COLUMNS for part in ("-c", column)]
    command = [program, made.urls["left"], "customers", made.urls["right"], "equal", "-k", "id", *columns]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with made.measured("reladiff", 2 * rows) as cost:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.stdout.strip():
        raise SystemExit(f"reladiff found differences: {done.stdout[:300]}")
    cost.own_cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{'':<28} of which {cost.own_cpu:.2f} s CPU are the peer's own", flush=True)


def change(made: rigs.Rig, ids: list[int], value: str) -> None:
    """Change rows without moving what tells that they changed."""
    with made.connect("left") as connection:
        connection.execute("UPDATE customers SET phone = %s WHERE id = ANY(%s)", [value, ids])


def main() -> None:
    """Run the steps in turn and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows a side")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    parser.add_argument("--no-peer", action="store_true", help="without reladiff")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as folder, rigs.rig() as made:
        program = None if given.no_peer else install(Path(folder) / "reladiff")
        made.fill(given.rows)
        equal_keys(made)
        mapping = rigs.make_mapping(made)
        with made.measured("first comparison and link", 2 * given.rows):
            rigs.run_pass(mapping, "incremental")
        rigs.run_pass(mapping, "incremental")
        for _ in range(given.turns):
            began = time.perf_counter()
            floor(made, given.rows)
            compare(made, given.rows, mapping, "comparison, nothing new", confirmed=2 * given.rows, read=0)
            if program is not None:
                peer(made, given.rows, program)
            print(f"{time.perf_counter() - began:.0f} s")
        change(made, list(range(1000, 1010)), "changed in one place")
        compare(made, given.rows, mapping, "10 changed in one place", updated=10)
        change(made, list(range(7, given.rows, given.rows // 10))[:10], "changed, scattered")
        compare(made, given.rows, mapping, "10 changed, scattered", updated=10)
        tell(made)


def tell(made: rigs.Rig) -> None:
    """Medians, and how they relate."""
    walls: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    for cost in made.costs:
        walls.setdefault(cost.name, []).append(cost.wall)
        cpus.setdefault(cost.name, []).append(cost.own_cpu + cost.server_cpu)
    wall = {name: statistics.median(found) for name, found in walls.items()}
    cpu = {name: statistics.median(found) for name, found in cpus.items()}
    base = "plain aggregate of both"
    for name in wall:
        sys.stdout.write(
            f"{name:<28} median {wall[name]:7.2f} s, CPU {cpu[name]:6.2f} s:"
            f" {wall[name] / wall[base]:5.2f} and {cpu[name] / cpu[base]:5.2f} times the aggregate\n"
        )


if __name__ == "__main__":
    main()
