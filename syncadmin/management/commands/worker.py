"""`manage.py worker`: runs passes from the queue, one at a time. `up` starts some; more may run anywhere."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from syncadmin.worker import serve


class Command(BaseCommand):
    """Ends in good order on SIGTERM: after the pass that is running."""

    help = "Run passes from the queue, one at a time."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--burst", action="store_true", help="end when the queue is empty")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            serve(burst=options["burst"], logging_level=os.environ.get("LOG_LEVEL", "INFO").upper())
        except RedisError as error:
            raise CommandError(f"the queue can't be reached: {error}") from error
