"""Child processes that never outlive their parent, and waiting for them by condition.

A child is started through the guard (guard.py), so that neither a Ctrl-C nor a kill -9 of this
process leaves an orphan, however deep the child's own children are nested.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from syncadmin.embedded.guard import PR_SET_CHILD_SUBREAPER, descendants, parents, prctl, send

GUARD = Path(__file__).with_name("guard.py")
POLL_SECONDS = 0.02
LOG_TAIL_BYTES = 2000


class ChildFailed(Exception):
    """A child process ended, or did not become ready in time; says what it last wrote."""


def wait_until(condition: Callable[[], object], *, timeout: float, what: str) -> None:
    """Return as soon as the condition is true; raise ChildFailed after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise ChildFailed(f"{what}: not so after {timeout:g} s")
        time.sleep(POLL_SECONDS)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def port_is_open(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def socket_is_open(path: Path) -> bool:
    """Whether somebody listens on the unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def adopt_orphans() -> None:
    """From now on, processes whose parent below us has died become our children (Linux)."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_orphans(known: set[int]) -> None:
    """Kill what was adopted: all our children but the known ones, with all that they have started."""
    ours = [pid for pid, parent in parents().items() if parent == os.getpid() and pid not in known]
    for pid in ours:
        for each in (pid, *descendants(pid)):
            send(each, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


@dataclass
class Child:
    """One command under a guard.

    `log` receives what it writes to stdout and stderr (appended). `user` runs it as another
    account, which only root may ask for. `stop_signal` is what asks it to end in good order;
    after `grace` seconds it is killed, with all that it started.
    """

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    _guard: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    def start(self) -> None:
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        guard = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(int(self.stop_signal))]
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [*guard, str(self.grace), self.user or "-", "--", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self.env is None else dict(self.env),
                cwd=self.cwd,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, in order
            )

    @property
    def pid(self) -> int | None:
        """Process id of the guard, whose only direct child is the command."""
        return self._guard.pid if self._guard else None

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 + signal when a signal ended it."""
        return self._guard.poll() if self._guard else None

    def wait_ready(self, condition: Callable[[], object], *, timeout: float = 30.0) -> None:
        """Wait until the condition holds; raise ChildFailed when the child ends or time is up."""

        def ready_or_dead() -> bool:
            return bool(condition()) or not self.running

        try:
            wait_until(ready_or_dead, timeout=timeout, what=f"{self.name} is ready")
        except ChildFailed as error:
            self.stop()
            raise ChildFailed(f"{error}\n{self.log_tail()}") from None
        if not self.running:
            raise ChildFailed(f"{self.name} ended with code {self.exit_code}\n{self.log_tail()}")

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self._guard is not None and self.running:
            with suppress(ProcessLookupError):
                self._guard.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop in good order, or by force after the grace period; returns when all of it is gone."""
        if self._guard is None:
            return
        self.ask_to_stop()
        self._guard.wait()

    def kill(self) -> None:
        """Stop by force, at once, with all that it started."""
        if self._guard is None:
            return
        self.ask_to_stop()
        while self.running:  # the second request makes the guard skip the grace period
            self.ask_to_stop()
            time.sleep(POLL_SECONDS)

    def log_tail(self) -> str:
        """The last lines of the log, for error messages."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()


class Server:
    """A server with one child; `start()` makes what it needs, starts it and waits until it answers.

    Starting one that runs does nothing; starting one that has died starts it anew.
    """

    child: Child

    @property
    def name(self) -> str:
        return self.child.name

    @property
    def running(self) -> bool:
        return self.child.running

    @property
    def exit_code(self) -> int | None:
        return self.child.exit_code

    @property
    def pid(self) -> int | None:
        return self.child.pid

    def ask_to_stop(self) -> None:
        self.child.ask_to_stop()

    def stop(self) -> None:
        self.child.stop()
