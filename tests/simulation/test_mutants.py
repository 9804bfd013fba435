"""The rig finds planted bugs: a defence that is off is noticed by a history that is known by its number.

A bug counts as noticed if the history ends well without it, and in a wrong state with it. A crash does not
count: it may be the planted code's own.

What is usually planted in a sync program, and has another name or no counterpart here: a hint is a dirty
mark. It has no payload that could be trusted, since it names a record and nothing else; the nearest is a
stale listing that is accepted. The engine knows no canary record: each record that a listing lacks is read by
its key, so "no canary" is a partial listing taken as deletes. No bug hides behind a second defence: each is
noticed alone.
"""

import pytest

from .mutants import MUTANTS
from .runner import first_to_notice, of_each_kind
from .themes import of_theme, theme_of

pytestmark = pytest.mark.runs_once

# the histories that notice (`python -m tests.simulation --mutants 300` finds them anew); if the rig changed,
# those with the theme of this one are tried, then LIMIT of each kind in turn
NOTICED = {
    "blind write": 700_011,
    "time out taken for success": 2,
    "acknowledged before it is written": 0,
    "unconditional repeat": 0,
    "no recovery": 800_016,
    "late writes forgotten": 750_003,
    "read back absorbs a strangers edit": 0,
    "shadow from the intent instead of the answer": 800_001,
    "mark removed before it was handled": 0,
    "cursor stored before the marks": 700_002,
    "no overlap": 38,
    "stale listing accepted": 600_005,
    "fingerprint of a system alone": 780_053,
    "mark cleared whatever its generation": 700_037,
    "missing field taken as null": 800_022,
    "partial listing taken as deletes": 600_006,
    "last writer wins without a time": 600_014,
    "delete wins over edit": 700_000,
    "held field written anyway": 0,
    "pick applied to newer values": 700_000,
    "override not journaled": 0,
    "create without its reference": 700_004,
    "duplicates ignored": 800_000,
    "no guard": 600_002,
    "no fence": 800_024,
    "no lease": 800_000,
    "rule applied to what it does not match": 700_000,
    "suspended rule decides": 700_047,
    "restored hub not noticed": 900_003,
    "restored hub trusts its backup": 900_003,
}
ALIKE = 25
LIMIT = 60


@pytest.mark.parametrize("name", NOTICED)
def test_a_planted_bug_is_found(db, name):
    known = NOTICED[name]
    seeds = dict.fromkeys([known, *of_theme(theme_of(known), ALIKE), *of_each_kind(LIMIT)])
    assert first_to_notice(name, list(seeds)) is not None


def test_every_planted_bug_is_noticed():
    assert NOTICED.keys() == MUTANTS.keys()
