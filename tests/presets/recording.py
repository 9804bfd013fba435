"""What a run of the kit on a preset's peer found, as the report that is kept."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import Resource
from connectors.rest.proving import Report, digest
from tests.presets.catalog import peer
from tests.presets.harness import Served

PROOFS = Path(__file__).resolve().parents[2] / "connectors" / "rest" / "proofs"
WHOLE_RUN = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def pytest_configure(config: pytest.Config) -> None:
    """The run is of the preset that PRESET names."""
    config.pluginmanager.register(Recorder(os.environ["PRESET"]), "recorder")


class Recorder:
    """A plugin of pytest: counts each promise's cases, and writes the report when the whole run is over."""

    def __init__(self, preset: str, folder: Path = PROOFS) -> None:
        self.preset, self.file = preset, folder / f"{preset}.json"
        self.what, self.capabilities = "", {"": ""}
        self.passed: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()

    def note(self, served: Served) -> None:
        """Who answers, and what the connector promises of it."""
        harness = served.harness("noted")
        connector = harness.connector()
        promised = {**asdict(connector.capabilities(harness.resource)), "gives_keys": harness.gives_keys}
        promised["kinds"] = sorted(harness.fields)
        promised["found_by"] = found_by(Resource.model_validate(harness.told()))
        self.what, self.capabilities = served.what, json.loads(json.dumps(promised, default=str))
        connector.close()
        harness.close()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not report.failed:
            return
        promise = report.location[2].split(".")[-1].split("[")[0].removeprefix("test_").replace("_", " ")
        self.ran[promise] += 1
        self.passed[promise] += report.passed

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """A run that was broken off, or whose peer never answered, proves nothing, not even a failure."""
        if exitstatus in WHOLE_RUN and self.what:
            tests = {name: (self.passed[name], ran) for name, ran in self.ran.items()}
            made = Report(
                self.preset,
                peer(self.preset).against,
                self.what,
                digest(self.preset),
                self.capabilities,
                tests,
            )
            self.file.parent.mkdir(exist_ok=True)
            self.file.write_text(made.text(), "utf-8")


def found_by(resource: Resource) -> str:
    """How the changes of a resource are found, in words."""
    told: Any = resource.incremental
    if not resource.incremental_reads:
        return "full comparison"
    if resource.feed is not None:
        return "feed"
    return "a cursor of its own" if told.is_told else f"`{resource.modified}`"
