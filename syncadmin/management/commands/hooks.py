"""`manage.py hooks SYSTEM`: the address and figures of its webhooks; register them there, or take it back."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin import hooking, hooks
from syncadmin.config import secrets
from syncadmin.config.problems import unknown
from syncadmin.management.mapping_command import FAILED, USAGE
from syncadmin.models import System

BY = "manage.py hooks"


class Command(BaseCommand):
    """Exit codes: 0 done, 1 the system refused or did not answer, 2 no such system, or no address known."""

    help = "Webhooks of a system: their address and figures; register them at the system, or take that back."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("system", metavar="SYSTEM", help="short name of the system")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--register", action="store_true", help="have the system send its webhooks here")
        act.add_argument("--remove", action="store_true", help="have it send none here any more")
        parser.add_argument("--url", default="", help="where people reach the hub; BASE_URL if not given")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, system: str, register: bool, remove: bool, **options: Any) -> None:
        row = System.objects.filter(name=system).first()
        if row is None:
            names = list(System.objects.values_list("name", flat=True))
            said, none = _("unknown system %(name)s"), _("none is configured")
            raise CommandError(unknown(said, system, names, none=none), returncode=USAGE)
        base = (options["url"] or settings.BASE_URL).rstrip("/")
        if not base and (register or remove):
            raise CommandError(
                "where is the hub reached from outside? Set BASE_URL, or give --url", returncode=USAGE
            )
        address = f"{base}{reverse('syncadmin:hook', args=[row.name])}"
        told: dict[str, Any] = {"system": row.name, "address": address}
        try:
            if remove:
                told["removed"] = hooking.remove(row, address, by=BY)
            elif register:
                hooking.register(row, address, by=BY)
            if base and hooking.registers(row):
                told["registered"] = [
                    {"id": one.id, "topic": one.topic} for one in hooking.registrations(row, address)
                ]
        except ConnectorError as error:
            raise CommandError(secrets.scrub(str(error), secrets.values_of(row)), returncode=FAILED) from None
        told["figures"] = hooks.figures(row, timezone.now().date() - timedelta(days=29))
        if options["json"]:
            self.stdout.write(json_module.dumps(told, indent=2))
            return
        self.stdout.write(address)
        if "registered" in told:
            ids = ", ".join(f"{one['id']} {one['topic']}".strip() for one in told["registered"])
            self.stdout.write(f"registered: {ids or 'no'}")
        counted = ", ".join(f"{name} {number}" for name, number in told["figures"].items() if number)
        self.stdout.write(f"last 30 days: {counted or 'nothing'}")
