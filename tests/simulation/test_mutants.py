"""The rig finds planted bugs: a defence that is off is noticed within a stated number of seeds."""

import pytest

from .mutants import MUTANTS
from .runner import run_some

pytestmark = pytest.mark.runs_once

# seeds that are known to notice; if the rig has changed, the first LIMIT seeds are tried in turn
KNOWN: dict[str, int] = {}
LIMIT = 400


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found(db, name):
    seeds = [KNOWN[name]] if name in KNOWN else []
    for seed in [*seeds, *range(LIMIT)]:
        if run_some([seed], name).failures:
            return
    pytest.fail(f"{LIMIT} seeds did not notice: {name}")
