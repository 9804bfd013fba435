"""The conformance kit: what every connector must keep, as a pytest class.

Subclass `ConnectorConformance` and provide a fixture `harness` that starts with an empty resource
in a real system. A promise that the connector does not make (see its `capabilities`, and the
switches of the harness) is not asked of it; every promise it makes is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("faults", "harness", "reading", "writing"))
)

from .faults import Faults  # noqa: E402  after the registration
from .harness import Bench, Harness  # noqa: E402
from .reading import Reading  # noqa: E402
from .writing import Values, Writing  # noqa: E402

__all__ = ["Bench", "ConnectorConformance", "Harness"]


class ConnectorConformance(Reading, Writing, Values, Faults):
    """The promises of `connectors.base`, one test each."""

    @pytest.fixture
    def bench(self, harness: Harness) -> Iterator[Bench]:
        """A connector at work, closed at the end."""
        connector = harness.connector()
        yield Bench(harness, connector)
        connector.close()
