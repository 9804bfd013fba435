"""A probe of PocketBase and PostgreSQL in a real browser: named, shown, carried out, put back, taken over."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import expect

from syncadmin import probes
from syncadmin.models import Mapping, Probe, Resource
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW
from tests.browser.test_bulk_and_undo import looks
from tests.browser.test_surveys import integrator  # noqa: F401
from tests.survey.conftest import Database, new_database  # noqa: F401
from tests.survey.test_probes import goods, mapped, row, shop  # noqa: F401


def test_a_probe_is_asked_for_watched_and_its_advice_taken(
    open_page,
    integrator: User,  # noqa: F811
    goods: Database,  # noqa: F811
    shop: Any,  # noqa: F811
    monkeypatch,
    shoot,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("syncadmin.views.probe.enqueue_probe", asked.append)
    fields = {"name": "text", "code": "text", "price": "decimal"}
    mapping = mapped(goods.resource, Resource.objects.get(system__name="shop"), fields)
    before, key = (row(goods), shop()), shop()["id"]
    page = open_page(integrator)
    page.goto("/mappings/goods/probe/")
    page.get_by_label("Key of a record of crm.goods").fill("404")
    page.get_by_role("button", name="Show what would be written").click()
    expect(page.get_by_text("crm.goods has no record 404.")).to_be_visible()
    page.get_by_label("Key of a record of crm.goods").fill("1")
    page.get_by_label("Key of a record of shop.goods").fill(key)
    looks(page, shoot, "probe-ask")
    page.get_by_role("button", name="Show what would be written").click()
    expect(page.get_by_text(f"Would be written to shop, record {key}")).to_be_visible()
    looks(page, shoot, "probe-preview")
    assert grave_findings(page) == []
    page.get_by_role("button", name="Write this, and put it back").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    probes.run(asked.pop())
    expect(page.get_by_role("heading", name="What became of each value")).to_be_visible()
    assert row(goods) == before[0]
    assert {name: shop()[name] for name in fields} == {name: before[1][name] for name in fields}
    expect(page.get_by_text("filled up with spaces").first).to_be_visible()
    looks(page, shoot, "probe-found")
    assert grave_findings(page) == []
    page.get_by_role("button", name="Take this over").click()
    expect(page.get_by_text("taken over").first).to_be_visible()
    assert "trim" in mapping.fields.get(name="code").normalize
    probe = Probe.objects.get()
    probe.holds.filter(side="right", name="name").update(settled_at=None, settled_how="")
    Probe.objects.update(state="interrupted", message="shop is away")
    small = open_page(integrator, size=NARROW, scheme="dark")
    small.goto("/mappings/goods/probe/")
    assert small.evaluate("document.documentElement.scrollWidth <= innerWidth")
    looks(small, shoot, "probe-owed")
    small.get_by_role("button", name="Put them back now").click()
    expect(small.get_by_role("status")).to_be_visible()
    probes.run(asked.pop())
    expect(small.get_by_text("6 fields were written to, and all are as before.")).to_be_visible()
    assert grave_findings(small) == []
    assert Mapping.objects.get(pk=mapping.pk).enabled is False
