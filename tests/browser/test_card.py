"""The card's stories in a real browser: deciding, merging, versions, double clicks, lost connections."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from conflicts.models import Conflict, ConflictState
from conflicts.services import FieldChoice, resolve
from syncadmin.core.plan import PickKind
from syncadmin.models import Distinct
from tests.browser.card_states import a_rich_mapping, ambiguous, long_text, many, rejected, simple
from tests.builders import a_conflict, a_mapping, a_user


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    """No worker: the tests play the engine themselves."""
    monkeypatch.setattr("conflicts.views.card.enqueue_pass", lambda *args: None)


def visit(page: Page, conflict: Conflict) -> Page:
    page.goto(f"/conflicts/{conflict.pk}/")
    expect(page.locator("[data-card]")).to_be_visible()
    return page


def settled(page: Page, *conflicts: Conflict) -> None:
    """Wait until the hub has answered for these."""
    for conflict in conflicts:
        expect(page.locator(f'[data-of="{conflict.pk}"][data-status]')).to_be_visible()


def picks(conflict: Conflict) -> dict:
    return {row.field: (row.pick["kind"], row.pick["value"]) for row in conflict.fields.all() if row.pick}


# ---------------------------------------------------------------- what it shows


def test_a_card_says_who_what_when_and_what_each_choice_does(browser_page):
    page = visit(browser_page, simple(a_rich_mapping()))

    expect(page.locator("mark.sa-diff").first).to_have_text("234")
    expect(page.get_by_title("Corrected: the clock of Web shop is 42 s ahead").first).to_be_visible()
    expect(page.get_by_role("link", name="k3x9q0aavv2lb7d")).to_have_attribute(
        "href", "https://shop.example/admin/customers/k3x9q0aavv2lb7d"
    )
    expect(page.get_by_text("+49 30 1000").first).to_be_visible()
    page.keyboard.press("2")
    expect(
        page.get_by_text(re.compile("Writes .49 30 9999 to CRM; overwrites .49 30 1234 of"))
    ).to_be_visible()
    page.keyboard.press("t")
    expect(page.get_by_text("Paris")).to_be_visible()


def test_what_the_eye_would_miss_is_said(browser_page):
    conflict = a_conflict(
        a_mapping(),
        fields={"name": ("Pa\u0443pal", "x", "Paypal"), "phone": ("030 12\u00a034", "1", "0301234")},
    )
    page = visit(browser_page, conflict)

    expect(page.get_by_title("not y but cyrillic small letter u")).to_be_visible()
    expect(page.get_by_text("some letters are of another alphabet")).to_be_visible()
    expect(page.get_by_text("Only spaces or characters that cannot be seen differ.")).to_be_visible()


# ---------------------------------------------------------------- deciding


def test_one_key_takes_the_whole_record_from_one_side(browser_page):
    conflict = many(a_rich_mapping())
    page = visit(browser_page, conflict)

    page.keyboard.press("r")
    page.keyboard.press("Enter")

    settled(page, conflict)
    assert {kind for kind, _ in picks(conflict).values()} == {"right"}
    assert len(picks(conflict)) == 10


def test_a_text_is_merged_place_by_place_by_keyboard(browser_page):
    conflict = long_text(a_rich_mapping())
    page = visit(browser_page, conflict)

    page.keyboard.press("m")
    page.keyboard.press("b")
    expect(page.locator('[data-hunk="0"]')).to_have_attribute("data-taken", "both")
    page.keyboard.press("Enter")

    settled(page, conflict)
    kind, text = picks(conflict)["name"]
    assert kind == "value"
    for part in ("Tuesday Wednesday", "head office", "7 %", "winter tyres."):
        assert part in text
    assert conflict.fields.get().pick["seen_left"] == conflict.fields.get().left


def test_a_typed_value_is_held_against_the_limits_of_both_systems(browser_page, shoot):
    conflict = simple(a_rich_mapping())
    page = visit(browser_page, conflict)
    expect(page.locator(".sa-hint")).to_contain_text("Web shop: at most 20 characters")

    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("+49 30 123456789012345")
    expect(page.locator(".sa-over")).to_have_text("22 / 20 ·")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Web shop takes at most 20 characters; these are 22.")).to_be_visible()
    expect(page.locator("[data-typed]")).to_have_value("+49 30 123456789012345")
    shoot(page, "story-limits")
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_members_of_a_set_are_switched_one_by_one(browser_page):
    conflict = a_conflict(a_mapping(), fields={"tags": (["a", "new"], ["a", "b"], ["b"])})
    page = visit(browser_page, conflict)

    page.keyboard.press("e")
    page.get_by_role("button", name="b", exact=False).filter(has_text="Web shop").click()
    page.get_by_role("button", name="Decide").click()

    settled(page, conflict)
    assert picks(conflict) == {"tags": ("value", ["a", "b", "new"])}


def test_candidates_are_ranked_and_one_is_said_not_to_be_the_same_then_taken_back(browser_page):
    conflict = ambiguous(a_rich_mapping())
    page = visit(browser_page, conflict)
    names = page.locator("[data-candidate] bdi:first-child")
    expect(page.locator("[data-candidate]").first).to_contain_text("likeliest")
    assert [text.strip() for text in names.all_inner_texts() if text.startswith("R-")] == [
        "R-1",
        "R-2",
        "R-3",
    ]

    page.keyboard.press("2")
    page.keyboard.press("n")
    expect(page.get_by_text("never proposed as the same again")).to_be_visible()
    page.keyboard.press("Enter")
    settled(page, conflict)
    conflict.refresh_from_db()
    assert (conflict.decision["kind"], conflict.decision["key"]) == ("distinct", "R-2")
    assert set(Distinct.objects.values_list("right_key", flat=True)) == {"R-2", "R-9"}

    visit(page, conflict)
    said = page.locator(".sa-distinct li").filter(has_text="R-2")
    said.get_by_role("button", name="Take back").click()
    expect(said).to_have_count(0)
    assert set(Distinct.objects.values_list("right_key", flat=True)) == {"R-9"}


def test_a_refused_value_is_edited_and_sent_again(browser_page):
    conflict = rejected(a_rich_mapping())
    page = visit(browser_page, conflict)

    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("+49 30 123")
    page.keyboard.press("Enter")

    settled(page, conflict)
    assert picks(conflict) == {"phone": ("value", "+49 30 123")}


def test_the_keys_overlay_lists_what_there_is_keeps_the_focus_and_closes(browser_page):
    page = visit(browser_page, ambiguous(a_rich_mapping()))

    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("the candidate that is picked is not the same")).to_be_visible()
    expect(dialog.get_by_text("take the value last agreed")).to_be_hidden()
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "!document.activeElement || document.activeElement === document.body"
            " || document.querySelector('dialog').contains(document.activeElement)"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


# ---------------------------------------------------------------- bound to versions


def test_an_open_card_follows_its_record_and_keeps_the_picks_that_still_hold(browser_page, shoot):
    mapping = a_mapping()
    conflict = a_conflict(mapping, fields={"phone": ("1", "0", "2"), "visits": (5, 1, 7)})
    page = visit(browser_page, conflict)
    page.keyboard.press("1")
    page.keyboard.press("2")

    conflict.fields.filter(field="phone").update(right="3")
    Conflict.objects.filter(pk=conflict.pk).update(revision=2)

    expect(page.locator("[data-live]")).to_contain_text("has just changed")
    expect(page.locator(".sa-moved")).to_contain_text("3")
    expect(page.locator('input[name="pick-phone"]:checked')).to_have_count(0)
    expect(page.locator('input[name="pick-visits"]:checked')).to_have_value("right")
    shoot(page, "story-followed")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    settled(page, conflict)
    assert picks(conflict) == {"phone": ("right", None), "visits": ("right", None)}


def test_typing_goes_on_while_the_card_follows_its_record(browser_page):
    conflict = a_conflict(a_mapping())
    page = visit(browser_page, conflict)
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("030")

    Conflict.objects.filter(pk=conflict.pk).update(revision=2, changed_at=timezone.now())
    expect(page.locator("[data-live]")).to_be_visible()
    page.keyboard.type(" 77")

    expect(page.locator("[data-typed]")).to_have_value("030 77")


def test_values_that_became_equal_close_the_card_and_it_says_so(browser_page, shoot):
    mapping = a_mapping()
    conflict, following = a_conflict(mapping, label="Ada"), a_conflict(mapping, label="Grace")
    page = visit(browser_page, conflict)

    Conflict.objects.filter(pk=conflict.pk).update(
        state="closed", closed_at=timezone.now(), closed_how="settled by itself: the sides agree again"
    )

    expect(page.get_by_text("settled by itself: the sides agree again")).to_be_visible()
    expect(page.get_by_role("button", name="Decide")).to_have_count(0)
    shoot(page, "story-closed-by-itself")
    page.keyboard.press("Enter")
    expect(page.locator("#card-title")).to_have_text(following.label)


# ---------------------------------------------------------------- double clicks, going back, lost connections


def test_a_double_click_decides_once_and_not_the_next_card(browser_page):
    mapping = a_mapping()
    first, second = a_conflict(mapping, label="Ada"), a_conflict(mapping, label="Grace")
    page = visit(browser_page, first)
    page.keyboard.press("1")

    page.get_by_role("button", name="Decide").dblclick()

    settled(page, first)
    expect(page.locator("#card-title")).to_have_text("Grace")
    second.refresh_from_db()
    assert second.state == ConflictState.OPEN


def test_going_back_shows_what_became_of_the_decision(browser_page):
    mapping = a_mapping()
    first, _ = a_conflict(mapping, label="Ada"), a_conflict(mapping, label="Grace")
    page = visit(browser_page, first)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    settled(page, first)

    page.go_back()

    expect(page.locator("#card-title")).to_have_text("Ada")
    expect(page.get_by_text("Decided by you")).to_be_visible()
    expect(page.get_by_role("button", name="Decide")).to_have_count(0)


def test_what_was_entered_is_there_after_leaving_the_card(browser_page):
    mapping = a_mapping()
    first, second = a_conflict(mapping, label="Ada"), a_conflict(mapping, label="Grace")
    page = visit(browser_page, first)
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("030 half")
    visit(page, second)

    visit(page, first)

    expect(page.locator("[data-typed]")).to_have_value("030 half")
    expect(page.locator('input[name="pick-phone"]:checked')).to_have_value("value")


def test_a_decision_that_could_not_be_sent_is_kept_and_sent_again(browser_page, tolerated, shoot):
    tolerated += ["net::ERR_", "htmx:"]
    mapping = a_mapping()
    first, second = a_conflict(mapping, label="Ada"), a_conflict(mapping, label="Grace")
    page = visit(browser_page, first)
    with page.expect_response(re.compile("/next/")):
        page.reload()
    page.keyboard.press("1")
    page.context.set_offline(True)
    page.keyboard.press("Enter")

    lost = page.get_by_role("alert").filter(has_text="was not stored")
    expect(lost).to_contain_text("Ada")
    shoot(page, "story-lost")
    first.refresh_from_db()
    assert first.state == ConflictState.OPEN

    page.context.set_offline(False)
    lost.get_by_role("button", name="Try again").click()

    settled(page, first)
    assert picks(first) == {"phone": ("left", None)}
    second.refresh_from_db()
    assert second.state == ConflictState.OPEN


def test_one_can_go_back_to_a_decision_that_could_not_be_sent(browser_page, tolerated):
    tolerated += ["net::ERR_", "htmx:"]
    mapping = a_mapping()
    first, _ = a_conflict(mapping, label="Ada"), a_conflict(mapping, label="Grace")
    page = browser_page
    with page.expect_response(re.compile("/next/")):
        visit(page, first)
    page.keyboard.press("2")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="was not stored")).to_be_visible()
    page.context.set_offline(False)

    page.get_by_role("button", name="Back to it").click()

    expect(page.locator("#card-title")).to_have_text("Ada")
    expect(page.locator('input[name="pick-phone"]:checked')).to_have_value("right")


def test_a_refused_decision_comes_back_over_the_next_card_with_what_was_entered(browser_page):
    mapping = a_mapping()
    first, _ = (
        a_conflict(mapping, fields={"visits": (1, 0, 2)}, label="Ada"),
        a_conflict(mapping, label="Grace"),
    )
    page = browser_page
    with page.expect_response(re.compile("/next/")):
        visit(page, first)
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("lots")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Not stored.")).to_be_visible()
    expect(page.locator("#card-title")).to_have_text("Ada")
    expect(page.locator("[data-typed]")).to_have_value("lots")
    assert page.url.endswith(f"/conflicts/{first.pk}/")


def test_of_two_people_at_once_the_second_is_told_that_nothing_was_stored(open_page, reviewer, shoot):
    conflict = a_conflict(a_mapping(), label="Ada")
    a_conflict(conflict.mapping, label="Grace")
    page = open_page(reviewer)
    visit(page, conflict)
    page.keyboard.press("1")
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.RIGHT)}, None, a_user(name="anna"))
    page.keyboard.press("Enter")

    told = re.compile("your decision was not stored|Decided by anna")
    expect(page.get_by_text(told).first).to_be_visible()
    expect(page.get_by_text("Decided by anna")).to_be_visible()
    shoot(page, "story-two-people")
    assert picks(conflict) == {"phone": ("right", None)}
