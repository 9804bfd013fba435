"""No preset claims more than its last run of the conformance kit: labels, docs and reports agree."""

from dataclasses import replace

import pytest

from connectors.rest.presets import names
from connectors.rest.proving import Against, Label, Report, digest, earned, label, read, report
from connectors.testing import ConnectorConformance
from tests.presets import matrix
from tests.presets.catalog import peer, proven

GOOD = Report("shop", Against.REAL, "Shop 1.0", "abc", {}, {"a stale update is refused": (2, 2)})
PROMISES = {
    name.removeprefix("test_").replace("_", " ")
    for name in dir(ConnectorConformance)
    if name.startswith("test_")
}


@pytest.mark.parametrize(
    ("found", "now", "expected"),
    [
        (GOOD, "abc", Label.REAL),
        (replace(GOOD, against=Against.DESCRIPTION), "abc", Label.DESCRIPTION),
        (replace(GOOD, against=Against.PAGES), "abc", Label.UNVERIFIED),
        (GOOD, "the preset was changed", Label.UNVERIFIED),
        (replace(GOOD, tests={"a stale update is refused": (1, 2)}), "abc", Label.UNVERIFIED),
        (replace(GOOD, tests={}), "abc", Label.UNVERIFIED),
        (None, "abc", Label.UNVERIFIED),
    ],
)
def test_a_label_is_earned_by_a_whole_run_on_the_preset_as_it_is(
    found: Report | None, now: str, expected: Label
) -> None:
    assert earned(found, now) is expected


def test_a_report_comes_back_from_its_file() -> None:
    assert read(GOOD.text()) == GOOD


def test_the_table_in_the_docs_is_what_ran() -> None:
    docs = matrix.FILE.read_text("utf-8")
    assert matrix.placed(docs) == docs, "run: python -m tests.presets.matrix"


@pytest.mark.parametrize("name", names())
def test_a_label_rests_on_a_run_that_anybody_can_repeat(name: str) -> None:
    found = report(name)
    if label(name) is Label.UNVERIFIED:
        return
    assert found is not None
    assert name in proven()
    assert (found.preset, found.digest) == (name, digest(name))
    assert found.against is peer(name).against
    assert found.tests.keys() == PROMISES
