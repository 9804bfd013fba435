"""How far a preset has been proven: what its last run of the conformance kit found, and the label it earns.

A report is a file of data in `proofs/`, written by `make presets` and by nothing else. A preset that was
changed since, or has no report, or whose run failed anywhere, is unverified: nothing here takes a preset's
own word for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from connectors.offers import gettext_noop as _

from .presets import preset


class Label(StrEnum):
    """What people may rely on."""

    REAL = _("proven on the real server")
    DESCRIPTION = _("proven against the published API description")
    UNVERIFIED = _("unverified")


class Against(StrEnum):
    """What the kit ran against: the product itself, or a stand-in that keeps to its published description.

    A stand-in that does what we read in the product's pages is worth a run, and proves nothing about it.
    """

    REAL = "real"
    DESCRIPTION = "description"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Report:
    """One run of the kit. `peer` names what answered, with its version; `digest` the preset as it was then.

    `capabilities` is what the connector promised, `tests` how many of a promise's cases passed, of how many.
    """

    preset: str
    against: Against
    peer: str
    digest: str
    capabilities: Mapping[str, Any]
    tests: Mapping[str, tuple[int, int]]

    @property
    def ran(self) -> int:
        """Cases that ran."""
        return sum(ran for _, ran in self.tests.values())

    @property
    def passed(self) -> int:
        """Cases that passed."""
        return sum(passed for passed, _ in self.tests.values())

    def text(self) -> str:
        """As it is kept in a file."""
        data = {**asdict(self), "against": str(self.against)}
        data["tests"] = {name: f"{passed} of {ran}" for name, (passed, ran) in sorted(self.tests.items())}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


_EARNED = {Against.REAL: Label.REAL, Against.DESCRIPTION: Label.DESCRIPTION}


def digest(name: str) -> str:
    """What a preset says, as a short text that changes with it; comments do not count."""
    said = json.dumps(preset(name), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def report(name: str) -> Report | None:
    """The report of a preset's last run, if there is one."""
    file = resources.files(__package__) / "proofs" / f"{name}.json"
    return read(file.read_text("utf-8")) if file.is_file() else None


def read(text: str) -> Report:
    """A report from its file. Raises KeyError or ValueError for anything else."""
    data = json.loads(text)
    tests = {}
    for test, told in data["tests"].items():
        passed, ran = told.split(" of ")
        tests[test] = (int(passed), int(ran))
    return Report(
        data["preset"], Against(data["against"]), data["peer"], data["digest"], data["capabilities"], tests
    )


def label(name: str) -> Label:
    """What a preset's last run proves."""
    return earned(report(name), digest(name))


def earned(found: Report | None, now: str) -> Label:
    """What a report proves about a preset whose digest is `now`."""
    if found is None or found.digest != now or not found.ran or found.passed < found.ran:
        return Label.UNVERIFIED
    return _EARNED.get(found.against, Label.UNVERIFIED)
