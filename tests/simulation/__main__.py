"""`python -m tests.simulation [SEED ...] [--count N] [--from N]`: replay seeds, or run many."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter

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
            world = history.play(staff)
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


def prepare() -> None:
    """Django with an empty hub database in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncadmin.settings")
    os.environ["DATABASE_URL"] = "sqlite://:memory:"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
