"""Deciding in the browser: the next card follows, and what does not fit comes back with the reason."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from conflicts.models import ConflictState
from tests.builders import a_conflict, a_mapping, an_ambiguous_match

HTMX = {"HTTP_HX_REQUEST": "true"}


def decide(client, conflict, **data):
    url = reverse("conflicts:resolve", args=[conflict.pk])
    return client.post(url, {"revision": conflict.revision, **data}, **HTMX)


def test_a_decision_is_stored_and_a_pass_is_asked_for(reviewer, django_capture_on_commit_callbacks):
    conflict = a_conflict(a_mapping())

    with django_capture_on_commit_callbacks() as asked:
        response = decide(reviewer, conflict, **{"pick-phone": "left"})

    assert response.status_code == 200
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.DECIDED
    assert conflict.decided_by.username == "rita"
    assert len(asked) == 1


def test_the_next_card_follows_below_what_was_decided(reviewer):
    mapping = a_mapping()
    first, second = a_conflict(mapping, label="First"), a_conflict(mapping, label="Second")

    response = decide(reviewer, first, **{"pick-phone": "left"})

    page = response.content.decode()
    assert "First</b> decided, being written" in page
    assert f'data-card="{second.pk}"' in page
    assert response["HX-Push-Url"] == reverse("conflicts:detail", args=[second.pk])


def test_the_next_card_is_of_the_same_filter(reviewer):
    customers, products = a_mapping("customers"), a_mapping("products")
    first = a_conflict(customers)
    a_conflict(products)
    wanted = a_conflict(customers)
    url = reverse("conflicts:resolve", args=[first.pk]) + "?mapping=customers"

    response = reviewer.post(url, {"revision": 1, "pick-phone": "left"}, **HTMX)

    assert f'data-card="{wanted.pk}"' in response.content.decode()
    assert response["HX-Push-Url"].endswith("?mapping=customers")


def test_after_the_last_one_the_inbox_is_clear(reviewer):
    response = decide(reviewer, a_conflict(a_mapping()), **{"pick-phone": "left"})

    assert b"The inbox is clear" in response.content
    assert response["HX-Push-Url"] == reverse("conflicts:list")


def test_without_htmx_the_decided_item_is_shown(reviewer):
    conflict = a_conflict(a_mapping())

    response = reviewer.post(
        reverse("conflicts:resolve", args=[conflict.pk]), {"revision": 1, "pick-phone": "left"}, follow=True
    )

    assert b"being written" in response.content


def test_a_typed_value_that_does_not_fit_comes_back_with_the_reason_and_what_was_typed(reviewer):
    conflict = a_conflict(a_mapping(), fields={"visits": (1, 0, 2)})

    page = decide(reviewer, conflict, **{"pick-visits": "value", "typed-visits": "lots"}).content.decode()

    assert "a whole number" in page
    assert 'value="lots"' in page
    assert "checked" in page


def test_a_record_that_moved_comes_back_refreshed_and_says_what_changed(reviewer):
    conflict = a_conflict(a_mapping())
    seen = json.dumps(["+49 30 1234", "+49 30 9999"])
    conflict.fields.update(right="+49 30 5555")
    conflict.revision = 2
    conflict.save()

    url = reverse("conflicts:resolve", args=[conflict.pk])
    page = reviewer.post(
        url, {"revision": 1, "pick-phone": "right", "seen-phone": seen}, **HTMX
    ).content.decode()

    assert "nothing has been written" in page
    assert "+49 30 5555" in page
    assert page.count("when you looked") == 1
    assert 'name="revision" value="2"' in page
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_a_double_click_shows_the_same_outcome_twice(reviewer):
    conflict = a_conflict(a_mapping())

    decide(reviewer, conflict, **{"pick-phone": "left"})
    again = decide(reviewer, conflict, **{"pick-phone": "left"})

    assert again.status_code == 200
    assert b"being written" in again.content


def test_an_ambiguous_match_is_linked(reviewer):
    conflict = an_ambiguous_match(a_mapping())

    decide(reviewer, conflict, record="link:R-2")

    conflict.refresh_from_db()
    assert conflict.decision["key"] == "R-2"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"revision": "x", "pick-phone": "left"},
        {"revision": "9" * 30, "pick-phone": "left"},
        {"pick-phone": "both"},
        {"record": "explode"},
        {"pick-nothing": "left"},
    ],
)
def test_a_form_that_makes_no_sense_is_said_and_changes_nothing(reviewer, data):
    conflict = a_conflict(a_mapping())

    response = decide(reviewer, conflict, **data)

    assert b'role="alert"' in response.content
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_who_may_only_look_cannot_decide(auditor):
    conflict = a_conflict(a_mapping())

    assert decide(auditor, conflict, **{"pick-phone": "left"}).status_code == 403
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_a_decision_needs_a_post(reviewer):
    assert reviewer.get(reverse("conflicts:resolve", args=[a_conflict(a_mapping()).pk])).status_code == 405


def test_the_outcome_is_asked_for_until_it_is_there(reviewer):
    conflict = a_conflict(a_mapping(), state="decided", decided_at=timezone.now())
    url = reverse("conflicts:status", args=[conflict.pk])

    assert "hx-trigger" in reviewer.get(url, **HTMX).content.decode()

    conflict.state, conflict.closed_at, conflict.closed_how = "closed", timezone.now(), "resolved"
    conflict.save()
    closed = reviewer.get(url, **HTMX).content.decode()
    assert "hx-trigger" not in closed
    assert "resolved" in closed

    conflict.state, conflict.moved = "open", True
    conflict.save()
    assert "came back" in reviewer.get(url, **HTMX).content.decode()
