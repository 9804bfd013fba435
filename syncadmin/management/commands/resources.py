"""`manage.py resources SYSTEM`: what a system has that could be mapped; `--take` configures some of it."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin import connecting
from syncadmin.config import secrets
from syncadmin.config.problems import unknown
from syncadmin.management.mapping_command import FAILED, USAGE
from syncadmin.models import System


class Command(BaseCommand):
    """Exit codes: 0 done, 1 the system did not answer, 2 no such system or resource."""

    help = "The tables or collections of a system, with their keys; nothing of them is read or written."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("system", metavar="SYSTEM", help="short name of the system")
        parser.add_argument(
            "--take",
            action="append",
            default=[],
            metavar="NAME",
            help="configure this one, as the pages would",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, system: str, take: list[str], json: bool, **options: Any) -> None:
        row = System.objects.filter(name=system).first()
        if row is None:
            names = list(System.objects.values_list("name", flat=True))
            said, none = _("unknown system %(name)s"), _("none is configured")
            raise CommandError(unknown(said, system, names, none=none), returncode=USAGE)
        try:
            found = connecting.resources_of(row)
        except ConnectorError as error:
            told = secrets.scrub(str(error), secrets.values_of(row))
            raise CommandError(told, returncode=FAILED) from None
        known = {one.info.name: one for one in found}
        for name in take:
            if name not in known or known[name].keyless:
                usable = [name for name, one in known.items() if not one.keyless]
                raise CommandError(unknown(_("unknown resource %(name)s"), name, usable), returncode=USAGE)
        taken = {name: connecting.take(row, known[name], by="manage.py resources") for name in take}
        rows = [_told(one, taken.get(one.info.name) or one.row) for one in found]
        if json:
            self.stdout.write(json_module.dumps({"system": row.name, "resources": rows}, indent=2))
            return
        for told in rows:
            count = f"{told['records']:>10,}" if told["records"] is not None else " " * 10
            key = f"key {told['key']}" if told["key"] else told["problem"]
            self.stdout.write(f"{count}  {told['name']}  {key}  {told['configured'] or ''}".rstrip())


def _told(one: connecting.Found, row: Any) -> dict[str, Any]:
    return {
        "name": one.info.name,
        "records": one.info.count,
        "key": one.info.key,
        "problem": "no key that tells records apart" if one.keyless else "",
        "configured": str(row) if row is not None else None,
    }
