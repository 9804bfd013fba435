"""Notices by way of the ticker and the queue; and who is looking, beside the queue."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rq import Queue

from conflicts import presence
from syncadmin import jobs
from syncadmin.models import Event, EventKind, Notice, events
from syncadmin.ticker import Ticker
from tests.builders import a_conflict, a_mapping, a_user
from tests.notify.conftest import Receiver, a_channel, receiver  # noqa: F401
from tests.ops.passes import Passes, work_off

pytestmark = pytest.mark.django_db(transaction=True)

ALL = ("conflicts.view_conflict", "conflicts.resolve_conflict")


def test_an_event_finds_its_way_to_the_receiver(queue: Queue, passes: Passes, receiver: Receiver) -> None:  # noqa: F811
    conflict = a_conflict(a_mapping())
    a_channel(a_user(*ALL), receiver.url)
    events.tell(EventKind.OPENED, timezone.now(), mapping_id=conflict.mapping_id, conflicts=[conflict.pk])

    Ticker().tick()
    work_off(queue)

    assert [post["title"] for post in receiver.posts] == ["SyncAdmin: 1 new conflict in customers"]
    assert not Event.objects.exists()


def test_what_a_lost_job_left_is_sent_by_the_next(queue: Queue, passes: Passes, receiver: Receiver) -> None:  # noqa: F811
    channel, now = a_channel(a_user(*ALL), receiver.url), timezone.now()
    Notice.objects.create(channel=channel, kind="test", at=now, ready_at=now)
    jobs.put_notices_in_queue()
    queue.empty()
    ticker = Ticker(lambda: timezone.now() + timedelta(minutes=2))
    queue.connection.delete(jobs.NOTICES_NOTE)  # as it does by itself after a minute

    ticker.tick()
    work_off(queue)

    assert len(receiver.posts) == 1


def test_one_job_waits_however_often_it_is_asked_for(queue: Queue) -> None:
    for _ in range(3):
        assert jobs.put_notices_in_queue()

    assert len(queue) == 1


def test_nothing_to_tell_asks_for_no_job(queue: Queue, passes: Passes) -> None:
    Ticker().tick()

    assert len(queue) == 0


def test_colleagues_see_each_other_for_a_while(settings, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url
    presence._server.cache_clear()
    try:
        assert presence.beat(5, 1, 1000.0) == []
        assert presence.beat(5, 2, 1001.0) == [1]
        assert presence.beat(6, 3, 1001.0) == []
        assert presence.beat(5, 1, 1010.0) == [2]
        assert presence.beat(5, 2, 1000.0 + 2 * presence.SECONDS) == []
    finally:
        presence._server.cache_clear()
