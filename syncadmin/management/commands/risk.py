"""`manage.py risk MAPPING [--json]`: how many edits a year may be lost, and who has accepted that."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone

from connectors.base import ConnectorError
from syncadmin import services
from syncadmin.core.side import SIDES
from syncadmin.engine.exposed import ask
from syncadmin.engine.risk import Figures, SideFigures, short
from syncadmin.jobs import enqueue_pass
from syncadmin.management.mapping_command import FAILED, USAGE, MappingCommand
from syncadmin.models import RiskAcceptance
from syncadmin.permissions import ACCEPT_RISK
from syncadmin.selectors.risk import RiskStanding, Status, believed, how_often, in_words, standing


class Command(MappingCommand):
    """Exit codes: 0 none is needed or it is accepted, 1 it is not, 2 usage."""

    help = "Show how many edits a year may be lost in a mapping, and accept that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
        for side in SIDES:
            parser.add_argument(
                f"--edits-{side}",
                type=float,
                metavar="A_DAY",
                help=f"before anybody has watched: edits a day on the {side} side",
            )
        parser.add_argument(
            "--records", type=int, help="of how many records; those that are linked if not given"
        )
        parser.add_argument("--accept", type=float, metavar="A_YEAR", help="accept so many lost edits a year")
        parser.add_argument("--days", type=int, default=180, help="for how long it is accepted (180)")
        parser.add_argument("--user", default="", help="who accepts it")
        parser.add_argument("--role", default="", help="in which role")
        parser.add_argument("--note", default="", help="a remark that is kept with it")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        a_day = {s.value: told for s in SIDES if (told := options[f"edits_{s}"]) is not None}
        traffic = believed(mapping, a_day, options["records"]) if len(a_day) == len(SIDES) else None
        if a_day and traffic is None:
            raise CommandError(
                "Give the edits of both sides: --edits-left and --edits-right.", returncode=USAGE
            )
        found = standing(mapping, timezone.now(), traffic)
        if found.status is Status.UNKNOWN:
            self._ask(found)
            found = standing(mapping, timezone.now(), traffic)
        if options["accept"] is not None:
            self._accept(found, options)
            found = standing(mapping, timezone.now(), traffic)
        if options["json"]:
            self.stdout.write(json_module.dumps(document(found), indent=2))
        else:
            self._print(found)
        if found.status in (Status.OPEN, Status.LAPSED):
            raise CommandError("Nobody accepts this risk now.", returncode=FAILED)

    def _ask(self, found: RiskStanding) -> None:
        try:
            ask(found.mapping)
        except ConnectorError as error:
            raise CommandError(str(error), returncode=FAILED) from error

    def _accept(self, found: RiskStanding, options: dict[str, Any]) -> None:
        user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError("Say who accepts it: --user NAME of an active user.", returncode=USAGE)
        if not user.has_perm(ACCEPT_RISK):
            raise CommandError(f"{user} may not accept risks ({ACCEPT_RISK}).", returncode=USAGE)
        until = timezone.now() + timedelta(days=options["days"])
        given = {"most": options["accept"], "role": options["role"], "note": options["note"]}
        try:
            services.accept_risk(found.mapping, found.figures, until=until, user=user, **given)
        except services.NotAccepted as error:
            raise CommandError(str(error), returncode=USAGE) from error
        enqueue_pass(found.mapping.pk)

    def _print(self, found: RiskStanding) -> None:
        told = found.figures
        if found.why_none:
            self.stdout.write(f"{found.mapping.name}: {found.why_none}")
            return
        lost = f"{in_words(told.lost)}, {how_often(told.lost)}" if told.lost else "nobody can say yet"
        basis = "" if told.lost is None else " (watched)" if told.live else " (assumed, before watching)"
        self.stdout.write(f"{found.mapping.name}: lost edits to be expected: {lost}{basis}")
        for line in facts(told):
            self.stdout.write(f"  {line}")
        self.stdout.write(f"  {_accepted(found.status, found.last)}")
        if found.stops:
            self.stdout.write(
                "  Writes that could replace an unseen edit wait until it is accepted (risk: stop)."
            )


def facts(told: Figures) -> list[str]:
    """The figures behind the figure, a line each."""
    watched = f"watched for {told.watched / 86400:.1f} days" if told.since else "not watched yet"
    lines = [f"{watched}; shared fields: {', '.join(told.exposure.fields)}"]
    if told.since:
        lines.append(
            f"edits of one field on both sides within {told.near / 3600:g} h of each other: {told.meetings}"
        )
    return [*lines, *(_side_line(side.value, one) for side, one in told.sides.items())]


def _side_line(side: str, told: SideFigures) -> str:
    line = f"{side}: {told.promise}, {told.edits} edits seen"
    if told.promise == "atomic":
        return f"{line}, no window"
    low, mean, high = (short(s * 1000) for s in (told.window.low, told.window.expected, told.window.high))
    writes = f"{told.writes} unguarded writes, {told.unmeasured} unmeasured, {told.raced} raced"
    return f"{line}, window {mean} ms ({low} to {high}, {told.basis}); {writes}"


def _accepted(status: Status, last: RiskAcceptance | None) -> str:
    if last is None:
        return "not accepted by anybody"
    most = f"up to {short(last.most)} a year until {last.last_day:%Y-%m-%d}"
    who = f"{last.name} ({last.role}), {last.at:%Y-%m-%d}: {most}"
    if status is Status.ACCEPTED:
        return f"accepted by {who}"
    return f"lapsed: {last.lapsed_how or 'its time is up'}; was accepted by {who}"


def document(found: RiskStanding) -> dict[str, Any]:
    """All of it as plain data."""
    last = found.last
    return {
        "mapping": found.mapping.name,
        "status": found.status.value,
        "why_none": found.why_none or None,
        "unaccepted_writes": found.mapping.risk,
        "waiting": found.stops,
        **found.figures.as_dict(),
        "acceptance": None
        if last is None
        else {
            "by": last.name,
            "role": last.role,
            "note": last.note,
            "at": last.at.isoformat(),
            "until": last.until.isoformat(),
            "most_a_year": last.most,
            "lapsed_at": last.lapsed_at.isoformat() if last.lapsed_at else None,
            "lapsed_how": last.lapsed_how or None,
        },
    }
