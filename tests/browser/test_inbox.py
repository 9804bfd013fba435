"""The inbox in a real browser: by keyboard, beside an engine that answers; all pages wide, narrow, dark."""

import json

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from conflicts.models import Conflict, ConflictState
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_conflict, a_guard_stop, a_link, a_mapping, a_pass, an_ambiguous_match, journal


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    """No worker: the tests play the engine themselves."""
    for place in ("conflicts.views.card", "syncadmin.views.dashboard", "syncadmin.views.guard_stops"):
        monkeypatch.setattr(f"{place}.enqueue_pass", lambda *args: None)


def close(conflict: Conflict) -> None:
    """What the engine does once both systems hold the decision."""
    Conflict.objects.filter(pk=conflict.pk).update(
        state="closed", closed_at=timezone.now(), closed_how="resolved"
    )


def test_conflicts_are_resolved_by_keyboard_alone(browser_page):
    mapping = a_mapping()
    first = a_conflict(mapping, label="Ada Lovelace")
    second = a_conflict(mapping, label="Grace Hopper", fields={"phone": ("1", "0", "2"), "visits": (5, 1, 7)})
    third = an_ambiguous_match(mapping, label="Emmy Noether")
    page = browser_page
    page.goto("/conflicts/?order=oldest")

    page.keyboard.press("j")
    expect(page.locator("#card-title")).to_have_text("Ada Lovelace")
    page.keyboard.press("1")
    page.keyboard.press("Enter")

    expect(page.locator("#card-title")).to_have_text("Grace Hopper")
    expect(page.locator("[data-status=decided]")).to_contain_text("Ada Lovelace")
    close(first)
    expect(page.locator("[data-status=closed]")).to_contain_text("resolved")
    page.keyboard.press("2")
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("42")
    page.keyboard.press("Enter")

    expect(page.locator("#card-title")).to_have_text("Emmy Noether")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The inbox is clear")).to_be_visible()
    expect(page.locator("[data-status]")).to_have_count(3)

    picks = {row.field: (row.pick["kind"], row.pick["value"]) for row in second.fields.all()}
    assert picks == {"phone": ("right", None), "visits": ("value", 42)}
    third.refresh_from_db()
    assert third.decision["key"] == "R-2"


def test_a_record_that_moved_while_the_card_was_open_comes_back(browser_page):
    conflict = a_conflict(a_mapping())
    browser_page.goto(f"/conflicts/{conflict.pk}/")
    conflict.fields.update(right="+49 30 5555")
    Conflict.objects.update(revision=2)

    browser_page.keyboard.press("2")
    browser_page.keyboard.press("Enter")

    expect(browser_page.get_by_role("alert").filter(has_text="nothing has been written")).to_be_visible()
    expect(browser_page.locator(".sa-moved")).to_contain_text("+49 30 5555")
    expect(browser_page.locator(".sa-moved")).to_contain_text("+49 30 9999")
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_a_decision_that_comes_back_says_so_and_leads_there(browser_page):
    conflict = a_conflict(a_mapping(), label="Ada")
    browser_page.goto(f"/conflicts/{conflict.pk}/")
    browser_page.keyboard.press("1")
    browser_page.keyboard.press("Enter")
    expect(browser_page.locator("[data-status=decided]")).to_be_visible()

    Conflict.objects.update(state="open", moved=True, decision=None)
    browser_page.get_by_role("link", name="Look again").click()

    expect(browser_page.locator("#card-title")).to_have_text("Ada")
    expect(
        browser_page.get_by_role("alert").filter(has_text="changed after it was looked at")
    ).to_be_visible()


def test_a_new_conflict_appears_in_the_list_by_itself(browser_page):
    mapping = a_mapping()
    browser_page.goto("/conflicts/")
    expect(browser_page.get_by_text("Nothing waits for a person.").first).to_be_visible()

    a_conflict(mapping, label="Just arrived")

    expect(browser_page.get_by_text("Just arrived")).to_be_visible(timeout=15_000)


def test_the_list_follows_the_search_box(browser_page):
    mapping = a_mapping()
    a_conflict(mapping, label="Ada")
    a_conflict(mapping, label="Grace")
    browser_page.goto("/conflicts/")

    browser_page.keyboard.press("/")
    browser_page.keyboard.type("gra")

    expect(browser_page.locator("[data-row]")).to_have_count(1)
    assert "search=gra" in browser_page.url


def test_all_keys_are_listed_with_a_question_mark(browser_page):
    browser_page.goto("/conflicts/")

    browser_page.keyboard.press("?")

    expect(browser_page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"]
)
def test_pages_fit_the_window_and_break_nothing(open_page, reviewer, shoot, size, scheme):
    """Also that no page logs an error: see `open_page`. Values are long and hostile."""
    mapping = a_mapping()
    hostile = "<img src=x onerror=alert(1)>" + "W" * 300
    link = a_link(mapping, name=hostile)
    fields = {
        "phone": (hostile, " a\u202eb ", None),
        "extra": ({"k": hostile}, None, []),
        "tags": ([hostile], [], []),
    }
    snapshot = {"left": {"name": hostile}, "right": {"name": "x"}}
    shown = {
        "field": a_conflict(mapping, link=link, label=hostile[:200], fields=fields, snapshot=snapshot),
        "match": an_ambiguous_match(mapping),
        "deleted": a_conflict(mapping, "deleted / changed", snapshot={"right": {"name": hostile}}),
        "rejected": a_conflict(mapping, "rejected", said=json.dumps({"said": hostile})),
    }
    stop = a_guard_stop(mapping)
    journal(mapping, {"side": "left", "key": hostile, "link_id": link.pk, "field": "phone", "new": hostile})
    paths = {
        "dashboard": "/",
        "inbox": "/conflicts/",
        "passes": "/passes/",
        "pass": f"/passes/{a_pass(mapping, 'running', progress=3, total=9).pk}/",
        "guard-stop": f"/guard-stops/{stop.pk}/",
        "history": "/history/",
        "record": f"/history/customers/{link.pk}/",
        **{f"card-{name}": f"/conflicts/{conflict.pk}/" for name, conflict in shown.items()},
    }
    page = open_page(reviewer, size, scheme)

    too_wide = {}
    for name, path in paths.items():
        page.goto(path)
        expect(page.locator(".sa")).to_be_visible()
        shoot(page, f"{name}-{size[0]}-{scheme}")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size[0]:
            too_wide[name] = width

    assert too_wide == {}
