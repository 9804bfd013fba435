"""The conformance kit on the peer of one preset. Run by `python -m tests.presets`, which keeps the report.

Not collected by a plain pytest run: it takes long, and some peers must be installed first.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.testing import ConnectorConformance
from tests.conftest import unique
from tests.presets.catalog import peer
from tests.presets.harness import RestHarness, Served
from tests.presets.recording import Recorder
from tests.servers.places import server_directory


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> Iterator[Served]:
    """The peer, for the whole run."""
    recorder = pytestconfig.pluginmanager.get_plugin("recorder")
    assert isinstance(recorder, Recorder), "run this by `python -m tests.presets`"
    with server_directory() as directory, peer(recorder.preset).serve(directory / "peer") as served:
        recorder.note(served)
        yield served


class TestPreset(ConnectorConformance):
    """Everything that the kit asks of a connector."""

    @pytest.fixture
    def harness(self, served: Served) -> Iterator[RestHarness]:
        harness = served.harness(unique("things"))
        yield harness
        harness.close()
