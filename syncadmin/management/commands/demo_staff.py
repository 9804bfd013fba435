"""`manage.py demo_staff`: the activity simulator, as a service of the demo. Started by `manage.py demo`."""

from __future__ import annotations

import random
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from syncadmin.demo.place import Addresses
from syncadmin.demo.simulator import run
from syncadmin.demo.switch import Switch


class Command(BaseCommand):
    """Edits both sample systems the way staff would, while the switch in the page is on."""

    help = "Edit the demo's sample systems the way staff would."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = False

        def asked(*_: object) -> None:
            nonlocal stop
            stop = True

        signal.signal(signal.SIGTERM, asked)
        signal.signal(signal.SIGINT, asked)
        try:
            addresses = Addresses.from_environment()
        except KeyError as missing:
            raise CommandError(f"{missing} is not set: `manage.py demo` starts this") from None
        run(addresses, Switch(settings.VAR_DIR), lambda: stop, random.Random())  # noqa: S311 - chooses edits
