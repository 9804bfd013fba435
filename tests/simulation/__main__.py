"""`python -m tests.simulation SEED ...` replays seeds and tells a failing one, shortened;
`python -m tests.simulation --mutants N` names for each planted bug the first history that notices it;
`python -m tests.simulation --count N [--from N] [--mutant NAME] [--json FILE]` plays many on all cores,
with `--steps N` until so many steps were taken, with `--minutes N` for so long at most.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .figures import Report
from .runner import of_each_kind, prepare, run_many, run_mutants, staff_member

SHOWN = 20


def main() -> int:
    """Exit codes: 0 every history ended well, 1 some did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="*", type=int, help="replay these, with all details")
    parser.add_argument("--count", type=int, default=0, help="play so many seeds")
    parser.add_argument("--steps", type=int, default=0, help="play until so many steps were taken")
    parser.add_argument("--minutes", type=float, default=0, help="end after so long, whatever is left")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first of them")
    parser.add_argument("--mutant", default="", help="plant this bug")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--mutants", type=int, default=0, help="find who notices each, in so many seeds")
    options = parser.parse_args()
    if options.mutants:
        return find_mutants(options.mutants)
    if options.seeds:
        prepare()
        return max(replay(seed, options.mutant) for seed in options.seeds)
    if not (options.count or options.steps):
        parser.error("say how much to play: seeds, --count or --steps")
    began = time.monotonic()
    count = 0 if options.steps else options.count
    report = run_many(
        options.first, count, steps=options.steps, minutes=options.minutes, mutant=options.mutant
    )
    seconds = time.monotonic() - began
    if options.json:
        figures = {"first": options.first, "seconds": round(seconds, 1), **report.as_json()}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    show(report, seconds, options.mutant)
    return int(bool(report.failures))


def find_mutants(limit: int) -> int:
    """For every planted bug the first history that notices it: plain ones and themed ones are tried."""
    prepare()
    from .mutants import MUTANTS

    survivors = 0
    for name, seed in run_mutants(list(MUTANTS), of_each_kind(limit)):
        survivors += seed is None
        say(f'    "{name}": {seed},')
    return int(bool(survivors))


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


def show(report: Report, seconds: float, mutant: str = "") -> None:
    """The report, for people."""
    listed("What was reached", report.probes)
    listed("Faults that were injected", report.faults)
    listed("Steps", report.steps)
    for seed, text in sorted(report.failures.items())[:SHOWN]:
        say(f"\n{text[:800]}\nreplay: python -m tests.simulation {seed}{mutant and f' --mutant {mutant!r}'}")
    speed = report.seeds / seconds if seconds else 0
    say(
        f"\n{report.seeds:,} seeds, {report.steps.total():,} steps, {report.faults.total():,} faults "
        f"in {seconds:.0f} s ({speed:.1f} seeds a second)"
    )
    failed = sorted(report.failures)
    more = " ..." if len(failed) > SHOWN else ""
    say(f"{len(failed):,} failed: {' '.join(map(str, failed[:SHOWN]))}{more}" if failed else "none failed")


def listed(title: str, numbers: Mapping[str, int]) -> None:
    """Numbers with their names, under a title."""
    say(f"\n{title}")
    for name, number in sorted(numbers.items()):
        say(f"{number:11,} {name}")


def say(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
