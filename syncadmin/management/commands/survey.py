"""`manage.py survey LEFT RIGHT`: what two resources hold, which fields and keys pair them. Only reads."""

from __future__ import annotations

import json as json_module
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from syncadmin import surveys
from syncadmin.config.problems import unknown
from syncadmin.management.mapping_command import FAILED, USAGE
from syncadmin.models import Resource, Survey, SurveyState
from syncadmin.survey import report as reporting

SHOWN = 12


class Command(BaseCommand):
    """Exit codes: 0 done, 1 failed, 2 no such resource. Names are SYSTEM.RESOURCE."""

    help = "Profile two resources and suggest how to pair them; nothing is written to either system."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("left", metavar="LEFT", help="SYSTEM.RESOURCE of the left side")
        parser.add_argument("right", metavar="RIGHT", help="SYSTEM.RESOURCE of the right side")
        parser.add_argument(
            "--sample",
            type=_number,
            default=surveys.SAMPLE,
            help=f"records read of each side at most, 0 for all (default {surveys.SAMPLE})",
        )
        parser.add_argument(
            "--requests",
            type=_number,
            default=surveys.BUDGET,
            help=f"reads of both systems together at most (default {surveys.BUDGET})",
        )
        parser.add_argument(
            "--resume", action="store_true", help="carry on the last one that was interrupted"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, left: str, right: str, json: bool, **options: Any) -> None:
        ends = _resource(left), _resource(right)
        if ends[0] == ends[1]:
            raise CommandError("the two sides are the same resource", returncode=USAGE)
        survey = _interrupted(*ends) if options["resume"] else None
        if survey is None:
            survey = surveys.start(
                *ends, sample=options["sample"], budget=options["requests"], actor="manage.py survey"
            )
        done = self._run(survey, quiet=json or not sys.stderr.isatty())
        if done.state != SurveyState.DONE:
            hints = "run it again with --resume; what was read of a whole side is kept"
            raise CommandError(f"{done}: {done.message or done.state}; {hints}", returncode=FAILED)
        if json:
            self.stdout.write(json_module.dumps({"survey": done.pk, **done.result}, indent=2))
        else:
            self._print(done)

    def _run(self, survey: Survey, *, quiet: bool) -> Survey:
        with tqdm(unit=" records", disable=quiet, leave=False) as bar:

            def show(now: Survey) -> None:
                if now.side:
                    bar.set_description(str(getattr(now, now.side)), refresh=False)
                bar.total, bar.n = now.total or None, now.read
                bar.refresh()

            try:
                surveys.run(survey.pk, progress=show)
            except KeyboardInterrupt:
                surveys.cancel(survey.pk)
                raise CommandError(
                    "stopped; run it again with --resume to carry on", returncode=FAILED
                ) from None
        return Survey.objects.select_related("left__system", "right__system").get(pk=survey.pk)

    def _print(self, survey: Survey) -> None:
        found = reporting.read(survey.result)
        self.stdout.write(f"{survey}, {survey.requests} reads")
        for resource, side in ((survey.left, found.left), (survey.right, found.right)):
            all_ = "all" if side.whole else "the first"
            self.stdout.write(f"\n{resource}: {all_} {side.records} records, {len(side.fields)} fields")
            for field in side.fields:
                about = "" if field.counted else "about "
                told = f"{field.fill:.0%} filled, {about}{field.distinct} different"
                extra = f", {field.format}" if field.format else ""
                self.stdout.write(f"  {_line(field.name)}: {field.kind}{extra}, {told}")
        self.stdout.write("\nmatch keys")
        for key in found.keys:
            names = " + ".join(f"{_line(one)} = {_line(other)}" for one, other in key.fields)
            about = "about " if key.estimated else ""
            self.stdout.write(
                f"  {key.score:.2f} {names}: {about}{key.left.matched} match; "
                f"left {key.left.ambiguous} for a person, {key.left.alone} alone; "
                f"right {key.right.ambiguous} for a person, {key.right.alone} alone"
            )
        if not found.keys:
            self.stdout.write("  none: no field tells records apart and has values of both sides")
        self.stdout.write("\nfield pairs")
        for pair in found.pairs:
            note = " (kept by the systems; left out)" if pair.bookkeeping else ""
            self.stdout.write(f"  {pair.score:.2f} {_line(pair.left)} = {_line(pair.right)}{note}")
        for resource, alone in ((survey.left, found.left_alone), (survey.right, found.right_alone)):
            if alone:
                rest = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
                names = ", ".join(map(_line, alone[:SHOWN]))
                self.stdout.write(f"  without a partner in {resource}: {names}{rest}")


def _line(name: str) -> str:
    """A name from another system on one line of a terminal."""
    return "".join(character if character.isprintable() else "·" for character in name[:60])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ArgumentTypeError("must be a whole number, 0 or more")
    return int(text)


def _resource(name: str) -> Resource:
    rows = {str(row): row for row in Resource.objects.select_related("system")}
    if name not in rows:
        said, none = _("unknown resource %(name)s"), _("none is configured")
        raise CommandError(unknown(said, name, sorted(rows), none=none), returncode=USAGE)
    return rows[name]


def _interrupted(left: Resource, right: Resource) -> Survey | None:
    states = (SurveyState.INTERRUPTED, SurveyState.CANCELLED)
    survey = Survey.objects.filter(left=left, right=right, state__in=states).first()
    if survey is not None:
        surveys.resume(survey.pk)
    return survey
