"""`python -m bench.passes [--edits N]`: what the pass of one edit costs in a process: statements and CPU.

Both systems and the hub are PostgreSQL, both tables are tracked, connections stay open as in a worker. A
statement is what the driver sends for one; transactions begin and end besides.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from . import rig as rigs
from .latency import ROWS

WARM_UP = 20


@contextmanager
def counted(sent: Counter[str]) -> Iterator[None]:
    """Inside, statements are counted by the database that they go to."""
    execute = psycopg.Cursor.execute

    def noted(self: psycopg.Cursor[Any], *args: Any, **more: Any) -> Any:
        sent[self.connection.info.dbname] += 1
        return execute(self, *args, **more)

    psycopg.Cursor.execute = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--edits", type=int, default=200, help="one-row edits, in turn on both sides")
    edits = parser.parse_args().edits
    rigs.SETTINGS["synchronous_commit"] = "on"
    with rigs.rig() as made:
        made.fill(ROWS)
        mapping = rigs.make_mapping(made)
        rigs.track()
        rigs.run_pass(mapping, "backfill")
        from syncadmin.config.keeping import keeping

        with made.connect("left") as left, made.connect("right") as right, keeping():
            ends = ((left, rigs.SHIFTS["left"]), (right, rigs.SHIFTS["right"]))

            def change(n: int) -> None:
                """One edit and its pass, which also reads the echo of the one before."""
                connection, shift = ends[n % 2]
                edit = [f"edit {n}", n % ROWS + 1 + shift]
                connection.execute("UPDATE customers SET phone = %s WHERE id = %s", edit)
                if rigs.run_pass(mapping, "incremental")["updated"] != 1:
                    raise SystemExit(f"edit {n} was not carried over")

            for n in range(WARM_UP):
                change(n)
            sent: Counter[str] = Counter()
            with counted(sent):
                change(WARM_UP)
                change(WARM_UP + 1)
            sent.subtract(["left", "right"])  # the edits
            began, cpu = time.perf_counter(), time.process_time()
            for n in range(WARM_UP + 2, WARM_UP + 2 + edits):
                change(n)
            wall, cpu = (time.perf_counter() - began) / edits, (time.process_time() - cpu) / edits
        told = ", ".join(f"{name} {number / 2:g}" for name, number in sorted(sent.items()))
        sys.stdout.write(
            f"a pass of one edit: {told} statements; {cpu * 1000:.1f} ms of CPU, {wall * 1000:.1f} ms\n"
        )


if __name__ == "__main__":
    main()
