"""A guard stop: its evidence, and an approval that counts once and for exactly this plan."""

import pytest
from django.urls import reverse
from django.utils import timezone

from syncadmin import services
from syncadmin.models import Entry, MappingState
from tests.builders import a_guard_stop, a_mapping, a_user

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def test_the_evidence_is_shown_before_anything_happens(viewer):
    stop = a_guard_stop(a_mapping())

    page = viewer.get(reverse("syncadmin:guard_stop", args=[stop.pk])).content.decode()

    for text in (
        "90 of 200 records would be deleted",
        "Web shop",
        "of 200 linked records",
        "Web shop: update phone",
        "Bob",
        "values that say less in Web shop",
        "61",
        "Cid",
    ):
        assert text in page
    assert "Approve this plan" not in page


def test_an_approval_lets_the_mapping_go_on(operator, django_capture_on_commit_callbacks):
    mapping = a_mapping()
    stop = a_guard_stop(mapping)

    with django_capture_on_commit_callbacks() as asked:
        response = operator.post(reverse("syncadmin:approve", args=[stop.pk]), **HTMX)

    stop.refresh_from_db()
    state = MappingState.objects.get(mapping=mapping)
    assert stop.approved_by.username == "otto"
    assert (state.stopped, state.message) == ("", "")
    assert state.next_due <= timezone.now()
    assert len(asked) == 1
    assert b"Approved by otto" in response.content
    assert Entry.objects.get(kind="decision").actor == "otto"


def test_an_approval_does_not_hide_another_reason_to_stop():
    mapping = a_mapping()
    stop = a_guard_stop(mapping)
    MappingState.objects.update(stopped="configuration", message="wrong credentials")

    services.approve(stop.pk, a_user())

    assert MappingState.objects.get(mapping=mapping).stopped == "configuration"


def test_a_second_approval_is_not_used(operator):
    stop = a_guard_stop(a_mapping())
    url = reverse("syncadmin:approve", args=[stop.pk])

    operator.post(url, **HTMX)
    again = operator.post(url, **HTMX)

    assert b"this approval was not used" in again.content
    assert Entry.objects.filter(kind="decision").count() == 1


def test_a_plan_that_has_moved_cannot_be_approved(operator):
    stop = a_guard_stop(a_mapping(), closed_at=timezone.now(), closed_how="moved")

    response = operator.post(reverse("syncadmin:approve", args=[stop.pk]))

    stop.refresh_from_db()
    assert response.status_code == 409
    assert stop.approved_at is None


def test_evidence_of_another_shape_does_not_break_the_page(viewer):
    stop = a_guard_stop(a_mapping(), evidence={})

    assert viewer.get(reverse("syncadmin:guard_stop", args=[stop.pk])).status_code == 200
