"""`manage.py apply FILE`: make the configuration what a file says. Idempotent; prints what changes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncadmin.config.apply import Action, ObjectChange, apply, read
from syncadmin.config.problems import BadConfig
from syncadmin.jobs import enqueue_comparison
from syncadmin.management.mapping_command import GUARD
from syncadmin.models import MappingVersion


class Command(BaseCommand):
    """Reads the file (`-` is standard input), checks all of it, then applies it in one transaction.

    Exit codes: 0 done, 2 the file is wrong, 3 a change of a mapping in use waits for an approval.
    """

    help = "Apply a configuration file: systems, resources, mappings. What the file does not name is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", help="YAML file in the format of docs/configuration.md; - for standard input"
        )
        parser.add_argument("--dry-run", action="store_true", help="print what would change, store nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, file: str, dry_run: bool, json: bool, **options: Any) -> None:
        source = "standard input" if file == "-" else file
        try:
            loaded = read(_text(file), source)
            changes = apply(loaded, dry_run=dry_run, by="apply")
        except BadConfig as error:
            if json:
                self._document({"ok": False, "problems": [p.as_dict() for p in error.problems]})
            count = len(error.problems)
            told = f"{count} problem{'s' if count > 1 else ''}; nothing was applied."
            raise CommandError("\n".join([*error.lines(), told]), returncode=2) from None
        waiting = [c for c in changes if c.action is Action.PROPOSED]
        for change in waiting if not dry_run else ():
            enqueue_comparison(
                MappingVersion.objects.get(mapping__name=change.name, number=change.version).pk
            )
        if json:
            told = {"ok": not waiting, "dry_run": dry_run, "changes": [c.as_dict() for c in changes]}
            self._document(told)
            _end(waiting, dry_run)
            return
        for change in changes:
            if change.action is not Action.UNCHANGED or options["verbosity"] > 1:
                self.stdout.write(change.line())
        aside = (Action.UNCHANGED, Action.KEPT, Action.PROPOSED)
        done = [c for c in changes if c.action not in aside]
        same = sum(c.action is Action.UNCHANGED for c in changes)
        verb = "would change (dry run: nothing was stored)" if dry_run else "changed"
        self.stdout.write(f"{len(done)} {verb}, {same} unchanged.")
        _end(waiting, dry_run)

    def _document(self, content: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(content, indent=2, default=str))


def _end(waiting: list[ObjectChange], dry_run: bool) -> None:
    """Exit with 3 if something waits for an approval: what protects linked records has stopped it."""
    if not waiting:
        return
    lines = [f"{c.name}: version {c.version} would wait for an approval" for c in waiting]
    if not dry_run:
        lines = [
            f"{c.name}: version {c.version} waits for an approval; until then the mapping runs as before. "
            f"See what it would do: manage.py version {c.name} {c.version}"
            for c in waiting
        ]
    raise CommandError("\n".join(lines), returncode=GUARD)


def _text(file: str) -> str:
    import sys

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: can't be read: {error.strerror}", returncode=2) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: is not text in UTF-8", returncode=2) from None
