"""What a pass keeps of the systems for the pages: how far their clocks are off, and what values they take."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.base import ClockReading
from connectors.sql import SqlConnector
from syncadmin.models import Health, MappingState


def test_a_pass_notes_how_far_the_systems_clocks_are_from_the_hubs(world, monkeypatch):
    monkeypatch.setattr(SqlConnector, "clock", lambda self: ClockReading(42.0, 0.5))
    world.sync()
    told = Health.objects.filter(system__name__in=["crm", "shop"]).values_list("skew", "skew_error")
    assert list(told) == [(42.0, 0.5)] * 2

    monkeypatch.setattr(SqlConnector, "clock", lambda self: pytest.fail("asked again at once"))
    world.sync()
    Health.objects.update(skew_at=timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(SqlConnector, "clock", lambda self: ClockReading(-1.0, 0.1))
    world.sync()
    assert set(Health.objects.values_list("skew", flat=True)) == {-1.0}


def test_a_pass_notes_what_values_the_systems_take(world):
    world.sync()
    limits = MappingState.objects.get(mapping=world.mapping).limits
    assert limits["left"]["points"]["required"] is True
    assert limits["left"]["points"]["high"] == 2**31 - 1
    assert "email" not in limits["right"]
