"""The simulator works while the switch is on, rests while it is off, and survives refusals."""

import pytest

from syncadmin.demo import simulator
from syncadmin.demo.office import NobodyFound, Office
from syncadmin.demo.simulator import Workday, work
from syncadmin.demo.switch import Switch

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


class Shift:
    """Answers that it is time to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(simulator, "STEP_SECONDS", 0)
    monkeypatch.setattr(simulator, "close_old_connections", lambda: None)  # a test keeps its own


def test_staff_work_while_the_switch_is_on(office: Office, tmp_path):
    switch = Switch(tmp_path)
    work(office, Workday(office.chance), switch, Shift(15))
    done = switch.read()
    assert done.edits >= 13  # now and then nobody fits a scene
    assert done.last


def test_staff_rest_while_the_switch_is_off(office: Office, tmp_path):
    switch = Switch(tmp_path)
    switch.turn(False)
    work(office, Workday(office.chance), switch, Shift(15))
    assert switch.read().edits == 0


def test_the_count_goes_on_after_a_restart(office: Office, tmp_path):
    switch = Switch(tmp_path)
    switch.report(100, "before")
    work(office, Workday(office.chance), switch, Shift(5))
    assert switch.read().edits > 100


def test_a_scene_that_nobody_fits_is_passed_over(office: Office, tmp_path):
    def impossible(_: Office) -> str:
        raise NobodyFound("nobody")

    day = Workday(office.chance)
    day.next = lambda _: impossible
    switch = Switch(tmp_path)
    work(office, day, switch, Shift(3))
    assert switch.read().edits == 0
