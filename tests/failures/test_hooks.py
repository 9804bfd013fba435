"""F24: a webhook that is lost, doubled, late, forged or replayed harms nothing; what it names is read."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from syncadmin import hooks
from syncadmin.config import secrets
from syncadmin.engine.collect import Collected
from syncadmin.models import Delivery, Entry, Hint, HookDay, Mark
from syncadmin.ticker import due_states
from tests.engine.world import World

from .acts import ANNA, at_rest, before_writing, same_everywhere, writes

SECRET = "whispered"
WEBHOOK = {
    "signed": {
        "type": "hmac",
        "secret": "${HOOK}",
        "header": "X-Signature",
        "timestamp": "X-Time",
        "content": "{timestamp}.{body}",
    },
    "events": "events || @",
    "resource": "collection",
    "records": "id",
    "id": "delivery",
}


@pytest.fixture
def world(with_kinto: World) -> World:
    """A CRM in PostgreSQL and a directory in Kinto that sends webhooks."""
    system = with_kinto.mapping.right.system
    system.config = {**system.config, "webhook": WEBHOOK}
    secrets.put(system, "HOOK", SECRET)
    system.save()
    return with_kinto


def send(payload, *, secret: str = SECRET, at=None) -> int:
    """What the directory sends; the status of the answer."""
    body = json.dumps(payload).encode()
    time = str(int((at or timezone.now()).timestamp()))
    proof = hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Time": time, "X-Signature": proof}
    return Client().post("/hooks/shop/", body, content_type="application/json", headers=headers).status_code


def came(world: World) -> list[tuple[str, str]]:
    """What came of each hint, oldest first."""
    return list(Hint.objects.filter(mapping=world.mapping).order_by("id").values_list("key", "came"))


def share() -> tuple[int, int]:
    """Records whose changes a hint named first, and those that a pass saw by itself."""
    days = list(HookDay.objects.filter(system__name="shop").values_list("hinted", "polled"))
    return (days[0][0], days[0][1]) if days else (0, 0)


def test_f24_lost_doubled_late_and_reordered_webhooks_leave_both_sides_equal(world: World) -> None:
    left, right = world.linked(**ANNA)
    world.sync()
    world.right.edit(right, phone="030 2")
    twice = {"collection": "contacts", "id": right, "delivery": "d1", "phone": "payload says 666"}
    assert [send(twice), send(twice)] == [202, 202]
    assert Delivery.objects.get().repeats == 1
    hooks.handle()
    assert not Mark.objects.exists()  # only a pass marks, at its beginning
    world.sync()
    assert world.left.row(left)["phone"] == "030 2"  # as it was read; the payload is no data
    assert came(world) == [(right, "changed")]
    assert share() == (1, 0)
    # two edits, told in the wrong order and late, together with a record that is not there
    for phone in ("030 3", "030 4"):
        world.right.edit(right, phone=phone)
    world.sync()
    late = timezone.now() - timedelta(minutes=4)
    events = [
        {"collection": "contacts", "id": key} for key in (right, "00000000-0000-4000-8000-000000000000")
    ]
    assert send({"delivery": "d3", "events": events}, at=late) == 202
    assert send({"collection": "contacts", "id": right, "delivery": "d2"}, at=late) == 202
    before = writes(world)
    hooks.handle()
    world.sync()
    assert writes(world) == before
    assert [what for _key, what in came(world)[1:]] == ["known", "nothing", "known"]
    assert share() == (1, 1)
    # one that is lost
    world.right.edit(right, phone="030 5")
    world.sync()
    assert share() == (1, 2)
    # our own write comes back as a webhook
    world.left.edit(left, phone="030 6")
    world.sync()
    send({"collection": "contacts", "id": right, "delivery": "d4"})
    hooks.handle()
    world.sync()
    assert came(world)[-1] == (right, "echo")
    assert same_everywhere(world)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"done"}
    at_rest(world)


def test_f24_forged_and_replayed_webhooks_are_refused_and_leave_nothing_behind(world: World) -> None:
    _left, right = world.linked(**ANNA)
    payload = {"collection": "contacts", "id": right, "delivery": "d1"}
    assert send(payload, secret="guessed") == 401
    assert send(payload, at=timezone.now() - timedelta(minutes=6)) == 401
    assert send(payload, at=timezone.now() + timedelta(minutes=6)) == 401
    assert not Delivery.objects.exists()
    hooks.handle()
    at_rest(world)


def test_f24_records_that_only_webhooks_tell_of_are_matched_as_any_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two new records of one person are a question, not two people, though the list lags behind."""
    world.linked(**ANNA)
    world.sync()
    monkeypatch.setattr("syncadmin.engine.run.read_changes", lambda *_: Collected())
    found = {}
    for city in ("Bonn", "Köln"):
        found[city] = world.right.add(email="neu@example.com", city=city)
    lone = world.right.add(email="lone@example.com")
    events = [{"collection": "contacts", "id": key} for key in [*found.values(), lone]]
    send({"delivery": "d1", "events": events})
    hooks.handle()
    world.sync()
    assert {row["email"] for row in world.left.rows()} == {ANNA["email"], "lone@example.com"}
    assert [conflict.kind for conflict in world.open()] == ["ambiguous match", "ambiguous match"]
    assert Entry.objects.filter(key=lone, kind="change").exists()
    assert dict(came(world))[lone] == "changed"


def test_what_a_webhook_says_of_other_things_is_told_and_harms_nothing(world: World) -> None:
    world.linked(**ANNA)
    events = [
        {"collection": "invoices", "id": "1"},
        {"collection": "contacts", "id": {"not": "a key"}},
        {"collection": "companies"},
        {"collection": "<script>alert(1)</script>", "id": "x" * 5000},
    ]
    assert send({"events": events}) == 202
    assert send("no object") == 202
    hooks.handle()
    whats = [what for delivery in Delivery.objects.order_by("id") for what, _about in delivery.told]
    assert whats == ["left out", "left out", "resource", "no keys", "no keys", "resource", "resource"]
    assert not Mark.objects.exists()
    at_rest(world)


def test_a_webhook_that_comes_in_the_middle_of_a_pass_waits_for_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No guard of this pass has counted what it would do."""
    left, right = world.linked(**ANNA)
    world.left.edit(left, city="Bonn")

    def meanwhile() -> None:
        world.right.edit(right, phone="030 7")
        send({"collection": "contacts", "id": right, "delivery": "d1"})
        hooks.handle()

    before_writing(monkeypatch, meanwhile)
    world.sync()
    assert came(world) == [(right, "waiting")]
    due = due_states(timezone.now()).get(mapping=world.mapping)
    assert due.oldest_hint is not None
    world.sync()
    assert world.left.row(left)["phone"] == "030 7"
    assert came(world)[0][1] in ("changed", "known")
    at_rest(world)
