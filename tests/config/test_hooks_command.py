"""`manage.py hooks`: webhooks are registered at the system by its own API, once, and taken back."""

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from syncadmin.config import secrets
from syncadmin.models import System
from tests.builders import a_user
from tests.connectors.odd_server import Asked, OddServer, Say

pytestmark = pytest.mark.django_db
HUB = "https://sync.example.com"
ADDRESS = f"{HUB}/hooks/crm/"


class Registry:
    """A system that keeps registrations, as many do; it can lose an answer, or make the secret itself."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.lose, self.own_secret = False, ""
        self.posted: list[dict[str, str]] = []

    def answer(self, asked: Asked) -> Say:
        if asked.method == "GET":
            return Say({"data": [*self.rows.values()]})
        if asked.method == "DELETE":
            gone = self.rows.pop(asked.path.rpartition("/")[2], None)
            return Say(status=204 if gone else 404, body=b"")
        self.posted.append(asked.json)
        row = {**asked.json, "id": f"wh_{len(self.posted)}"}
        self.rows[row["id"]] = {name: value for name, value in row.items() if name != "key"}
        if self.lose:
            self.lose = False
            return Say(lost=True)
        return Say({**row, **({"secret": self.own_secret} if self.own_secret else {})}, status=201)


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    with OddServer(made.answer) as server:
        made.url = server.url
        yield made


def a_system(registry: Registry, **register: object) -> System:
    how = {
        "path": "hooks",
        "body": {"target": "{url}", "key": "{secret}", "event": "{topic}"},
        "list": {"path": "hooks", "items": "data", "url": "target", "topic": "event"},
        "remove": {"path": "hooks/{id}"},
        **register,
    }
    webhook = {"signed": {"type": "standard", "secret": "${CRM_HOOK}"}, "register": how}
    config = {"base_url": registry.url, "webhook": webhook}
    return System.objects.create(name="crm", connector="rest", config=config)


def run(*arguments: str) -> dict:
    out = StringIO()
    call_command("hooks", "crm", *arguments, "--url", HUB, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_webhooks_are_registered_once_for_each_topic_with_a_secret_that_is_made(registry: Registry) -> None:
    system = a_system(registry, topics=["contact.changed", "contact.deleted"])
    first = run("--register")
    assert [row["topic"] for row in first["registered"]] == ["contact.changed", "contact.deleted"]
    assert run("--register")["registered"] == first["registered"]
    system.refresh_from_db()
    made = secrets.values_of(system)["CRM_HOOK"]
    assert made.startswith("whsec_")
    assert [posted["key"] for posted in registry.posted] == [made, made]
    assert {posted["target"] for posted in registry.posted} == {ADDRESS}
    registry.rows["other"] = {"id": "other", "target": "https://else.example.com", "event": "x"}
    assert run("--remove")["removed"] == 2
    assert list(registry.rows) == ["other"]
    reasons = list(system.history.values_list("history_change_reason", flat=True))
    assert [why.split(" by ")[0] for why in reasons[:2]] == ["webhooks unregistered", "webhooks registered"]


def test_an_answer_that_is_lost_registers_nothing_twice(registry: Registry) -> None:
    a_system(registry)
    registry.lose = True
    assert [row["id"] for row in run("--register")["registered"]] == ["wh_1"]
    assert len(registry.posted) == 1


def test_a_secret_that_the_system_makes_is_kept(registry: Registry) -> None:
    system = a_system(registry, secret="secret")
    registry.own_secret = "whsec_TmV2ZXIgZ29ubmEgZ2l2ZQ=="
    run("--register")
    system.refresh_from_db()
    assert secrets.values_of(system)["CRM_HOOK"] == registry.own_secret


def test_a_refusal_is_told_without_the_secret(registry: Registry) -> None:
    system = a_system(registry)
    secrets.put(system, "CRM_HOOK", "whsec_TmV2ZXIgZ29ubmEgZ2l2ZQ==")
    system.save()
    real = registry.answer
    with OddServer(
        lambda asked: real(asked) if asked.method == "GET" else Say({"message": asked.json["key"]}, 422)
    ) as server:
        system.config = {**system.config, "base_url": server.url}
        system.save()
        with pytest.raises(CommandError) as error:
            run("--register")
    assert error.value.returncode == 1
    assert "TmV2ZXI" not in str(error.value)


def test_a_button_registers_as_the_command_does(registry: Registry, client) -> None:
    a_system(registry)
    client.force_login(a_user("syncadmin.view_system", "syncadmin.change_system"))
    answer = client.post("/systems/crm/hooks/register/", follow=True)
    assert "1 registered" in answer.content.decode()
    assert [posted["target"] for posted in registry.posted] == ["http://testserver/hooks/crm/"]
    client.post("/systems/crm/hooks/register/", {"remove": "1"})
    assert registry.rows == {}


def test_without_an_address_nobody_is_told_anything(registry: Registry, settings) -> None:
    a_system(registry)
    settings.BASE_URL = ""
    with pytest.raises(CommandError, match="BASE_URL"):
        call_command("hooks", "crm", "--register")
    assert not registry.posted
