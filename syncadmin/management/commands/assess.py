"""`manage.py assess MAPPING [--json] [--keep] [--pdf FILE]`: who should own what, why, and what is shared."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from syncadmin.assessing import keep, planned, sheet_of
from syncadmin.core.assess import Strategy
from syncadmin.management.mapping_command import FAILED, MappingCommand
from syncadmin.models import AssessmentVersion
from syncadmin.selectors.assessment import Standing, assessment, standing
from syncadmin.sheetpdf import pdf
from syncadmin.sheets import printed
from syncadmin.sheetwords import Names, headline, percent, strategy, why


class Command(MappingCommand):
    """Exit codes: 0 done, 1 failed, 2 usage."""

    help = "Recommend the least risky strategy for a mapping and each of its fields, and say why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
        parser.add_argument(
            "--keep",
            action="store_true",
            help="make a field authority sheet of it, which stays with the mapping",
        )
        parser.add_argument("--pdf", metavar="FILE", help="write the newest sheet as PDF, or a draft")
        parser.add_argument("--user", default="command", help="who made the sheet, as it is printed on it")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        if options["keep"]:
            keep(mapping, options["user"])
        found = assessment(mapping)
        sheet = sheet_of(found)
        newest = AssessmentVersion.objects.filter(mapping=mapping).first()
        if options["pdf"]:
            self._write(options["pdf"], sheet, newest)
        told = {
            "status": standing(mapping).value,
            "version": version(newest) if newest is not None else None,
            **sheet,
            "would_change": [
                {"field": one.field or None, "key": one.key or None, "old": one.old, "new": one.new}
                for one in planned(mapping, found)
            ],
        }
        if options["json"]:
            self.stdout.write(json_module.dumps(told, indent=2))
        else:
            self._print(told)

    def _write(self, file: str, sheet: dict[str, Any], newest: AssessmentVersion | None) -> None:
        """The newest sheet; a draft if there is none."""
        shown, at = (newest.sheet, newest.at) if newest is not None else (sheet, timezone.now())
        try:
            Path(file).write_bytes(pdf(printed(shown, newest), at))
        except OSError as error:
            raise CommandError(str(error), returncode=FAILED) from error

    def _print(self, told: dict[str, Any]) -> None:
        names = Names(told["left"]["system"], told["right"]["system"])
        self.stdout.write(f"{told['mapping']['name']}: {headline(told, names)}")
        if told["status"] in (Standing.MISSING, Standing.SUGGESTED):
            self.stdout.write("  Nobody has answered yet: this is from what was found, or assumed.")
        for what, (part, whole) in told["owned"].items():
            if whole:
                label = "fields" if what == "fields" else "observed edits"
                self.stdout.write(f"  {part} of {whole} {label} have one owner ({percent(part, whole)})")
        for row in told["rows"]:
            self.stdout.write(f"  rows: {row['when']}: {names.of(row['owner'])}")
        for line in told["fields"]:
            self.stdout.write(f"  {line['name']}: {strategy(line, names)}. {why(line, names)}")
        if told["strategy"] == Strategy.NO_SYNC:
            self.stdout.write("  Taken over, the mapping is switched off.")
        if told["version"] is not None:
            made = told["version"]
            who = ", ".join(f"{s['name']} ({s['on']})" for s in made["signed"]) or "nobody"
            self.stdout.write(
                f"  sheet #{made['number']} of {made['at'][:10]} ({made['mark']}), signed by {who}"
            )


def version(newest: AssessmentVersion) -> dict[str, Any]:
    """A sheet's head, as plain data."""
    return {
        "number": newest.number,
        "at": newest.at.isoformat(),
        "by": newest.by,
        "mark": newest.short_mark,
        "signed": [
            {"side": one.side, "name": one.name, "role": one.role, "on": one.on.isoformat()}
            for one in newest.signatures.all()
        ],
    }
