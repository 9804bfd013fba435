"""Comments: said once, kept as they are, and those concerned are told."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from conflicts.models import Comment
from conflicts.services import Invalid, together
from conflicts.services.comments import LONGEST, comment
from syncadmin.models import Entry, Event
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

RESOLVE = "conflicts.resolve_conflict"


def test_a_comment_is_kept_word_for_word_with_who_and_when():
    conflict, anna, now = a_conflict(a_mapping()), a_user(name="anna"), timezone.now()
    text = "<script>alert(1)</script> \u202e 'x'; DROP TABLE \U0001f600"

    said = comment(conflict.pk, f"  {text}\0\r\n", uuid4(), anna, now)

    assert (said.text, said.author, said.at) == (text, anna, now)
    entry = Entry.objects.get()
    assert (entry.actor, entry.rule) == ("anna", f"conflict #{conflict.pk}: comment")


@pytest.mark.parametrize("text", ["", " \0\n", "x" * (LONGEST + 1)])
def test_nothing_and_too_much_is_no_comment(text):
    with pytest.raises(Invalid):
        comment(a_conflict(a_mapping()).pk, text, uuid4(), a_user(), timezone.now())


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_says_it_once():
    conflict, anna, token = a_conflict(a_mapping()), a_user(), uuid4()

    def say(_):
        try:
            return comment(conflict.pk, "hello", token, anna, timezone.now()).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(say, range(2)))) == 1

    assert Comment.objects.count() == Entry.objects.count() == 1


def test_those_mentioned_and_those_concerned_are_told_each_once():
    conflict = a_conflict(a_mapping())
    anna, bert, carl = a_user(name="anna"), a_user(RESOLVE, name="bert"), a_user(name="c.carl")
    a_user(name="guest", staff=False)
    together.assign(conflict.pk, bert, bert, timezone.now())
    comment(conflict.pk, "first", uuid4(), carl, timezone.now())
    Event.objects.all().delete()

    said = comment(conflict.pk, "@bert: ask @c.carl. @guest, @nobody", uuid4(), anna, timezone.now())
    comment(conflict.pk, "more", uuid4(), anna, timezone.now())

    told = [(event.kind, event.people) for event in Event.objects.all()]
    assert set(said.mentions.all()) == {bert, carl}
    assert told == [
        ("mentioned", sorted([bert.pk, carl.pk])),
        ("commented", sorted([bert.pk, carl.pk])),
    ]


def test_a_settled_item_can_still_be_talked_about():
    conflict = a_conflict(a_mapping(), state="closed")

    comment(conflict.pk, "for the record", uuid4(), a_user(), timezone.now())

    assert conflict.comments.get().text == "for the record"
