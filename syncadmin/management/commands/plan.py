"""`manage.py plan MAPPING [--reconcile] [--json]`: what a pass would do. Touches nothing."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from connectors.base import ConnectorError
from syncadmin.engine.preview import Preview, Step, preview
from syncadmin.management.mapping_command import FAILED, GUARD, MappingCommand
from syncadmin.models import PassKind

SHOWN = 50


class Command(MappingCommand):
    """Exit codes: 0 planned, 1 failed, 2 no such mapping, 3 a guard would stop it."""

    help = "Show what a pass of a mapping would do; nothing is written anywhere."

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        kind = PassKind.RECONCILE if options["reconcile"] else PassKind.INCREMENTAL
        try:
            made = preview(mapping, kind)
        except ConnectorError as error:
            raise CommandError(str(error), returncode=FAILED) from error
        if options["json"]:
            self.stdout.write(json_module.dumps({"mapping": mapping.name, **asdict(made)}, indent=2))
        else:
            self._print(mapping.name, made)
        if made.guard is not None:
            raise CommandError(f"a guard would stop this pass: {made.guard}", returncode=GUARD)

    def _print(self, name: str, made: Preview) -> None:
        self.stdout.write(f"{name}: {made.kind} pass, {made.read} records read")
        if made.linked:
            self.stdout.write(f"  link silently (equal on both sides): {made.linked}")
        for what, count in sorted(made.counts.items()):
            self.stdout.write(f"  {what}: {count}")
        for step in made.steps[:SHOWN]:
            for line in _lines(step):
                self.stdout.write(line)
        if len(made.steps) > SHOWN:
            self.stdout.write(f"  ... and {len(made.steps) - SHOWN} more; --json shows all")
        if not made.steps and not made.linked:
            self.stdout.write("  nothing to do")


def _lines(step: Step) -> list[str]:
    lines = [f"  {step.label}"]
    for write in step.writes:
        changes = ", ".join(
            f"{name}: {write['expected'].get(name)!r} -> {value!r}"
            if write["op"] == "update"
            else f"{name}: {value!r}"
            for name, value in write["values"].items()
        )
        lines.append(f"    {write['op']} {write['side']} {changes}".rstrip())
    if step.conflict:
        lines.append(f"    conflict: {step.conflict}")
    if step.waits:
        lines.append(f"    waits for {', '.join(step.waits)}")
    if not step.writes and not step.conflict and not step.waits:
        lines.append(f"    {step.action}: nothing to write")
    return lines
