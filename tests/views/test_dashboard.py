"""The dashboard: how each mapping stands, in words, and the button that runs a pass."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from syncadmin.models import Cursor, MappingState, Mark
from syncadmin.selectors.mappings import standings
from tests.builders import a_conflict, a_guard_stop, a_mapping, a_pass

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def standing(mapping):
    return standings(mapping.name)[0]


def test_a_mapping_with_nothing_to_do_is_in_step():
    mapping = a_mapping()
    a_pass(mapping)

    assert standing(mapping).words == "in step"


def test_open_conflicts_are_counted():
    mapping = a_mapping()
    a_pass(mapping)
    a_conflict(mapping)
    a_conflict(mapping)
    a_conflict(mapping, state="closed")

    assert standing(mapping).words == "2 to decide"


def test_changes_on_the_way_are_counted():
    mapping = a_mapping()
    a_pass(mapping)
    Mark.objects.create(mapping=mapping, side="left", key="1")

    assert standing(mapping).words == "1 on the way"


def test_how_far_reading_is_behind_is_shown(viewer):
    mapping = a_mapping()
    a_pass(mapping)
    now = timezone.now()
    Cursor.objects.create(mapping=mapping, side="left", value={}, waiting_since=now)
    Cursor.objects.create(mapping=mapping, side="right", value={}, waiting_since=now - timedelta(hours=3))

    assert standing(mapping).behind_since == now - timedelta(hours=3)
    page = viewer.get(reverse("syncadmin:dashboard")).content.decode()
    assert "Oldest change not read" in page


def test_a_guard_stop_waits_for_a_person_until_it_is_approved():
    mapping = a_mapping()
    stop = a_guard_stop(mapping)

    assert standing(mapping).words == "stopped by a guard"

    stop.approved_at = timezone.now()
    stop.save()
    MappingState.objects.update(stopped="", message="")
    assert standing(mapping).words != "stopped by a guard"


def test_a_wrong_configuration_shows_its_message(viewer):
    mapping = a_mapping()
    a_pass(mapping, "failed", message="shop: wrong credentials")
    MappingState.objects.update(stopped="configuration", message="shop: wrong credentials, enter them again")

    page = viewer.get(reverse("syncadmin:dashboard")).content.decode()

    assert "misconfigured" in page
    assert "shop: wrong credentials, enter them again" in page


def test_a_mapping_that_is_switched_off_says_so():
    assert standing(a_mapping(enabled=False)).words == "switched off"


def test_a_running_pass_shows_how_far_it_is(viewer):
    a_pass(a_mapping(), "running", progress=25, total=100, phase="comparing")

    page = viewer.get(reverse("syncadmin:dashboard"), **HTMX).content.decode()

    assert 'max="100"' in page
    assert "25 %" in page
    assert "<html" not in page


def test_the_button_makes_the_mapping_due_and_asks_for_a_pass(operator, django_capture_on_commit_callbacks):
    mapping = a_mapping()

    with django_capture_on_commit_callbacks() as asked:
        response = operator.post(reverse("syncadmin:run", args=["customers"]), **HTMX)

    assert b"Asked for" in response.content
    assert len(asked) == 1
    assert MappingState.objects.get(mapping=mapping).next_due <= timezone.now() + timedelta(seconds=1)


def test_who_may_not_run_a_pass_sees_no_button(viewer):
    a_mapping()

    assert b"Run now" not in viewer.get(reverse("syncadmin:dashboard")).content


def test_an_unknown_mapping_cannot_be_run(operator):
    assert operator.post(reverse("syncadmin:run", args=["nothing"])).status_code == 404


def test_an_empty_hub_says_how_to_begin(viewer):
    assert b"Nothing is mapped yet" in viewer.get(reverse("syncadmin:dashboard")).content


def test_the_number_of_queries_does_not_grow_with_the_mappings(viewer, django_assert_max_num_queries):
    for number in range(12):
        mapping = a_mapping(f"m{number}")
        a_pass(mapping)
        a_conflict(mapping)

    with django_assert_max_num_queries(18):
        viewer.get(reverse("syncadmin:dashboard"), **HTMX)
