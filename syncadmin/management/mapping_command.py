"""What commands about one mapping share: finding it by name, with a clear word if there is none."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from syncadmin.config.problems import unknown
from syncadmin.models import Mapping

FAILED, USAGE, GUARD = 1, 2, 3


class MappingCommand(BaseCommand):
    """A command about one mapping. Exit codes: 0 done, 1 failed, 2 usage, 3 a guard stopped it."""

    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("--reconcile", action="store_true", help="compare both sides entirely")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def mapping(self, name: str) -> Mapping:
        """The mapping of that name. Raises CommandError (2) that names those there are."""
        found = Mapping.objects.select_related("left__system", "right__system").filter(name=name).first()
        if found is None:
            names = list(Mapping.objects.values_list("name", flat=True))
            said, none = _("unknown mapping %(name)s"), _("none is configured")
            raise CommandError(unknown(said, name, names, none=none), returncode=USAGE)
        return found
