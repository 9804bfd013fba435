"""`manage.py rehearse MAPPING`: the complete plan of its first pass, kept until somebody approves it."""

from __future__ import annotations

import json as json_module
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from tqdm import tqdm

from syncadmin import rehearsals
from syncadmin.core.side import SIDES
from syncadmin.jobs import enqueue_pass
from syncadmin.management.mapping_command import FAILED, USAGE, MappingCommand
from syncadmin.models import Mapping, Rehearsal, RehearsalState
from syncadmin.permissions import APPROVE_GUARD_STOP
from syncadmin.plan_exports import plain_lines
from syncadmin.selectors.rehearsal import rehearsed


class Command(MappingCommand):
    """Exit codes: 0 done, 1 failed, 2 usage."""

    help = "Plan the first pass of a mapping completely, write nothing, and approve that plan."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
        parser.add_argument("--lines", action="store_true", help="with every record that is not equal")
        parser.add_argument("--last", action="store_true", help="show the last plan, make none")
        parser.add_argument("--approve", type=int, metavar="PLAN", help="approve the plan of this number")
        parser.add_argument(
            "--allow",
            type=int,
            default=0,
            metavar="N",
            help="with --approve: so many records may differ then",
        )
        parser.add_argument("--user", default="", help="with --approve: who approves it")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        if options["approve"] is not None:
            found = self._approve(mapping, options)
        else:
            found = self._last(mapping) if options["last"] else self._make(mapping, options)
        if options["json"]:
            self.stdout.write(json_module.dumps(document(mapping, found, lines=options["lines"]), indent=2))
        else:
            self._print(mapping, found, lines=options["lines"])

    def _approve(self, mapping: Mapping, options: dict[str, Any]) -> Rehearsal:
        user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError("Say who approves it: --user NAME of an active user.", returncode=USAGE)
        if not user.has_perm(APPROVE_GUARD_STOP):
            raise CommandError(f"{user} may not approve plans ({APPROVE_GUARD_STOP}).", returncode=USAGE)
        if not Rehearsal.objects.filter(mapping=mapping, pk=options["approve"]).exists():
            raise CommandError(f"{mapping.name} has no plan #{options['approve']}", returncode=USAGE)
        try:
            found = rehearsals.approve(options["approve"], user, allowed=options["allow"])
        except rehearsals.NotApprovable as error:
            raise CommandError(str(error), returncode=FAILED) from error
        enqueue_pass(mapping.pk)
        return found

    def _last(self, mapping: Mapping) -> Rehearsal:
        found = mapping.rehearsals.filter(state=RehearsalState.DONE).first()
        if found is None:
            raise CommandError(f"{mapping.name} has no plan yet", returncode=FAILED)
        return found

    def _make(self, mapping: Mapping, options: dict[str, Any]) -> Rehearsal:
        waiting = rehearsals.start(mapping, actor="manage.py rehearse")
        quiet = options["json"] or not sys.stderr.isatty()
        with tqdm(unit=" records", disable=quiet, leave=False) as bar:

            def show(now: Rehearsal) -> None:
                bar.set_description(now.phase, refresh=False)
                bar.n = now.read
                bar.refresh()

            try:
                rehearsals.run(waiting.pk, progress=show)
            except KeyboardInterrupt:
                rehearsals.cancel(waiting.pk)
                raise CommandError("stopped", returncode=FAILED) from None
        found = Rehearsal.objects.get(pk=waiting.pk)
        if found.state != RehearsalState.DONE:
            told = found.message or "another worker makes this plan; see --last"
            raise CommandError(f"{found}: {told}", returncode=FAILED)
        return found

    def _print(self, mapping: Mapping, found: Rehearsal, *, lines: bool) -> None:
        told = found.result
        self.stdout.write(f"{mapping.name}: {found}, {rehearsed(mapping).stage}")
        counts = [("equal", told["equal"]), *told["standings"].items()]
        self.stdout.write("  " + ", ".join(f"{number} {name}" for name, number in counts))
        for side in SIDES:
            done = ", ".join(f"{op} {number}" for op, number in told["writes"][side].items())
            self.stdout.write(f"  {side} ({mapping.resource(side)}): {done}")
        self.stdout.write(f"  held for a person: {told['held']}")
        for name, column in told["columns"].items():
            self.stdout.write(
                f"  {name}: {column['differ']} differ; {column['to_left']} written left, "
                f"{column['to_right']} right, {column['held']} held"
            )
        if told["cost"]:
            cost = told["cost"]
            self.stdout.write(
                f"  about {cost['seconds']:.0f} s; requests: left {cost['left']}, right {cost['right']}"
            )
        if found.difference:
            words = ", ".join(f"{number} {name}" for name, number in found.difference.items())
            self.stdout.write(f"  differs from the approved {found.moved_from}: {words}")
        if lines:
            for line in plain_lines(found):
                self.stdout.write("  " + json_module.dumps(line, ensure_ascii=False))


def document(mapping: Mapping, found: Rehearsal, *, lines: bool) -> dict[str, Any]:
    """A plan as plain data."""
    made: dict[str, Any] = {
        "mapping": mapping.name,
        "plan": found.pk,
        "stage": rehearsed(mapping).stage.value,
        "digest": found.digest,
        "at": found.finished_at.isoformat() if found.finished_at else None,
        "approved_by": str(found.approved_by) if found.approved_by else None,
        "difference": found.difference,
        **found.result,
    }
    if lines:
        made["records"] = list(plain_lines(found))
    return made
