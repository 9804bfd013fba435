"""`manage.py resume MAPPING --user NAME`: passes run again, the first at once."""

from __future__ import annotations

from syncadmin import leaving
from syncadmin.management.life_command import LifeCommand
from syncadmin.models import Mapping


class Command(LifeCommand):
    """Exit codes: 0 done, 1 not possible, 2 usage."""

    help = "Let the passes of a paused mapping run again."

    def act(self, mapping: Mapping, user: object, options: dict[str, object]) -> str:
        """Resume it."""
        leaving.resume(mapping, user)
        return f"{mapping.name} runs again"
