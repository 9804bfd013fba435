"""The page of a system's daily quota."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from connectors.pacing import OwnPacer
from syncadmin.models import MappingState, Pass, PassKind, PassState, System
from syncadmin.selectors import quota
from syncadmin.views import quota as page
from tests.builders import a_mapping, a_user

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def shop():
    config = {"base_url": "https://shop.example.com/", "limits": {"per_day": 100}}
    return System.objects.create(name="shop", connector="rest", config=config)


@pytest.fixture
def pacer(monkeypatch):
    counts = OwnPacer(clock=lambda: NOW.timestamp())
    monkeypatch.setattr(page, "QueuePacer", lambda: counts)
    monkeypatch.setattr(page.timezone, "now", lambda: NOW)
    return counts


def shown(client, system):
    client.force_login(a_user("syncadmin.view_system"))
    return client.get(reverse("syncadmin:quota", args=[system.name])).content.decode()


def test_it_tells_what_was_asked_for_what_and_how_long_it_lasts(client, shop, pacer):
    for purpose, number in {"live": 20, "verify": 30}.items():
        for _ in range(number):
            pacer.spend("shop https://shop.example.com/", 100, purpose)
    found = shown(client, shop)
    words = " ".join(found.split())
    assert 'number">50 <span class="sa-muted">/ 100</span>' in words
    assert "none left today" in found  # for full comparisons, that may use 50
    assert "until about 12:36" in found  # for first ones: 30 are left, at 50 an hour
    assert "until about 1 p.m." in found


def test_a_comparison_that_finds_none_left_is_put_off(shop, pacer):
    mapping = a_mapping("customers", enabled=True)
    shop.resources.update(config={"path": "customers"})
    state, _ = MappingState.objects.get_or_create(mapping=mapping)
    state.next_due = state.next_reconcile = NOW + timedelta(hours=1)
    state.save()

    def due() -> list[tuple[str, bool]]:
        return [(one.kind, one.put_off) for one in quota.told(shop, pacer, NOW).due]

    assert due() == [("backfill", False)]
    for _ in range(80):
        pacer.spend("shop https://shop.example.com/", 100)
    assert due() == [("backfill", True)]
    Pass.objects.create(
        mapping=mapping, kind=PassKind.BACKFILL, state=PassState.DONE, started_at=NOW, token=1
    )
    assert due() == [("reconcile", True)]
    state.next_reconcile = NOW + timedelta(hours=13)  # as a pass leaves it that found none left
    state.save()
    assert due() == []
    said = "shop: the 50 % for a verify of all 100 requests of today are made"
    told = {"state": PassState.FAILED, "message": said, "started_at": NOW, "token": 2}
    Pass.objects.create(mapping=mapping, kind=PassKind.RECONCILE, **told)
    assert due() == [("reconcile", True)]


def test_a_system_without_a_quota_and_a_count_that_is_away_say_so(client, shop, settings):
    settings.REDIS_URL = "redis://127.0.0.1:9"
    assert "be reached now" in shown(client, shop)
    shop.config = {"base_url": "https://shop.example.com/"}
    shop.save()
    assert "No daily quota is set" in shown(client, shop)
