"""The panel that watches two systems without writing: begun, shown, stopped and gone on with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from syncadmin.models import Mapping, MappingState, Resource, Watch, WatchDay
from syncadmin.permissions import CHANGE_MAPPING, SURVEY, VIEW_MAPPING
from tests.builders import a_mapping, a_user
from tests.survey.built import a_survey

from .test_surveys import HOSTILE, ends, integrator  # noqa: F401


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    numbers: list[int] = []
    monkeypatch.setattr("syncadmin.views.watching.enqueue_look", numbers.append)
    return numbers


def watched(watch: Watch, **edits: tuple[int, int]) -> None:
    """As after four days of looks."""
    now = timezone.now()
    days = {(now - timedelta(days=n)).date().isoformat(): 86_400.0 for n in range(4)}
    Watch.objects.filter(pk=watch.pk).update(
        spans=days, looks=1152, read=80_000, started_at=now - timedelta(days=4), last_at=now
    )
    for name, counts in edits.items():
        for side, count in zip(("left", "right"), counts, strict=True):
            WatchDay.objects.create(watch=watch, side=side, day=now.date(), field=name, edits=count)


def test_two_surveyed_resources_are_watched_and_left_again(
    integrator: Client,  # noqa: F811
    ends: tuple[Resource, ...],  # noqa: F811
    looks: list[int],
) -> None:
    survey = a_survey(*ends)
    address = f"/surveys/{survey.pk}/watch/"
    assert "Watch both systems" in integrator.get(f"/surveys/{survey.pk}/").content.decode()
    answer = integrator.post(address, {"act": "start", "every": "15", "days": "7"})
    assert answer["Location"] == f"/surveys/{survey.pk}/#watch"
    watch = Watch.objects.get()
    assert (watch.every, watch.days, watch.actor, looks) == (900, 7, "ines", [watch.pk])
    assert 'hx-trigger="every 2s"' in integrator.get(address, HTTP_HX_REQUEST="true").content.decode()
    watched(watch, email=(8, 0), city=(4, 20))
    page = integrator.get(address, HTTP_HX_REQUEST="true").content.decode()
    assert "Watched for 4 d in 1,152 looks" in page
    assert "5 a day" in page
    assert "hx-trigger" not in page
    assert integrator.post(address, {"act": "start"}).status_code == 409
    integrator.post(address, {"act": "stop"})
    assert "Stopped by ines." in integrator.get(address).content.decode()
    integrator.post(address, {"act": "resume"})
    assert looks == [watch.pk, watch.pk]
    Watch.objects.update(message=HOSTILE, failed_since=timezone.now())
    page = integrator.get(address).content.decode()
    assert "did not get through" in page
    assert "<script>alert" not in page


@pytest.mark.django_db
def test_on_a_mapping_only_who_may_survey_may_watch_and_not_beside_passes(
    client: Client, looks: list[int]
) -> None:
    mapping = a_mapping(enabled=False)
    client.force_login(a_user(VIEW_MAPPING, CHANGE_MAPPING))
    assert "Watch both systems" not in client.get("/mappings/customers/assessment/").content.decode()
    assert client.post("/mappings/customers/watch/", {"act": "start"}).status_code == 403
    client.force_login(a_user(VIEW_MAPPING, SURVEY))
    assert "Watch both systems" in client.get("/mappings/customers/assessment/").content.decode()
    client.post("/mappings/customers/watch/", {"act": "start"})
    watch = Watch.objects.get()
    assert (watch.every, watch.days, watch.mapping) == (300, 14, mapping)
    promised = dict.fromkeys(("left", "right", "left delete", "right delete"), "checked")
    MappingState.objects.filter(mapping=mapping).update(guarantees=promised)
    assert "Both systems are being watched" in client.get("/mappings/customers/risk/").content.decode()
    watched(watch, phone=(2, 0))
    risk = "/mappings/customers/risk/"
    assert "4 days of watching without writing" in client.get(risk).content.decode()
    assert "CRM (watched)" in client.get("/mappings/customers/assessment/").content.decode()
    Mapping.objects.update(enabled=True)
    page = client.get("/mappings/customers/assessment/").content.decode()
    assert "Stop watching" not in page
