"""`manage.py decommission MAPPING`: take a mapping out of service, with a last comparison and its files."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from syncadmin import leaving
from syncadmin.engine.run import run_pass
from syncadmin.management.life_command import LifeCommand
from syncadmin.management.mapping_command import FAILED, GUARD
from syncadmin.models import Mapping, PassKind


class Command(LifeCommand):
    """Exit codes: 0 done and clean, 1 not possible, 2 usage, 3 something is open."""

    help = (
        "Take a mapping out of service: compare a last time, tell what is open; then --confirm or --cancel."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        acts = parser.add_mutually_exclusive_group()
        acts.add_argument("--confirm", action="store_true", help="out of service, for good")
        acts.add_argument("--cancel", action="store_true", help="let it go on as before")
        parser.add_argument("--anyway", action="store_true", help="also with something open, which is closed")
        parser.add_argument(
            "--export", metavar="FILE", help="write configuration, links and history as a zip"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def act(self, mapping: Mapping, user: Any, options: dict[str, Any]) -> str:
        """One step of the way out."""
        said = ""
        if options["cancel"]:
            leaving.give_up(mapping, user)
            said = f"{mapping.name} stays in service"
        elif options["confirm"]:
            leaving.confirm(mapping, user, anyway=options["anyway"])
            said = f"{mapping.name} is out of service for good"
        elif not mapping.retired:
            leaving.begin(mapping, user)
            run_pass(mapping.pk, PassKind.RECONCILE, heartbeat=True)
        if options["export"]:
            self._export(mapping, Path(options["export"]))
        found = leaving.standing(mapping)
        text = json_module.dumps(found, indent=2) if options["json"] else _words(said, found)
        if said or found["clean"]:
            return text
        self.stdout.write(text)
        raise CommandError("Something is open: settle it, or confirm with --anyway.", returncode=GUARD)

    def _export(self, mapping: Mapping, path: Path) -> None:
        try:
            with path.open("wb") as file:
                leaving.export(mapping, file)
        except OSError as error:
            raise CommandError(f"{path}: can't be written: {error.strerror}", returncode=FAILED) from None
        self.stderr.write(f"Exported to {path}.")


def _words(said: str, found: dict[str, Any]) -> str:
    if said:
        return said
    lines = [f"both sides compared: {'yes' if found['compared'] else 'no'} {found['message']}".rstrip()]
    names = {
        "links": "linked records",
        "questions": "open questions",
        "decisions": "decisions to be carried out",
        "marks": "changes on the way",
        "writes": "writes without an end",
    }
    lines += [f"{words}: {found[name]}" for name, words in names.items()]
    lines += [f"only {side}: {count}" for side, count in found["alone"].items()]
    if found["clean"]:
        lines.append("Both sides are consistent. Confirm with --confirm, or go on as before with --cancel.")
    return "\n".join(lines)
