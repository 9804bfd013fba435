"""Asking for passes: at most one job a mapping waits, and no pass that is needed is swallowed."""

import pytest
from django.db import transaction
from rq import Queue

from syncadmin.jobs import enqueue_pass, put_in_queue
from tests.ops.passes import Passes, work_off

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pass_that_is_asked_for_runs(queue: Queue, passes: Passes) -> None:
    enqueue_pass(7, "reconcile")
    work_off(queue)
    assert passes.ran == [(7, "reconcile")]


def test_asking_often_leaves_one_job_waiting(queue: Queue, passes: Passes) -> None:
    for _ in range(5):
        enqueue_pass(7)
    enqueue_pass(8)
    assert len(queue) == 2
    work_off(queue)
    assert passes.ran == [(7, "incremental"), (8, "incremental")]


def test_a_finished_pass_does_not_block_the_next(queue: Queue, passes: Passes) -> None:
    for _ in range(3):
        enqueue_pass(7)
        work_off(queue)
    assert passes.ran == [(7, "incremental")] * 3


def test_a_failed_pass_does_not_block_the_next(queue: Queue, passes: Passes) -> None:
    def fail() -> None:
        raise RuntimeError("lost")

    passes.meanwhile = fail
    enqueue_pass(7)
    work_off(queue)
    enqueue_pass(7)
    work_off(queue)
    assert len(passes.ran) == 2


def test_what_is_asked_for_while_a_pass_runs_gets_a_pass_of_its_own(queue: Queue, passes: Passes) -> None:
    passes.meanwhile = lambda: enqueue_pass(7)
    enqueue_pass(7)
    work_off(queue)
    assert passes.ran == [(7, "incremental")] * 2


def test_a_waiting_pass_becomes_a_stronger_one_and_never_a_weaker(queue: Queue, passes: Passes) -> None:
    enqueue_pass(7, "incremental")
    enqueue_pass(7, "reconcile")
    enqueue_pass(7, "incremental")
    assert len(queue) == 1
    work_off(queue)
    assert passes.ran == [(7, "reconcile")]


def test_a_job_that_a_killed_worker_took_along_does_not_block_the_next(queue: Queue, passes: Passes) -> None:
    enqueue_pass(7)
    queue.connection.lpop(queue.key)  # taken from the queue, and never heard of again
    enqueue_pass(7)
    work_off(queue)
    assert passes.ran == [(7, "incremental")]


def test_nothing_is_asked_for_before_the_transaction_commits(queue: Queue, passes: Passes) -> None:
    with transaction.atomic():
        enqueue_pass(7)
        assert len(queue) == 0
    assert len(queue) == 1


def test_nothing_is_asked_for_when_the_transaction_is_undone(queue: Queue, passes: Passes) -> None:
    with transaction.atomic():
        enqueue_pass(7)
        transaction.set_rollback(True)
    assert len(queue) == 0


def test_a_queue_that_is_away_is_no_error_because_the_ticker_will_ask_again(
    settings, tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RQ_QUEUES = {"default": {"URL": f"unix://{tmp_path / 'no.sock'}"}}
    enqueue_pass(7)
    assert "mapping 7 waits for the ticker" in caplog.text
    assert put_in_queue(7, "incremental") is False


def test_an_unknown_kind_is_refused_at_once(queue: Queue) -> None:
    with pytest.raises(ValueError, match="'full' is no kind of pass: incremental, reconcile, backfill"):
        enqueue_pass(7, "full")


def test_jobs_are_kept_as_json(queue: Queue) -> None:
    enqueue_pass(7)
    assert queue.jobs[0].origin == "default"
    assert queue.connection.hget(queue.jobs[0].key, "data") is not None
    assert queue.jobs[0].serializer.__name__ == "JSONSerializer"
    assert queue.jobs[0].args == [7, "incremental"]
