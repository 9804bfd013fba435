"""`python -m tests.simulation SEED ...` replays seeds and tells a failing one, shortened;
`python -m tests.simulation --count N [--from N] [--mutant NAME]` plays many on all cores.
"""

from __future__ import annotations

import argparse
import sys
import time

from .runner import Report, prepare, run_many, staff_member


def main() -> int:
    """Exit codes: 0 every history ended well, 1 some did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, help="replay these, with all details")
    parser.add_argument("--count", type=int, default=0, help="play so many seeds")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first of them")
    parser.add_argument("--mutant", default="", help="plant this bug")
    options = parser.parse_args()
    if options.seeds:
        prepare()
        return max(replay(seed, options.mutant) for seed in options.seeds)
    began = time.monotonic()
    report = run_many(range(options.first, options.first + options.count), options.mutant)
    show(report, time.monotonic() - began)
    return int(bool(report.failures))


def replay(seed: int, mutant: str) -> int:
    """Play one seed; if it fails, leave out every step that is not needed, and tell the rest."""
    from .history import Broken, History, failure_of, shrunk
    from .mutants import planted
    from .telling import tell

    staff = staff_member()
    history = History.of(seed)
    with planted(mutant):
        if failure_of(history, staff) is None:
            say(f"seed {seed}: all is well")
            return 0
        short = shrunk(history, staff)
        try:
            short.play(staff, tell)
        except Broken as broken:
            say(f"{len(short.steps)} of {len(history.steps)} steps are enough: {broken}")
    return 1


def show(report: Report, seconds: float) -> None:
    """The report, for people."""
    for name, number in sorted(report.probes.items()):
        say(f"{number:9,} {name}")
    for _, text in sorted(report.failures.items())[:20]:
        say(f"\n{text[:800]}")
    speed = report.seeds / seconds if seconds else 0
    say(
        f"\n{report.seeds:,} seeds, {speed:.1f} a second, "
        f"{len(report.failures)} failed {sorted(report.failures)[:60] or ''}"
    )


def say(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
