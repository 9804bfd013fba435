"""Try it in a real browser: a record is made, changed and deleted, each after a look at the request."""

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from syncadmin.models import TriedWrite
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW
from tests.builders import a_user
from tests.connectors.odd_server import OddServer
from tests.views.test_trying_writes import Shop, mapping, server, shop  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.runs_once]


def test_an_integrator_makes_a_record_and_deletes_it(
    open_page,
    shoot,
    mapping,  # noqa: F811
    server: OddServer,  # noqa: F811
    shop: Shop,  # noqa: F811
):
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    page = open_page(user, NARROW, "dark")

    page.goto("/systems/shop/try/")
    page.get_by_label("What to do").select_option("create")
    page.get_by_role("button", name="Ask").click()
    page.get_by_label("Fields and values, as JSON").fill('{\n  "name": "Lin Müller",\n  "price": 12.50\n}')
    shoot(page, "try-edit", whole=True)
    assert grave_findings(page) == []
    page.get_by_role("button", name="Show the request").click()
    expect(page.get_by_text("This writes to the live system.")).to_be_visible()
    shoot(page, "try-preview", whole=True)
    assert grave_findings(page) == []
    assert "new" not in shop.rows
    page.get_by_role("button", name="Create it in").click()
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
    shoot(page, "try-done", whole=True)
    assert grave_findings(page) == []
    assert shop.rows["new"]["name"] == "Lin Müller"
    page.get_by_role("button", name="Delete it …", exact=True).click()
    shoot(page, "try-delete", whole=True)
    page.get_by_role("button", name="Delete new from").click()
    expect(page.get_by_text("The system proved that it has no such record.")).to_be_visible()
    shoot(page, "try-deleted", whole=True)
    assert [row.result for row in TriedWrite.objects.all()] == ["applied"] * 2
