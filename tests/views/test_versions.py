"""The pages of versions: what is shown before an approval, and that it counts only for what was shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from syncadmin import versions
from syncadmin.config import versions as stored
from syncadmin.models import GuardStop, MappingState, MappingVersion
from tests.builders import a_link, a_mapping, a_user

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    return client


def found(**more: Any) -> dict[str, Any]:
    """What a comparison finds."""
    one = {"label": EVIL, "left": "L1", "right": "R1", "from": "1", "to": EVIL}
    whole = {**one, "from": None, "to": None}
    new = {"read": 20, "linked": 0, "known": 10, "guard": None, "plan": "a" * 64, "message": ""}
    rows = [
        {"what": "update", "side": "right", "field": "phone", "old": 0, "new": 60, "gained": 60, "lost": 0,
         "more": [one] * 50, "less": []},
        {"what": "delete", "side": "left", "field": "", "old": 0, "new": 2, "gained": 2, "lost": 0,
         "more": [whole], "less": []},
        {"what": "ask", "side": "", "field": "phone", "old": 3, "new": 1, "gained": 0, "lost": 2,
         "more": [], "less": [one]},
        {"what": "ask: ambiguous match", "side": "right", "field": "", "old": 4, "new": 4, "gained": 0,
         "lost": 0, "more": [], "less": []},
    ]  # fmt: skip
    history = {
        "since": "2026-01-05T00:00:00+00:00",
        "changes": 40,
        "rows": [{"field": "phone", "old": "ask", "new": "left", "count": 7, "examples": [
            {"label": "L1", "link": 1, "from": None, "to": EVIL}]}],
        "asked": [{"field": "phone", "old": 7, "new": 0}],
    }  # fmt: skip
    return {"old": {**new, "plan": "b" * 64}, "new": new, "rows": rows, "history": history, **more}


def proposed(**more: Any) -> MappingVersion:
    """A proposal that was compared."""
    mapping = a_mapping()
    a_link(mapping, "L1", "R1")
    document = stored.document_of(mapping)
    spec = stored.spec_of({**document, "deletes": "propagate", "label": "Customers"})
    made = stored.propose(mapping, spec, name="iris")
    told = {"comparing": "done", "comparison": found(**more), "compared_at": timezone.now(), "digest": "d"}
    MappingVersion.objects.filter(pk=made.pk).update(**told)
    return MappingVersion.objects.get(pk=made.pk)


def test_the_page_tells_what_differs_what_it_does_and_what_would_come_out(browser: Client) -> None:
    version = proposed()
    page = browser.get("/mappings/customers/versions/2/").content.decode()
    assert "deletes" in page
    assert "phone written to Web shop" in page
    assert "deleted in CRM" in page
    assert "a person is asked which record it is (4)" in page
    assert "50 of 60" in page
    assert EVIL not in page
    assert "can't write" in page  # the label
    assert browser.get("/mappings/customers/versions/").status_code == 200
    assert browser.get("/mappings/customers/versions/2/compared.json").json()["digest"] == version.digest


def test_an_approval_counts_for_what_was_shown(browser: Client) -> None:
    version = proposed()
    address = "/mappings/customers/versions/2/approve/"
    assert browser.post(address, {"digest": "another"}).status_code == 409
    version.mapping.refresh_from_db()
    assert version.mapping.deletes == "review"
    assert browser.post(address, {"digest": "d"}).status_code == 302
    version.mapping.refresh_from_db()
    version.refresh_from_db()
    assert (version.mapping.deletes, version.state, version.approved_name) == ("propagate", "active", "boss")
    assert browser.post(address, {"digest": "d"}).status_code == 409  # once


def test_a_guard_that_would_stop_exactly_this_plan_is_approved_with_it(browser: Client) -> None:
    new = found()["new"] | {"guard": "60 of 100 would be changed"}
    proposed(new=new)
    browser.post("/mappings/customers/versions/2/approve/", {"digest": "d"})
    stop = GuardStop.objects.get()
    assert (stop.digest, stop.approved_by.username, stop.closed_at) == ("a" * 64, "boss", None)


def test_what_was_changed_meanwhile_has_it_compared_again(browser: Client) -> None:
    version = proposed()
    version.mapping.schedule = 77
    version.mapping.save()
    page = browser.post("/mappings/customers/versions/2/approve/", {"digest": "d"})
    assert "compared again" in page.content.decode()
    version.refresh_from_db()
    assert (version.state, version.comparing) == ("proposed", "waiting")


def test_an_earlier_version_is_proposed_again_as_any_change(browser: Client) -> None:
    version = proposed()
    versions.approve(version.pk, "d", a_user())
    answer = browser.post("/mappings/customers/versions/1/propose/")
    assert answer.url == "/mappings/customers/versions/3/"
    again = MappingVersion.objects.get(number=3)
    assert (again.state, again.how) == ("proposed", "back to version 1")
    assert again.document == MappingVersion.objects.get(number=1).document
    assert MappingState.objects.get(mapping=version.mapping).remembered == {}
    browser.post("/mappings/customers/versions/3/withdraw/")
    again.refresh_from_db()
    assert again.state == "withdrawn"
