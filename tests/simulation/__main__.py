"""`python -m tests.simulation [SEED ...] [--count N] [--from N]`: replay seeds, or run many."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from typing import Any

import django


def main() -> int:
    """Run, and report what failed and what was reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("seeds", nargs="*", type=int, help="replay these, with all details")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--mutant", default="")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    prepare()
    from tests.simulation.history import History, failure_of, shrunk
    from tests.simulation.runner import staff_member

    staff = staff_member()
    seeds = options.seeds or range(options.first, options.first + options.count)
    probes: Counter[str] = Counter()
    failures: dict[int, str] = {}
    began = time.process_time()
    for seed in seeds:
        history = History.of(seed)
        try:
            world = history.play(staff, tale if options.seeds else None)
            probes += world.probes
            probes["users' acts"] += world.people.acts
            probes["hub's writes"] += sum(e.actor == "hub" for e in world.audit)
        except Exception as error:
            failures[seed] = f"{type(error).__name__}: {error}"
            if options.seeds:
                traceback.print_exc()
                if options.shrink:
                    short = shrunk(history, staff)
                    print(len(history.steps), "->", len(short.steps), short.steps, failure_of(short, staff))
    spent = time.process_time() - began
    for seed, text in list(failures.items())[:12]:
        print(seed, text[:900], "\n")
    print(f"{len(seeds)} seeds, {len(failures)} failed, {len(seeds) / spent:.1f} a second of one core")
    if options.verbose:
        for name, number in sorted(probes.items()):
            print(f"{number:7} {name}")
    print("failing:", list(failures)[:60])
    return int(bool(failures))


def tale(world: Any) -> None:
    """The whole history, from the first act to the last."""
    from conflicts.models import Conflict
    from syncadmin.models import Entry, Link

    print("left ", world.habits["left"])
    print("right", world.habits["right"])
    print(world.rules)
    for number in range(len(world.audit) + 1):
        for at, text in world.notes:
            if at == number:
                print("---", text)
        if number < len(world.audit):
            e = world.audit[number]
            print(
                f"{e.number:4} {e.at:%H:%M:%S.%f} {e.actor} {e.op} {e.resource} {e.side} {e.key} {e.old} -> {e.new}"
            )
    for e in Entry.objects.order_by("seq"):
        print(
            f"#{e.seq:3} p{e.pass_id} {e.kind} {e.side} {e.key} {e.field} {e.old}->{e.new} {e.disposition} {e.rule} of {e.of} L{e.link_id}"
        )
    for link in Link.objects.all():
        print("link", link.pk, link.left_key, link.right_key, link.status, "held" if link.held else "")
    for item in Conflict.objects.all():
        print(
            "item",
            item.pk,
            item.kind,
            item.state,
            item.link_id,
            item.side,
            item.key,
            item.reason,
            item.closed_how,
            item.seqs,
        )


def prepare() -> None:
    """Django with an empty hub database in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
