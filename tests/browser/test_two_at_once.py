"""Two people at once, in two browsers: presence, claims that lapse, second pairs of eyes that may not be the
first one's, double clicks, lost connections, and what those who may only look can do.
"""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import Page, expect

from conflicts import presence
from conflicts.models import Comment, Conflict
from conflicts.services import together
from syncadmin.models import Entry, FieldMapping
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SIZES = pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
BEAT = 10_000  # milliseconds: how often an open card asks who is there


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    """No worker: what is decided stays decided."""
    for place in ("card", "undo", "together"):
        monkeypatch.setattr(f"conflicts.views.{place}.enqueue_pass", lambda *args: None)


@pytest.fixture(autouse=True)
def answers_that_come_too_late(tolerated):
    """What asked is gone by the time its beat is answered: htmx says so in the console, and goes on."""
    tolerated.append("reading 'classList'")


@pytest.fixture
def bert(reviewer):
    user = a_user(name="bert")
    user.first_name, user.last_name = "Bert", "Brecht"
    user.save()
    user.groups.add(Group.objects.get(name="Reviewer"))
    return user


@pytest.fixture
def guarded():
    """A conflict on a field that takes two people."""
    mapping = a_mapping()
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    return a_conflict(mapping)


def visit(page: Page, conflict: Conflict) -> Page:
    page.clock.install()
    page.goto(f"/conflicts/{conflict.pk}/")
    expect(page.locator("[data-card]")).to_be_visible()
    return page


def beat(page: Page) -> None:
    """The page's time goes on until its card asks again."""
    page.clock.fast_forward(BEAT)


def people(page: Page):
    return page.locator("[data-people]")


def proposed(page: Page, conflict: Conflict) -> None:
    """The left value, proposed in this page."""
    visit(page, conflict)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is proposed: a second person has to approve it")).to_be_visible()


def notes(text: str) -> int:
    return Entry.objects.filter(kind="note", rule__endswith=text).count()


def test_each_sees_that_the_other_is_looking(open_page, reviewer, bert, shoot, settings, valkey_url):
    settings.REDIS_URL = valkey_url
    presence._server.cache_clear()
    conflict = a_conflict(a_mapping())

    rita, other = visit(open_page(reviewer), conflict), visit(open_page(bert, NARROW, "dark"), conflict)

    expect(people(other)).to_contain_text("rita is looking")
    beat(rita)
    expect(people(rita)).to_contain_text("Bert Brecht is looking")
    shoot(rita, "together-looking-1440-light")
    shoot(other, "together-looking-390-dark")
    other.close()
    presence.beat(conflict.pk, bert.pk, time.time() - presence.SECONDS)  # as if his last had been then
    beat(rita)
    expect(people(rita)).not_to_contain_text("is looking")
    presence._server.cache_clear()


def test_a_claim_lapses_in_front_of_who_waits_for_it(open_page, reviewer, bert, shoot):
    conflict = a_conflict(a_mapping())
    together.claim(conflict.pk, bert, timezone.now())
    rita = visit(open_page(reviewer), conflict)
    expect(people(rita)).to_contain_text("Bert Brecht works on this · lapses in 14 min")
    rita.keyboard.press("1")
    rita.keyboard.press("Enter")
    expect(rita.locator("#card [role=alert]")).to_contain_text("Bert Brecht works on this.")

    Conflict.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    beat(rita)
    expect(people(rita)).to_contain_text("Nobody is on it")
    shoot(rita, "together-lapsed")
    rita.locator("h2#card-title").focus()
    rita.keyboard.press("Enter")
    expect(rita.locator("[data-status=decided]").first).to_be_visible()
    assert Conflict.objects.get().decided_by == reviewer


@SIZES
def test_who_proposed_is_no_second_pair_of_eyes(open_page, reviewer, bert, guarded, shoot, size, scheme):
    rita, other = open_page(reviewer, size, scheme), open_page(bert, size, scheme)
    proposed(rita, guarded)
    visit(rita, guarded)
    expect(people(rita)).to_contain_text("You have proposed: Phone: CRM")
    expect(rita.get_by_role("button", name="Approve")).to_have_count(0)
    shoot(rita, f"together-proposed-{size[0]}-{scheme}")
    assert not grave_findings(rita)

    visit(other, guarded)
    form = other.locator(".sa-answer")
    look = form.locator("[name=look]").get_attribute("value")
    rita.evaluate(  # as somebody would who makes the form of the other's page
        """look => { const form = document.querySelector('.sa-answer');
        form.querySelector('[name=look]').value = look;
        form.querySelector('button').value = 'approve'; form.querySelector('button').click(); }""",
        look,
    )

    expect(rita.locator("#together [role=alert]")).to_contain_text("it takes another person")
    assert Conflict.objects.get().state == "open"
    form.get_by_role("button", name="Approve").click()
    expect(other.locator("[data-card]")).to_have_attribute("data-state", "decided")
    assert Conflict.objects.get().decided_by == bert


def test_nor_is_a_bulk_run(browser_page, guarded, shoot):
    page = browser_page
    page.goto(f"/conflicts/bulk/new/?field=phone&mapping={guarded.mapping.name}")
    page.keyboard.press("1")
    page.keyboard.press("Enter")

    expect(page.locator("#bulk-run")).to_contain_text("Such a decision takes two people, one by one.")
    shoot(page, "together-bulk-takes-two")
    assert Conflict.objects.get().state == "open"


@SIZES
def test_what_two_decided_is_not_undone_by_one(open_page, reviewer, bert, guarded, shoot, size, scheme):
    rita, other = open_page(reviewer, size, scheme), open_page(bert, size, scheme)
    proposed(rita, guarded)
    visit(other, guarded).get_by_role("button", name="Approve").click()
    expect(other.locator("[data-card]")).to_have_attribute("data-state", "decided")

    other.locator("[data-undo]").first.click()

    expect(other.get_by_text("undo is proposed: it took two people").first).to_be_visible()
    shoot(other, f"together-undo-proposed-{size[0]}-{scheme}")
    visit(other, guarded)
    expect(people(other)).to_contain_text("You have proposed to undo: Phone: CRM")
    expect(other.get_by_role("button", name="Approve")).to_have_count(0)
    assert Conflict.objects.get().state == "decided"
    rita.goto("/conflicts/team/")
    rita.get_by_role("link", name="Ada Lovelace").click()
    expect(people(rita)).to_contain_text("Bert Brecht has proposed to undo: Phone: CRM")
    shoot(rita, f"together-undo-approve-{size[0]}-{scheme}")
    assert not grave_findings(rita)
    rita.get_by_role("button", name="Approve").click()
    expect(rita.locator("[data-card]")).to_have_attribute("data-state", "open")
    assert Conflict.objects.get().state == "open"
    assert Entry.objects.get(rule__startswith="undo of").actor == "rita"


def test_of_two_answers_at_once_the_later_is_told(open_page, reviewer, bert, guarded, shoot):
    carl = a_user(name="carl")
    carl.groups.add(Group.objects.get(name="Reviewer"))
    proposed(open_page(reviewer), guarded)
    first, second = visit(open_page(bert), guarded), visit(open_page(carl), guarded)
    first.get_by_role("button", name="Approve").click()
    expect(first.locator("[data-card]")).to_have_attribute("data-state", "decided")

    second.locator("#look-comment").fill("that is the old number")
    second.get_by_role("button", name="Decline").click()

    expect(second.locator("#together [role=alert]")).to_contain_text("Meanwhile this was decided")
    expect(second.locator("#card")).to_contain_text("Decided by bert")
    shoot(second, "together-too-late")
    assert Conflict.objects.get().decided_by == bert
    assert guarded.second_looks.get().answer == "approved"


def test_a_double_click_does_everything_once(open_page, reviewer, bert, guarded):
    conflict = a_conflict(guarded.mapping, label="Grace", fields={"visits": (1, 0, 2)})
    rita = visit(open_page(reviewer), conflict)
    rita.locator("[data-key=c]").dblclick()
    expect(people(rita)).to_contain_text("You work on this")
    rita.locator("[data-say]").fill("once")
    rita.locator(".sa-say button").dblclick()
    expect(rita.locator("#talk-list")).to_contain_text("once")
    rita.locator("h2#card-title").focus()
    rita.keyboard.press("h")
    rita.keyboard.type("the lawyer")
    rita.get_by_role("button", name="Hold it").dblclick()
    expect(people(rita)).to_contain_text("On hold by rita: the lawyer")
    proposed(rita, guarded)
    other = visit(open_page(bert), guarded)
    other.get_by_role("button", name="Approve").dblclick()
    expect(other.locator("[data-card]")).to_have_attribute("data-state", "decided")

    assert (notes("claimed"), notes("put on hold"), Comment.objects.count()) == (1, 1, 1)
    assert Entry.objects.filter(kind="decision").count() == 1


def test_what_could_not_be_sent_is_said_and_kept_and_can_be_sent_again(open_page, reviewer, tolerated, shoot):
    tolerated += ["net::ERR_", "htmx:"]
    conflict = a_conflict(a_mapping())
    page = visit(open_page(reviewer), conflict)
    page.keyboard.press("h")
    page.keyboard.type("waits for the lawyer")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator("[data-toast]")).to_contain_text("Try again: nothing is done twice.")
    shoot(page, "together-lost")
    expect(page.locator("[name=reason]")).to_have_value("waits for the lawyer")
    assert Conflict.objects.get().hold_reason == ""

    page.context.set_offline(False)
    page.locator("[name=reason]").press("Enter")

    expect(people(page)).to_contain_text("On hold by rita: waits for the lawyer")
    assert notes("put on hold") == 1


def test_an_approval_whose_answer_was_lost_is_there_once(open_page, reviewer, bert, guarded, tolerated):
    tolerated += ["net::ERR_", "htmx:"]
    proposed(open_page(reviewer), guarded)
    page = visit(open_page(bert), guarded)
    for asked in ("looking", "revision"):  # or the card tells by itself that it was done
        page.route(f"**/{asked}/", lambda route: route.abort())

    def lose(route):
        route.fetch()
        route.abort()

    page.route("**/answer/", lose, times=1)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("[data-toast]")).to_be_visible()
    page.get_by_role("button", name="Approve").click()

    expect(page.locator("[data-card]")).to_have_attribute("data-state", "decided")
    assert Entry.objects.filter(kind="decision").count() == 1


def test_the_back_button_shows_how_it_is_now(open_page, reviewer, bert):
    conflict = a_conflict(a_mapping())
    page = visit(open_page(reviewer), conflict)
    expect(people(page)).to_contain_text("Nobody is on it")
    page.goto("/conflicts/team/")
    together.claim(conflict.pk, bert, timezone.now())

    page.go_back()

    expect(people(page)).to_contain_text("Bert Brecht works on this")


def test_who_may_only_look_sees_it_all_and_can_do_nothing(open_page, reviewer, bert, guarded, shoot):
    auditor = a_user(name="audrey")
    auditor.groups.add(Group.objects.get(name="Auditor"))
    proposed(open_page(reviewer), guarded)
    page = visit(open_page(auditor), guarded)

    expect(people(page)).to_contain_text("rita has proposed: Phone: CRM")
    expect(page.locator("#together button, #talk button, .sa-decide")).to_have_count(0)
    page.keyboard.press("c")
    page.keyboard.press("h")
    shoot(page, "together-auditor")
    page.goto("/conflicts/team/")
    expect(page.get_by_role("link", name="Ada Lovelace")).to_be_visible()
    assert not notes("claimed")


@SIZES
def test_the_team_on_one_page(open_page, reviewer, bert, guarded, shoot, size, scheme):
    now, mapping = timezone.now(), guarded.mapping
    names = ("Grace Hopper", "Edsger Dijkstra", "Alan Turing")
    claimed, held, off = (a_conflict(mapping, label=name) for name in names)
    proposed(open_page(bert), guarded)
    together.claim(claimed.pk, bert, now)
    together.hold(held.pk, "waits for the <b>lawyer</b>", bert, now)
    together.snooze(off.pk, now + timedelta(days=2), bert, now)
    page = open_page(reviewer, size, scheme)

    page.goto("/conflicts/team/")

    expect(page.locator(".sa-team")).to_contain_text("Bert Brecht Ada Lovelace")
    for name in names:
        expect(page.get_by_role("link", name=name)).to_be_visible()
    expect(page.locator(".sa-team")).to_contain_text("waits for the <b>lawyer</b>")
    shoot(page, f"together-team-{size[0]}-{scheme}", whole=True)
    assert not grave_findings(page)
    page.goto("/conflicts/bulk/undo/")
    shoot(page, f"undo-many-{size[0]}-{scheme}")
    assert not grave_findings(page)
