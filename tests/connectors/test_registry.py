"""Connectors are found by name."""

import pytest

from connectors import registry
from connectors.base import Connector, Misconfigured
from connectors.sql import SqlConnector


def test_the_installed_connectors_are_found_by_their_entry_points() -> None:
    assert {"rest", "sql"} <= set(registry.kinds())
    found: type[Connector] = registry.get("sql")
    assert found is SqlConnector


def test_an_unknown_kind_is_answered_with_the_allowed_ones() -> None:
    with pytest.raises(Misconfigured, match=r"no connector 'ftp'; installed are .*rest.*sql"):
        registry.get("ftp")
