"""Everything in one process tree: starts programs in order, restarts what dies, stops all together.

A program is anything with `start()`, `stop()` and `running`: an embedded server, one of the hub's own
commands (`Service`), or a preparation that runs once (`Step`). Each runs under a guard, so nothing is
left however this process ends.
"""

import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from syncadmin.embedded.process import Child, ChildFailed, adopt_orphans, kill_orphans, port_is_open

logger = logging.getLogger("syncadmin.supervisor")

LOOK_SECONDS = 0.1
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STEADY_SECONDS = 60.0  # who ran as long as this starts again without delay


class AlreadyRunning(Exception):
    """Another supervisor runs on the same directory."""


class Program(Protocol):
    """What the supervisor can run. `start` returns when it is ready, or raises ChildFailed."""

    @property
    def name(self) -> str: ...
    @property
    def running(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def pid(self) -> int | None: ...
    def start(self) -> object: ...
    def ask_to_stop(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Service:
    """One of the hub's own long-running commands.

    `env` is added to this process's environment. `ready` is asked until it says yes; without it, the
    service counts as ready once it is started. `port` must be free before the first start.
    """

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    ready_timeout: float = 60.0
    port: int | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0
    child: Child = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.child = Child(
            name=self.name,
            command=self.command,
            log=self.log,
            cwd=self.cwd,
            stop_signal=self.stop_signal,
            grace=self.grace,
        )

    @property
    def running(self) -> bool:
        return self.child.running

    @property
    def exit_code(self) -> int | None:
        return self.child.exit_code

    @property
    def pid(self) -> int | None:
        return self.child.pid

    def see_port_free(self) -> None:
        """Raise ChildFailed if another program has the port."""
        if self.port is not None and not self.running and port_is_open(self.port):
            raise ChildFailed(f"{self.name}: port {self.port} is taken by another program")

    def start(self) -> None:
        self.see_port_free()
        self.child.env = {**os.environ, **self.env}
        self.child.start()
        if self.ready is not None:
            self.child.wait_ready(self.ready, timeout=self.ready_timeout)

    def ask_to_stop(self) -> None:
        self.child.ask_to_stop()

    def stop(self) -> None:
        self.child.stop()


@dataclass
class Step:
    """A preparation between two programs, done once, in this process: migrations, sample data."""

    name: str
    action: Callable[[], object]
    running: bool = field(default=False, init=False)
    exit_code: int | None = field(default=None, init=False)
    pid: int | None = field(default=None, init=False)

    def start(self) -> None:
        self.action()
        self.running = True

    def ask_to_stop(self) -> None:
        return

    def stop(self) -> None:
        self.running = False


class StopRequested(BaseException):
    """Raised in the main thread by SIGINT, SIGTERM and SIGHUP, like KeyboardInterrupt."""


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold the lock file while the block runs; raise AlreadyRunning if somebody else holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            owner = held.read().strip() or "unknown"
            raise AlreadyRunning(f"SyncAdmin runs already on {lock.parent} (process {owner})") from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


@dataclass
class _Watched:
    program: Program
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    restart_at: float | None = None


class Supervisor:
    """Runs programs until it is asked to stop.

    They start in the given order, each when the one before is ready, and stop in the opposite order:
    first the services, all at once, then the servers that they need, one by one.
    """

    def __init__(self, directory: Path, programs: Sequence[Program]) -> None:
        self.directory = directory
        self.programs = list(programs)
        # a `make` that was killed cannot tell us: look whether it is still there
        parent = os.environ.get("SYNCADMIN_WITH_PARENT")
        self._parent = int(parent) if parent else None

    def run(self, on_ready: Callable[[], object] | None = None) -> None:
        """Start all, call `on_ready`, watch; returns after SIGINT, SIGTERM or SIGHUP, with all stopped.

        Call it in the main thread. Raises AlreadyRunning; raises ChildFailed when a program does not
        start the first time (all are stopped then too).
        """
        adopt_orphans()  # of a guard that was killed
        with only_one(self.directory / "lock"), stop_signals():
            watched: list[_Watched] = []
            try:
                for program in self.programs:
                    if isinstance(program, Service):
                        program.see_port_free()  # told at once, not after all that comes before
                for program in self.programs:
                    watched.append(_Watched(program))
                    program.start()
                    watched[-1].started_at = time.monotonic()
                if on_ready is not None:
                    on_ready()
                while self._parent is None or os.getppid() == self._parent:
                    self._look_after(watched)
                    time.sleep(LOOK_SECONDS)
                logger.info("the process that started this one is gone: stopping")
            except StopRequested:
                logger.info("stopping")
            finally:
                stop_all([each.program for each in watched])

    def _look_after(self, watched: list[_Watched]) -> None:
        """Notice who has died; start them again when their delay is over."""
        now = time.monotonic()
        for each in watched:
            if each.program.running:
                continue
            if each.restart_at is None:
                steady = now - each.started_at >= STEADY_SECONDS
                each.delay = FIRST_DELAY if steady else each.delay
                each.restart_at = now + each.delay
                logger.warning(
                    "%s ended with code %s: starts again in %.1f s",
                    *(each.program.name, each.program.exit_code, each.delay),
                )
                each.delay = min(each.delay * 2, LONGEST_DELAY)
            elif now >= each.restart_at:
                each.restart_at = None
                each.started_at = now
                kill_orphans({pid for pid in (other.program.pid for other in watched) if pid is not None})
                try:
                    each.program.start()
                except ChildFailed as error:
                    logger.warning("%s", error)
                else:
                    logger.info("%s runs again", each.program.name)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Inside the block, signals that ask to stop raise StopRequested."""

    def asked(signum: int, _frame: object) -> None:
        raise StopRequested(signum)

    before = {
        signum: signal.signal(signum, asked) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def stop_all(programs: Sequence[Program]) -> None:
    """Stop services together, then the rest in the opposite order of their start.

    A second request to stop while this goes on leaves at once: the guards kill what is left.
    """
    services = [program for program in programs if isinstance(program, Service)]
    for service in services:
        service.ask_to_stop()
    for program in [*services, *reversed([p for p in programs if not isinstance(p, Service)])]:
        program.stop()


def manage(*arguments: str) -> list[str]:
    """The command line of one of the hub's own commands, in this installation."""
    return [sys.executable, str(Path(__file__).parent.parent / "manage.py"), *arguments]


OWN_MACHINE = ("127.0.0.1", "localhost")


def hub_services(
    *, var: Path, host: str, port: int, workers: int, env: Mapping[str, str] | None = None
) -> list[Service]:
    """Web, workers, ticker and listener: what needs the database migrated and the queue reachable.

    `env` is given to each of them, added to this process's environment.
    """
    logs = var / "log"
    env = dict(env or {})
    if host in OWN_MACHINE and not os.environ.get("BASE_URL"):
        env["BASE_URL"] = f"http://127.0.0.1:{port}"  # where whoever started it reaches it
    root = Path(__file__).parent.parent
    web = Service(
        name="web",
        command=[
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
            *("--workers", "1", "--blocking-threads", "4", "--no-ws", "syncadmin.wsgi:application"),
        ],
        log=logs / "web.log",
        env=env,
        cwd=root,
        port=port,
        ready=lambda: port_is_open(port, "127.0.0.1" if host == "0.0.0.0" else host),  # noqa: S104
    )
    crew = [
        Service(name=f"worker-{number}", command=manage("worker"), log=logs / f"worker-{number}.log", env=env)
        for number in range(1, workers + 1)
    ]
    clocks = [
        Service(name=name, command=manage(name), log=logs / f"{name}.log", env=env)
        for name in ("ticker", "listener")
    ]
    return [web, *crew, *clocks]
