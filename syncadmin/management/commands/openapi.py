"""`manage.py openapi FILE|URL`: drafts a system from the OpenAPI 3 description of its API."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from connectors.reach import reach
from connectors.rest.openapi import MOST_BYTES, BadDescription, draft, fetched, read
from syncadmin import drafts
from syncadmin.management.mapping_command import FAILED, USAGE


class Command(BaseCommand):
    """Prints a configuration file; stores nothing.

    Exit codes: 0 done, 1 the address does not give it, 2 no usable description.
    """

    help = "Draft a system in our file format from an OpenAPI 3 description; each guess says why."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", metavar="FILE|URL", help="JSON or YAML; - for standard input")
        parser.add_argument(
            "--name", default="", help="short name of the system; from the title if not given"
        )
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="NAME|PATH",
            help="draft these lists alone (* is allowed), also those that can only be read",
        )
        parser.add_argument("--output", metavar="FILE", help="write there; standard output if not given")

    def handle(self, *args: Any, source: str, **options: Any) -> None:
        data = _data(source)
        try:
            found = draft(read(data), source=source, name=options["name"], only=options["only"])
        except BadDescription as error:
            raise CommandError(f"{source}: {error}", returncode=USAGE) from None
        text = drafts.as_file(found)
        if options["output"]:
            Path(options["output"]).write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text, ending="")
        self._report(found)

    def _report(self, found: Any) -> None:
        """A few lines beside the file: what to do next."""
        told = self.stderr.write
        told(
            f"{len(found.resources)} resources drafted, {len(found.left_out)} lists left out, "
            f"{drafts.guesses(found)} guesses to check."
        )
        points = drafts.open_points(found)
        for place, words in points[:10]:
            told(f"FILL IN {found.name}.{place}: {words}")
        if len(points) > 10:
            told(f"... and {len(points) - 10} more to fill in")
        if names := drafts.secrets_of(found):
            told(f"secrets to set: {', '.join(names)}")


def _data(source: str) -> bytes:
    """The description, from wherever it is. Raises CommandError."""
    try:
        if source == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        if source.startswith(("http://", "https://")):
            return fetched(source, reach(settings.PRIVATE_ADDRESSES))
        with Path(source).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except BadDescription as error:
        raise CommandError(f"{source}: {error}", returncode=FAILED) from None
    except OSError as error:
        raise CommandError(f"{source}: can't be read: {error.strerror}", returncode=USAGE) from None
