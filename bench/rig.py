"""What the benchmarks share: three databases in one embedded PostgreSQL, and the cost of a step.

The cost of a step is wall seconds, CPU seconds of this process and of the database server, and the peak of
this process's memory. Speeds differ between machines: compare the ratio to the floor, not the seconds.
"""

from __future__ import annotations

import os
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from syncadmin.embedded import PostgresServer

SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "synchronous_commit": "off",
}
SHIFTS = {"left": 0, "right": 5_000_000}
TABLE = """
    CREATE TABLE customers (
        id bigint PRIMARY KEY, email text NOT NULL, name text NOT NULL, phone text, city text,
        credit numeric(12, 2), points integer NOT NULL, updated_at timestamptz NOT NULL
    )
"""
FILL = """
    INSERT INTO customers (id, email, name, phone, city, credit, points, updated_at)
    SELECT n + {shift}, 'customer' || n || '@example.com', 'Customer ' || n, '+49 30 ' || n,
           'City ' || n % 997, (n % 100000)::numeric / 100, n % 50,
           timestamptz '2026-01-01' + n * interval '1 second'
    FROM generate_series(1, {rows}) n
"""


@dataclass
class Cost:
    """What one step took. Seconds; memory in MB (peak of the process so far)."""

    name: str
    rows: int
    wall: float = 0.0
    own_cpu: float = 0.0
    server_cpu: float = 0.0
    memory: float = 0.0

    def line(self) -> str:
        """One line of the report."""
        return (
            f"{self.name:<28} {self.rows:>9,} rows {self.wall:8.2f} s {self.rows / self.wall:>11,.0f} rows/s"
            f"   CPU {self.own_cpu:6.2f} s here, {self.server_cpu:6.2f} s in the databases"
            f"   peak {self.memory:5.0f} MB"
        )


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a process, its living children and those it has waited for."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, list[int]] = {}
    times: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.name))
        times[int(entry.name)] = sum(int(f) for f in fields[11:15]) / ticks
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        total += times.get(pid, 0.0)
        waiting += parents.get(pid, [])
    return total


class Rig:
    """The databases `hub`, `left`, `right` and `floor`, and the measured steps."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.urls = {name: server.create_database(name) for name in ("hub", "left", "right", "floor")}
        self.costs: list[Cost] = []

    def connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        """An autocommit connection to one of the databases."""
        return psycopg.connect(self.urls[name], autocommit=True)

    @contextmanager
    def measured(self, name: str, rows: int, cpu: Callable[[], float] = time.process_time) -> Iterator[Cost]:
        """Measure a step and print its line; `cpu` tells the CPU seconds of whoever does it."""
        cost = Cost(name, rows)
        server, own, began = cpu_of_tree(self.server.pid), cpu(), time.perf_counter()
        yield cost
        cost.wall = time.perf_counter() - began
        cost.own_cpu = cpu() - own
        cost.server_cpu = cpu_of_tree(self.server.pid) - server
        cost.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.costs.append(cost)
        print(cost.line(), flush=True)

    def pair(self) -> dict[str, str]:
        """Two more databases, `peer_left` and `peer_right`; their addresses."""
        made = {name: self.server.create_database(name) for name in ("peer_left", "peer_right")}
        self.urls |= made
        return made

    def fill(self, rows: int, shifts: Mapping[str, int] = SHIFTS) -> None:
        """The same customers on both sides, with keys of their own (`shifts`: what is added to them)."""
        for name, shift in shifts.items():
            with self.connect(name) as connection:
                connection.execute(TABLE)
                connection.execute(FILL.format(shift=shift, rows=rows))
                connection.execute("CREATE INDEX ON customers (updated_at, id)")
                connection.execute("CREATE INDEX ON customers (email)")
                connection.execute("VACUUM ANALYZE customers")


@contextmanager
def rig() -> Iterator[Rig]:
    """A running rig; Django is set up with the hub in its database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o711)
        server = PostgresServer(Path(folder) / "postgres", settings=SETTINGS).start()
        try:
            made = Rig(server, Path(folder))
            os.environ |= {
                "DATABASE_URL": made.urls["hub"],
                "SECRET_KEY": secrets.token_urlsafe(32),
                "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            }
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            yield made
        finally:
            server.stop()


def make_mapping(made: Rig) -> int:
    """The mapping of the customers of both sides; returns its id."""
    from syncadmin.models import FieldMapping, Mapping, Resource, System

    sides = []
    for name in ("left", "right"):
        system = System.objects.create(name=name, connector="sql", config={"url": made.urls[name]})
        config = {"table": "customers", "modified": "updated_at", "changes": "cursor"}
        sides.append(Resource.objects.create(system=system, name="customers", config=config))
    mapping = Mapping.objects.create(name="customers", left=sides[0], right=sides[1], match=["email"])
    types = {
        "email": "text",
        "name": "text",
        "phone": "text",
        "city": "text",
        "credit": "decimal",
        "points": "integer",
    }
    for position, (name, kind) in enumerate(types.items()):
        FieldMapping.objects.create(
            mapping=mapping, position=position, name=name, left=name, right=name, type=kind
        )
    return int(mapping.pk)


def track() -> None:
    """Both tables are tracked."""
    from syncadmin import tracking
    from syncadmin.models import Resource

    for table in Resource.objects.all():
        table.config = {"table": "customers", "changes": "tracking"}
        table.save()
        tracking.install(table)


def run_pass(mapping_id: int, kind: str) -> dict[str, int]:
    """One pass; its counts. It must end well."""
    from syncadmin.engine.run import run_pass as run

    done = run(mapping_id, kind)
    if done is None or done.state != "done":
        raise SystemExit(f"the pass did not end well: {done and done.message}")
    return dict(done.counts)
