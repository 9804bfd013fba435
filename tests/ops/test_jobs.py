"""Asking for passes: at most one job a mapping waits, and no pass that is needed is swallowed."""

import os
import subprocess

import pytest
from django.db import transaction
from pytest_django import Settings
from redis.exceptions import ConnectionError
from rq import Queue

from syncadmin import jobs
from syncadmin.embedded import free_port
from syncadmin.jobs import enqueue_pass, put_in_queue, wake
from syncadmin.supervisor import manage
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


def test_a_queue_that_is_away_fails_nothing_and_keeps_nobody_waiting(settings: Settings) -> None:
    """A page that asks for a pass is answered; the ticker finds in the tables what is due."""
    nobody = {**settings.RQ_QUEUES["default"], "URL": f"redis://127.0.0.1:{free_port()}/0"}
    settings.RQ_QUEUES = {"default": nobody}
    enqueue_pass(7)
    assert not put_in_queue(7, "incremental")


def test_a_worker_that_never_had_a_queue_says_so() -> None:
    env = {**os.environ, "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    done = subprocess.run(manage("worker"), env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "the queue can't be reached" in done.stderr


def test_a_pass_runs_though_the_queue_it_came_from_is_gone(
    queue: Queue, passes: Passes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its note stays, and does not block the next."""

    def away(*_: object) -> None:
        raise ConnectionError("gone")

    enqueue_pass(7)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_no_longer_waiting", away)
        work_off(queue)
    enqueue_pass(7)
    work_off(queue)
    assert passes.ran == [(7, "incremental")] * 2


def test_changes_that_are_signalled_while_a_pass_runs_get_one_more_pass_together(
    queue: Queue, passes: Passes
) -> None:
    passes.meanwhile = lambda: [wake(7) for _ in range(50)]
    wake(7)
    work_off(queue, jobs=1)  # which stays for both, as long as no other job waits
    assert passes.ran == [(7, "incremental")] * 2
    assert len(queue) == 0


def test_a_pass_that_finds_another_one_running_has_that_one_followed_by_one_more(
    queue: Queue, passes: Passes
) -> None:
    def another_worker_tries() -> None:
        passes.held = True
        jobs.run_pass(7, "incremental")
        passes.held = False

    passes.meanwhile = another_worker_tries
    enqueue_pass(7)
    work_off(queue)
    assert passes.ran == [(7, "incremental")] * 2


def test_a_signal_after_the_pass_is_no_part_of_it(queue: Queue, passes: Passes) -> None:
    wake(7)
    work_off(queue)
    wake(7)
    assert len(queue) == 1
    work_off(queue)
    assert passes.ran == [(7, "incremental")] * 2
    assert len(queue) == 0
