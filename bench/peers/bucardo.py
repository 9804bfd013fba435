"""Bucardo, the trigger-and-notify replicator of Debian's package, between two databases of equal keys.

Its programs are unpacked by `bucardo.sh` into /var/tmp (BUCARDO names another folder). Its control database
gets a server of its own, because it takes PL/Perl; what it installs in the two databases is PL/pgSQL.
It runs with its own defaults: of every edit it sleeps some half a second.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from syncadmin.embedded import PostgresServer, wait_until

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("BUCARDO", "/var/tmp/syncadmin-bucardo"))  # noqa: S108 - programs
SYNC, CHANNEL = "bench", "bucardo"


class Bucardo:
    """It replicates one table both ways between two databases; the latest edit of a row wins."""

    def __init__(self, folder: Path, control: PostgresServer) -> None:
        self.folder, self.control = folder, control
        self.log = folder / "log.bucardo"
        self.running: list[psutil.Process] = []

    def run(self, *words: str, user: str = "bucardo", database: str = "bucardo") -> None:
        """One of its commands. Raises SystemExit with its words if it fails."""
        own = ("--no-bucardorc", "--batch", "--quiet", f"--piddir={self.folder}", f"--logdest={self.folder}")
        where = ("--dbhost=127.0.0.1", f"--dbport={self.control.port}", f"--dbpass={self.control.password}")
        done = subprocess.run(
            [
                "perl",
                FOLDER / "usr/bin/bucardo",
                *own,
                *where,
                f"--dbuser={user}",
                f"--dbname={database}",
                *words,
            ],
            env=os.environ | {"PGPASSWORD": self.control.password, "HOME": str(self.folder)},
            cwd=FOLDER / "usr/share/bucardo",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"bucardo {' '.join(words[:2])} failed: {done.stdout}")

    def install(self) -> None:
        """Its control database."""
        self.control.execute(f"CREATE ROLE bucardo SUPERUSER LOGIN PASSWORD '{self.control.password}'")
        self.run("install", user="postgres", database="postgres")
        for name in ("log_conflict_file", "warning_file", "reason_file"):
            self.run("set", f"{name}={self.folder / name}")

    def replicate(self, urls: dict[str, str], table: str, *, at_once: bool) -> None:
        """Install triggers in both databases; with `at_once` each commit there starts a run."""
        for name, url in urls.items():
            at = conninfo_to_dict(url)
            where = (f"db{part}={at[part]}" for part in ("host", "port", "user"))
            self.run("add", "db", name, f"dbname={at['dbname']}", *where, f"dbpass={at['password']}")
        self.run("add", "dbgroup", "both", *(f"{name}:source" for name in urls))
        self.run("add", "table", f"public.{table}", f"db={next(iter(urls))}", "relgroup=tables")
        policy = ("conflict_strategy=bucardo_latest", f"autokick={int(at_once)}")
        self.run("add", "sync", SYNC, "relgroup=tables", "dbs=both", *policy)

    def triggers(self, url: str, table: str, state: str) -> None:
        """Enable or disable (`state`) its triggers in a database, and forget what they have noted."""
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%bucardo%%'",
                [table],
            )
            for (name,) in found.fetchall():
                connection.execute(f"ALTER TABLE {table} {state} TRIGGER {name}")
            connection.execute(f"TRUNCATE bucardo.delta_public_{table}")

    def start(self) -> None:
        """Its daemon, until it has looked at the table for the first time."""
        self.run("start")
        pids = self.folder / "bucardo.mcp.pid"
        wait_until(lambda: "New kid, sync" in self.said(), timeout=60, what="bucardo runs")
        first = psutil.Process(int(pids.read_text().split()[0]))
        self.running = [first, *first.children(recursive=True)]
        self.kick()

    def stop(self) -> None:
        """All of its processes, also those that it leaves behind."""
        if self.running:
            self.run("stop")
        for process in psutil.wait_procs(self.running, timeout=3)[1]:
            process.kill()
        self.running = []

    def said(self) -> str:
        """Its log."""
        return self.log.read_text() if self.log.exists() else ""

    def cpu(self) -> float:
        """CPU seconds of its processes."""
        times = [process.cpu_times() for process in self.running]
        return sum(one.user + one.system for one in times)

    def kick(self, seconds: float = 600) -> None:
        """One run of the sync, until it has ended."""
        with psycopg.connect(self.control.url_of("bucardo"), autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            connection.execute(f"NOTIFY {CHANNEL}, 'kick_sync_{SYNC}'")
            for told in connection.notifies(timeout=seconds):
                if told.payload == f"syncdone_{SYNC}":
                    return
                if told.payload.startswith("synckill"):
                    break
        raise SystemExit(f"bucardo did not end its run:\n{self.said()[-3000:]}")


@contextmanager
def bucardo(folder: Path) -> Iterator[Bucardo]:
    """Bucardo with its control database, both in a new `folder`; nothing is replicated yet."""
    subprocess.run([HERE / "bucardo.sh", FOLDER], check=True)
    folder.mkdir()
    libraries = [FOLDER / "usr/share/perl5", *FOLDER.glob("usr/lib/*/perl5/*")]
    os.environ["PERL5LIB"] = ":".join(str(one) for one in libraries)
    programs = next(FOLDER.glob("usr/lib/postgresql/*/bin"))
    control = PostgresServer(folder / "control", binaries=programs, durable=False).start()
    made = Bucardo(folder, control)
    try:
        made.install()
        yield made
    finally:
        made.stop()
        control.stop()
