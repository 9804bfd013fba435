"""A child process under its guard: stops in good order, by force where it must, and leaves nothing."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from syncadmin.embedded import Child, ChildFailed
from tests.ops.family import family_of, kill_hard, see_gone, wait_for

pytestmark = pytest.mark.runs_once

# a server that forks a worker, and a daemon that leaves session and process group and is adopted
NESTED = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
if os.fork() == 0:
    time.sleep(600)
print("ready", flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
POLITE = """
import signal, sys, time
def end(*_):
    print("goodbye", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(600)
"""
# what a supervisor does, reduced to one child; it never returns
PARENT = """
import sys, pathlib
from syncadmin.embedded import Child
child = Child(name="nested", command=[sys.executable, "-c", sys.argv[1]], log=pathlib.Path(sys.argv[2]))
child.start()
child.wait_ready(lambda: "ready" in child.log_tail())
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


def python(name: str, code: str, log: Path, **options: object) -> Child:
    return Child(name=name, command=[sys.executable, "-c", code], log=log, **options)


def started(child: Child) -> Child:
    child.start()
    child.wait_ready(lambda: "ready" in child.log_tail())
    return child


@pytest.fixture
def parent(log: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process of its own whose child has nested children."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, NESTED, str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
        process.kill()


def test_a_killed_parent_leaves_no_orphan_however_deep_its_childs_children_are(
    parent: "subprocess.Popen[str]",
) -> None:
    family = family_of(parent.pid)
    assert len(family) == 5  # parent, guard, server, its worker, its daemon
    kill_hard(parent.pid)
    see_gone(family[1:])


def test_a_killed_guard_takes_the_command_with_it(log: Path) -> None:
    child = started(python("polite", POLITE, log))
    assert child.pid is not None
    family = family_of(child.pid)
    kill_hard(child.pid)
    see_gone(family)
    child.stop()


def test_stop_lets_the_command_end_in_good_order(log: Path) -> None:
    child = started(python("polite", POLITE, log))
    child.stop()
    assert child.exit_code == 7
    assert "goodbye" in child.log_tail()


def test_stop_kills_a_command_that_will_not_end(log: Path) -> None:
    child = started(python("stubborn", STUBBORN, log, grace=0.2))
    assert child.pid is not None
    family = family_of(child.pid)
    child.stop()
    see_gone(family)
    assert child.exit_code == 137


def test_kill_does_not_wait_for_the_grace_period(log: Path) -> None:
    child = started(python("stubborn", STUBBORN, log, grace=3600))
    child.kill()
    assert not child.running


def test_when_the_command_dies_what_it_started_dies_too(log: Path) -> None:
    child = started(python("nested", NESTED, log))
    assert child.pid is not None
    family = family_of(child.pid)
    server = psutil.Process(child.pid).children()[0]
    kill_hard(server.pid)
    see_gone(family)
    wait_for(lambda: child.exit_code == 128 + signal.SIGKILL, "the guard reports the signal")


def test_a_child_can_be_started_again(log: Path) -> None:
    child = started(python("polite", POLITE, log))
    child.stop()
    log.unlink()
    started(child)
    assert child.running
    child.stop()


def test_a_child_that_ends_while_it_is_waited_for_is_an_error_with_its_last_words(log: Path) -> None:
    child = python("broken", "print('no such table'); raise SystemExit(3)", log)
    child.start()
    with pytest.raises(ChildFailed, match=r"broken ended with code 3\nno such table"):
        child.wait_ready(lambda: False)


def test_a_command_that_does_not_exist_is_an_error(log: Path) -> None:
    child = Child(name="missing", command=["/does/not/exist"], log=log)
    child.start()
    with pytest.raises(ChildFailed, match="No such file"):
        child.wait_ready(lambda: False)


def test_a_child_that_is_never_ready_is_stopped(log: Path) -> None:
    child = python("polite", POLITE, log)
    child.start()
    with pytest.raises(ChildFailed, match=r"polite is ready: not so after 0\.1 s"):
        child.wait_ready(lambda: False, timeout=0.1)
    assert not child.running


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_root_can_run_a_child_as_somebody_else(log: Path) -> None:
    child = Child(name="id", command=["id", "-un"], log=log, user="nobody")
    child.start()
    wait_for(lambda: not child.running, "id has ended")
    assert child.log_tail() == pwd.getpwnam("nobody").pw_name
