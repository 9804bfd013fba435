"""A guard runs one command and sees to it that nothing of it outlives whoever started the guard.

Servers fork: PostgreSQL its backends, granian and RQ their workers. A parent-death signal reaches
only the direct child, and a process group is left by whoever calls setsid. So the guard makes
itself the reaper of all its descendants, watches its parent, and when the parent is gone (even by
kill -9) or the command has ended, it kills what is left and waits until nothing is.

It is started as a script, by path, with nothing but the standard library, so that it is up in
milliseconds: `python -I -S guard.py PARENT_PID STOP_SIGNAL GRACE_SECONDS USER -- COMMAND...`
(USER is `-` for nobody else). SIGTERM asks it to stop the command; a second one, or the end of
the grace period, kills it.
"""

import ctypes
import os
import pwd
import select
import signal
import sys
import time
from contextlib import suppress

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.25
LINUX = sys.platform == "linux"


def prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the process group has to do."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def parents() -> dict[int, int]:
    """Parent of every process, by process id (empty where there is no /proc)."""
    found = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stat:
                    # the command's name may hold blanks and parentheses: count from its end
                    found[int(entry)] = int(stat.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def descendants(root: int) -> list[int]:
    """All live and dead descendants of a process, nearest first."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        nearest = children.get(waiting.pop(0), [])
        found += nearest
        waiting += nearest
    return found


def send(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)


def located(name: str) -> str:
    """The program's path: looked up before rights are dropped, when Python's own files can be read."""
    paths = [name] if "/" in name else [os.path.join(folder, name) for folder in os.get_exec_path()]
    return next((path for path in paths if os.access(path, os.X_OK)), name)


def spawn(command: list[str], user: str) -> int:
    """Fork and execute; the guard has one thread, so that code between the two is safe."""
    guard = os.getpid()
    program = located(command[0])
    child = os.fork()
    if child:
        return child
    try:
        os.setpgid(0, 0)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(signum, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        if user != "-":
            account = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after setuid, which clears it
        if os.getppid() != guard:
            os._exit(1)
        os.execv(program, command)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def reap(main: int) -> int | None:
    """Collect dead children; the main child's exit status once it has one."""
    status = None
    while True:
        try:
            pid, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == main:
            status = os.waitstatus_to_exitcode(raw)


def sweep(main: int) -> None:
    """Kill everything that is left, until there is nothing left."""
    while True:
        if not LINUX:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(main, signal.SIGKILL)
        for pid in descendants(os.getpid()):
            send(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(0.005)


def watch_parent(parent: int) -> int | None:
    """A descriptor that becomes readable when the parent is gone, where the system has such."""
    try:
        return os.pidfd_open(parent) if hasattr(os, "pidfd_open") else None
    except OSError:
        return None


def main(arguments: list[str]) -> int:
    parent, stop_signal, grace, user = int(arguments[0]), int(arguments[1]), float(arguments[2]), arguments[3]
    command = arguments[5:]
    prctl(PR_SET_CHILD_SUBREAPER, 1)

    # signals arrive as bytes in a pipe: no work is done in a handler
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for signum in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    watched = [wake_read]
    parent_fd = watch_parent(parent)
    if parent_fd is not None:
        watched.append(parent_fd)
    if os.getppid() != parent:
        return 1

    child = spawn(command, user)
    deadline = None
    status = None
    while True:
        wait = None if parent_fd is not None else POLL_SECONDS
        if deadline is not None:
            wait = max(0.0, deadline - time.monotonic())
        ready = select.select(watched, [], [], wait)[0]
        received = os.read(wake_read, 64) if wake_read in ready else b""
        status = reap(child)
        if status is not None or parent_fd in ready or os.getppid() != parent:
            break
        if signal.SIGTERM in received:
            if deadline is not None:
                break
            send(child, stop_signal)
            deadline = time.monotonic() + grace
        if deadline is not None and time.monotonic() >= deadline:
            break
    sweep(child)
    if status is None:
        return 137
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
