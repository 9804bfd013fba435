"""`manage.py conflicts`: what waits in the inbox."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from conflicts import selectors
from conflicts.documents import document
from conflicts.models import Conflict, ConflictState
from conflicts.selectors import InboxFilter
from syncadmin.core.plan import ConflictKind
from syncadmin.show import brief


class Command(BaseCommand):
    """Exit codes: 0 done, 2 usage."""

    help = "List the conflicts that wait for a decision, oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mapping", default="", help="only of this mapping")
        parser.add_argument("--kind", default="", choices=["", *ConflictKind], help="only of this kind")
        parser.add_argument("--field", default="", help="only those about this field")
        parser.add_argument(
            "--state",
            default="open",
            choices=[*ConflictState.values, "all"],
            help="open, unless told otherwise",
        )
        parser.add_argument("--search", default="", help="by name, key or #number")
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="go on after this one")
        parser.add_argument("--limit", type=int, default=selectors.PAGE, help="how many at most")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, json: bool, limit: int, after: int, **options: Any) -> None:
        shown = selectors.page(InboxFilter.read(options), after, max(1, limit))
        if json:
            items = [document(item) for item in shown.items]
            self.stdout.write(json_module.dumps({"conflicts": items, "next": shown.next}, indent=2))
            return
        for item in shown.items:
            self._print(item)
        if not shown.items:
            self.stdout.write("Nothing waits for a decision.")
        if shown.next:
            self.stdout.write(f"... more: --after {shown.next}")

    def _print(self, item: Conflict) -> None:
        name = brief(item.label or item.key, 60)
        self.stdout.write(f"#{item.pk}  {item.mapping.name}  {item.kind}  {name}  ({item.state})")
        for field in item.fields.all():
            self.stdout.write(f"    {field.field}: left {brief(field.left)} / right {brief(field.right)}")
        if item.candidates:
            self.stdout.write(f"    candidates: {', '.join(brief(key) for key in item.candidates)}")
        elif not item.fields.all():
            self.stdout.write(f"    {brief(item.said or item.reason, 120)}")
