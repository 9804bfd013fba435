"""The pages of a system's webhooks: what came of each delivery, one again, how they are signed."""

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncadmin import hooks
from syncadmin.config import secrets
from syncadmin.models import Came, Delivery, Entry, Hint, HookDay, Mapping, System
from tests.builders import a_mapping

pytestmark = pytest.mark.django_db
SIGNED = {"type": "header", "header": "Authorization", "secret": "${SHOP_HOOK}"}
WEBHOOK = {"signed": SIGNED, "resource": "type"}
BODY = b'{"type": "customers_r", "id": "7", "name": "<script>alert(1)</script>"}'


@pytest.fixture
def mapping() -> Mapping:
    """CRM contacts with customers of a shop that sends webhooks."""
    return hooked(a_mapping())


def hooked(made: Mapping) -> Mapping:
    """The mapping, with webhooks of the system on its right."""
    shop = made.right.system
    shop.connector, shop.config = "rest", {"base_url": "https://shop.example.com", "webhook": WEBHOOK}
    secrets.put(shop, "SHOP_HOOK", "geheim-genug")
    shop.save()
    made.right.config = {"path": "customers"}
    made.right.save()
    return made


def delivered(mapping: Mapping, body: bytes = BODY, **values) -> Delivery:
    system = mapping.right.system
    return Delivery.objects.create(
        system=system, received_at=timezone.now(), body=body, size=len(body), **values
    )


def a_hint(delivery: Delivery, mapping: Mapping, came: str = Came.CHANGED, changes: int = 1) -> Hint:
    return Hint.objects.create(
        delivery=delivery,
        mapping=mapping,
        side="right",
        key="7",
        at=timezone.now(),
        since=0,
        came=came,
        changes=changes,
    )


def page(client, mapping: Mapping, after: str = "") -> str:
    answer = client.get(f"/systems/{mapping.right.system.name}/hooks/{after}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_says_what_came_of_each_and_what_hooks_have_missed(viewer, mapping) -> None:
    for came in Came.values:
        a_hint(delivered(mapping, state="done", event_id=f"e-{came}"), mapping, came)
    delivered(mapping, state="failed", told=[["unread", "the body is no JSON"]], repeats=3)
    day = timezone.now().date()
    HookDay.objects.create(
        system=mapping.right.system, day=day, taken=7, hinted=19, polled=1, forged=5, old=2
    )

    text = page(viewer, mapping)

    for words in (
        "1 record had changed",
        "1 record to be read",
        "1 seen by a pass before",
        "1 with nothing new",
    ):
        assert words in text
    for words in ("not understood", "the body is no JSON", "came 3 times more", "(5.0 %)"):
        assert words in text
    assert "/hooks/" + mapping.right.system.name + "/" in text
    assert "geheim-genug" not in text
    only = page(viewer, mapping, "?what=echo")
    assert "e-echo" in only
    assert "e-changed" not in only


def test_the_list_takes_as_many_queries_for_one_delivery_as_for_thirty(viewer, mapping) -> None:
    a_hint(delivered(mapping, state="done"), mapping)
    page(viewer, mapping)
    with CaptureQueriesContext(connection) as one:
        page(viewer, mapping)
    for _ in range(30):
        a_hint(delivered(mapping, state="done"), mapping)
    with CaptureQueriesContext(connection) as many:
        page(viewer, mapping)
    assert len(many) == len(one) <= 14


def test_what_was_sent_is_shown_as_text_and_cut(viewer, mapping) -> None:
    delivery = delivered(mapping, BODY + b" " + b"x" * 200_000, state="done", topic="\u202e<b>")
    a_hint(delivery, mapping)
    text = page(viewer, mapping, f"{delivery.pk}/")
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
    assert len(text) < 120_000


def test_a_delivery_is_handled_again_in_a_persons_name_and_that_is_journaled(operator, mapping) -> None:
    delivery = delivered(mapping, state="done", event_id="e1", identity="i1")
    name = mapping.right.system.name
    answer = operator.post(f"/systems/{name}/hooks/{delivery.pk}/replay/", follow=True)
    again = Delivery.objects.get(replay_of=delivery)
    assert answer.redirect_chain[-1][0] == f"/systems/{name}/hooks/{again.pk}/"
    assert again.replayed_by == "otto"
    entry = Entry.objects.get(mapping=mapping, kind="decision")
    assert (entry.actor, f"#{delivery.pk}" in entry.rule) == ("otto", True)
    hooks.handle()
    assert Hint.objects.get(delivery=again).key == "7"
    delivery.body = b""
    delivery.save()
    answer = operator.post(f"/systems/{name}/hooks/{delivery.pk}/replay/", follow=True)
    assert "no longer kept" in answer.content.decode()
    assert Delivery.objects.count() == 2


def test_an_integrator_switches_webhooks_on_and_off_without_a_file(viewer, mapping) -> None:
    user = User.objects.get(username="otto")
    user.user_permissions.add(Permission.objects.get(codename="change_system"))
    shop = mapping.right.system
    shop.config, shop.secrets = {"base_url": "https://shop.example.com"}, {}
    shop.save()
    assert "sends no webhooks to the hub yet" in page(viewer, mapping)
    form = {
        "webhook__signed__type": "hmac",
        "webhook__signed__secret": "geheim-genug",
        "webhook__signed__header": "X-Sum",
        "webhook__signed__algorithm": "sha512",
        "webhook__signed__encoding": "base64",
        "webhook__records": "data[].id",
    }
    address = f"/systems/{shop.name}/hooks/settings/"
    wrong = viewer.post(address, {**form, "webhook__records": "data["})
    assert wrong.status_code == 422
    assert "JMESPath" in wrong.content.decode()
    assert "geheim" not in wrong.content.decode()
    assert viewer.post(address, form).status_code == 302
    shop.refresh_from_db()
    assert shop.config["webhook"]["signed"] == {
        "type": "hmac",
        "secret": f"${{{shop.name.upper()}_WEBHOOK_SECRET}}",
        "header": "X-Sum",
        "algorithm": "sha512",
        "encoding": "base64",
    }
    assert "geheim" not in viewer.get(address).content.decode()
    viewer.post(address, {**form, "webhook__signed__secret": "", "webhook__records": "id"})
    shop.refresh_from_db()
    assert secrets.values_of(shop) == {f"{shop.name.upper()}_WEBHOOK_SECRET": "geheim-genug"}
    viewer.post(address, {"off": "1"})
    assert "webhook" not in System.objects.get(pk=shop.pk).config


def test_a_database_sends_no_webhooks_and_the_page_says_so(viewer) -> None:
    system = a_mapping().left.system
    assert "sends no webhooks" in viewer.get(f"/systems/{system.name}/hooks/").content.decode()
