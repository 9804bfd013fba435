"""Try it: what a person writes to a live system is shown first, sent once, and kept."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from syncadmin.config import secrets
from syncadmin.models import Entry, Mapping, MappingState, Resource, System, TriedWrite
from tests.builders import a_mapping, a_user
from tests.connectors.odd_server import Asked, OddServer, Say

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]
SECRET = "hunter2-hunter2"
SENT = ("POST", "PATCH", "DELETE")


class Shop:
    """A small API with versions; `refuses` answers the next writes so."""

    def __init__(self) -> None:
        self.rows = {"r1": {"id": "r1", "name": "Ada", "price": 1.5, "token": SECRET}}
        self.versions = {"r1": 7}
        self.refuses: Say | None = None
        self.atomic = True

    def answer(self, asked: Asked) -> Say:
        key = asked.path.rpartition("/")[2]
        if asked.method in SENT and self.refuses is not None:
            return self.refuses
        if asked.method == "POST":
            self.rows["new"], self.versions["new"] = {"id": "new", **asked.json}, 1
            return Say(self.rows["new"], 201, {"ETag": '"1"'})
        if key == "people":
            return Say(list(self.rows.values()))
        if key not in self.rows:
            return Say({"error": "no such record"}, 404)
        if asked.method != "GET":
            if self.atomic and asked.headers.get("If-Match") != f'"{self.versions[key]}"':
                return Say({"error": "another version"}, 412)
            self.versions[key] += 1
        if asked.method == "DELETE":
            del self.rows[key]
            return Say(b"", 204)
        if asked.method == "PATCH":
            self.rows[key] |= asked.json
        return Say(self.rows[key], headers={"ETag": f'"{self.versions[key]}"'} if self.atomic else {})

    def edited(self, **values: object) -> None:
        """Somebody else changes the record."""
        self.rows["r1"] |= values
        self.versions["r1"] += 1


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[OddServer]:
    with OddServer(shop.answer) as made:
        yield made


@pytest.fixture
def mapping(server: OddServer) -> Mapping:
    """One that syncs the people of the shop."""
    made = a_mapping("people_of_both")
    people = made.right
    people.name, people.config = "people", {"path": "people", "version": {"type": "etag"}}
    people.save()
    system = people.system
    system.connector = "rest"
    system.config = {"base_url": server.url, "headers": {"X-Key": "${KEY}"}}
    secrets.put(system, "KEY", SECRET)
    system.save()
    MappingState.objects.get_or_create(mapping=made)
    return made


@pytest.fixture
def person(viewer: Client, mapping: Mapping) -> Client:
    User.objects.get(username="otto").user_permissions.add(Permission.objects.get(codename="change_system"))
    return viewer


def step(person: Client, form: dict[str, str], where: str = "") -> str:
    answer = person.post(f"/systems/shop/try/{where}", {"resource": "people", **form})
    return unescape(answer.content.decode())


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, re.findall(r'class="sa-note[^>]*>[^<]*', page)
    return found[1]


def preview(person: Client, operation: str, key: str = "", values: str = "") -> str:
    """The page that shows the request."""
    page = step(person, {"operation": operation, "key": key})
    if operation == "delete":
        return page
    shown = hidden(page, "shown")
    return step(person, {"operation": operation, "key": key, "values": values, "shown": shown}, "preview/")


def send(person: Client, page: str, how: str = "once") -> str:
    return step(person, {"write": hidden(page, "write"), "how": how}, "write/")


def written(server: OddServer) -> list[str]:
    return [f"{asked.method} {asked.path}" for asked in server.asked if asked.method in SENT]


def test_an_update_is_shown_then_sent_and_kept(
    person: Client, server: OddServer, shop: Shop, mapping: Mapping
) -> None:
    page = preview(person, "update", "r1", '{"name": "Grace", "price": 1.5}')
    assert written(server) == []
    assert "PATCH" in page
    assert 'if-match: "7"' in page.lower()
    assert "This writes to the live system" in page
    assert str(mapping) in page

    page = send(person, page)

    assert written(server) == ["PATCH /people/r1"]
    assert [a.json for a in server.asked if a.method == "PATCH"] == [{"name": "Grace"}]
    assert "Grace" in page
    row = TriedWrite.objects.get()
    assert (row.actor, row.op, row.key, row.result) == ("otto", "update", "r1", "applied")
    assert row.sent[0][0] == "PATCH"
    assert SECRET not in page + str(row.sent)
    notes = Entry.objects.filter(mapping=mapping, kind="note", key="r1").order_by("seq")
    assert [(note.rule, note.actor) for note in notes] == [
        (f"try it #{row.pk}: asked to change a record by hand", "otto"),
        (f"try it #{row.pk}: done by hand", "otto"),
    ]


def test_what_was_confirmed_once_is_not_sent_again(person: Client, server: OddServer) -> None:
    page = preview(person, "create", values='{"name": "Lin"}')
    assert "new" in send(person, page)
    assert "sent already" in send(person, page)
    assert written(server) == ["POST /people"]


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize(("operation", "values"), [("update", '{"name": "Grace"}'), ("delete", "")])
def test_a_record_that_moved_since_it_was_shown_is_not_overwritten(
    person: Client, shop: Shop, atomic: bool, operation: str, values: str
) -> None:
    shop.atomic = atomic
    if not atomic:
        Resource.objects.filter(name="people").update(config={"path": "people"})
    page = preview(person, operation, "r1", values)
    shop.edited(price=2)
    assert "lost the race" in send(person, page)
    assert shop.rows["r1"]["name"] == "Ada"
    assert TriedWrite.objects.get().result == "stale"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Say({"error": "name is too long"}, 422), "name is too long"),
        (Say(lost=True), "what became of it is not known"),
        (Say({"error": "busy"}, 503), "does not take it now"),
    ],
)
def test_an_outcome_is_told_as_it_is(person: Client, shop: Shop, answer: Say, words: str) -> None:
    page = preview(person, "create", values='{"name": "Lin"}')
    shop.refuses = answer
    assert words in send(person, page)


def test_a_round_leaves_nothing_behind_and_tells_if_it_does(
    person: Client, server: OddServer, shop: Shop
) -> None:
    page = preview(person, "create", values='{"name": "Lin"}')
    page = send(person, page, "round")
    assert written(server) == ["POST /people", "PATCH /people/new", "DELETE /people/new"]
    assert "is still there" not in page
    assert [row.result for row in TriedWrite.objects.all()] == ["applied"] * 3
    assert "new" not in shop.rows


@pytest.mark.parametrize("values", ["{", "[]", "{}", '"x"', '{"a": NaN}'])
def test_what_is_no_record_is_refused_with_what_was_entered(
    person: Client, server: OddServer, values: str
) -> None:
    page = preview(person, "create", values=values)
    assert "This is no record" in page
    assert values in page
    assert written(server) == []


def test_nothing_is_written_by_looking_or_by_another_persons_page(
    person: Client, server: OddServer, client: Client
) -> None:
    page = preview(person, "delete", "r1")
    form = {"write": hidden(page, "write")}
    assert person.get("/systems/shop/try/write/", form).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    other = a_user("syncadmin.change_system", name="eve")
    strict.force_login(other)
    assert strict.post("/systems/shop/try/write/", form).status_code == 403
    client.force_login(other)
    assert "not yours" in client.post("/systems/shop/try/write/", form).content.decode()
    assert written(server) == []


def test_a_request_that_would_be_another_one_by_now_is_not_sent(person: Client, server: OddServer) -> None:
    page = preview(person, "delete", "r1")
    people = Resource.objects.get(name="people")
    people.config["delete"] = {"path": "{path}/{key}/for-good"}
    people.save()
    assert "Another request would be sent by now" in send(person, page)
    assert written(server) == []


def test_an_auditor_finds_it_in_the_history_of_the_system(
    person: Client, client: Client, server: OddServer
) -> None:
    send(person, preview(person, "delete", "r1"))
    client.force_login(a_user("syncadmin.view_system", name="aud"))
    system = System.objects.get(name="shop")
    page = client.get(f"/admin/syncadmin/system/{system.pk}/history/").content.decode()
    assert "DELETE" in page
    assert "otto" in page
