"""`manage.py resolve ID --field phone=left`: decide a conflict; `--filter Q --rule left`: many at once."""

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
from conflicts.services import FieldChoice, bulk
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from syncadmin.jobs import enqueue_pass
from syncadmin.management import bulk_output

FAILED, USAGE = 1, 2


class Command(BaseCommand):
    """Exit codes: 0 the decision is stored, 1 it was refused (it says why), 2 usage."""

    help = "Decide a conflict. The next pass carries the decision out, if no side has moved meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, nargs="?", help="number of the conflict")
        parser.add_argument(
            "--filter",
            metavar="QUERY",
            help="decide all open conflicts of a filter, written as in the inbox's address: "
            "'mapping=customers&field=phone'; '' for all",
        )
        parser.add_argument("--rule", choices=list(Rule), help="with --filter: what is taken")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="with --filter: say what would be decided, and decide nothing",
        )
        parser.add_argument("--yes", action="store_true", help="with --filter: confirm it")
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

    def handle(self, *args: Any, id: int | None, json: bool, revision: int | None, **options: Any) -> None:
        if options["filter"] is not None:
            self._many(id, json, options)
            return
        if id is None:
            self._fail("Give the number of a conflict, or --filter and --rule.", json, USAGE)
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
        except services.Refused as error:
            self._fail(str(error), json, FAILED)
        except services.Moved as error:
            fresh = selectors.item(id)
            self._fail(f"{error}, revision {fresh.revision}", json, FAILED, conflict=document(fresh))
        decided = selectors.item(id)
        enqueue_pass(decided.mapping_id)
        if json:
            self._document({"ok": True, "conflict": document(decided)})
        elif decided.second_look:
            self.stdout.write(f"#{id} takes two people: your decision waits for another one to approve it.")
        else:
            self.stdout.write(f"#{id} is decided; the next pass of {decided.mapping.name} writes it.")

    def _many(self, id: int | None, json: bool, options: dict[str, Any]) -> None:
        """Decide all items of a filter by a rule."""
        if id is not None or options["field"] or options["record"] or options["rule"] is None:
            self._fail("--filter takes --rule, and neither a number nor --field nor --record.", json, USAGE)
        if not (options["dry_run"] or options["yes"]):
            self._fail("Say --dry-run to see what would be decided, or --yes to decide it.", json, USAGE)
        user, actor = self._who(options["user"], json)
        run = bulk.start(Rule(options["rule"]), user, query=options["filter"], actor=actor)
        run = bulk_output.carry_out(run, dry=options["dry_run"])
        if json:
            self._document({"ok": True, **bulk_output.document(run)})
        else:
            self.stdout.write(bulk_output.describe(run))

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
