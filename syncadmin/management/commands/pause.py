"""`manage.py pause MAPPING --user NAME`: no passes run until it is resumed."""

from __future__ import annotations

from syncadmin import leaving
from syncadmin.management.life_command import LifeCommand
from syncadmin.models import Mapping


class Command(LifeCommand):
    """Exit codes: 0 done, 1 not possible, 2 usage."""

    help = "Stop the passes of a mapping until it is resumed."

    def act(self, mapping: Mapping, user: object, options: dict[str, object]) -> str:
        """Pause it."""
        leaving.pause(mapping, user)
        return f"{mapping.name} is paused"
