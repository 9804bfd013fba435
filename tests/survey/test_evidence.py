"""Who edits what, as far as a survey tells."""

import pytest

from syncadmin.core.assess import Who
from syncadmin.survey.evidence import evidence
from syncadmin.survey.suggest import Suggested
from tests.survey.test_traffic import report, side


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ({"day": 50}, {"day": 3}, Who.BOTH),
        ({"day": 50}, {"older": 90}, Who.LEFT),
        ({"older": 90}, {"week": 4}, Who.RIGHT),
        ({"older": 90}, {"older": 90}, None),
        ({"day": 50}, {}, None),
    ],
)
def test_times_of_changes_tell_who_edits_the_records(left, right, told):
    assert evidence(report(side(left), side(right))).table is told


def test_a_suggested_owner_is_who_edits_the_field():
    found = report(side({}), side({}))
    owned = Suggested("credit", "credit", "limit", {"owner": "right"})
    found.fields.extend([owned, Suggested("phone", "phone", "tel", {})])
    assert evidence(found).fields == {("credit", "limit"): Who.RIGHT}
