"""The page on the team: what waits for a second person, who works on what, what is held or put off."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from conflicts.services import FieldChoice, resolve, together
from conflicts.services.second_look import approve, ask, propose_undo
from conflicts.undoable import latest
from syncadmin.core.plan import PickKind
from syncadmin.models import FieldMapping
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db


def text(client):
    return " ".join(client.get(reverse("conflicts:team")).text.split())


def test_it_says_what_waits_for_whom(reviewer):
    mapping, anna, now = a_mapping(), a_user(name="anna"), timezone.now()
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    proposed, looked, claimed, held, off = (
        a_conflict(mapping, label=name) for name in ("Ada", "Grace", "Edsger", "Alan", "Barbara")
    )
    resolve(proposed.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, anna)
    ask(looked.pk, "is <b>this</b> right?", anna, now)
    together.claim(claimed.pk, anna, now)
    together.hold(held.pk, "the lawyer", anna, now)
    together.snooze(off.pk, now + timedelta(days=1), anna, now)

    page = text(reviewer)

    assert "to approve</span> <bdi>Phone: CRM</bdi>" in page
    assert "is &lt;b&gt;this&lt;/b&gt; right?" in page
    for words in ("<b>anna</b>", "Edsger", "the lawyer", "Barbara"):
        assert words in page


def test_an_undo_that_waits_is_found_although_its_item_is_closed(reviewer):
    mapping, anna, bert = a_mapping(), a_user(name="anna"), a_user(name="bert")
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    conflict = a_conflict(mapping)
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, anna)
    approve(conflict.pk, conflict.second_looks.get().pk, bert, timezone.now())
    propose_undo(
        conflict.pk, dict.fromkeys(latest(conflict).values_list("pk", flat=True)), bert, timezone.now()
    )

    page = text(reviewer)

    assert "undo</span> <bdi>Phone: CRM</bdi>" in page
    assert "<b>bert</b>" in page


def test_what_lapsed_or_is_over_is_not_there(reviewer):
    mapping, anna = a_mapping(), a_user(name="anna")
    before = timezone.now() - timedelta(days=1)
    together.claim(a_conflict(mapping).pk, anna, before)
    together.snooze(a_conflict(mapping).pk, before + timedelta(hours=1), anna, before)

    page = text(reviewer)

    assert "Nobody has claimed anything." in page
    assert "Nothing is put off." in page
    assert "No colleague waits for your word." in page


def test_the_sidebar_counts_what_others_have_asked(reviewer, django_user_model):
    conflict = a_conflict(a_mapping())
    ask(conflict.pk, "", a_user(name="anna"), timezone.now())
    mine = django_user_model.objects.get(username="rita")
    ask(a_conflict(conflict.mapping).pk, "", mine, timezone.now())

    sidebar = text(reviewer).partition("groups")[2].partition("</a>")[0]

    assert ">1<" in sidebar.replace(" ", "")


def test_however_many_wait_the_queries_are_as_many(reviewer, django_assert_max_num_queries):
    mapping, anna = a_mapping(), a_user(name="anna")
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    for _ in range(8):
        conflict = a_conflict(mapping)
        resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, anna)
        together.claim(a_conflict(mapping).pk, anna, timezone.now())

    with django_assert_max_num_queries(24):
        text(reviewer)
