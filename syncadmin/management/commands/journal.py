"""`manage.py journal`: the history of changes, decisions and writes, on the command line."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from datetime import UTC
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from syncadmin.exports import row
from syncadmin.models import Entry, EntryKind
from syncadmin.selectors.journal import JournalFilter, NoSuchRecord, decoded, find_record
from syncadmin.show import brief


class Command(BaseCommand):
    """Exit codes: 0 done, 1 no such record, 2 usage."""

    help = "Show the journal, oldest first; of one record, with --record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--record",
            default="",
            metavar="PLACE:KEY",
            help="left:KEY or right:KEY (with --mapping), or SYSTEM.RESOURCE:KEY",
        )
        parser.add_argument("--mapping", default="", help="only of this mapping")
        parser.add_argument("--field", default="", help="only of this field")
        parser.add_argument("--kind", default="", choices=["", *EntryKind.values], help="only of this kind")
        parser.add_argument("--actor", default="", help="only what this person did")
        parser.add_argument("--since", default="", metavar="DAY", help="from this day on (YYYY-MM-DD, UTC)")
        parser.add_argument("--until", default="", metavar="DAY", help="up to this day")
        parser.add_argument("--limit", type=int, default=1000, help="the newest so many; 0 for all")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, record: str, limit: int, json: bool, **options: Any) -> None:
        for name in ("since", "until"):
            if options[name] and getattr(JournalFilter.read(options), name) is None:
                raise CommandError(f"--{name} {options[name]} is no day; write YYYY-MM-DD", returncode=2)
        entries = self._entries(record, limit, options)
        if json:
            self.stdout.write(json_module.dumps({"entries": [row(entry) for entry in entries]}, indent=2))
            return
        for entry in entries:
            self.stdout.write(line(entry))

    def _entries(self, record: str, limit: int, options: dict[str, Any]) -> list[Entry]:
        asked = {name: options[name] for name in ("field", "kind", "actor", "since", "until")}
        try:
            places = find_record(record, options["mapping"]) if record else [None]
        except NoSuchRecord as error:
            raise CommandError(str(error), returncode=1) from error
        found: list[Entry] = []
        for place in places:
            where = {"mapping": options["mapping"]}
            if place is not None:
                where = {"mapping": place.mapping, "link": place.link, "side": place.side, "key": place.key}
            entries = JournalFilter.read({**asked, **where}).entries()
            found += entries[:limit] if limit > 0 else entries
        return sorted(found, key=lambda entry: entry.pk)


def line(entry: Entry) -> str:
    """An entry on one line, for people."""
    parts = [f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", f"{entry.mapping.name}/{entry.seq}", entry.kind]
    if entry.side:
        parts.append(f"{entry.side}:{brief(entry.key, 40)}" if entry.key else entry.side)
    if entry.field:
        parts.append(entry.field)
    if entry.old is not None or entry.new is not None:
        old = f"{brief(decoded(entry.old))} -> " if entry.old is not None else ""
        parts.append(old + (brief(decoded(entry.new)) if entry.new is not None else "gone"))
    parts += [text for text in (entry.disposition, brief(entry.rule, 100) if entry.rule else "") if text]
    if entry.of is not None:
        parts.append(f"of {entry.of}")
    if entry.actor:
        parts.append(f"by {entry.actor}")
    return "  ".join(parts)
