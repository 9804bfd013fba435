"""The pages of webhooks in a real browser: the address is copied, one comes in, and is handled again."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from syncadmin import hooks
from syncadmin.models import Came, Delivery, HookDay
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_mapping, a_user
from tests.views.test_hook_pages import BODY, a_hint, delivered, hooked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_an_operator_looks_at_deliveries_and_has_one_handled_again(open_page, shoot, size, scheme):
    user = a_user(name="ines")
    user.groups.add(*Group.objects.filter(name__in=["Operator", "Integrator"]))
    mapping = hooked(a_mapping(label="Customers"))
    shop = mapping.right.system
    HookDay.objects.create(
        system=shop, day=timezone.now().date(), taken=841, repeated=12, forged=3, old=1, hinted=412, polled=9
    )
    for number, came in enumerate(Came.values):
        delivery = delivered(mapping, state="done", event_id=f"evt_30{number}", repeats=number // 4)
        a_hint(delivery, mapping, came)
    delivered(mapping, b"{", state="failed", told=[["unread", "the body is no JSON"]])
    name = f"{size[0]}-{scheme}"
    page = open_page(user, size, scheme)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.goto(f"/systems/{shop.name}/hooks/")
    expect(page.get_by_text("412", exact=False).first).to_be_visible()
    shoot(page, f"hooks-{name}", whole=True)
    assert grave_findings(page) == []
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    address = page.get_by_label("Address to give to the other system").input_value()
    assert page.evaluate("navigator.clipboard.readText()") == address
    path = address.partition("://")[2].partition("/")[2]
    sent = Client().post(
        f"/{path}", BODY, content_type="application/json", headers={"Authorization": "geheim-genug"}
    )
    assert sent.status_code == 202
    hooks.handle()
    newest = Delivery.objects.order_by("-id").first()
    page.get_by_role("link", name=f"#{newest.pk}").click()
    expect(page.get_by_text("to be read").first).to_be_visible()
    shoot(page, f"hook-{name}", whole=True)
    assert grave_findings(page) == []
    page.get_by_role("button", name="Handle it again").click()
    expect(page.get_by_text("It is handled again, in your name")).to_be_visible()
    page.goto(f"/systems/{shop.name}/hooks/settings/")
    expect(page.get_by_label("Where the key is")).to_be_visible()
    shoot(page, f"hooks-settings-{name}", whole=True)
    assert grave_findings(page) == []
