"""Try it: what a person sees of a reading operation on a live system."""

import base64
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission, User

from syncadmin.config import secrets
from syncadmin.models import Resource, System
from tests.builders import a_mapping
from tests.connectors.odd_server import Asked, OddServer, Say

pytestmark = pytest.mark.django_db
TOKEN = "s3cret/tok+en"
ROWS = [{"id": f"r{n}", "name": "<script>alert(1)</script>", "at": f"2026-01-0{n}T00:00:00Z"} for n in (1, 2)]


@pytest.fixture
def server() -> Iterator[OddServer]:
    """A list of two records; it signs in, and tells the secrets in every answer."""

    def answer(asked: Asked) -> Say:
        if asked.path == "/login":
            return Say({"token": "fresh-from-the-login"})
        if asked.path.startswith("/people/"):
            found = [row for row in ROWS if row["id"] == asked.path.rpartition("/")[2]]
            return Say(found[0], headers={"ETag": '"v7"'}) if found else Say({"error": "no"}, 404)
        return Say({"data": ROWS, "debug": [asked.headers.get("Authorization"), "hunter2-hunter2"]})

    with OddServer(answer) as made:
        yield made


@pytest.fixture
def person(viewer, server: OddServer):
    """Somebody who may change systems, and one to be tried."""
    user = User.objects.get(username="otto")
    user.user_permissions.add(Permission.objects.get(codename="change_system"))
    login = {"type": "login", "path": "login", "username": "sync", "password": "${PASSWORD}"}
    config = {"base_url": server.url, "auth": login}
    system = System(name="crm", connector="rest", config=config)
    secrets.put(system, "PASSWORD", "hunter2-hunter2")
    system.save()
    shape = {"path": "people", "records": "data", "modified": "at", "incremental": {"param": "since"}}
    Resource.objects.create(system=system, name="people", config=shape)
    return viewer


def tried(person, operation: str, key: str = "") -> str:
    answer = person.post("/systems/crm/try/", {"resource": "people", "operation": operation, "key": key})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_list_shows_request_answer_and_records_and_no_secret(person) -> None:
    assert "Ask" in person.get("/systems/crm/try/").content.decode()
    text = tried(person, "list")
    assert "/people" in text
    assert "r1" in text
    assert "<script>alert" not in text
    assert "hunter2" not in text
    assert "fresh-from-the-login" not in text
    assert base64.b64encode(b"sync:hunter2-hunter2").decode() not in text


def test_one_record_is_read_by_its_key_and_one_that_is_not_there_is_said_to_be_absent(person) -> None:
    assert "changed" in tried(person, "one", "r2")
    assert "has no such record" in tried(person, "one", "r9")
    assert "Give its key" in tried(person, "one")


def test_changes_are_asked_for_as_a_pass_would(person, server: OddServer) -> None:
    tried(person, "changes")
    assert any("since" in asked.params for asked in server.asked)


def test_what_goes_wrong_is_told_with_the_answer(person, server: OddServer) -> None:
    server.answer = lambda asked: Say(
        {"token": "x" * 20} if asked.path == "/login" else {"message": "closed"}, 200
    )
    text = tried(person, "list")
    assert "must select a list" in text
    assert "closed" in text


def test_a_record_with_a_fraction_or_a_nest_is_shown(person, server: OddServer) -> None:
    server.answer = lambda asked: Say(
        {"token": "x" * 20}
        if asked.path == "/login"
        else {"data": [{"id": "r1", "price": 1.5, "more": {"a": 0.1}}]}
    )
    text = tried(person, "list")
    assert "1.5" in text
    assert "0.1" in text


def test_the_probes_of_its_mappings_are_named_to_those_who_may_see_them(person) -> None:
    a_mapping("people_of_both")
    user = User.objects.get(username="otto")
    for allowed in (True, False):
        change = user.user_permissions.add if allowed else user.user_permissions.remove
        change(Permission.objects.get(codename="view_mapping"))
        page = person.get("/systems/crm/try/").content.decode()
        assert ("/mappings/people_of_both/probe/" in page) is allowed
