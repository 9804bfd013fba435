"""The table of presets in docs/connectors.md, of the reports; `python -m tests.presets.matrix` renews it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.rest.presets import names
from connectors.rest.proving import Label, Report, digest, earned, report
from connectors.testing.harness import SAMPLES

BEGIN, END = "<!-- presets: begin -->", "<!-- presets: end -->"
FILE = Path(__file__).resolve().parents[2] / "docs" / "connectors.md"
HEAD = (
    "| preset | label | run against | changes by | deletes | update, delete | repeated create | search "
    "| values not tried | cases passed |\n|" + " --- |" * 10
)
ORDER = tuple(Label)


def table() -> str:
    """All presets, those that are proven best first."""
    rows = {name: _row(name, report(name)) for name in names()}
    labels = {name: earned(report(name), digest(name)) for name in rows}
    return "\n".join(
        [HEAD, *(rows[name] for name in sorted(rows, key=lambda n: (ORDER.index(labels[n]), n)))]
    )


def _row(name: str, found: Report | None) -> str:
    cells = [f"`{name}`", f"*{earned(found, digest(name))}*"]
    if found is None:
        return f"| {' | '.join([*cells, *['' for _ in range(8)]])} |"
    if found.digest != digest(name):
        return f"| {' | '.join([*cells, 'changed since its last run', *['' for _ in range(7)]])} |"
    promised = found.capabilities
    guarantees = [str(promised["update"]), str(promised["delete"])]
    cells += [
        found.peer,
        str(promised["found_by"]),
        _deletes(promised),
        guarantees[0] if len(set(guarantees)) == 1 else ", ".join(guarantees),
        _repeated(promised),
        "yes" if promised["finds"] else "no",
        ", ".join(sorted(SAMPLES.keys() - {*promised["kinds"]})) or "none",
        f"{found.passed} of {found.ran}",
    ]
    return f"| {' | '.join(cells)} |"


def _deletes(promised: Mapping[str, Any]) -> str:
    """How deletes are seen, and whether they can be made."""
    seen = "seen at once" if promised["tombstones"] else "full comparison"
    return seen if promised.get("deletes", True) else f"{seen}; none can be made"


def _repeated(promised: Mapping[str, Any]) -> str:
    """What becomes of a create whose answer was lost."""
    if promised["idempotent"]:
        return "makes no twin"
    return "looked up by match key" if promised["finds"] else "a person decides"


def placed(text: str) -> str:
    """The docs with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    FILE.write_text(placed(FILE.read_text("utf-8")), "utf-8")
