"""`manage.py up`: the whole hub in one process tree: queue server, web, workers, ticker, listener."""

from __future__ import annotations

import os
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from syncadmin.embedded import ChildFailed, ValkeyServer
from syncadmin.supervisor import AlreadyRunning, Program, Step, Supervisor, hub_services


def first_admin(username: str = "admin") -> str | None:
    """Make an administrator if there is none; the password, which is told once, or None.

    SYNCADMIN_ADMIN_PASSWORD sets the password, for installations without anybody at the terminal.
    """
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        return None
    password = os.environ.get("SYNCADMIN_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
    users.objects.create_superuser(username, "", password)
    return password


def migrate() -> None:
    """Bring the hub's database up to date, and leave no connection open behind it."""
    call_command("migrate", interactive=False, verbosity=0)
    connections.close_all()


class Command(BaseCommand):
    """Starts again where the last one ended; Ctrl-C stops everything."""

    help = "Run the whole hub in one process tree: queue server, web, workers, ticker, listener."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument("--workers", type=int, default=2, help="how many passes run at the same time")

    def handle(self, *args: Any, **options: Any) -> None:
        programs: list[Program] = []
        if settings.QUEUE_IS_EMBEDDED:
            programs.append(ValkeyServer(settings.QUEUE_DIR, log=settings.VAR_DIR / "log" / "valkey.log"))
        programs.append(Step("migrate", migrate))
        programs.append(Step("first administrator", self._first_admin))
        programs += hub_services(
            var=settings.VAR_DIR, host=options["host"], port=options["port"], workers=options["workers"]
        )
        url = f"http://{options['host']}:{options['port']}/"
        try:
            Supervisor(settings.VAR_DIR, programs).run(lambda: self.stdout.write(f"SyncAdmin is up: {url}"))
        except (AlreadyRunning, ChildFailed) as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(f"the hub's database can't be used: {error}") from error

    def _first_admin(self) -> None:
        password = first_admin()
        connections.close_all()
        if password is not None:
            self.stdout.write(f"First start: sign in as admin with the password {password}")
