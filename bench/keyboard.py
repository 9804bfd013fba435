"""`python -m bench.keyboard`: simple conflicts of the demo, decided in a real browser by keyboard alone.

The demo is started in a directory of its own, its staff are sent home, and somebody changes the phone
numbers of so many customers on both sides. A person then opens the first conflict, looks, presses 1 or 2 and
Enter, and has the next one on the screen, until none is left. Reported is what the person waits for, from
Enter to the next card; a whole decision, with looking and pressing; and how long it took until both systems
held what was decided.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect, sync_playwright

from syncadmin.demo import scenes
from syncadmin.demo.office import NobodyFound, Office
from syncadmin.demo.place import Place
from syncadmin.demo.switch import Switch
from syncadmin.embedded import free_port

BROWSERS = ("chromium-headless-shell", "chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LOOK = (1.5, 4.0)  # seconds that a person looks at two phone numbers
PRESS = 0.15  # seconds between two keys
LIST = "/conflicts/?mapping=customers&field=phone"


@dataclass
class Taken:
    """Seconds of each decision, by what was waited for."""

    thought: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    keys: int = 0


def wait_for(holds: Callable[[], bool], what: str, seconds: float = 300) -> None:
    """Wait until it holds. Raises SystemExit that names `what`."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise SystemExit(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.1)


@contextmanager
def demo(directory: Path) -> Iterator[tuple[Place, str]]:
    """A demo that runs in `directory`, with both systems in agreement; its address."""
    ports = {name: free_port() for name in ("port", "shop-port", "erp-port")}
    command = [sys.executable, "manage.py", "demo", "--dir", str(directory)]
    command += [text for name, port in ports.items() for text in (f"--{name}", str(port))]
    with (directory.parent / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{ports['port']}"
    try:
        wait_for(lambda: answers(url), "the hub's page")
        place = Place(directory)
        Switch(directory / "hub").turn(False)
        check = [sys.executable, "manage.py", "demo", "--dir", str(directory), "--check", "--wait", "240"]
        subprocess.run(check, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield place, url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def answers(url: str) -> bool:
    """Whether a page answers there."""
    try:
        return httpx.get(f"{url}/admin/login/").status_code == 200
    except httpx.HTTPError:
        return False


def make_conflicts(place: Place, number: int) -> None:
    """Change the phone of customers on both sides, each within milliseconds."""
    with Office(place.staff(), random.Random(5)) as office:
        for _ in range(number):
            try:
                scenes.both_change_the_phone(office)
            except NobodyFound:
                continue


def sign_in(page: Page, url: str, password: str) -> None:
    page.goto(url + LIST)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")


def decide(page: Page, think: bool, dice: random.Random) -> Taken:
    """Decide everything in the list by keyboard. Seconds of each decision."""
    taken = Taken()
    page.keyboard.press("j")
    title = page.locator("[data-card][data-state=open] #card-title")
    expect(title).to_be_visible()
    while page.locator("[data-card][data-state=open]").count():
        began = time.monotonic()
        number = page.locator("[data-card]").get_attribute("data-card")
        if think:
            time.sleep(dice.uniform(*LOOK))
        page.keyboard.press(dice.choice("12"))
        if think:
            time.sleep(PRESS)
        taken.thought.append(time.monotonic() - began)
        pressed = time.monotonic()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "number => document.querySelector(`[data-clear], [data-card]:not([data-card='${number}'])`)",
            arg=number,
            polling="raf",
        )
        taken.shown.append(time.monotonic() - pressed)
        taken.whole.append(time.monotonic() - began)
        taken.keys += 2
    return taken


def until_written(place: Place) -> list[float]:
    """Seconds from each decision to its end in both systems, as the hub's command tells them."""
    command = [sys.executable, "manage.py", "conflicts", "--state", "closed", "--field", "phone", "--json"]
    hub = {"SYNCADMIN_DEMO": "1", "SYNCADMIN_VAR": str(place.directory / "hub"), "DATABASE_URL": ""}
    told = subprocess.run(command, env={**os.environ, **hub}, check=True, capture_output=True, text=True)
    times = [(c["decided_at"], c["closed_at"]) for c in json.loads(told.stdout)["conflicts"]]
    return [
        (datetime.fromisoformat(closed) - datetime.fromisoformat(decided)).total_seconds()
        for decided, closed in times
        if decided and closed
    ]


def report(taken: Taken, written: list[float]) -> None:
    """What it took, in milliseconds and seconds."""
    number = len(taken.shown)
    shown = sorted(seconds * 1000 for seconds in taken.shown)
    print(f"{number} decisions, {taken.keys / number:.1f} keys each (and one to open the first)")
    print(f"Enter to the next card: median {statistics.median(shown):.0f} ms, slowest {shown[-1]:.0f} ms")
    print(f"with looking and pressing: median {statistics.median(taken.whole):.2f} s a decision")
    middle, last = statistics.median(written), max(written)
    print(f"from the decision until both systems held it: median {middle:.1f} s, slowest {last:.1f} s")


def main() -> None:
    """Start a demo, make conflicts, decide them, print what it took."""
    parser = argparse.ArgumentParser(prog="python -m bench.keyboard", description=__doc__)
    parser.add_argument("--conflicts", type=int, default=10)
    parser.add_argument("--no-thinking", action="store_true", help="press the keys as fast as they go")
    options = parser.parse_args()
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"no browser is installed; one of {', '.join(BROWSERS)} is needed")
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    with (
        tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as directory,
        demo(Path(directory) / "demo") as (place, url),
        sync_playwright() as playwright,
    ):
        page = playwright.chromium.launch(executable_path=browser, args=FLAGS).new_page(
            viewport={"width": 1440, "height": 900}
        )
        sign_in(page, url, place.password("admin"))
        make_conflicts(place, options.conflicts)
        rows = page.locator("[data-row]")
        wait_for(lambda: rows.count() >= options.conflicts - 2, "the conflicts in the list", 60)
        time.sleep(3)  # the last of them
        page.goto(url + LIST)
        taken = decide(page, not options.no_thinking, random.Random(3))
        expect(page.locator("[data-status=decided]")).to_have_count(0, timeout=60_000)
        wait_for(lambda: len(until_written(place)) >= len(taken.shown), "all to be written", 60)
        report(taken, until_written(place))


if __name__ == "__main__":
    main()
