"""`manage.py sync MAPPING [--reconcile] [--json]`: one pass now, in the foreground, with a progress bar."""

from __future__ import annotations

import json as json_module
import sys
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseFailure
from tqdm import tqdm

from syncadmin.engine.run import run_pass
from syncadmin.management.mapping_command import FAILED, GUARD, MappingCommand
from syncadmin.models import Pass, PassKind, PassState
from syncadmin.selectors import probing


class Command(MappingCommand):
    """Exit codes: 0 done, 1 failed, 2 no such mapping, 3 a guard stopped it."""

    help = "Run one pass of a mapping now."

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = self.mapping(options["mapping"])
        kind = PassKind.RECONCILE if options["reconcile"] else PassKind.INCREMENTAL
        with tqdm(unit=" records", disable=options["json"] or not sys.stderr.isatty(), leave=False) as bar:
            try:
                done = run_pass(mapping.pk, kind, progress=lambda row: _show(bar, row), heartbeat=True)
            except DatabaseFailure as error:
                raise CommandError(f"the hub's database failed: {error}", returncode=FAILED) from error
        if done is None and mapping.retired:
            raise CommandError(f"{mapping.name} is out of service for good", returncode=FAILED)
        if done is None and probing.held(mapping):
            words = "values of a probe are in the records of {}; put them back: manage.py probe NAME --clean"
            raise CommandError(words.format(mapping.name), returncode=FAILED)
        if done is None:
            raise CommandError(
                f"another pass of {mapping.name} is running; try again when it is done", returncode=FAILED
            )
        if options["json"]:
            self.stdout.write(json_module.dumps(_document(mapping.name, done), indent=2))
        else:
            self.stdout.write(f"{mapping.name}: {done.kind} pass {done.state}")
            for name, count in sorted(done.counts.items()):
                self.stdout.write(f"  {name}: {count}")
        if done.state != PassState.DONE:
            code = GUARD if done.state == PassState.STOPPED else FAILED
            raise CommandError(done.message, returncode=code)


def _show(bar: tqdm[Any], row: Pass) -> None:
    bar.set_description(row.phase, refresh=False)
    bar.total = row.total or None
    bar.n = row.progress
    bar.refresh()


def _document(mapping: str, done: Pass) -> dict[str, Any]:
    finished = done.finished_at
    return {
        "mapping": mapping,
        "pass": done.pk,
        "kind": done.kind,
        "state": done.state,
        "started_at": done.started_at.isoformat(),
        "finished_at": finished.isoformat() if finished else None,
        "counts": done.counts,
        "message": done.message,
    }
