"""Somebody who reads German and sits in another time zone: words and times are theirs, on every page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from conflicts.models import Conflict
from syncadmin.models import Entry
from tests.browser.card_states import STATES, a_rich_mapping
from tests.browser.conftest import NARROW, WIDE, session_cookie
from tests.builders import a_conflict, journal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture
def german_page(browser, live_server, reviewer):
    """A browser that asks for German, in New York."""
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": WIDE[0], "height": WIDE[1]},
        locale="de-DE",
        timezone_id="America/New_York",
    )
    context.add_cookies([session_cookie(reviewer, live_server.url)])
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def test_words_and_times_are_the_readers_own(german_page, shoot):
    page = german_page
    mapping = a_rich_mapping()
    conflict = a_conflict(mapping, label="Ada Lovelace", reason="both sides changed it")
    link = conflict.link_id
    journal(mapping, {"kind": "note", "link_id": link, "rule": "conflict #4: put on hold"}, at=SUMMER)
    Conflict.objects.update(opened_at=SUMMER)

    page.goto("/")  # the browser says its zone once
    page.goto(f"/conflicts/{conflict.pk}/")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("[data-card]")).to_contain_text("Beide Seiten haben es geändert")
    page.keyboard.press("1")
    expect(page.locator("[data-card]")).to_contain_text("überschreibt +49 30 9999")
    shoot(page, "german-card", whole=True)
    opened = page.locator('.sa-card-head time, [data-card] time[datetime^="2026-07-01T22:30"]').first
    expect(opened).to_have_attribute("title", "2026-07-01 18:30:00 EDT")
    page.goto(f"/history/{mapping.name}/{link}/")
    expect(page.locator("main")).to_contain_text("Konflikt Nr. 4: gesperrt")
    expect(page.locator("main")).to_contain_text("1. Jul 2026 18:30:00")
    assert Entry.objects.get(rule__contains="hold").rule == "conflict #4: put on hold"  # kept as it was said


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_german_fits(german_page, shoot, size):
    page = german_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    mapping = a_rich_mapping()
    addresses = {state: f"/conflicts/{build(mapping).pk}/" for state, build in STATES.items()}
    addresses |= {
        "inbox": "/conflicts/",
        "team": "/conflicts/team/",
        "history": "/history/",
        "dashboard": "/",
    }
    too_wide = {}
    for name, address in addresses.items():
        page.goto(address)
        shoot(page, f"german-{name}-{size[0]}", whole=True)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size[0]:
            too_wide[name] = width

    assert too_wide == {}


def test_the_language_can_be_chosen(browser_page):
    page = browser_page
    page.goto("/conflicts/")
    expect(page.get_by_role("heading", name="The inbox is clear")).to_be_visible()

    page.locator("form[action='/i18n/setlang/']").filter(has_text="Deutsch").locator("button").dispatch_event(
        "click"
    )

    expect(page.get_by_role("heading", name="Der Eingang ist leer")).to_be_visible()
