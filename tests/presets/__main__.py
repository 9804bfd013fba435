"""Runs the conformance kit on the peers of presets: `python -m tests.presets [NAME ...]`, or `make presets`.

Each preset's report is written anew, then the table in the docs. Exit code 1 if a preset did not pass or its
peer could not be started; those are named at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.presets import matrix
from tests.presets.catalog import proven

KIT = Path(__file__).resolve().with_name("conformance.py")
RUN = (
    sys.executable,
    "-m",
    "pytest",
    str(KIT),
    "-q",
    "-p",
    "tests.presets.recording",
    "-p",
    "no:cacheprovider",
)


def run(presets: list[str]) -> int:
    """Each preset in a process of its own, one after the other."""
    unknown = [name for name in presets if name not in proven()]
    if unknown:
        sys.stderr.write(f"no peer for {', '.join(unknown)}; there are: {', '.join(proven())}\n")
        return 2
    failed = []
    for name in presets or proven():
        sys.stdout.write(f"\n{name}\n")
        sys.stdout.flush()
        if subprocess.run(RUN, env={**os.environ, "PRESET": name}, check=False).returncode:
            failed.append(name)
    matrix.FILE.write_text(matrix.placed(matrix.FILE.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"\nnot passed: {', '.join(failed)}\n" if failed else "\nall passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
