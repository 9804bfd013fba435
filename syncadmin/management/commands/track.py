"""`manage.py track SYSTEM RESOURCE`: install triggers that log changes in the system, or remove them."""

from __future__ import annotations

import json as json_module
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from connectors.tracked import Tracking
from syncadmin import tracking
from syncadmin.config.problems import unknown
from syncadmin.management.mapping_command import FAILED, USAGE
from syncadmin.models import Resource, System


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused by the system, 2 no such system or resource, or not confirmed."""

    help = (
        "Install change tracking in a database: triggers that log what changed, who changed it, and deletes."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("system", metavar="SYSTEM", help="short name of the system")
        parser.add_argument("resource", metavar="RESOURCE", help="short name of the resource")
        parser.add_argument("--remove", action="store_true", help="remove it without trace")
        parser.add_argument(
            "--sql", action="store_true", help="only print the SQL, rights included, for a person to run"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, system: str, resource: str, **options: Any) -> None:
        row = _resource(system, resource)
        try:
            plan = tracking.look(row, remove=options["remove"])
            if options["sql"]:
                self._script(plan, remove=options["remove"])
                return
            statements = plan.remove if options["remove"] else plan.install
            done = not plan.installed if options["remove"] else plan.current
            if not done:
                if not options["json"]:
                    self._statements(statements)
                self._confirm(options)
                (tracking.remove if options["remove"] else tracking.install)(row)
        except ConnectorError as error:
            raise CommandError(str(error), returncode=FAILED) from None
        self._tell(row, plan, statements if not done else (), options)

    def _confirm(self, options: dict[str, Any]) -> None:
        if options["yes"]:
            return
        if not sys.stdin.isatty():
            raise CommandError(
                "Say --yes to run these statements, or --sql to only see them.", returncode=USAGE
            )
        self.stdout.write("\nRun these statements? [y/N] ", ending="")
        if input().strip().lower() not in ("y", "yes"):
            raise CommandError("nothing was done", returncode=USAGE)

    def _statements(self, statements: tuple[str, ...]) -> None:
        for statement in statements:
            self.stdout.write(f"{statement};")

    def _script(self, plan: Tracking, *, remove: bool) -> None:
        """All that a person with more rights would run, as a script of the database's own shell."""
        if plan.rights and not remove:
            self.stdout.write("-- either: rights by which the hub's account can install it by itself")
            self.stdout.write("".join(f"-- {right};\n" for right in plan.rights))
            self.stdout.write("-- or: installed by somebody else, and read by the hub's account")
        self.stdout.write(plan.script(remove=remove))

    def _tell(self, row: Resource, plan: Tracking, ran: tuple[str, ...], options: dict[str, Any]) -> None:
        mode = row.config.get("changes")
        if options["json"]:
            told = {
                "resource": str(row),
                "tracked": not options["remove"],
                "ran": list(ran),
                "changes": mode,
            }
            self.stdout.write(json_module.dumps(told, indent=2))
            return
        if options["remove"]:
            self.stdout.write(f"{row} is not tracked" + (" any more; nothing is left of it" if ran else ""))
            if mode == "tracking":
                self.stdout.write("set its `changes` to cursor or scan: until then its mappings stop")
            return
        self.stdout.write(
            f"{row} is tracked" if ran else f"{row} is tracked already, and all is as it should be"
        )
        if mode != "tracking":
            self.stdout.write(
                "set `changes: tracking` in its configuration, and the hub reads what is logged"
            )


def _resource(system: str, name: str) -> Resource:
    row = System.objects.filter(name=system).first()
    if row is None:
        systems = list(System.objects.values_list("name", flat=True))
        raise CommandError(
            unknown(_("unknown system %(name)s"), system, systems, none=_("none is configured")),
            returncode=USAGE,
        )
    found = row.resources.select_related("system").filter(name=name).first()
    if found is None:
        names = list(row.resources.values_list("name", flat=True))
        raise CommandError(
            unknown(_("unknown resource %(name)s"), name, names, none=_("none is configured")),
            returncode=USAGE,
        )
    return found
