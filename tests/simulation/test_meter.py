"""The lost-update meter against the truth: what it foretells is what the simulated systems have lost."""

import pytest

from connectors.base import Guarantee
from syncadmin.core import risk
from syncadmin.core.exposure import Need

from .busy import office
from .history import rolled_back
from .world import inhabited

pytestmark = pytest.mark.runs_once


def watched(seed, staff, passes, update=Guarantee.CHECKED):
    """An office after so many passes: edits lost, and what the meter shows."""
    with rolled_back():
        world = office(seed, staff, update)
        with inhabited(world):
            world.open_up()
            world.work(passes)
            return world.lost, world.figures()


def agree(lost, told, by=1.0):
    """Whether the interval of what is foretold, times a factor, meets that of what was counted."""
    foretold, counted = told.lost.scaled(by * told.watched / risk.YEAR), risk.counted(lost)
    return foretold.low <= counted.high and counted.low <= foretold.high


def test_as_many_edits_are_lost_as_the_meter_foretells(db, staff):
    lost, told = watched(1, staff, passes=200)
    assert lost >= 10
    assert told.live
    assert agree(lost, told), f"{lost} lost, foretold {told.lost.scaled(told.watched / risk.YEAR)}"
    assert not agree(lost, told, by=1 / 4), "a meter that shows a quarter would not be noticed"
    assert not agree(lost, told, by=4), "a meter that shows four times as much would not be noticed"


def test_the_meter_knows_rates_and_windows(db, staff):
    _, told = watched(3, staff, passes=60)
    for side in told.sides.values():
        assert side.basis is risk.Basis.MEASURED
        assert side.window.low <= 10 <= side.window.high
        every = told.watched * 24 / side.edits
        assert every == pytest.approx(400, rel=0.25)


def test_where_stale_writes_are_refused_nothing_is_lost_and_nothing_foretold(db, staff):
    lost, told = watched(1, staff, passes=60, update=Guarantee.ATOMIC)
    assert (lost, told.exposure.need, told.lost) == (0, Need.ATOMIC, None)
