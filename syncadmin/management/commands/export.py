"""`manage.py export`: the configuration as a file that, applied again, changes nothing."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncadmin.config.convert import document
from syncadmin.config.export import as_yaml


class Command(BaseCommand):
    """Writes YAML (or the same document as JSON). Secrets appear as ${NAME} only."""

    help = "Export systems, resources and mappings as a configuration file; secrets only as ${NAME}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", nargs="?", default="-", help="where to write; standard output if not given"
        )
        parser.add_argument("--json", action="store_true", help="the same document as JSON")

    def handle(self, *args: Any, file: str, json: bool, **options: Any) -> None:
        content = document()
        text = json_module.dumps(content, indent=2) + "\n" if json else as_yaml(content)
        if file == "-":
            self.stdout.write(text, ending="")
            return
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file}: can't be written: {error.strerror}", returncode=2) from None
        self.stderr.write(f"Exported to {file}.")
