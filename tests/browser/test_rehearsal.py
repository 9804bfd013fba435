"""The plan of a first pass in a real browser: looked at, looked into, approved, taken back."""

from __future__ import annotations

from django.contrib.auth.models import User
from playwright.sync_api import expect

from syncadmin.models import Rehearsal, RehearsalState
from tests.browser.conftest import NARROW
from tests.browser.test_bulk_and_undo import looks
from tests.builders import a_mapping, a_plan


def test_a_plan_is_looked_at_down_to_a_record_and_approved(
    open_page, reviewer: User, monkeypatch, shoot
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("syncadmin.views.rehearsal.enqueue_rehearsal", asked.append)
    monkeypatch.setattr("syncadmin.views.rehearsal.enqueue_pass", asked.append)
    mapping = a_mapping(rehearse="required")
    page = open_page(reviewer)
    page.goto("/mappings/customers/rehearsal/")
    page.get_by_role("button", name="Rehearse it now").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    Rehearsal.objects.filter(pk=asked.pop()).update(state=RehearsalState.CANCELLED)
    expect(page.get_by_text("Somebody stopped it")).to_be_visible()
    plan = a_plan(mapping)
    page.reload()
    looks(page, shoot, "rehearsal")
    page.get_by_role("link", name="differ 1").click()
    expect(page.get_by_role("rowheader", name="Ada")).to_be_visible()
    looks(page, shoot, "rehearsal-records")
    page.get_by_role("link", name=f"plan #{plan.pk}").click()
    page.get_by_label("Records that may differ").fill("2")
    page.get_by_role("button", name="Approve exactly this plan").click()
    expect(page.get_by_text("Up to 2 records may differ.")).to_be_visible()
    page.get_by_role("button", name="Take the approval back").click()
    expect(page.get_by_role("button", name="Rehearse it again")).to_be_visible()
    assert asked == [mapping.pk]
    small = open_page(reviewer, size=NARROW, scheme="dark")
    small.goto("/mappings/customers/rehearsal/")
    assert small.evaluate("document.documentElement.scrollWidth <= innerWidth")
