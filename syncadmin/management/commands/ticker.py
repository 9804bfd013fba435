"""`manage.py ticker`: enqueues what is due. Several may run; one leads, the others stand by."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from syncadmin.ticker import Ticker


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT."""

    help = "Enqueue a pass for every mapping that is due."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: stop.set())
        Ticker().run(stop)
