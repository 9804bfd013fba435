"""Starting the whole demo in one process tree: sample systems, queue, hub, workers, simulator.

`prepare` comes first, in a process that has not opened the hub's database: it takes away what an
unfinished start has left. `programs` is what the supervisor then runs, in this order.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from syncadmin.demo.data import make_data
from syncadmin.demo.hub import ACCOUNTS, configure, track
from syncadmin.demo.place import Place
from syncadmin.demo.seed import SEEDED, seed
from syncadmin.embedded import ValkeyServer
from syncadmin.supervisor import Program, Service, Step, hub_services, manage

HUB = "hub"
Say = Callable[[str], None]


def environment(place: Place) -> dict[str, str]:
    """What makes a process one of this demo's: its hub lives in the place, with everything embedded."""
    return {
        "SYNCADMIN_DEMO": "1",
        "SYNCADMIN_VAR": str(place.directory / HUB),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "SECRET_KEY": "",
        "FIELD_ENCRYPTION_KEYS": "",
    }


def prepare(place: Place, reset: bool) -> bool:
    """Start afresh if that is wished, or if the systems were never filled completely; answers whether."""
    fresh = reset or not place.reached(SEEDED)
    if fresh:
        place.wipe()
    (place.directory / HUB).mkdir(mode=0o700, exist_ok=True)
    (place.directory / "shop").mkdir(mode=0o700, exist_ok=True)
    return fresh


@dataclass
class Progress:
    """Says what is being done, and how long the step before took."""

    say: Say
    began: float = field(default_factory=time.monotonic)

    def step(self, what: str) -> Step:
        return Step(what, lambda: self.say(f"  {time.monotonic() - self.began:5.1f} s  {what}"))


def programs(place: Place, ports: dict[str, int], workers: int, say: Say) -> list[Program]:
    """Everything, in the order of its start, with a line of progress before each part."""
    progress = Progress(say)
    shop, erp = place.shop_server(ports["shop"]), place.erp_server(ports["erp"])
    var = settings.VAR_DIR

    def fill() -> None:
        if not place.reached(SEEDED):
            seed(place, shop, erp, make_data())

    def open_hub() -> None:
        call_command("migrate", interactive=False, verbosity=0)
        configure(place)
        track()
        connections.close_all()

    env = {
        "DEMO_SHOP_URL": shop.url,
        "BASE_URL": os.environ.get("BASE_URL") or f"http://127.0.0.1:{ports['web']}",
    }
    services = hub_services(var=var, host="127.0.0.1", port=ports["web"], workers=workers, env=env)
    staff = Service(
        name="staff", command=manage("demo_staff"), log=place.log("staff"), env=place.staff().as_environment()
    )
    fresh = not place.reached(SEEDED)
    return [
        progress.step("the shop (PocketBase) and the ERP (PostgreSQL)"),
        shop,
        erp,
        progress.step("about 2,000 records for each of them" if fresh else "their records are there already"),
        Step("sample data", fill),
        progress.step("the hub: queue, database, mapping file"),
        ValkeyServer(settings.QUEUE_DIR, log=var / "log" / "valkey.log"),
        Step("hub", open_hub),
        progress.step("web, workers, ticker, and staff who edit both systems"),
        *services,
        staff,
    ]


def welcome(place: Place, ports: dict[str, int]) -> Sequence[str]:
    """Where everything is and how to sign in."""
    addresses = place.staff()
    others = ", ".join(f"{name} / {place.password(name)}" for name in ACCOUNTS if name != "admin")
    return [
        "",
        f"SyncAdmin   http://127.0.0.1:{ports['web']}/   admin / {place.password('admin')}",
        f"            also: {others}",
        f"Web shop    {addresses.shop_url}/_/   {addresses.shop_email} / {addresses.shop_password}",
        f"ERP         {addresses.erp_url}",
        "",
        "Ctrl-C stops everything; the next start goes on where this one ended. RESET=1 starts afresh.",
    ]


def shown(directory: Path) -> str:
    """A directory as people write it from here."""
    here = Path.cwd()
    return str(directory.relative_to(here)) if directory.is_relative_to(here) else str(directory)
