"""`python -m bench.latency [--edits N] [--minutes M] [--rate R] [--peer bucardo]`: an edit to the other side.

A whole hub as `up` runs it (web aside), on PostgreSQL like the systems, with every commit on disk. One-row
edits in turn on both sides, each waited for on the other one; then, with --minutes, R edits a second on each
side. Load and CPU are printed: a busy machine tells mostly of itself. With --peer the same single edits are
made beside another replicator, between two more databases of the same server.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from syncadmin.embedded import Child, ValkeyServer, wait_until
from syncadmin.supervisor import manage

from . import rig as rigs

ROWS, SHIFT = 2000, rigs.SHIFTS["right"]
SIDES = tuple(rigs.SHIFTS)


@contextmanager
def hub(folder: Path, workers: int) -> Iterator[dict[str, Child]]:
    """Queue, workers, ticker and listener as processes."""
    queue = ValkeyServer(folder / "valkey").start()
    env = {**os.environ, "REDIS_URL": queue.url, "SYNCADMIN_VAR": str(folder / "var"), "LOG_LEVEL": "WARNING"}
    names = [*(f"worker-{n}" for n in range(workers)), "ticker", "listener"]
    children = {
        name: Child(name=name, command=manage(name.partition("-")[0]), log=folder / f"{name}.log", env=env)
        for name in names
    }
    try:
        for child in children.values():
            child.start()
        yield children
    finally:
        for child in children.values():
            child.ask_to_stop()
        for child in children.values():
            child.stop()
        queue.stop()


def seen(
    connection: psycopg.Connection[tuple[object, ...]], key: int, wanted: str, every: float = 0.0005
) -> float:
    """Wait until a row shows the value, looking each so many seconds; when it did."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        row = connection.execute("SELECT phone FROM customers WHERE id = %s", [key]).fetchone()
        if row is not None and row[0] == wanted:
            return time.perf_counter()
        time.sleep(every)
    raise SystemExit(f"{wanted} did not arrive within a minute")


def alternating(made: rigs.Rig, edits: int, shifts: Mapping[str, int] = rigs.SHIFTS) -> list[float]:
    """Seconds from the commit on one side to the value on the other one, edit by edit."""
    took = []
    one, two = shifts
    word = secrets.token_hex(3)  # no value may be there already
    with made.connect(one) as left, made.connect(two) as right:
        ends = ((left, shifts[one]), (right, shifts[two]))
        for n in range(edits):
            (here, shift), (there, far) = ends[n % 2], ends[1 - n % 2]
            key, value = n % ROWS + 1, f"edit {word} {n}"
            here.execute("UPDATE customers SET phone = %s WHERE id = %s", [value, key + shift])
            began = time.perf_counter()
            took.append(seen(there, key + far, value) - began)
    return took


class Load(threading.Thread):
    """So many edits a second on one side, evenly, each of a record that the other side leaves alone."""

    def __init__(self, made: rigs.Rig, side: str, rate: float, until: float) -> None:
        super().__init__(daemon=True)
        self.made, self.side, self.rate, self.until = made, side, rate, until
        self.done = 0

    def run(self) -> None:
        dice = random.Random(self.side)
        shift, odd = (0, 0) if self.side == "left" else (SHIFT, 1)
        began = time.monotonic()
        with self.made.connect(self.side) as connection:
            while (now := time.monotonic()) < self.until:
                due = int((now - began) * self.rate)
                if self.done >= due:
                    time.sleep(0.5 / self.rate)
                    continue
                key = dice.randrange(0, ROWS // 2) * 2 + odd + 1
                edit = [f"{self.side} {self.done}", key + shift]
                connection.execute("UPDATE customers SET city = %s WHERE id = %s", edit)
                self.done += 1


def sustained(made: rigs.Rig, minutes: float, rate: float, children: dict[str, Child]) -> None:
    """Print, each ten seconds: edits made, how long a probe takes through it all, logs, memory of the hub.

    In the end both sides must be equal.
    """
    until = time.monotonic() + minutes * 60
    loads = [Load(made, side, rate, until) for side in SIDES]
    for load in loads:
        load.start()
    began, n = time.monotonic(), 0
    with made.connect("left") as left, made.connect("right") as right:
        while time.monotonic() < until:
            probes = []
            line_ends = time.monotonic() + 10
            while time.monotonic() < min(line_ends, until):
                n += 1
                key = n % (ROWS // 2) * 2 + 1
                left.execute("UPDATE customers SET phone = %s WHERE id = %s", [f"probe {n}", key])
                started = time.perf_counter()
                probes.append(seen(right, key + SHIFT, f"probe {n}", every=0.01) - started)
            memory = sum(memory_of(child.pid) for child in children.values() if child.pid)
            sys.stdout.write(
                f"{time.monotonic() - began:6.0f} s  {sum(load.done for load in loads):>9,} edits"
                f"  lag p50 {statistics.median(probes) * 1000:7.0f} ms, worst {max(probes) * 1000:7.0f} ms"
                f"  logs {logged(made):>7,} rows  hub {memory:6.0f} MB  load {os.getloadavg()[0]:.1f}\n"
            )
            sys.stdout.flush()
        for load in loads:
            load.join()
        over = time.monotonic()
        wait_until(lambda: shown(left) == shown(right), timeout=600, what="both sides are equal")
        sys.stdout.write(f"both sides equal {time.monotonic() - over:.1f} s after the last edit\n")


def shown(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    """What a side holds, whatever its keys."""
    return connection.execute(
        "SELECT sum(hashtextextended(concat_ws('|', email, phone, city), 0)) FROM customers"
    ).fetchone()


def logged(made: rigs.Rig) -> int:
    """Rows in the logs of both sides."""
    listed = "SELECT format('SELECT count(*) FROM %s', oid::regclass) FROM pg_class"
    listed += (
        " WHERE relkind = 'r' AND relnamespace = 'syncadmin_tracking'::regnamespace AND relname ~ '^log_'"
    )
    total = 0
    for side in SIDES:
        with made.connect(side) as connection:
            for (query,) in connection.execute(listed).fetchall():
                found = connection.execute(str(query)).fetchone()  # type: ignore[arg-type]
                total += int(str(found[0])) if found else 0
    return total


def memory_of(pid: int) -> float:
    """MB of a process and its descendants, shared pages counted once where the kernel tells."""
    import psutil

    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return float(sum(process.memory_full_info().pss for process in family)) / 2**20


def peer(made: rigs.Rig, folder: Path, edits: int) -> None:
    """The same edits with Bucardo, between two more databases of the same server."""
    from .peers.bucardo import bucardo

    urls = made.pair()
    shifts = dict.fromkeys(urls, 0)
    made.fill(ROWS, shifts)
    with bucardo(folder) as other:
        other.replicate(urls, "customers", at_once=True)
        other.start()
        alternating(made, 10, shifts)
        own, server = other.cpu(), rigs.cpu_of_tree(made.server.pid)
        took = alternating(made, edits, shifts)
        sys.stdout.write(f"{edits} edits, one at a time, Bucardo: {told(took)}\n")
        own, server = other.cpu() - own, rigs.cpu_of_tree(made.server.pid) - server
        sys.stdout.write(
            f"CPU an edit: {own / edits * 1000:.1f} ms of Bucardo, {server / edits * 1000:.1f} ms of the two"
            f" databases, its own one aside   (load {os.getloadavg()[0]:.1f})\n"
        )


def told(took: list[float]) -> str:
    """Percentiles in milliseconds."""
    cuts = statistics.quantiles([1000 * t for t in took], n=100)
    shown = {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "worst": max(took) * 1000}
    return "   ".join(f"{name} {value:.1f} ms" for name, value in shown.items())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edits", type=int, default=200, help="one-row edits, in turn on both sides")
    parser.add_argument("--minutes", type=float, default=0, help="of sustained edits; none if 0")
    parser.add_argument("--rate", type=float, default=500, help="sustained edits a second on each side")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--peer", choices=["bucardo"], help="the same single edits with it, on the same server"
    )
    given = parser.parse_args()
    rigs.SETTINGS["synchronous_commit"] = "on"
    with rigs.rig() as made, tempfile.TemporaryDirectory() as folder:
        made.fill(ROWS)
        mapping = rigs.make_mapping(made)
        rigs.track()
        rigs.run_pass(mapping, "backfill")
        from django.db import connections

        connections.close_all()
        with hub(Path(folder), given.workers) as children:
            wait_until(lambda: listening(made), timeout=60, what="the listener listens to both systems")
            alternating(made, 20)
            server, began = rigs.cpu_of_tree(made.server.pid), cpu(children)
            took = alternating(made, given.edits)
            sys.stdout.write(f"{given.edits} edits, one at a time: {told(took)}\n")
            own = (cpu(children) - began) / given.edits * 1000
            theirs = (rigs.cpu_of_tree(made.server.pid) - server) / given.edits * 1000
            sys.stdout.write(
                f"CPU an edit: {own:.1f} ms of the hub, {theirs:.1f} ms of the three databases"
                f"   (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)\n"
            )
            if given.minutes:
                sustained(made, given.minutes, given.rate, children)
        if given.peer:
            peer(made, Path(folder) / "peer", given.edits)


def cpu(children: dict[str, Child]) -> float:
    """CPU seconds of the hub's processes."""
    return sum(rigs.cpu_of_tree(child.pid) for child in children.values() if child.pid)


def listening(made: rigs.Rig) -> bool:
    """Whether somebody listens in both databases."""
    with made.connect("hub") as connection:
        row = connection.execute(
            "SELECT count(DISTINCT datname) FROM pg_stat_activity WHERE query ILIKE 'listen %'"
        ).fetchone()
    return row == (2,)


if __name__ == "__main__":
    main()
