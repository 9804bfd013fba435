"""`manage.py watch MAPPING` or `watch LEFT RIGHT`: who edits what in two systems, seen without writing."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from syncadmin import watches
from syncadmin.config.problems import hint
from syncadmin.config.units import parse_duration
from syncadmin.core.side import SIDES
from syncadmin.management.mapping_command import FAILED, USAGE, MappingCommand
from syncadmin.models import Mapping, Resource, Survey, SurveyState, Watch, WatchState
from syncadmin.selectors.watches import FieldSeen, Seen, newest, seen
from syncadmin.show import short_number


class Command(MappingCommand):
    """Exit codes: 0 done, 1 failed, 2 usage."""

    help = "Watch two systems for some days without writing: which side edits which field, and how often."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what", nargs="+", metavar="NAME", help="a mapping, or two resources as SYSTEM.RESOURCE"
        )
        parser.add_argument("--start", action="store_true", help="begin, or go on with one that has ended")
        parser.add_argument("--stop", action="store_true", help="end it; what it has counted stays")
        parser.add_argument("--look", action="store_true", help="take one look now, in the foreground")
        parser.add_argument(
            "--every", type=_seconds, default=watches.EVERY, help="between two looks (default 5m)"
        )
        parser.add_argument(
            "--days", type=int, default=watches.DAYS, help=f"then it ends by itself (default {watches.DAYS})"
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, what: list[str], json: bool, **options: Any) -> None:
        begin, ends = self._meant(what)
        watch = newest(*ends)
        try:
            if options["start"]:
                watch = self._start(watch, begin, options)
        except watches.NotWatched as error:
            raise CommandError(str(error), returncode=FAILED) from error
        if watch is None:
            raise CommandError("nobody has watched these yet; begin with --start", returncode=FAILED)
        if options["look"] and not watches.look(watch.pk):
            watch.refresh_from_db()
            raise CommandError(f"{watch}: {watch.message or watch.state}", returncode=FAILED)
        if options["stop"]:
            watches.stop(watch.pk, "manage.py watch")
        watch.refresh_from_db()
        found = seen(watch)
        if json:
            self.stdout.write(json_module.dumps(found.as_dict(), indent=2))
        else:
            self._print(found)

    def _start(self, watch: Watch | None, begin: Any, options: dict[str, Any]) -> Watch:
        if watch is not None and watch.state != WatchState.WATCHING:
            watches.resume(watch.pk)
            return watch
        made: Watch = begin(every=int(options["every"]), days=options["days"], actor="manage.py watch")
        return made

    def _meant(self, what: list[str]) -> tuple[Any, tuple[int, int]]:
        """What begins a watch of what was named, and its two resources."""
        if len(what) == 1:
            mapping: Mapping = self.mapping(what[0])
            return lambda **asked: watches.of_mapping(mapping, **asked), (mapping.left_id, mapping.right_id)
        if len(what) > 2:
            raise CommandError("name a mapping, or two resources", returncode=USAGE)
        left, right = (_resource(name) for name in what)
        done = Survey.objects.filter(left=left, right=right, state=SurveyState.DONE).first()

        def begin(**asked: Any) -> Watch:
            if done is None:
                said = f"nothing tells how their records belong together: manage.py survey {' '.join(what)}"
                raise watches.NotWatched(said)
            return watches.of_survey(done, **asked)

        return begin, (left.pk, right.pk)

    def _print(self, found: Seen) -> None:
        watch = found.watch
        told = f" {watch.ended_how}" if watch.ended_how else ""
        self.stdout.write(f"{watch} of {watch.left} and {watch.right}: {watch.state}{told}")
        self.stdout.write(
            f"{short_number(found.days)} days, {watch.looks} looks, {watch.read} records read"
            + (f"; one record of {found.one_of} is kept, counts are estimates" if found.one_of > 1 else "")
        )
        if watch.message:
            self.stdout.write(f"waits: {watch.message}")
        for one in found.fields:
            self.stdout.write(f"  {one.left} = {one.right}: {_counts(found, one)}")
        self.stdout.write(f"  added: {_counts(found, found.created)}")
        self.stdout.write(f"  deleted: {_counts(found, found.deleted)}")
        self.stdout.write(f"  records that both edited: {found.both_edited}")


def _counts(found: Seen, one: FieldSeen) -> str:
    told = []
    for side in SIDES:
        rate = found.a_day(one.edits[side])
        told.append(f"{side} {one.edits[side]}" + (f" ({short_number(rate)} a day)" if rate else ""))
    hours = short_number(found.near / 3600)
    met = f"; both within {hours} h: {one.met}, of them equal: {one.equal}" if one.met else ""
    return ", ".join(told) + met


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _resource(name: str) -> Resource:
    rows = {str(row): row for row in Resource.objects.select_related("system")}
    if name not in rows:
        none = "none is configured"
        raise CommandError(
            f'unknown resource "{name}"{hint(name, sorted(rows), none=none)}', returncode=USAGE
        )
    return rows[name]
