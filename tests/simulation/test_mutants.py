"""The rig finds planted bugs: a defence that is off is noticed by a history that is known by its number."""

import pytest

from .mutants import MUTANTS
from .runner import run_some

pytestmark = pytest.mark.runs_once

# the first histories that notice; if the rig has changed, the first LIMIT ones are tried in turn
NOTICED = {
    "blind write": 2,
    "time out taken for success": 2,
    "acknowledged before it is written": 1,
    "no recovery": 90,
    "read back absorbs a strangers edit": 2,
    "shadow from the intent instead of the answer": 0,
    "cursor stored before the marks": 48,
    "no overlap": 66,
    "missing field taken as null": 45,
    "delete wins over edit": 6,
    "held field written anyway": 2,
    "override not journaled": 0,
    "create without its reference": 19,
    "no fence": 14,
    "no lease": 3,
}
# planted, and not noticed yet by any history: the world does not bite there
UNNOTICED = {
    "unconditional repeat",
    "mark cleared whatever its generation",
    "stale listing accepted",
    "partial listing taken as deletes",
    "last writer wins without a time",
    "pick applied to newer values",
    "duplicates ignored",
    "no guard",
}
LIMIT = 150


@pytest.mark.parametrize("name", NOTICED)
def test_a_planted_bug_is_found(db, name):
    for seed in [NOTICED[name], *range(LIMIT)]:
        if run_some([seed], name).failures:
            return
    pytest.fail(f"{LIMIT} histories did not notice: {name}")


def test_every_planted_bug_is_known_to_be_noticed_or_not():
    assert NOTICED.keys() | UNNOTICED == MUTANTS.keys()
