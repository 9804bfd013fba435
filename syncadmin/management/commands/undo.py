"""`manage.py undo`: takes decisions back, single ones or those of a bulk run."""

from __future__ import annotations

import getpass
import json as json_module
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from conflicts.models import BulkRun, Conflict, Decision, RunKind
from conflicts.services import Refused, bulk
from conflicts.services.second_look import propose_undo
from conflicts.services.undo import together, undo
from conflicts.taken import Taken, Unclear
from conflicts.undoable import Fate, Look, latest, look
from syncadmin.jobs import enqueue_pass
from syncadmin.management.bulk_output import carry_out, describe, document
from syncadmin.show import brief

FAILED, USAGE = 1, 2


class Command(BaseCommand):
    """Exit codes: 0 undone, 1 some or all of it was not undone, 2 usage."""

    help = "Take back what was decided last on conflicts, or all decisions of a bulk run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="*", type=int, help="numbers of conflicts")
        parser.add_argument("--bulk", type=int, metavar="RUN", help="all that this bulk run has decided")
        parser.add_argument(
            "--since", default="", metavar="TIME", help="all that was decided since, such as 2026-11-23T10:00"
        )
        parser.add_argument("--until", default="", metavar="TIME", help="all that was decided until then")
        parser.add_argument(
            "--pass", dest="carried", default="", metavar="PASS", help="all decisions that this pass wrote"
        )
        parser.add_argument("--rule", default="", metavar="RULE", help="all that this learned rule decided")
        parser.add_argument("--by", default="", metavar="USER", help="all that this person decided")
        parser.add_argument(
            "--kind", default="", help="all with this choice: left, right, base, value, leave"
        )
        parser.add_argument("--mapping", default="", help="of this mapping")
        parser.add_argument("--field", action="append", default=[], help="only this field")
        parser.add_argument(
            "--override", action="store_true", help="also what has moved since: newer values are given up"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be undone, and undo nothing"
        )
        parser.add_argument("--yes", action="store_true", help="confirm the undo of a bulk run")
        parser.add_argument(
            "--user", default="", help="in whose name; the journal says 'command line' if not given"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, id: list[int], json: bool, **options: Any) -> None:
        self.json = json
        self.proposed: list[int] = []
        user, actor = self._who(options["user"])
        many = any(options[name] for name in Taken.__slots__)
        if bool(id) + (options["bulk"] is not None) + many != 1:
            self._fail("Give the numbers of conflicts, or --bulk RUN, or --since, --pass, --by ...", USAGE)
        if id:
            self._single(id, options, user, actor)
        else:
            self._bulk(options, user, actor)

    def _single(self, ids: list[int], options: dict[str, Any], user: Any, actor: str) -> None:
        found = Conflict.objects.in_bulk(ids)
        if missing := [number for number in ids if number not in found]:
            self._fail(f"There is no conflict #{missing[0]}.", FAILED)
        done: list[Look] = []
        left: list[Look] = []
        for number in dict.fromkeys(ids):
            decisions = latest(found[number])
            if options["field"]:
                decisions = decisions.filter(field__in=options["field"])
            numbers = [row.pk for row in decisions]
            looks = together(look(Decision.objects.filter(pk__in=numbers)))
            if not looks:
                self._fail(f"On conflict #{number} there is nothing to undo.", FAILED)
            over = {}
            if options["override"]:
                over = {e.decision.pk: e.now for e in looks if e.fate is Fate.MOVED and e.now is not None}
            if options["dry_run"]:
                done += [e for e in looks if e.undoable or e.decision.pk in over]
                left += [e for e in looks if not (e.undoable or e.decision.pk in over)]
                continue
            if any(each.two_people for each in looks):
                self._propose(found[number], {n: over.get(n) for n in numbers}, user, actor)
                continue
            result = undo(numbers, user, actor, over=over)
            enqueue_pass(found[number].mapping_id)
            done += result.done
            left += result.left
        self._tell(done, left, dry=options["dry_run"])
        if left:
            raise CommandError(f"{len(left)} not undone", returncode=FAILED)

    def _propose(self, conflict: Conflict, seen: dict[int, Any], user: Any, actor: str) -> None:
        """What took two people is undone once another one approves it on its card."""
        try:
            propose_undo(conflict.pk, seen, user, timezone.now(), actor)
        except Refused as error:
            self._fail(f"#{conflict.pk}: {error}", FAILED)
        self.proposed.append(conflict.pk)

    def _tell(self, done: list[Look], left: list[Look], *, dry: bool) -> None:
        if self.json:
            self.stdout.write(
                json_module.dumps(
                    {
                        "dry_run": dry,
                        "undone": [_document(e) for e in done],
                        "left": [_document(e) for e in left],
                        "proposed": self.proposed,
                    },
                    indent=2,
                )
            )
            return
        for each in done:
            self.stdout.write(f"{'would undo' if dry else 'undone'}: {_line(each)}")
        for number in self.proposed:
            self.stdout.write(f"#{number} took two people: its undo waits for another one to approve it.")
        for each in left:
            self.stdout.write(f"not undone: {_line(each)}: {each.why}")

    def _bulk(self, options: dict[str, Any], user: Any, actor: str) -> None:
        of = BulkRun.objects.filter(pk=options["bulk"], kind=RunKind.DECIDE).first()
        if of is None and options["bulk"] is not None:
            self._fail(f"There is no bulk run #{options['bulk']} that decided anything.", FAILED)
        try:
            query = "" if of is not None else Taken.read(options).query()
        except Unclear as error:
            self._fail(str(error), USAGE)
        if not (options["dry_run"] or options["yes"]):
            self._fail("Say --dry-run to see what would be undone, or --yes to undo it.", USAGE)
        run = bulk.start_undo(of, user, query=query, actor=actor, override=options["override"])
        run = carry_out(run, dry=options["dry_run"])
        if self.json:
            self.stdout.write(json_module.dumps(document(run), indent=2))
        else:
            self.stdout.write(describe(run))
        if run.left:
            raise CommandError(f"{run.left} of {run.seen} not undone", returncode=FAILED)

    def _who(self, username: str) -> tuple[Any, str]:
        if not username:
            return None, f"command line ({getpass.getuser()})"
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            self._fail(f"There is no user “{username}”.", USAGE)
        return user, username

    def _fail(self, message: str, code: int) -> NoReturn:
        if self.json:
            self.stdout.write(json_module.dumps({"ok": False, "message": message}, indent=2))
        raise CommandError(message, returncode=code)


def _line(each: Look) -> str:
    decision = each.decision
    name = brief(decision.conflict.label or decision.conflict.key, 60)
    return f"#{decision.conflict_id} {name}, {decision.field or 'record'}: {decision.kind}"


def _document(each: Look) -> dict[str, Any]:
    decision = each.decision
    return {
        "conflict": decision.conflict_id,
        "field": decision.field,
        "decision": decision.kind,
        "fate": each.fate.value,
        "why": str(each.why),
        "now": list(each.now) if each.now is not None else None,
        "before": [decision.left, decision.right],
    }
