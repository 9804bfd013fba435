"""`manage.py listener`: has passes run as soon as a system changes. Several may run; one leads."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from syncadmin.listener import Listener


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT."""

    help = "Have a pass run as soon as a system with change tracking changes."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: stop.set())
        Listener().run(stop)
