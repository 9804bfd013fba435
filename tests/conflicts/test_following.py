"""A card and its record: whether it has changed, what it looks like now, and which card comes next."""

import json

import pytest
from django.urls import reverse

from conflicts.models import Conflict, ConflictState
from tests.builders import a_conflict, a_mapping, a_user

HTMX = {"HTTP_HX_REQUEST": "true"}


def address(name, conflict):
    return reverse(f"conflicts:{name}", args=[conflict.pk])


def test_a_card_that_is_up_to_date_costs_one_line_and_one_query(reviewer, django_assert_num_queries):
    conflict = a_conflict(a_mapping())
    with django_assert_num_queries(5):  # session, user, what the user and the group may; and one for the item
        first = reviewer.get(address("revision", conflict))

    same = reviewer.get(address("revision", conflict), HTTP_IF_NONE_MATCH=first["ETag"])
    assert (same.status_code, same.content) == (304, b"")

    Conflict.objects.update(revision=2)
    moved = reviewer.get(address("revision", conflict), HTTP_IF_NONE_MATCH=first["ETag"])
    assert moved.json() == {"revision": 2, "state": "open"}


def test_the_tag_is_the_one_that_a_card_works_out_for_itself(reviewer):
    conflict = a_conflict(a_mapping(), revision=7)
    page = reviewer.get(address("detail", conflict), **HTMX).content.decode()
    assert 'data-revision="7"' in page
    assert reviewer.get(address("revision", conflict))["ETag"] == '"7-open"'


def test_a_card_looked_at_again_keeps_what_was_entered_and_marks_what_moved(reviewer):
    conflict = a_conflict(a_mapping(), fields={"phone": ("1", "0", "2"), "visits": (5, 1, 7)})
    conflict.fields.filter(field="phone").update(right="3")
    data = {
        "pick-phone": "right",
        "seen-phone": json.dumps(["1", "2"]),
        "pick-visits": "value",
        "typed-visits": "42",
        "seen-visits": json.dumps([5, 7]),
    }

    page = " ".join(reviewer.post(address("again", conflict), data, **HTMX).content.decode().split())

    assert page.count("when you looked:") == 1
    assert 'name="pick-phone" value="right" checked' not in page
    assert 'name="pick-visits" value="value" checked' in page
    assert 'value="42"' in page
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_looking_again_never_fails_on_what_a_form_holds(reviewer):
    conflict = a_conflict(a_mapping())
    data = {
        "pick-phone": "explode",
        "seen-phone": "no json",
        "hunk-phone-0": "x",
        "revision": "?",
        "record": "?",
    }
    assert reviewer.post(address("again", conflict), data, **HTMX).status_code == 200


def test_the_next_card_skips_those_whose_decision_is_on_its_way(reviewer):
    mapping = a_mapping()
    first, second, third = (a_conflict(mapping) for _ in range(3))
    assert reviewer.get(address("next", first), **HTMX)["X-Card"] == str(second.pk)
    skip = {"HTTP_X_SKIP": f"{second.pk},x,{'9' * 40}"}
    assert reviewer.get(address("next", first), **HTMX, **skip)["X-Card"] == str(third.pk)
    both = {"HTTP_X_SKIP": f"{second.pk},{third.pk}"}
    clear = reviewer.get(address("next", first), **HTMX, **both)
    assert (clear["X-Card"], b"The inbox is clear" in clear.content) == ("", True)


def test_a_browser_that_shows_the_next_card_gets_the_line_alone(reviewer):
    conflict = a_conflict(a_mapping(), label="Ada")
    a_conflict(conflict.mapping, label="Grace")
    data = {"revision": 1, "pick-phone": "left"}
    page = reviewer.post(address("resolve", conflict), data, **HTMX, HTTP_X_NEXT="shown").content.decode()
    assert "Ada</b> decided, being written" in page
    assert "Grace" not in page


@pytest.mark.parametrize(
    ("data", "why"), [({"pick-phone": "left", "revision": 9}, "stale"), ({"revision": 1}, "invalid")]
)
def test_a_refusal_says_why_and_brings_the_card(reviewer, data, why):
    conflict = a_conflict(a_mapping())
    response = reviewer.post(address("resolve", conflict), data, **HTMX, HTTP_X_NEXT="shown")
    assert (response.status_code, response["X-Refused"]) == (200, why)
    assert f'data-card="{conflict.pk}"' in response.content.decode()


def test_a_decision_sent_twice_is_done_once_but_another_one_is_refused(reviewer):
    conflict = a_conflict(a_mapping(), fields={"visits": (5, 1, 7)})
    data = {"revision": 1, "pick-visits": "value", "typed-visits": "42"}

    for _ in range(2):
        response = reviewer.post(address("resolve", conflict), data, **HTMX)
        assert "X-Refused" not in response
    other = reviewer.post(address("resolve", conflict), {**data, "typed-visits": "43"}, **HTMX)

    assert other["X-Refused"] == "stale"
    assert b"your decision was not stored" in other.content
    assert conflict.fields.get().pick["value"] == 42


def test_a_decision_that_somebody_else_was_faster_with_says_so(reviewer):
    other = a_user(name="anna")
    conflict = a_conflict(a_mapping(), state="decided", decided_by=other)
    conflict.fields.update(pick={"kind": "left", "value": None})

    response = reviewer.post(address("resolve", conflict), {"revision": 1, "pick-phone": "left"}, **HTMX)

    assert response["X-Refused"] == "stale"
    assert b"your decision was not stored" in response.content


def test_a_decided_card_shows_the_pick_that_is_stored_and_no_other(reviewer):
    conflict = a_conflict(a_mapping(), state="decided", decided_by=a_user(name="anna"))
    conflict.fields.update(pick={"kind": "right", "value": None})

    response = reviewer.post(address("resolve", conflict), {"revision": 1, "pick-phone": "left"}, **HTMX)

    page = " ".join(response.content.decode().split())
    assert 'value="right" checked' in page
    assert 'value="left" checked' not in page


def test_a_merged_text_is_made_of_the_stored_values_and_not_of_what_is_sent(reviewer):
    base = "The quick brown fox jumps over the lazy dog and goes on."
    left, right = base.replace("quick", "slow"), base.replace("lazy", "sleepy")
    conflict = a_conflict(a_mapping(), fields={"name": (left, base, right)})
    data = {
        "revision": 1,
        "pick-name": "merge",
        "hunk-name-0": "left",
        "hunk-name-1": "right",
        "typed-name": "evil",
    }

    reviewer.post(address("resolve", conflict), data, **HTMX)

    merged = base.replace("quick", "slow").replace("lazy", "sleepy")
    assert conflict.fields.get().pick["value"] == merged


@pytest.mark.parametrize(
    "hunks", [{}, {"hunk-name-0": "left"}, {"hunk-name-0": "left", "hunk-name-1": "evil"}]
)
def test_a_merge_with_a_place_left_open_is_refused(reviewer, hunks):
    base = "The quick brown fox jumps over the lazy dog and goes on."
    fields = {"name": (base.replace("quick", "slow"), base, base.replace("lazy", "sleepy"))}
    conflict = a_conflict(a_mapping(), fields=fields)

    response = reviewer.post(
        address("resolve", conflict), {"revision": 1, "pick-name": "merge", **hunks}, **HTMX
    )

    assert response["X-Refused"] == "invalid"
    assert b"Pick one of the texts at each place" in response.content
