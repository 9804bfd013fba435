"""Pages for what is not there, not allowed or went wrong: in the reader's language, without the shell."""

import pytest
from django.test import Client
from django.urls import reverse

from conflicts.views import inbox
from tests.builders import a_user

pytestmark = pytest.mark.django_db


def test_what_is_not_there_is_said_in_the_readers_language(client):
    client.force_login(a_user("conflicts.view_conflict"))

    answer = client.get(reverse("conflicts:detail", args=[4711]), headers={"accept-language": "de"})

    assert answer.status_code == 404
    assert "Diese Seite oder was sie zeigte, gibt es nicht mehr." in answer.content.decode()
    assert 'lang="de"' in answer.content.decode()


def test_a_form_that_is_too_old_says_what_to_do():
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(a_user("conflicts.view_conflict", "conflicts.resolve_conflict"))

    answer = strict.post(reverse("conflicts:resolve", args=[1]))

    assert answer.status_code == 403
    assert "Nothing was stored." in answer.content.decode()


def test_a_failure_is_said_and_its_words_are_not_shown(monkeypatch):
    client = Client(raise_request_exception=False)
    client.force_login(a_user("conflicts.view_conflict"))

    def broken(*args):
        raise RuntimeError("a secret of the hub")

    monkeypatch.setattr(inbox, "shell", broken)
    answer = client.get(reverse("conflicts:list"))

    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert "secret" not in answer.content.decode()


def test_what_is_not_allowed_is_said(client):
    client.force_login(a_user("syncadmin.view_mapping"))

    answer = client.get(reverse("admin:syncadmin_system_changelist"))

    assert answer.status_code == 403
    assert "Your account lacks the right" in answer.content.decode()
