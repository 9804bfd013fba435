"""What many histories came to is counted, kept and told: seeds, steps, faults, failures."""

import json
from collections import Counter

import pytest

from .__main__ import show
from .figures import FAULTS, Report, faults_of
from .history import History
from .runner import chunks_of, mixed, run_some

pytestmark = pytest.mark.runs_once


def test_every_kind_of_step_is_counted(db, staff):
    report = Report()
    report.note(world := History.of(3).play(staff))
    assert min(report.steps.values()) > 0
    assert report.steps["edits by users"] + report.probes["hub's writes"] == len(world.audit)
    assert report.steps["passes"] >= len(world.passes)


def test_a_fault_is_counted_once():
    probes = Counter(
        {
            "worker died before a commit": 1,
            "worker died after create": 2,
            "worker overtaken": 3,
            "worker slept before a write": 1,
            "worker overtaken before scan": 3,
            "batch refused for now": 4,
            "scan refused for now": 5,
            "create lost before its effect": 6,
            "update lost after its effect": 7,
            "twin created": 8,
        }
    )
    assert +faults_of(probes) == {
        "a worker dies before a commit": 1,
        "a worker dies": 2,
        "a worker is overtaken": 4,
        "a batch breaks off": 4,
        "a system refuses a call for now": 5,
        "a write is lost on its way": 6,
        "an answer is lost": 7,
    }
    assert faults_of(probes).keys() == FAULTS.keys()


def test_a_failing_history_is_counted_and_told_with_the_command_that_replays_it(db, capsys):
    report = run_some([36, 37], mutant="blind write")
    assert report.seeds == 2
    assert list(report.failures) == [37]
    show(report, 1.0, "blind write")
    told = capsys.readouterr().out
    assert "python -m tests.simulation 37 --mutant 'blind write'" in told
    assert f"2 seeds, {report.steps.total():,} steps" in told
    assert json.loads(json.dumps(report.as_json()))["all_steps"] == report.steps.total()


@pytest.mark.parametrize(("seeds", "last"), [(45, 54), (40, 49), (1, 10)])
def test_workers_get_every_seed_once(seeds, last):
    played = [seed for chunk in chunks_of(10, seeds) for seed in chunk]
    assert played == list(range(10, last + 1))


def test_without_a_number_of_seeds_there_is_no_end_and_every_third_portion_has_themes():
    chunks = mixed(0)
    firsts = [next(chunks)[0] for _ in range(18)]
    assert firsts[:9] == [0, 20, 600_000, 40, 60, 700_000, 80, 100, 750_000]
    assert firsts[9:] == [120, 140, 780_000, 160, 180, 800_000, 200, 220, 900_000]
