"""`manage.py version MAPPING [NUMBER]`: versions of a mapping; compare, approve, withdraw, go back."""

from __future__ import annotations

import json as json_module
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from syncadmin import versions
from syncadmin.config import versions as stored
from syncadmin.config.versions import Overtaken
from syncadmin.jobs import enqueue_pass
from syncadmin.management.mapping_command import FAILED, GUARD, USAGE, MappingCommand
from syncadmin.models import Comparing, Mapping, MappingVersion, VersionState
from syncadmin.permissions import APPROVE_GUARD_STOP, CHANGE_MAPPING
from syncadmin.selectors.versions import document, lines, summary


class Command(MappingCommand):
    """Exit codes: 0 done, 1 failed, 2 usage, 3 it waits for an approval."""

    help = "Show the versions of a mapping, what one would do differently; approve, withdraw, go back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("number", metavar="NUMBER", nargs="?", type=int, help="the version that is meant")
        acts = parser.add_mutually_exclusive_group()
        acts.add_argument("--approve", metavar="DIGEST", help="let it take effect, as it was shown")
        acts.add_argument("--withdraw", action="store_true", help="take the proposal back")
        acts.add_argument("--propose", action="store_true", help="propose this earlier version again")
        parser.add_argument("--again", action="store_true", help="compare anew what was compared before")
        parser.add_argument("--user", default="", help="the user in whose name it is done")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        if options["number"] is None:
            self._list(mapping, options["json"])
            return
        version = mapping.versions.filter(number=options["number"]).first()
        if version is None:
            raise CommandError(f"{mapping.name} has no version {options['number']}", returncode=USAGE)
        try:
            version = self._act(version, options)
        except (Overtaken, versions.NotYet) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        self._show(version, options["json"])

    def _act(self, version: MappingVersion, options: dict[str, Any]) -> MappingVersion:
        if options["approve"] is not None:
            made = versions.approve(
                version.pk, options["approve"], _user(options["user"], APPROVE_GUARD_STOP)
            )
            enqueue_pass(made.mapping_id, "reconcile")
            return made
        if options["withdraw"]:
            return stored.withdraw(version.pk, _user(options["user"], CHANGE_MAPPING))
        if options["propose"]:
            version = versions.back_to(version, _user(options["user"], CHANGE_MAPPING))
        if version.state == VersionState.PROPOSED:
            if options["again"] or version.comparing == Comparing.FAILED:
                versions.compare_again(version)
            version = versions.work_out(version.pk) or MappingVersion.objects.get(pk=version.pk)
        return version

    def _list(self, mapping: Mapping, as_json: bool) -> None:
        rows = list(mapping.versions.all())
        if as_json:
            self.stdout.write(json_module.dumps([summary(row) for row in rows], indent=2))
            return
        for row in rows:
            by = f" by {row.made_name}" if row.made_name else ""
            self.stdout.write(
                f"{row.number}: {row.state}, {row.made_at:%Y-%m-%d %H:%M}{by} {row.how}".rstrip()
            )
        if not rows:
            self.stdout.write(f"{mapping.name} is as it was made: nothing has been proposed")

    def _show(self, version: MappingVersion, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json_module.dumps(document(version), indent=2))
        else:
            for line in lines(version):
                self.stdout.write(line)
        if version.state != VersionState.PROPOSED:
            return
        if version.comparing == Comparing.FAILED:
            raise CommandError(version.message, returncode=FAILED)
        raise CommandError(
            f"It waits for an approval: manage.py version {version.mapping.name} {version.number} "
            f"--approve {version.digest} --user NAME",
            returncode=GUARD,
        )


def _user(name: str, permission: str) -> Any:
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError("Say who does it: --user NAME of an active user.", returncode=USAGE)
    if not user.has_perm(permission):
        raise CommandError(f"{user} lacks the right to do that ({permission}).", returncode=USAGE)
    return user
