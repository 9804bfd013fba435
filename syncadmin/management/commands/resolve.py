"""`manage.py resolve ID --field phone=left`: decide a conflict from the command line."""

from __future__ import annotations

import getpass
import json as json_module
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NoReturn

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from conflicts import selectors, services
from conflicts.documents import document
from conflicts.forms import Unclear, pick_kind, record_choice
from conflicts.models import Conflict
from conflicts.services import FieldChoice
from syncadmin.core.plan import PickKind
from syncadmin.jobs import enqueue_pass

FAILED, USAGE = 1, 2


class Command(BaseCommand):
    """Exit codes: 0 the decision is stored, 1 it was refused (it says why), 2 usage."""

    help = "Decide a conflict. The next pass carries the decision out, if no side has moved meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, help="number of the conflict")
        parser.add_argument(
            "--field",
            action="append",
            default=[],
            metavar="FIELD=CHOICE",
            help="left, right, base (last agreed), leave, or =VALUE: phone=left, phone==123",
        )
        parser.add_argument(
            "--record",
            default="",
            metavar="CHOICE",
            help="link:KEY, distinct:KEY, create, ignore, delete, restore, leave or retry",
        )
        parser.add_argument("--revision", type=int, help="refuse if the conflict is no longer this revision")
        parser.add_argument(
            "--user", default="", help="in whose name; the journal says 'command line' if not given"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, id: int, json: bool, revision: int | None, **options: Any) -> None:
        try:
            fields = field_choices(options["field"])
            record = record_choice(options["record"]) if options["record"] else None
        except Unclear as error:
            self._fail(str(error), json, USAGE)
        user, actor = self._who(options["user"], json)
        try:
            seen = revision if revision is not None else Conflict.objects.get(pk=id).revision
            services.resolve(id, seen, fields, record, user, actor)
        except Conflict.DoesNotExist:
            self._fail(f"There is no conflict #{id}.", json, FAILED)
        except services.Invalid as error:
            self._fail(str(error), json, FAILED, errors=error.errors)
        except services.Moved as error:
            fresh = selectors.item(id)
            self._fail(f"{error}, revision {fresh.revision}", json, FAILED, conflict=document(fresh))
        decided = selectors.item(id)
        enqueue_pass(decided.mapping_id)
        if json:
            self._document({"ok": True, "conflict": document(decided)})
        else:
            self.stdout.write(f"#{id} is decided; the next pass of {decided.mapping.name} writes it.")

    def _who(self, username: str, json: bool) -> tuple[Any, str]:
        if not username:
            return None, f"command line ({getpass.getuser()})"
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            self._fail(f"There is no user “{username}”.", json, USAGE)
        return user, username

    def _fail(self, message: str, json: bool, code: int, **more: Any) -> NoReturn:
        if json:
            self._document({"ok": False, "message": message, **more})
        raise CommandError(message, returncode=code)

    def _document(self, content: dict[str, Any]) -> None:
        self.stdout.write(json_module.dumps(content, indent=2))


def field_choices(texts: Sequence[str]) -> dict[str, FieldChoice]:
    """Field choices from `FIELD=CHOICE` and `FIELD==VALUE`. Raises `Unclear`."""
    choices = {}
    for text in texts:
        name, equals, choice = text.partition("=")
        if not (name and equals and choice):
            raise Unclear(f"“{text}” is no choice for a field; write phone=left, or phone==123 for a value.")
        if choice.startswith("="):
            choices[name] = FieldChoice(PickKind.VALUE, choice[1:])
        elif choice == PickKind.VALUE:
            raise Unclear(f"“{text}” does not say the value; write {name}==VALUE.")
        else:
            choices[name] = FieldChoice(pick_kind(choice))
    return choices
