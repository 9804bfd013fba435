"""`manage.py demo`: SyncAdmin between two live sample systems, all embedded, in one process tree.

Needs the demo requirements (`make demo` installs them). Everything it keeps is under one directory.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

SHOWN = 20  # differences that --check names


class Command(BaseCommand):
    """Starts again where the last one ended; Ctrl-C stops everything."""

    help = "Run SyncAdmin between two live sample systems, all embedded."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="start afresh: forget all that was done")
        parser.add_argument("--dir", type=Path, help="where to keep everything (default: var/demo)")
        parser.add_argument(
            "--port", type=int, help="port of SyncAdmin's page (default: 8000, or the next free)"
        )
        parser.add_argument("--shop-port", type=int, help="port of the shop's own page (default: 8090)")
        parser.add_argument("--erp-port", type=int, help="port of the ERP's database (default: 54320)")
        parser.add_argument("--workers", type=int, default=2, help="how many passes run at the same time")
        parser.add_argument(
            "--check",
            action="store_true",
            help="of a running demo: do both systems agree on everything that is not in the inbox?",
        )
        parser.add_argument("--wait", type=float, default=30.0, help="with --check: seconds to wait for it")
        parser.add_argument("--json", action="store_true", help="with --check: one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from syncadmin.demo import start
            from syncadmin.demo.place import Busy, Place
        except ImportError as missing:
            raise CommandError(f"{missing}: install the demo requirements (`make demo` does)") from None
        place = Place(options["dir"] or settings.BASE_DIR / "var" / "demo")
        wanted = start.environment(place)
        if any(os.environ.get(name) != value for name, value in wanted.items()):
            self._begin_again(place, wanted, start.prepare, options, Busy)
        elif options["check"]:
            self._check(place, options)
        else:
            self._run(place, options)

    def _begin_again(self, place: Any, wanted: dict[str, str], prepare: Any, options: Any, busy: Any) -> None:
        """The settings are another hub's: prepare the place, then be a process of the demo's own hub."""
        if not options["check"]:
            try:
                with place:
                    fresh = prepare(place, options["reset"])
            except busy as error:
                raise CommandError(str(error)) from None
            self._say(f"Starting {'a new demo' if fresh else 'the demo again'} in {place.directory}")
        arguments = [argument for argument in sys.argv if argument != "--reset"]
        os.execve(sys.executable, [sys.executable, *arguments], {**os.environ, **wanted})  # noqa: S606

    def _run(self, place: Any, options: dict[str, Any]) -> None:
        from syncadmin.demo import start
        from syncadmin.demo.place import Busy
        from syncadmin.embedded import ChildFailed
        from syncadmin.supervisor import AlreadyRunning, Supervisor

        wishes = {"web": options["port"], "shop": options["shop_port"], "erp": options["erp_port"]}

        def ready() -> None:
            for line in start.welcome(place, ports):
                self._say(line)
            Thread(target=self._first_agreement, args=[place], daemon=True).start()

        try:
            with place:
                ports = place.choose_ports({name: port for name, port in wishes.items() if port})
                programs = start.programs(place, ports, options["workers"], self._say)
                Supervisor(settings.VAR_DIR, programs).run(ready)
        except (Busy, AlreadyRunning, ChildFailed) as error:
            raise CommandError(str(error)) from error

    def _first_agreement(self, place: Any) -> None:
        """Say once when both systems agree for the first time."""
        from syncadmin.demo.agreement import lasting

        report = lasting(place.staff(), wait=300)
        self._say(summary(report.pairs, report.items, len(report.differences)))

    def _check(self, place: Any, options: dict[str, Any]) -> None:
        from syncadmin.demo.agreement import lasting
        from syncadmin.demo.simulator import UNREACHABLE

        try:
            report = lasting(place.staff(), wait=options["wait"])
        except (*UNREACHABLE, OperationalError, LookupError):
            raise CommandError(f"no demo runs in {place.directory}") from None
        if options["json"]:
            differences = sorted(map(str, report.differences))
            answer = {"pairs": report.pairs, "items": report.items, "differences": differences}
            self.stdout.write(json.dumps(answer))
        else:
            for difference in sorted(map(str, report.differences))[:SHOWN]:
                self.stdout.write(difference)
            self._say(summary(report.pairs, report.items, len(report.differences)))
        if report.differences:
            sys.exit(1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def summary(pairs: int, items: int, differences: int) -> str:
    """One line about the two systems."""
    if differences:
        return f"The systems differ in {differences} places that no item of the inbox is about."
    return f"Both systems agree: {pairs} pairs, and {items} items wait in the inbox."
