"""The pictures of docs/reviewing.md: every page and state that the guide shows is there and looks as it says.

`make pictures` renews them; a plain test run keeps its own under test-results/ and touches no picture.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, expect

from conflicts.models import BulkRun, Conflict
from conflicts.services import FieldChoice, bulk, resolve
from syncadmin.core.plan import PickKind
from syncadmin.models import FieldMapping, System
from tests.browser import card_states
from tests.browser.list_states import a_full_inbox
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.runs_once]

GUIDE = Path(settings.BASE_DIR, "docs/reviewing.md")
PICTURES = Path(settings.BASE_DIR, "docs/images/reviewing")
SIZE, PHONE = (1240, 780), (390, 780)
LARGEST = 200_000  # bytes of a picture


@pytest.fixture
def take(shoot):
    """`take(page, name)`: a picture for the guide, with `MAKE_PICTURES` set; else an artefact of the run."""

    def take_(page: Page, name: str) -> None:
        page.evaluate("document.activeElement?.blur?.()")
        if os.environ.get("MAKE_PICTURES"):
            PICTURES.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(PICTURES / f"{name}.png"))
        else:
            shoot(page, f"guide-{name}")

    return take_


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    """No worker: what is decided here stays on its way."""
    for place in ("card", "undo"):
        monkeypatch.setattr(f"conflicts.views.{place}.enqueue_pass", lambda *args: None)
    monkeypatch.setattr("conflicts.views.bulk.enqueue_bulk", lambda *args: None)


def test_the_list(open_page, reviewer, take):
    a_full_inbox(reviewer)
    Conflict.objects.exclude(label__regex=r"^[\w ,.\-]+$").delete()
    page = open_page(reviewer, SIZE)

    page.goto("/conflicts/")
    expect(page.locator("[data-row]").first).to_be_visible()
    take(page, "list")
    page.keyboard.press("g")
    expect(page.locator("[data-group]").first).to_be_visible()
    take(page, "groups")
    phone = open_page(reviewer, PHONE)
    phone.goto("/conflicts/")
    expect(phone.locator("[data-row]").first).to_be_visible()
    take(phone, "phone")


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("simple", "1"),
        ("many", ""),
        ("long", "m2"),
        ("ambiguous", "1"),
        ("deleted", "2"),
        ("rejected", "e"),
    ],
)
def test_a_card(open_page, reviewer, take, state, keys):
    mapping = card_states.a_rich_mapping()
    mapping.label = "Customers"
    mapping.save()
    conflict = card_states.STATES[state](mapping)
    page = open_page(reviewer, SIZE)
    page.goto(f"/conflicts/{conflict.pk}/")
    expect(page.locator("[data-card]")).to_be_visible()
    for key in keys:
        page.keyboard.press(key)
    take(page, f"card-{state}")
    if state == "simple":
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        take(page, "keys")
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        expect(page.locator("[data-status]")).to_contain_text("decided, being written")
        take(page, "undo")


def test_many_at_once(open_page, reviewer, take):
    mapping = a_mapping(label="Customers")
    for number, name in enumerate(
        ("Ada Lovelace", "Grace Hopper", "Emmy Noether", "Lise Meitner", "Mary Anning")
    ):
        right = "" if number % 2 == 0 else f"+49 30 99{number}9"
        a_conflict(
            mapping, label=name, fields={"phone": (f"+49 30 12{number}4", f"+49 30 10{number}0", right)}
        )
    page = open_page(reviewer, SIZE)

    page.goto("/conflicts/bulk/new/?field=phone")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator("[data-bulk-run=ready]")).to_be_visible()
    take(page, "bulk")
    run = BulkRun.objects.get()
    bulk.confirm(run.pk)
    while bulk.step(run.pk).more:
        pass
    assert Conflict.objects.filter(state="decided").count() == 3


def test_with_colleagues(open_page, reviewer, take):
    mapping = a_mapping(label="Customers", due=4 * 3600.0)
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    bert = a_user(
        "conflicts.view_conflict", "conflicts.resolve_conflict", "conflicts.add_comment", name="bert"
    )
    conflict = a_conflict(mapping)
    resolve(conflict.pk, conflict.revision, {"phone": FieldChoice(PickKind.LEFT)}, None, bert)
    page = open_page(reviewer, SIZE)

    page.goto(f"/conflicts/{conflict.pk}/")
    expect(page.get_by_text("bert has proposed:")).to_be_visible()
    take(page, "second")


def test_a_suggestion(open_page, reviewer, take):
    mapping = a_mapping(label="Customers")
    bert = a_user("conflicts.view_conflict", "conflicts.resolve_conflict", name="bert")
    for number in range(26):
        phone = {"phone": (f"+49 30 {1000 + number}", f"+49 30 {2000 + number}", "")}
        item = a_conflict(mapping, fields=phone, label="Grace Hopper")
        pick = PickKind.RIGHT if number == 7 else PickKind.LEFT
        resolve(item.pk, 1, {"phone": FieldChoice(pick)}, None, (reviewer, bert)[number % 2])
    Conflict.objects.update(
        state="closed", closed_at=timezone.now() - timedelta(hours=1), closed_how="resolved"
    )
    item = a_conflict(mapping, fields={"phone": ("+49 30 1234", "+49 30 1000", "")})
    page = open_page(reviewer, SIZE)

    page.goto(f"/conflicts/{item.pk}/")
    expect(page.locator("[data-suggest]")).to_contain_text("In 25 of 26 like this, staff took CRM.")
    take(page, "suggestion")


def test_a_history(open_page, reviewer, take):
    mapping = card_states.a_rich_mapping()
    conflict = card_states.STATES["simple"](mapping)
    System.objects.filter(name="crm").update(label="CRM")
    page = open_page(reviewer, SIZE)

    page.goto(f"/history/{mapping.name}/{conflict.link_id}/")
    expect(page.get_by_text("Everything that happened to it")).to_be_visible()
    take(page, "history")


def test_the_guide_shows_every_picture_and_none_is_large():
    text = GUIDE.read_text()
    pictures = sorted(PICTURES.glob("*.png"))

    assert pictures
    assert [one.name for one in pictures if f"(images/reviewing/{one.name})" not in text] == []
    assert [one.name for one in pictures if one.stat().st_size > LARGEST] == []
