"""The job process that stays: passes share it, other jobs do not, and its death is as that of any other."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from django_rq import get_worker
from rq import Queue
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from syncadmin import jobs, warm
from syncadmin.engine import run
from syncadmin.jobs import enqueue_pass
from syncadmin.worker import HubWorker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.runs_once]


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """In the place of the engine: notes in a file which process ran a pass. Mapping 9 kills its process."""
    notes = tmp_path / "pids"

    def run_pass(mapping_id: int, _kind: str, *, heartbeat: bool) -> object:
        with notes.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if mapping_id == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        if mapping_id == 8:
            raise RuntimeError("wrong")
        return heartbeat

    monkeypatch.setattr(run, "run_pass", run_pass)
    return lambda: [int(pid) for pid in notes.read_text().split()] if notes.exists() else []


@pytest.fixture
def worker(queue: Queue) -> Iterator[HubWorker]:
    connections.close_all()
    made: HubWorker = get_worker("default", worker_class=HubWorker, serializer=JSONSerializer)
    yield made
    made.cool()


def work_off(worker: HubWorker, *mappings: int) -> None:
    for mapping in mappings:
        enqueue_pass(mapping)
    connections.close_all()  # what is forked must not inherit any
    worker.work(burst=True, logging_level="ERROR")


def test_passes_share_a_process_that_is_not_the_worker(
    worker: HubWorker, noted: Callable[[], list[int]]
) -> None:
    work_off(worker, 1, 2, 3)
    work_off(worker, 1)
    assert len(noted()) == 4
    assert len(set(noted())) == 1
    assert os.getpid() not in noted()


def test_a_killed_process_fails_its_job_alone_and_another_one_takes_its_place(
    worker: HubWorker, queue: Queue, noted: Callable[[], list[int]]
) -> None:
    work_off(worker, 1, 9, 2)
    first, killed, other = noted()
    assert first == killed != other
    (failed,) = FailedJobRegistry(queue=queue).get_job_ids()
    assert failed.startswith("pass-9-")


def test_a_job_that_fails_takes_its_process_along(
    worker: HubWorker, queue: Queue, noted: Callable[[], list[int]]
) -> None:
    work_off(worker, 8, 1)
    failing, other = noted()
    assert failing != other
    assert len(FailedJobRegistry(queue=queue)) == 1


def test_a_process_that_has_grown_is_replaced(
    worker: HubWorker, noted: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "GROWTH_MB", -1)
    work_off(worker, 1, 2)
    assert len(set(noted())) == 2


def test_other_jobs_have_a_process_of_their_own(
    worker: HubWorker, noted: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncadmin.surveys.run", lambda number: run.run_pass(number, "", heartbeat=True))
    jobs.put_survey_in_queue(1)
    work_off(worker, 1)
    survey, a_pass = noted()
    assert survey != a_pass
