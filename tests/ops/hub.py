"""One installation of the hub, started by `manage.py up`, as a newcomer would."""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from syncadmin.embedded import free_port
from syncadmin.supervisor import manage
from tests.ops.family import wait_for

OWN = (
    "SYNCADMIN_WITH_PARENT",
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "SYNCADMIN_ADMIN_PASSWORD",
)


@dataclass
class Hub:
    """One installation on an empty directory; `up()` starts it, as often as wanted.

    `database` is the environment that leads to a database of its own; SQLite in `var` if empty.
    """

    var: Path
    port: int = field(default_factory=free_port)
    database: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def output(self) -> str:
        file = self.var / "output"
        return file.read_text() if file.exists() else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in OWN}
        return {**kept, "SYNCADMIN_VAR": str(self.var), **self.database, **more}

    def start(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Start without waiting for it."""
        self.var.mkdir(exist_ok=True)
        with (self.var / "output").open("wb") as output:
            self.process = subprocess.Popen(
                manage("up", "--port", str(self.port), "--workers", "1"),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(**environment),
            )
        return self.process

    def up(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Start and wait until it says that it is up."""
        process = self.start(**environment)
        wait_for(lambda: "is up" in self.output or process.poll() is not None, "the hub is up")
        assert process.poll() is None, self.output
        return process

    def answers(self) -> bool:
        """Whether the pages are served."""
        try:
            return httpx.get(f"{self.url}/admin/login/", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def has_worker(self) -> bool:
        return (self.var / "log" / "worker-1.log").read_text().count("Listening on default") > 0

    def down(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=30)
            self.process.kill()
            self.process.wait()
