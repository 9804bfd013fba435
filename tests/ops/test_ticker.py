"""The ticker: what the tables say is due gets a job, and nothing else does."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Event, Thread

import pytest
from django_rq import get_connection
from redis.lock import Lock
from rq import Queue

from syncadmin.models import Intent, Mapping, MappingState, Mark
from syncadmin.ticker import LONGEST_DELAY, Ticker, leads
from tests.builders import a_mapping
from tests.ops.family import wait_for
from tests.ops.passes import Passes, work_off

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(hours=1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ticker(clock: Clock, queue: Queue) -> Ticker:
    return Ticker(clock)


@pytest.fixture
def mapping() -> Mapping:
    """A mapping that nothing is due for."""
    mapping = a_mapping()
    put(mapping, next_due=SOON, next_reconcile=SOON)
    return mapping


def put(mapping: Mapping, **state: object) -> None:
    MappingState.objects.filter(mapping=mapping).update(**state)


def mark(mapping: Mapping, key: str = "1", not_before: datetime = NOW) -> Mark:
    return Mark.objects.create(mapping=mapping, side="left", key=key, not_before=not_before)


def leave_intent(mapping: Mapping) -> None:
    Intent.objects.create(
        mapping=mapping, side="left", op="update", key="1", body=b"", token=1, created_at=NOW
    )


def test_nothing_is_asked_for_where_nothing_is_due(ticker: Ticker, mapping: Mapping) -> None:
    assert ticker.tick() == []


def test_the_schedule_is_kept(ticker: Ticker, mapping: Mapping, clock: Clock) -> None:
    clock.pass_by(hours=1)
    put(mapping, next_reconcile=SOON + timedelta(days=1))
    assert ticker.tick() == [(mapping.pk, "incremental")]


def test_a_full_comparison_that_is_due_is_asked_for(ticker: Ticker, mapping: Mapping, clock: Clock) -> None:
    clock.pass_by(hours=1)
    assert ticker.tick() == [(mapping.pk, "reconcile")]


def test_a_marked_record_does_not_wait_for_the_schedule(ticker: Ticker, mapping: Mapping) -> None:
    mark(mapping)
    assert ticker.tick() == [(mapping.pk, "incremental")]


def test_a_mark_that_must_wait_waits(ticker: Ticker, mapping: Mapping, clock: Clock) -> None:
    mark(mapping, not_before=NOW + timedelta(seconds=20))
    assert ticker.tick() == []
    clock.pass_by(seconds=20)
    assert ticker.tick() == [(mapping.pk, "incremental")]


def test_what_a_dead_worker_left_open_is_taken_up_when_its_lease_has_run_out(
    ticker: Ticker, mapping: Mapping, clock: Clock
) -> None:
    leave_intent(mapping)
    put(mapping, expires_at=NOW + timedelta(seconds=60), holder="dead")
    assert ticker.tick() == []
    clock.pass_by(seconds=60)
    assert ticker.tick() == [(mapping.pk, "incremental")]


def test_a_mapping_that_is_being_worked_on_is_left_alone(ticker: Ticker, mapping: Mapping) -> None:
    mark(mapping)
    put(mapping, next_due=NOW, expires_at=NOW + timedelta(seconds=60), holder="alive")
    assert ticker.tick() == []


def test_a_mapping_that_a_guard_stopped_waits_for_a_person(ticker: Ticker, mapping: Mapping) -> None:
    mark(mapping)
    put(mapping, next_due=NOW, stopped="guard")
    assert ticker.tick() == []


def test_a_mapping_whose_configuration_was_wrong_is_tried_again_when_it_is_due(
    ticker: Ticker, mapping: Mapping, clock: Clock
) -> None:
    put(mapping, stopped="configuration", next_reconcile=SOON + timedelta(days=1))
    assert ticker.tick() == []
    clock.pass_by(hours=1)
    assert ticker.tick() == [(mapping.pk, "incremental")]


def test_a_mapping_that_is_off_is_left_alone(ticker: Ticker, mapping: Mapping) -> None:
    Mapping.objects.filter(pk=mapping.pk).update(enabled=False)
    mark(mapping)
    assert ticker.tick() == []


def test_the_same_need_is_asked_for_again_but_less_and_less_often(
    ticker: Ticker, mapping: Mapping, clock: Clock
) -> None:
    mark(mapping)
    asked_at = []
    for _ in range(400):
        if ticker.tick():
            asked_at.append(clock.now)
        clock.pass_by(seconds=0.5)
    gaps = [(b - a).total_seconds() for a, b in pairwise(asked_at)]
    assert gaps[:5] == [1, 2, 4, 8, 16]
    assert set(gaps[5:]) == {LONGEST_DELAY.total_seconds()}


def test_a_new_need_is_asked_for_at_once(ticker: Ticker, mapping: Mapping, clock: Clock) -> None:
    first = mark(mapping)
    assert ticker.tick()
    assert ticker.tick() == []
    first.delete()
    mark(mapping, "2")
    assert ticker.tick() == [(mapping.pk, "incremental")]


def test_a_lost_job_is_asked_for_again(
    ticker: Ticker, mapping: Mapping, clock: Clock, queue: Queue, passes: Passes
) -> None:
    mark(mapping)
    ticker.tick()
    queue.connection.flushall()
    clock.pass_by(seconds=2)
    ticker.tick()
    work_off(queue)
    assert passes.ran == [(mapping.pk, "incremental")]


def test_a_look_takes_as_many_queries_for_one_mapping_as_for_four(
    ticker: Ticker, mapping: Mapping, django_assert_num_queries
) -> None:
    for name in ("a", "b", "c"):
        mark(a_mapping(name))
    # the first, and one every few seconds, looks at the inbox, accepted risks, probes left behind, watches
    with django_assert_num_queries(13):
        assert len(ticker.tick()) == 3
    with django_assert_num_queries(2):
        assert ticker.tick() == []


def a_lock() -> Lock:
    return Lock(get_connection(), "syncadmin:ticker", timeout=5, blocking=False, thread_local=False)


def test_one_ticker_leads_and_keeps_the_lead(queue: Queue) -> None:
    first, second = a_lock(), a_lock()
    assert leads(first)
    assert not leads(second)
    assert leads(first)


def test_when_the_leader_is_gone_another_one_leads(queue: Queue) -> None:
    first, second = a_lock(), a_lock()
    assert leads(first)
    queue.connection.delete("syncadmin:ticker")  # its time ran out
    assert leads(second)
    assert not leads(first)


@pytest.mark.django_db(transaction=True)
def test_a_running_ticker_works_in_a_thread_of_its_own_and_hands_over_the_lead(
    queue: Queue, passes: Passes, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Event()
    monkeypatch.setattr(Ticker, "tick", lambda _self: looked.set())
    stop = Event()
    running = Thread(target=Ticker().run, args=(stop,))
    running.start()
    try:
        wait_for(looked.is_set, "the ticker has looked")
    finally:
        stop.set()
        running.join()
    assert leads(a_lock())
