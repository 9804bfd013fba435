"""`python -m bench.bulk [--items N]`: N conflicts are decided at once and withdrawn, on the hub alone.

Run it beside a PostgreSQL of its own: `python -m tests.servers.hub python -m bench.bulk`. What systems take
for the writes is not in it: that is a pass like any other (`python -m bench`).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def measured(what: str, items: int) -> Iterator[None]:
    """Print how long it took, and how many items a second that is."""
    began = time.monotonic()
    yield
    seconds = time.monotonic() - began
    sys.stdout.write(f"{what:<28} {seconds:7.2f} s  {items / seconds:9,.0f} items/s\n")


def fill(items: int) -> None:
    """A mapping with so many linked records, each with a conflict on its phone."""
    from django.utils import timezone

    from conflicts.models import Conflict, ConflictField
    from syncadmin.core.values import encode
    from syncadmin.models import Link
    from tests.builders import a_mapping

    mapping, now = a_mapping(), timezone.now()
    shadow = encode({"name": "Ada", "phone": "1"})
    links = Link.objects.bulk_create(
        (
            Link(mapping=mapping, left_key=f"l{n}", right_key=f"r{n}", left_shadow=shadow)
            for n in range(items)
        ),
        batch_size=5000,
    )
    made = Conflict.objects.bulk_create(
        (
            Conflict(
                mapping=mapping, link=link, kind="field", label=f"Ada {n}", opened_at=now, changed_at=now
            )
            for n, link in enumerate(links)
        ),
        batch_size=5000,
    )
    values = {"has_base": True, "base_left": "1", "base_right": "1", "left": "2", "right": "3"}
    ConflictField.objects.bulk_create(
        (ConflictField(conflict=conflict, field="phone", **values) for conflict in made), batch_size=5000
    )


def main() -> int:
    """Exit codes: 0 done, 1 something was left out."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    items = parser.parse_args().items
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth import get_user_model

    from conflicts.services import bulk
    from syncadmin.core.bulk import Rule

    user = get_user_model().objects.create_user("rita")
    fill(items)
    run = bulk.start(Rule.LEFT, user)
    carry_out("decide", run, items)
    undo = bulk.start_undo(run, user)
    carry_out("undo", undo, items)
    undo.refresh_from_db()
    return int(undo.decided != items)


def carry_out(what: str, run: object, items: int) -> None:
    """Prepare and carry out one run."""
    from conflicts.models import BulkRun
    from conflicts.services import bulk

    if not isinstance(run, BulkRun):
        raise TypeError(run)
    with measured(f"{what}: preview", items):
        bulk.prepare(run.pk)
    bulk.confirm(run.pk)
    with measured(f"{what}: carried out", items):
        while bulk.step(run.pk).more:
            pass


if __name__ == "__main__":
    sys.exit(main())
