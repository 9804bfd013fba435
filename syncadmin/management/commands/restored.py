"""`manage.py restored [MAPPING ...] [--as-of TIME]`: the hub's database was restored from a backup."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from syncadmin.engine.restored import declare
from syncadmin.management.mapping_command import USAGE
from syncadmin.models import Mapping


class Command(BaseCommand):
    """Exit codes: 0 done, 2 no such mapping, or a time that can't be read. Run it before any pass."""

    help = (
        "Say that the hub's database was restored from a backup: the next pass of each mapping compares both "
        "systems entirely, and asks wherever the backup can't tell which edit is the newer one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "mappings", nargs="*", metavar="MAPPING", help="short names; all if none is given"
        )
        parser.add_argument(
            "--as-of",
            metavar="TIME",
            help="when the backup was made (2026-05-01T03:00+02:00); by default, its last sign of life",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = _moment(options["as_of"])
        names = options["mappings"] or list(Mapping.objects.order_by("name").values_list("name", flat=True))
        found = {mapping.name: mapping for mapping in Mapping.objects.filter(name__in=names)}
        if unknown := [name for name in names if name not in found]:
            raise CommandError(f"unknown mapping: {', '.join(unknown)}", returncode=USAGE)
        for name in dict.fromkeys(names):
            then = declare(found[name].pk, timezone.now(), as_of=as_of)
            self.stdout.write(
                f"{name}: as of {then.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC; its next pass compares all"
            )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"--as-of: {error}", returncode=USAGE) from error
    if moment is None or moment.tzinfo is None:
        raise CommandError("--as-of takes a time with its zone, as 2026-05-01T03:00+02:00", returncode=USAGE)
    return moment
