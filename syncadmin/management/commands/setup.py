"""`manage.py setup MAPPING`: how far a mapping has come on its way to running; `--on` switches it on."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from syncadmin import services
from syncadmin.management.mapping_command import FAILED, MappingCommand
from syncadmin.selectors import flow

MARKS = {flow.State.DONE: "done", flow.State.NOW: "NOW", flow.State.OPEN: "", flow.State.NOT_NEEDED: "-"}


class Command(MappingCommand):
    """Exit codes: 0 done, 1 not switched on, 2 no such mapping."""

    help = "The steps of a mapping on its way to running, and which one is next."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("--on", action="store_true", help="switch it on, if both systems agree with it")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, mapping: str, on: bool, json: bool, **options: Any) -> None:
        row = self.mapping(mapping)
        if on and not row.enabled and (problems := services.switch_on(row, by="manage.py setup")):
            raise CommandError("not switched on:\n" + "\n".join(problems), returncode=FAILED)
        steps = flow.steps(flow.of_mapping(row))
        if json:
            told = [{"name": s.name, "state": s.state.value, "why": s.why, "page": s.address} for s in steps]
            document = {"mapping": row.name, "enabled": row.enabled, "steps": told}
            self.stdout.write(json_module.dumps(document, indent=2))
            return
        for step in steps:
            line = f"{MARKS[step.state]:>5}  {step.number} {step.title}"
            self.stdout.write(f"{line}: {step.why}" if step.why else line)
