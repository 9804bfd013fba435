"""How long a day's requests last."""

from datetime import UTC, datetime, timedelta

import pytest

from syncadmin.core.quota import foretell

SHARES = {"live": 1000, "backfill": 800, "verify": 500}
DAY = datetime(2026, 3, 4, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


WITH_A_HUNDRED = {"live": at(13), "backfill": at(11), "verify": at(8)}


@pytest.mark.parametrize(
    ("now", "today", "before", "rate", "ends"),
    [
        # nobody asks: it lasts
        (at(9), {}, 0, 0, {}),
        # 100 an hour, whoever asks
        (at(4), {"live": {3: 100}}, 0, 100, WITH_A_HUNDRED),
        (at(4), {"live": {3: 60}, "verify": {3: 40}}, 0, 100, WITH_A_HUNDRED),
        # half of this hour has passed: half of the last one counts
        (at(4, 30), {"live": {3: 100, 4: 50}}, 0, 100, {"live": at(13), "backfill": at(11), "verify": at(8)}),
        # the last hour of yesterday tells the rate, and is not of today
        (at(0), {}, 100, 100, {"live": at(10), "backfill": at(8), "verify": at(5)}),
        # what would end after midnight does not end
        (at(20), {"live": {1: 300, 19: 50}}, 0, 50, {"verify": at(23)}),
        # what is spent is spent now, also if nobody asks any more
        (at(9), {"backfill": {1: 800}}, 0, 0, {"backfill": at(9), "verify": at(9)}),
    ],
)  # fmt: skip
def test_what_was_asked_tells_when_none_is_left(now, today, before, rate, ends):
    found = foretell(1000, SHARES, today, before, now)
    assert found.rate == pytest.approx(rate)
    assert found.anew == at(24)
    assert {share.purpose: share.ends for share in found.shares if share.ends} == ends


def test_what_is_left_of_a_share_is_left_of_what_all_use():
    found = foretell(1000, SHARES, {"live": {1: 200}, "backfill": {2: 400}}, 0, at(9))
    assert (found.used, found.per_day) == (600, 1000)
    assert [(share.purpose, share.used, share.left) for share in found.shares] == [
        ("live", 200, 400),
        ("backfill", 400, 200),
        ("verify", 0, 0),
    ]
