"""When a notice may be sent: rhythm, quiet hours over midnight, zones and clock changes, back-off."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from syncadmin.models import Rhythm
from syncadmin.notify.when import ATTEMPTS, ready, wait

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
NIGHT, LUNCH = (time(22), time(7)), (time(12), time(13))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "rhythm", "zone", "daily", "quiet", "sent"),
    [
        ("2026-03-02T10:20", "now", UTC_ZONE, None, None, "2026-03-02T10:20"),
        ("2026-03-02T10:20", "hourly", UTC_ZONE, None, None, "2026-03-02T11:00"),
        ("2026-03-02T10:20", "daily", UTC_ZONE, None, None, "2026-03-03T08:00"),
        ("2026-03-02T10:20", "daily", UTC_ZONE, time(17, 30), None, "2026-03-02T17:30"),
        ("2026-03-02T10:20", "daily", BERLIN, time(17, 30), None, "2026-03-02T16:30"),
        ("2026-03-02T23:00", "now", UTC_ZONE, None, NIGHT, "2026-03-03T07:00"),
        ("2026-03-02T06:59", "now", UTC_ZONE, None, NIGHT, "2026-03-02T07:00"),
        ("2026-03-02T07:00", "now", UTC_ZONE, None, NIGHT, "2026-03-02T07:00"),
        ("2026-03-02T21:30", "now", BERLIN, None, NIGHT, "2026-03-03T06:00"),
        ("2026-03-02T11:30", "hourly", UTC_ZONE, None, LUNCH, "2026-03-02T13:00"),
        ("2026-03-02T10:20", "daily", UTC_ZONE, time(23), NIGHT, "2026-03-03T07:00"),
        ("2026-03-02T10:20", "now", UTC_ZONE, None, (time(9), time(9)), "2026-03-02T10:20"),
        # the night in which Berlin's clocks go forward
        ("2026-03-28T22:00", "now", BERLIN, None, NIGHT, "2026-03-29T05:00"),
    ],
)
def test_a_notice_waits_for_its_rhythm_and_for_the_end_of_quiet_hours(now, rhythm, zone, daily, quiet, sent):
    assert ready(at(now), Rhythm(rhythm), zone, daily, quiet) == at(sent)


def test_failures_are_tried_again_ever_more_rarely():
    waits = [wait(attempt) for attempt in range(1, ATTEMPTS + 1)]

    assert waits[0] == timedelta(minutes=1)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=2)
