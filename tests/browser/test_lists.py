"""The list of the inbox in a real browser: groups, filters, saved views, counts; by keyboard; every look."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from conflicts.models import Conflict, DefaultView, SavedView
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW, WIDE
from tests.browser.list_states import a_full_inbox
from tests.builders import a_conflict, a_user

MIDDLE = (820, 1180)


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    """No worker: the tests play the engine themselves."""
    monkeypatch.setattr("conflicts.views.card.enqueue_pass", lambda *args: None)


@pytest.fixture
def full(transactional_db, reviewer):
    return a_full_inbox(reviewer)


def tokens(page: Page) -> list[str]:
    """The filters that the list says are set."""
    return page.locator(".sa-token bdi").all_inner_texts()


def close(conflict: Conflict) -> None:
    """What the engine does once both systems hold the decision."""
    Conflict.objects.filter(pk=conflict.pk).update(
        state="closed", closed_at=timezone.now(), closed_how="resolved"
    )


def test_a_group_is_opened_and_worked_off_by_keyboard(browser_page, full):
    page = browser_page
    page.goto("/conflicts/")
    page.keyboard.press("g")
    expect(page).to_have_url(re.compile("view=groups"))
    groups = page.locator("[data-group]")
    expect(groups.first).to_contain_text("Web shop is empty")
    size = int(groups.first.locator(".sa-group-size").inner_text())

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(groups.nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")

    expect(page.locator("[data-count]")).to_have_attribute("data-count", str(size))
    assert tokens(page) == ["Customers", "values differ", "Phone", "Web shop is empty"]
    page.keyboard.press("j")
    seen = []
    for _ in range(3):  # every next card is of the group, and in its order
        expect(page.locator("[data-card]")).to_be_visible()
        number = page.locator("[data-card]").get_attribute("data-card")
        seen.append(number)
        page.keyboard.press("l")
        page.keyboard.press("Enter")
        expect(page.locator(f'[data-card="{number}"]')).to_have_count(0)
    rows = Conflict.objects.filter(pk__in=seen, fields__field="phone", fields__right="").order_by("-impact")
    assert [str(pk) for pk in rows.values_list("pk", flat=True)] == seen
    expect(page.locator("[data-count]")).to_have_attribute("data-count", str(size - 3))

    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("g")
    expect(page.locator("[data-group]").first).to_be_visible()
    expect(page.locator(".sa-token")).to_have_count(0)


def test_filters_are_in_the_address_and_are_taken_off_one_by_one(browser_page, full):
    page = browser_page
    page.goto("/conflicts/")

    page.keyboard.press("f")
    expect(page.get_by_role("combobox", name="Mapping", exact=True)).to_be_focused()
    page.get_by_role("combobox", name="Mapping", exact=True).select_option("customers")
    expect(page).to_have_url(re.compile(r"/conflicts/\?mapping=customers$"))
    page.get_by_role("combobox", name="Field", exact=True).focus()
    page.get_by_role("combobox", name="Field", exact=True).select_option("phone")
    expect(page).to_have_url(re.compile(r"\?mapping=customers&field=phone$"))
    expect(page.locator("#filter-field")).to_be_focused()  # although the counts beside it are new
    page.get_by_role("combobox", name="Age", exact=True).select_option(">1d")
    expect(page.locator(".sa-token")).to_have_count(3)
    assert tokens(page) == ["Customers", "Phone", "older than a day"]

    page.locator(".sa-token", has_text="Phone").click()
    expect(page).to_have_url(re.compile(r"\?mapping=customers&age=%3E1d$"))
    expect(page.locator("#filter-field")).to_have_value("")
    page.go_back()
    expect(page.locator(".sa-token")).to_have_count(3)
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("[data-count]")).to_have_attribute("data-count", "80")
    expect(page.locator("#filter-mapping")).to_have_value("")


def test_a_search_finds_values_as_they_are_typed(browser_page, full):
    page = browser_page
    page.goto("/conflicts/")

    page.keyboard.press("/")
    page.keyboard.type("gross")
    expect(page).to_have_url(re.compile("search=gross$"))
    expect(page.locator(".sa-row-name").first).to_be_visible()
    expect(page.locator("[data-row]", has_text="Jürgen Groß").first).to_be_visible()
    expect(page.locator("#inbox-search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("[data-card]")).to_be_visible()


def test_a_view_is_saved_and_started_with_and_seen_by_others_once_shared(open_page, reviewer, full):
    page = open_page(reviewer)
    page.goto("/conflicts/?field=phone&order=oldest")
    page.get_by_role("button", name="Save this view").click()
    expect(page.get_by_label("Name of the view")).to_be_focused()
    page.keyboard.type("Phones first")
    page.keyboard.press("Enter")

    chip = page.locator(".sa-chip", has_text="Phones first")
    expect(chip).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("button", name="Save this view")).to_have_count(0)
    number = page.locator("[data-count]").get_attribute("data-count")
    expect(chip).to_contain_text(number)

    page.goto("/conflicts/views/")
    page.get_by_role("button", name="Start with it").click()
    assert DefaultView.objects.get(user=reviewer).view.name == "Phones first"
    page.goto("/conflicts/")
    expect(page).to_have_url(re.compile(r"\?field=phone&order=oldest$"))

    other = open_page(a_user("conflicts.view_conflict", name="olga"))
    other.goto("/conflicts/")
    expect(other.locator(".sa-chip", has_text="Phones first")).to_have_count(0)
    page.goto("/conflicts/views/")
    page.get_by_label("for all").check()
    page.get_by_role("button", name="Store").click()
    other.reload()
    expect(other.locator(".sa-chip", has_text="Phones first")).to_be_visible()
    assert SavedView.objects.get().owner == reviewer


def test_counts_follow_what_others_do_while_one_looks(browser_page, full):
    page = browser_page
    page.goto("/conflicts/?mapping=products")
    expect(page.locator("[data-count]")).to_have_attribute("data-count", "20")
    page.get_by_role("button", name="Save this view").click()

    close(Conflict.objects.filter(mapping=full[1]).first())
    a_conflict(full[0], label="Just come")

    expect(page.locator("[data-count]")).to_have_attribute("data-count", "19")
    expect(page.locator("[data-count]")).to_contain_text("of 80")
    expect(page.locator("#chip-1")).to_contain_text("80")
    expect(page.get_by_label("Name of the view")).to_be_visible()  # what one has opened stays open


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (MIDDLE, "dark"), (NARROW, "dark")],
    ids=["wide-light", "middle-dark", "narrow-dark"],
)
def test_the_list_fits_and_keeps_nobody_out(open_page, reviewer, full, shoot, size, scheme):
    page = open_page(reviewer, size, scheme)
    SavedView.objects.create(owner=reviewer, name="Phones", query="field=phone", shared=True)
    SavedView.objects.create(owner=reviewer, name="Waits for long", query="age=%3E1d&order=oldest")
    wrong: dict[str, object] = {}

    def look(name: str) -> None:
        shoot(page, f"list-{name}-{size[0]}-{scheme}")
        if (width := page.evaluate("document.documentElement.scrollWidth")) > size[0]:
            wrong[f"{name}, too wide"] = width
        if findings := grave_findings(page):
            wrong[name] = findings

    page.goto("/conflicts/?view=list")
    look("items")
    page.keyboard.press("f")
    look("filters")
    page.goto("/conflicts/?view=groups")
    look("groups")
    page.goto("/conflicts/?mapping=customers&kind=field&field=phone&pattern=right+empty&age=%3E1d")
    look("group")
    page.get_by_role("button", name="Save this view").click()
    look("save")
    page.goto("/conflicts/?search=nobody")
    look("nothing")
    page.goto("/conflicts/?search=ecalevol")
    expect(page.locator("[data-row]")).to_have_count(2)  # one of each mapping
    page.goto("/conflicts/?search=script")
    expect(page.locator(".sa-row-name").first).to_have_text("<script>alert('a')</script>")
    look("hostile")
    page.goto("/conflicts/views/")
    look("views")

    assert wrong == {}
