"""What the commands share that pause a mapping, resume it, or take it out of service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from syncadmin.leaving import Impossible
from syncadmin.management.mapping_command import FAILED, USAGE, MappingCommand
from syncadmin.models import Mapping
from syncadmin.permissions import CHANGE_MAPPING


class LifeCommand(MappingCommand, ABC):
    """One act on one mapping, in a user's name."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mapping", metavar="MAPPING", help="short name of the mapping")
        parser.add_argument("--user", default="", help="the user in whose name it is done")

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        try:
            self.stdout.write(self.act(mapping, self.user(options["user"]), options))
        except Impossible as error:
            raise CommandError(str(error), returncode=FAILED) from error

    @abstractmethod
    def act(self, mapping: Mapping, user: Any, options: dict[str, Any]) -> str:
        """Do it; returns what was done, in words. Raises Impossible."""

    def user(self, name: str) -> Any:
        """The user of that name, who may change mappings. Raises CommandError (2)."""
        user = get_user_model().objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError("Say who does it: --user NAME of an active user.", returncode=USAGE)
        if not user.has_perm(CHANGE_MAPPING):
            raise CommandError(f"{user} may not change mappings ({CHANGE_MAPPING}).", returncode=USAGE)
        return user
