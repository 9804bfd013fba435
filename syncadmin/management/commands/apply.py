"""`manage.py apply FILE`: make the configuration what a file says. Idempotent; prints what changes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncadmin.config.apply import Action, apply, read
from syncadmin.config.problems import BadConfig


class Command(BaseCommand):
    """Reads the file (`-` is standard input), checks all of it, then applies it in one transaction."""

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
        if json:
            self._document({"ok": True, "dry_run": dry_run, "changes": [c.as_dict() for c in changes]})
            return
        for change in changes:
            if change.action is not Action.UNCHANGED or options["verbosity"] > 1:
                self.stdout.write(change.line())
        done = [c for c in changes if c.action not in (Action.UNCHANGED, Action.KEPT)]
        same = sum(c.action is Action.UNCHANGED for c in changes)
        verb = "would change (dry run: nothing was stored)" if dry_run else "changed"
        self.stdout.write(f"{len(done)} {verb}, {same} unchanged.")

    def _document(self, content: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(content, indent=2, default=str))


def _text(file: str) -> str:
    import sys

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: can't be read: {error.strerror}", returncode=2) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: is not text in UTF-8", returncode=2) from None
