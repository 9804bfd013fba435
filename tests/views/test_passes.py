"""Passes: the list by mapping and state, one pass with its progress."""

import pytest
from django.urls import reverse

from tests.builders import a_guard_stop, a_mapping, a_pass

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


def listed(response) -> list[int]:
    return [row.pk for row in response.context["shown"].items]


def test_the_newest_pass_comes_first_and_pages_follow_without_gaps(viewer):
    mapping = a_mapping()
    made = [a_pass(mapping).pk for _ in range(60)]

    first = viewer.get(reverse("syncadmin:passes"))
    second = viewer.get(reverse("syncadmin:passes"), {"before": first.context["shown"].next})

    assert listed(first) + listed(second) == sorted(made, reverse=True)


def test_passes_are_filtered_by_mapping_and_state(viewer):
    customers, products = a_mapping("customers"), a_mapping("products")
    a_pass(customers)
    wanted = a_pass(products, "failed", message="no answer")
    a_pass(products)

    response = viewer.get(reverse("syncadmin:passes"), {"mapping": "products", "state": "failed"})

    assert listed(response) == [wanted.pk]
    assert b"no answer" in response.content


def test_what_a_pass_did_is_said_in_words(viewer):
    a_pass(a_mapping(), counts={"read": 12, "updated": 3, "deleted": 0})

    assert "read 12 · updated 3".encode() in viewer.get(reverse("syncadmin:passes")).content


def test_a_running_pass_is_polled_and_a_finished_one_is_not(viewer):
    mapping = a_mapping()
    running, done = a_pass(mapping, "running", progress=1, total=4), a_pass(mapping)

    assert b"hx-trigger" in viewer.get(reverse("syncadmin:pass", args=[running.pk]), **HTMX).content
    assert b"hx-trigger" not in viewer.get(reverse("syncadmin:pass", args=[done.pk]), **HTMX).content


def test_a_stopped_pass_leads_to_its_evidence(viewer):
    stop = a_guard_stop(a_mapping())

    page = viewer.get(reverse("syncadmin:pass", args=[stop.stopped_pass_id])).content.decode()

    assert reverse("syncadmin:guard_stop", args=[stop.pk]) in page


def test_a_broken_page_number_shows_the_first_page(viewer):
    made = a_pass(a_mapping())

    assert listed(viewer.get(reverse("syncadmin:passes"), {"before": "9" * 30})) == [made.pk]


def test_the_list_takes_a_bounded_number_of_queries(viewer, django_assert_max_num_queries):
    mapping = a_mapping()
    for _ in range(40):
        a_pass(mapping)

    with django_assert_max_num_queries(6):
        viewer.get(reverse("syncadmin:passes"), **HTMX)
