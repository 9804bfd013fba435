"""Deciding many at once and taking decisions back, in a real browser: by keyboard; wide, narrow, dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from conflicts.models import BulkRun, Conflict
from conflicts.services import bulk
from conflicts.undoable import latest
from syncadmin.core.values import encode
from syncadmin.models import EntryKind, Link
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_conflict, a_mapping, an_ambiguous_match, journal

NAMES = ("Ada Lovelace", "Grace Hopper", "Emmy Noether", "Rosalind Franklin", "Lise Meitner", "Mary Anning")


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    """No worker: the tests play the engine and the job themselves."""
    for place in ("card", "undo"):
        monkeypatch.setattr(f"conflicts.views.{place}.enqueue_pass", lambda *args: None)
    monkeypatch.setattr("conflicts.views.bulk.enqueue_bulk", lambda *args: None)


@pytest.fixture
def inbox(db):
    mapping = a_mapping()
    for number, name in enumerate(NAMES):
        phone = (f"+49 30 12{number}4", f"+49 30 10{number}0", "" if number % 2 else f"+49 30 99{number}9")
        a_conflict(mapping, label=name, fields={"phone": phone})
    an_ambiguous_match(mapping, label="Hedy Lamarr")
    a_conflict(mapping, label="Marie Curie", hold_reason="asks the customer first")
    return mapping


def work(run: BulkRun) -> None:
    """What the job does."""
    while bulk.step(run.pk).more:
        pass


def looks(page: Page, shoot, name: str) -> None:
    """Screenshots wide and narrow, light and dark."""
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("light", "dark"):
            page.evaluate(
                f"document.documentElement.classList.toggle('dark', {str(scheme == 'dark').lower()})"
            )
            shoot(page, f"{name}-{width}-{scheme}")
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def test_all_of_a_list_are_decided_by_keyboard_after_a_preview(browser_page, inbox, shoot):
    page = browser_page
    page.goto("/conflicts/?field=phone")
    page.get_by_role("link", name="Decide all").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Decide all 7 conflicts")).to_be_visible()
    page.keyboard.press("4")
    looks(page, shoot, "bulk-rules")
    page.keyboard.press("Enter")

    expect(page.locator("[data-bulk-run=ready]")).to_contain_text("3 conflicts are decided")
    expect(page.locator("#bulk-run")).to_contain_text("CRM → Web shop")
    expect(page.locator("#bulk-run")).to_contain_text("It is on hold.")
    looks(page, shoot, "bulk-preview")
    page.get_by_role("link", name="Both sides hold a value.").click()
    expect(page.get_by_role("heading", name="Both sides hold a value.")).to_be_visible()
    expect(page.locator("body")).to_contain_text("Ada Lovelace")
    looks(page, shoot, "bulk-left-out")
    page.go_back()

    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-bulk-run=running]")).to_contain_text("0 of 3 decided")
    looks(page, shoot, "bulk-running")
    run = BulkRun.objects.get()
    work(run)
    expect(page.locator("[data-bulk-run=done]")).to_contain_text("3 decided")
    assert Conflict.objects.filter(state="decided").count() == 3
    looks(page, shoot, "bulk-done")

    page.keyboard.press("u")
    expect(page.locator("#bulk-run h2")).to_have_text(f"Undo of bulk run #{run.pk}")
    expect(page.locator("#bulk-run")).to_contain_text("it is withdrawn")
    looks(page, shoot, "bulk-undo")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-bulk-run=running]")).to_be_visible()
    work(BulkRun.objects.latest("pk"))
    expect(page.locator("[data-bulk-run=done]")).to_contain_text("3 undone")
    assert Conflict.objects.filter(state="decided").count() == 0


def test_ticked_conflicts_stay_ticked_while_the_list_renews_itself(browser_page, inbox, shoot):
    page = browser_page
    page.goto("/conflicts/")
    page.get_by_label("Tick Grace Hopper").check()
    page.get_by_label("Tick Lise Meitner").check()
    page.evaluate("htmx.trigger(document.body, 'inbox-changed')")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_label("Tick Grace Hopper")).to_be_checked()
    looks(page, shoot, "bulk-ticked")
    page.get_by_role("button", name="Decide ticked 2").click()
    expect(page.get_by_role("heading", name="Decide 2 ticked conflicts")).to_be_visible()


def test_a_decision_is_taken_back_with_u_right_after_it(browser_page, inbox, shoot):
    page = browser_page
    page.goto("/conflicts/")
    page.keyboard.press("j")
    expect(page.locator("#card-title")).to_have_text("Ada Lovelace")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#card-title")).to_have_text("Grace Hopper")
    expect(page.locator("[data-status=decided]")).to_contain_text("Undo")
    looks(page, shoot, "undo-toast")
    page.keyboard.press("u")
    expect(page.locator("[data-status=open]")).to_contain_text("undone; it is open again")
    assert Conflict.objects.get(label="Ada Lovelace").state == "open"
    looks(page, shoot, "undo-done")


def test_what_has_moved_since_is_shown_and_given_up_only_where_ticked(browser_page, inbox, shoot):
    """The engine has carried the decision out, and somebody has changed the value since."""
    page = browser_page
    item = Conflict.objects.get(label="Ada Lovelace")
    page.goto(f"/conflicts/{item.pk}/")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-status=decided]")).to_be_visible()
    made = latest(item).get()
    settled = {"link_id": item.link_id, "field": "phone", "rule": "person: left"}
    newer = {"link_id": item.link_id, "field": "phone", "side": "right", "old": "x", "new": "+49 40 7777"}
    journal(inbox, {"kind": EntryKind.WRITE, "side": "right", **settled}, newer)
    Link.objects.filter(pk=item.link_id).update(left_shadow=encode({"phone": "+49 40 7777"}))
    Conflict.objects.filter(pk=item.pk).update(state="closed", closed_how="resolved", closed_at=made.at)

    expect(page.locator("[data-status=closed]")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("[data-undone=refused]")).to_contain_text("It has changed since.")
    page.get_by_role("link", name="Look closer").click()
    expect(page.get_by_text("has moved since")).to_be_visible()
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    looks(page, shoot, "undo-moved")
    page.get_by_role("checkbox").check()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#card-title")).to_have_text("Ada Lovelace")
    item.refresh_from_db()
    assert item.undoing
    assert item.fields.get().pick["seen_left"] == "+49 40 7777"
