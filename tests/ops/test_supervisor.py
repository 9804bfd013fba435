"""`manage.py up`, real: starts, restarts what dies, stops, resumes, leaves nothing behind."""

import re
import signal
import subprocess
import sys

import httpx
import psutil
import pytest

from syncadmin.embedded import free_port
from syncadmin.supervisor import manage
from tests.ops.family import family_of, kill_hard, named, see_gone, wait_for
from tests.ops.hub import Hub

pytestmark = pytest.mark.runs_once

STARTER = """
import os, subprocess, sys
subprocess.run(sys.argv[1:], env=os.environ | {"SYNCADMIN_WITH_PARENT": str(os.getpid())})
"""
PARTS = ("manage.py worker", "manage.py ticker", "valkey-server", "granian")


def sign_in(hub: Hub, password: str) -> str:
    """The path that signing in as admin leads to."""
    with httpx.Client(base_url=hub.url, follow_redirects=True) as browser:
        browser.get("/admin/login/")
        form = {"username": "admin", "password": password, "next": "/admin/"}
        token = browser.cookies["syncadmin_csrf"]
        return browser.post("/admin/login/", data=form | {"csrfmiddlewaretoken": token}).url.path


def test_the_first_start_tells_a_password_once_that_signs_in(hub: Hub) -> None:
    process = hub.up()
    told = re.search(r"sign in as admin with the password (\S+)", hub.output)
    assert told is not None
    assert sign_in(hub, told[1]) == "/admin/"
    family = family_of(process.pid)
    process.send_signal(signal.SIGINT)  # Ctrl-C stops everything
    see_gone(family)
    assert process.wait() == 0

    with (hub.var / "output").open("wb") as output:
        starter = subprocess.Popen(
            [
                *(sys.executable, "-c", STARTER),
                *manage("up", "--port", str(hub.port), "--workers", "1"),
            ],
            stdout=output,
            env=hub.environment(),
        )
    wait_for(lambda: "is up" in hub.output, "the hub is up")
    assert "password" not in hub.output
    family = family_of(starter.pid)
    starter.kill()  # started by make, it ends when make is killed
    starter.wait()
    see_gone(family)


def test_one_that_runs_is_left_alone_mended_and_once_killed_leaves_no_orphan(hub: Hub) -> None:
    process = hub.up()
    wait_for(hub.has_worker, "the worker listens")
    a_second_start_on_the_same_directory_is_refused(hub)
    a_taken_port_is_told_and_nothing_is_left_running(hub)
    whatever_dies_is_started_again(hub)
    a_killed_guard_leaves_nothing_of_what_it_guarded(hub)

    family = family_of(process.pid)
    assert all(named(part, family) for part in PARTS)
    kill_hard(process.pid)
    see_gone(family[1:])
    process.wait()
    hub.up()
    assert httpx.get(f"{hub.url}/admin/login/").status_code == 200
    hub.process.terminate()
    assert hub.process.wait() == 0


def a_second_start_on_the_same_directory_is_refused(running: Hub) -> None:
    second = subprocess.run(
        manage("up", "--port", str(free_port())),
        env=running.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"SyncAdmin runs already on {running.var} (process {running.process.pid})" in second.stderr


def a_taken_port_is_told_and_nothing_is_left_running(running: Hub) -> None:
    second = Hub(running.var.with_name("other"), port=running.port)
    process = second.start()
    wait_for(lambda: process.poll() is not None, "the second hub gives up")
    assert f"port {running.port} is taken" in second.output
    assert not (second.var / "valkey" / "valkey.sock").exists()


def whatever_dies_is_started_again(running: Hub) -> None:
    dead = running.output.count("ended with code 137")

    def found(part: str) -> list[psutil.Process]:
        """The programs themselves, not their guards."""
        return [p for p in named(part, family_of(running.process.pid)) if not named("guard.py", [p])]

    for part in PARTS:
        before = found(part)
        kill_hard(before[0].pid)
        see_gone(before)
        wait_for(lambda part=part: found(part), f"{part} runs again")
    wait_for(lambda: running.output.count("ended with code 137") == dead + 4, "each end was told")


def a_killed_guard_leaves_nothing_of_what_it_guarded(running: Hub) -> None:
    wait_for(running.answers, "the pages are served")  # it may just have been started again
    family = family_of(running.process.pid)
    guard = next(p for p in family if named("guard.py", [p]) and named("granian", [p]))
    again = running.output.count("web runs again")
    guarded = family_of(guard.pid)
    assert len(guarded) == 3  # guard, server, its worker
    kill_hard(guard.pid)
    see_gone(guarded)
    wait_for(lambda: running.output.count("web runs again") > again, "the web runs again")
