"""The forms around an item: what they do, what they answer, and what they refuse."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from conflicts import presence
from conflicts.models import Comment, Conflict
from conflicts.services import FieldChoice, resolve, together
from syncadmin.core.plan import PickKind
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}


def post(client, name, conflict, htmx=True, **data):
    """The answer's text to a posted form."""
    return client.post(reverse(f"conflicts:{name}", args=[conflict.pk]), data, **(HTMX if htmx else {}))


def test_a_claim_is_shown_at_once_and_the_list_is_told(reviewer):
    response = post(reviewer, "claim", a_conflict(a_mapping()))

    assert "You work on this" in response.text
    assert response["HX-Trigger-After-Swap"] == "inbox-changed"


def test_who_is_late_sees_the_holder_and_can_take_over(reviewer):
    conflict, bert = a_conflict(a_mapping()), a_user(name="bert")
    together.claim(conflict.pk, bert, timezone.now())

    response = post(reviewer, "claim", conflict)
    assert "bert was first and works on this." in response.text
    assert f'name="over" value="{bert.pk}"' in response.text
    post(reviewer, "claim", conflict, over=bert.pk)

    assert Conflict.objects.get().claimed_by.username == "rita"


def test_without_scripts_a_form_leads_back_to_the_card_with_what_was_refused(reviewer):
    conflict = a_conflict(a_mapping())

    response = post(reviewer, "hold", conflict, htmx=False, reason=" ")

    assert response["Location"] == reverse("conflicts:detail", args=[conflict.pk])
    assert "Say why it is held." in reviewer.get(response["Location"]).text


def test_words_of_people_are_never_markup(reviewer):
    conflict, evil = a_conflict(a_mapping()), "<img src=x onerror=alert(1)>\u202e"

    answers = [
        post(reviewer, "hold", conflict, reason=evil),
        post(reviewer, "ask", conflict, note=evil),
        post(reviewer, "comment", conflict, text=evil, token=uuid4()),
    ]

    for text in [*(a.text for a in answers), reviewer.get(reverse("conflicts:list")).text]:
        assert "<img src=x" not in text
    assert all("&lt;img src=x" in answer.text for answer in answers)


@pytest.mark.parametrize(("span", "hour", "days"), [("tomorrow", 9, range(1, 2)), ("week", 9, range(1, 8))])
def test_a_snooze_ends_in_the_morning_of_the_readers_zone(client, reviewer, span, hour, days):
    conflict = a_conflict(a_mapping())
    client.cookies["syncadmin_zone"] = "Asia/Tokyo"

    post(client, "snooze", conflict, **{"for": span})

    with timezone.override("Asia/Tokyo"):
        until = timezone.localtime(Conflict.objects.get().snoozed_until)
        assert until.hour == hour
        assert (until.date() - timezone.localdate()).days in days


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01T10:00", "9999-12-31T23:59", "0001-01-01T00:00"])
def test_a_snooze_until_no_good_time_is_refused_in_words(reviewer, until):
    response = post(reviewer, "snooze", a_conflict(a_mapping()), until=until)

    assert "time" in response.text
    assert Conflict.objects.get().snoozed_until is None


def test_a_snoozed_item_is_out_of_the_list_and_the_count(reviewer):
    conflict = a_conflict(a_mapping())
    post(reviewer, "snooze", conflict, **{"for": "hour"})
    assert "Nothing waits" in reviewer.get(reverse("conflicts:list")).text

    post(reviewer, "snooze", conflict)

    assert "Ada Lovelace" in reviewer.get(reverse("conflicts:list")).text


def test_nobody_is_assigned_who_does_not_exist(reviewer):
    assert post(reviewer, "assign", a_conflict(a_mapping()), person=999_999).status_code == 404


def test_a_beat_answers_only_when_something_has_changed(reviewer, monkeypatch):
    conflict, bert = a_conflict(a_mapping()), a_user(name="bert")
    seen: list[int] = []
    monkeypatch.setattr(presence, "beat", lambda *_: list(seen))
    first = post(reviewer, "looking", conflict)
    tag = first.text.partition('name="tag" value="')[2].partition('"')[0]
    assert post(reviewer, "looking", conflict, tag=tag).status_code == 204

    seen.append(bert.pk)
    response = post(reviewer, "looking", conflict, tag=tag)

    assert "bert <span" in response.text
    assert "is looking" in response.text


def test_a_beat_keeps_the_claim_only_of_who_is_at_work(reviewer):
    conflict = a_conflict(a_mapping())
    rita = post(reviewer, "claim", conflict).wsgi_request.user
    old = timezone.now() + timedelta(minutes=5)
    Conflict.objects.update(claimed_until=old)

    post(reviewer, "looking", conflict)
    assert Conflict.objects.get().claimed_until == old
    post(reviewer, "looking", conflict, active="1")

    assert Conflict.objects.get().claimed_until > old
    assert Conflict.objects.get().claimed_by == rita


def test_nobody_is_seen_while_the_queue_server_is_away(reviewer):
    assert post(reviewer, "looking", a_conflict(a_mapping())).status_code == 200


def test_a_comment_sent_twice_is_said_once_and_a_bad_one_comes_back(reviewer):
    conflict, token = a_conflict(a_mapping()), uuid4()
    for _ in range(2):
        post(reviewer, "comment", conflict, text="hello", token=token)
    assert Comment.objects.count() == 1

    response = post(reviewer, "comment", conflict, text="x" * 5000, token=uuid4())

    assert "at most 4000 characters" in response.text
    assert "x" * 5000 in response.text
    assert post(reviewer, "comment", conflict, text="x", token="no").status_code == 404


def test_an_approval_shows_the_whole_card_as_it_is_now(reviewer):
    mapping = a_mapping()
    mapping.fields.filter(name="phone").update(two_people=True)
    conflict, anna = a_conflict(mapping), a_user(name="anna")
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, anna)
    look = conflict.second_looks.get()

    response = post(reviewer, "answer", conflict, look=look.pk, answer="approve")

    assert response["HX-Retarget"] == "#card"
    assert 'data-state="decided"' in response.text


def test_who_comes_second_to_an_answer_is_told(reviewer):
    response = post(reviewer, "answer", a_conflict(a_mapping()), look=12345, answer="approve")

    assert "Meanwhile this was decided" in response.text
