"""`manage.py demo` as a newcomer has it: up, in step, killed, up again where it was, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from syncadmin.demo.place import Place
from syncadmin.demo.shop import Shop
from syncadmin.embedded import free_port
from tests.conftest import server_directory

pytestmark = [pytest.mark.slow, pytest.mark.runs_once]

ROOT = Path(__file__).parents[2]
UP = "Ctrl-C stops everything"


class Demo:
    """A demo in a directory of its own, started, looked at and ended as from a terminal."""

    def __init__(self, directory: Path) -> None:
        self.place = Place(directory)
        self.out = directory.with_name("out")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            str(ROOT / "manage.py"),
            "demo",
            "--dir",
            str(self.place.directory),
            *arguments,
        ]

    def start(self) -> None:
        flags = ("--port", "--shop-port", "--erp-port")
        ports = [word for flag in flags for word in (flag, str(free_port()))]
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                self.command(*ports), stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True
            )
        until(lambda: UP in self.said() or self.process.poll() is not None, 90)
        assert UP in self.said(), self.said()

    def said(self) -> str:
        return self.out.read_text()

    def check(self) -> dict:
        done = subprocess.run(
            self.command("--check", "--wait", "60", "--json"),
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stdout[:2000] + done.stderr[-2000:]
        return json.loads(done.stdout)

    def processes(self) -> list[psutil.Process]:
        """All of the tree, the first one included."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def end(self, signum: signal.Signals) -> int:
        """Send the signal to the first process and answer how it ended, with all others gone too."""
        all_of_it = self.processes()
        os.kill(self.process.pid, signum)
        code = self.process.wait(30)
        until(lambda: not [each for each in all_of_it if alive(each)], 10)
        return code


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition: Callable[[], object], seconds: float) -> float:
    """Wait for the condition; answers how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not so after {seconds:g} s"
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture
def demo() -> Iterator[Demo]:
    with server_directory() as directory:
        demo = Demo(directory / "demo")
        yield demo
        if demo.process is not None and demo.process.poll() is None:
            demo.end(signal.SIGKILL)


def test_a_demo_is_up_in_step_and_goes_on_after_it_was_killed(demo: Demo):
    with demo.place as place:  # a start that was killed while it filled the systems: it begins anew
        (place.directory / "erp").mkdir()
        (place.directory / "erp" / "half").touch()
    demo.start()
    assert "a new demo" in demo.said()
    assert not (demo.place.directory / "erp" / "half").exists()
    report = demo.check()
    assert report["differences"] == []
    assert report["pairs"] > 1900
    assert report["items"] > 0

    staff = demo.place.staff()
    with (
        Shop(staff.shop_url, staff.shop_email, staff.shop_password) as shop,
        psycopg.connect(staff.erp_url, autocommit=True) as erp,
    ):
        product = next(row for row in shop.read_all("products") if not row["retired"])
        shop.update("products", product["id"], {"name": "Renamed in the shop's own page"})
        renamed = "SELECT 1 FROM products WHERE sku = %s AND title = 'Renamed in the shop''s own page'"
        until(lambda: erp.execute(renamed, [product["sku"]]).fetchone(), 30)

        other = erp.execute("SELECT sku FROM products WHERE NOT discontinued AND sku <> %s", [product["sku"]])
        (sku,) = other.fetchone()
        erp.execute("UPDATE products SET title = 'Renamed in the ERP' WHERE sku = %s", [sku])
        until(lambda: shop.find("products", "sku", sku)[0]["name"] == "Renamed in the ERP", 30)

    password = demo.place.password("admin")
    assert demo.end(signal.SIGKILL) == -signal.SIGKILL

    demo.start()
    assert "the demo again" in demo.said()
    assert password in demo.said()
    with psycopg.connect(demo.place.staff().erp_url) as erp:
        assert erp.execute(renamed, [product["sku"]]).fetchone()
    assert demo.end(signal.SIGINT) == 0


def test_two_demos_do_not_run_in_one_place(demo: Demo):
    with demo.place:
        done = subprocess.run(demo.command(), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert "already running" in done.stderr


def test_a_check_without_a_demo_says_so(demo: Demo):
    done = subprocess.run(demo.command("--check"), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert "no demo runs in" in done.stderr
