"""Two people and one item, in a real browser: claims, comments, holds, a decision that takes two."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone
from playwright.sync_api import expect

from conflicts.models import Conflict
from conflicts.services import together
from syncadmin.models import FieldMapping
from syncadmin.permissions import make_groups
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def colleague(transactional_db):
    make_groups(Group, Permission)
    user = a_user(name="bert")
    user.first_name, user.last_name = "Bert", "Brecht"
    user.save()
    user.groups.add(Group.objects.get(name="Reviewer"))
    return user


def test_one_claims_and_the_other_sees_it_and_takes_over(open_page, reviewer, colleague, shoot):
    conflict = a_conflict(a_mapping())
    rita, bert = open_page(reviewer), open_page(colleague)
    rita.goto(f"/conflicts/{conflict.pk}/")
    rita.keyboard.press("c")
    expect(rita.locator("[data-people]")).to_contain_text("You work on this")
    bert.goto(f"/conflicts/{conflict.pk}/")
    expect(bert.locator("[data-people]")).to_contain_text("rita works on this")

    bert.keyboard.press("2")
    bert.keyboard.press("Enter")
    expect(bert.locator("#card [role=alert]")).to_contain_text("Not stored.")
    expect(bert.get_by_text("Take it over first, if you must.")).to_be_visible()
    shoot(bert, "together-claimed-by-another")
    bert.locator("h2#card-title").focus()
    bert.keyboard.press("c")
    expect(bert.locator("[data-people]")).to_contain_text("You work on this")
    rita.keyboard.press("c")

    expect(rita.locator("[data-people]")).to_contain_text("Bert Brecht works on this", timeout=15_000)
    assert Conflict.objects.get().claimed_by == colleague


def test_everything_around_an_item_by_keyboard(open_page, reviewer, colleague, shoot):
    conflict = a_conflict(a_mapping())
    page = open_page(reviewer)
    page.goto(f"/conflicts/{conflict.pk}/")

    page.keyboard.press("a")
    page.locator("select[name=person]").select_option(label="Bert Brecht")
    shoot(page, "together-assign")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-people]")).to_contain_text("Assigned to Bert Brecht")
    page.keyboard.press("h")
    page.keyboard.type("waits for the <b>lawyer</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_text("On hold by rita: waits for the <b>lawyer</b>")).to_be_visible()
    page.keyboard.press("w")
    page.keyboard.type("@bert do you know this number? <script>alert(1)</script>")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#talk-list")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("[data-say]")).to_have_value("")
    shoot(page, "together-hold-and-comment", whole=True)
    page.locator("h2#card-title").focus()
    page.keyboard.press("h")
    expect(page.get_by_text("On hold by")).to_have_count(0)
    page.keyboard.press("s")
    page.get_by_role("button", name="1 hour").click()

    expect(page.locator("[data-people]")).to_contain_text("put off, back in 59 min")
    expect(page.locator("#queue")).to_contain_text("Nothing waits for a person")
    stored = Conflict.objects.get()
    assert (stored.assignee, stored.hold_reason) == (colleague, "")
    assert stored.comments.get().text.endswith("<script>alert(1)</script>")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (NARROW, "light")])
def test_a_decision_that_takes_two_people(open_page, reviewer, colleague, shoot, size, scheme):
    mapping = a_mapping(due=60.0)
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    conflict = a_conflict(mapping)
    rita, bert = open_page(reviewer, size, scheme), open_page(colleague, size, scheme)
    rita.goto(f"/conflicts/{conflict.pk}/")
    rita.keyboard.press("1")
    rita.keyboard.press("Enter")
    expect(rita.get_by_text("is proposed: a second person has to approve it")).to_be_visible()

    bert.goto(f"/conflicts/{conflict.pk}/")
    expect(bert.get_by_text("rita has proposed:")).to_be_visible()
    expect(bert.locator("[data-people]")).to_contain_text("Phone: CRM")
    shoot(bert, f"together-approve-{size[0]}-{scheme}")
    bert.keyboard.press("y")
    bert.keyboard.type("called them")
    bert.get_by_role("button", name="Approve").click()

    expect(bert.locator("[data-card]")).to_have_attribute("data-state", "decided")
    stored = Conflict.objects.get()
    assert stored.decided_by == colleague
    assert stored.second_looks.get().comment == "called them"


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "dark")])
def test_the_list_says_who_is_at_work(open_page, reviewer, colleague, shoot, size, scheme):
    mapping = a_mapping(due=600.0)
    now = timezone.now()
    first, second, third = (a_conflict(mapping, label=name) for name in ("Ada", "Grace", "Edsger"))
    Conflict.objects.filter(pk=second.pk).update(opened_at=now - timedelta(hours=1))
    together.claim(first.pk, colleague, now)
    together.assign(second.pk, colleague, reviewer, now)
    together.hold(third.pk, "the lawyer", colleague, now)
    page = open_page(reviewer, size, scheme)

    page.goto("/conflicts/")

    queue = page.locator("#queue")
    expect(queue).to_contain_text("Bert Brecht works on this")
    expect(queue).to_contain_text("→ Bert Brecht")
    expect(queue).to_contain_text("overdue")
    expect(queue).to_contain_text("on hold")
    shoot(page, f"together-list-{size[0]}-{scheme}")
