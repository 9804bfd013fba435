"""A MariaDB server as a child process, from the system's package, with its data in one directory."""

import getpass
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pymysql

from syncadmin.embedded import Child, ChildFailed, Server, free_port
from syncadmin.embedded.process import socket_is_open

PASSWORD = "notasecret"


class MariaDbServer(Server):
    """`url_of(database)` is a SQLAlchemy URL; its account may do everything."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.socket = self.data_dir / "s.sock"
        self.port = free_port()
        self.password = PASSWORD
        program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
        if program is None:
            raise ChildFailed("mariadbd is not installed: the tests need the system's mariadb-server")
        self.child = Child(
            name="mariadb",
            command=[
                *(program, "--no-defaults", f"--datadir={self.data_dir / 'data'}", f"--port={self.port}"),
                *("--bind-address=127.0.0.1", f"--user={getpass.getuser()}"),
                *(f"--socket={self.socket}", f"--pid-file={self.data_dir / 'pid'}"),
                *("--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"),
                *("--character-set-server=utf8mb4", "--innodb-log-file-size=16M"),
                *("--skip-log-bin", "--skip-name-resolve"),
            ],
            log=self.data_dir / "mariadb.log",
        )

    def start(self) -> "MariaDbServer":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not (self.data_dir / "data" / "mysql").exists():
            self._initialise()
        self.child.start()
        self.child.wait_ready(self.answers, timeout=60)
        return self

    def _initialise(self) -> None:
        made = subprocess.run(
            [
                *("mariadb-install-db", "--no-defaults", f"--datadir={self.data_dir / 'data'}"),
                *(f"--user={getpass.getuser()}", "--auth-root-authentication-method=normal"),
                *("--skip-test-db", "--innodb-log-file-size=16M"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise ChildFailed(f"mariadb-install-db failed\n{made.stdout}{made.stderr}")

    def answers(self) -> bool:
        """Whether it can be used; makes the tests' account each time."""
        if not socket_is_open(self.socket):
            return False
        try:
            self.execute("CREATE OR REPLACE USER tester@'127.0.0.1' IDENTIFIED BY %s", [self.password])
        except pymysql.err.OperationalError:
            return False
        self.execute("GRANT ALL ON *.* TO tester@'127.0.0.1' WITH GRANT OPTION")
        self.execute("DROP USER IF EXISTS root@'127.0.0.1', root@'::1'")
        return True

    def execute(self, statement: str, arguments: Sequence[object] = ()) -> None:
        """Run one administrative statement, as root through the socket, which only we can reach."""
        with (
            pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, arguments)

    def url_of(self, database: str) -> str:
        return f"mysql+pymysql://tester:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")
