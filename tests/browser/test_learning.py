"""Suggestions and learned rules in a real browser: followed by a key, proposed by a click, approved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone
from playwright.sync_api import Page, expect

from conflicts.models import Conflict, Decision, LearnedRule
from conflicts.services import FieldChoice, resolve, rules
from syncadmin.core.plan import PickKind
from syncadmin.models import FieldMapping, Mapping
from syncadmin.permissions import make_groups
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
every_look = pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (NARROW, "dark")],
    ids=["wide-light", "narrow-dark"],
)
NAMES = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Tony Hoare", "Radia Perlman"]


@pytest.fixture
def integrator(transactional_db: None) -> User:
    make_groups(Group, Permission)
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    return user


@pytest.fixture
def habit(reviewer: User) -> Mapping:
    """A mapping where two people have filled empty phone numbers many times, and once emptied one."""
    mapping, bert = a_mapping(label="Customers"), a_user(name="bert")
    for number in range(24):
        item = a_conflict(mapping, fields=empty(number), label=NAMES[number % 6])
        pick = PickKind.RIGHT if number == 7 else PickKind.LEFT
        resolve(item.pk, 1, {"phone": FieldChoice(pick)}, None, (reviewer, bert)[number % 2])
    for number in range(2):
        item = a_conflict(mapping, fields=empty(20 + number), label=NAMES[number])
        resolve(item.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, bert)
    Conflict.objects.update(state="closed", closed_at=timezone.now(), closed_how="decided by a person")
    return mapping


def empty(number: int) -> dict[str, tuple[str, str, str]]:
    return {"phone": (f"+49 30 {1000 + 37 * number}", f"+49 30 {1001 + 37 * number}", "")}


def test_a_suggestion_is_followed_by_one_key_and_never_by_enter_alone(open_page, reviewer, habit, shoot):
    item = a_conflict(habit, fields=empty(30))
    page: Page = open_page(reviewer)
    page.goto(f"/conflicts/{item.pk}/")
    expect(page.locator("[data-suggest]")).to_contain_text("In 25 of 26 like this, staff took CRM.")
    expect(page.locator("input[name=pick-phone]:checked")).to_have_count(0)
    shoot(page, "learn-suggestion")

    page.keyboard.press("Enter")
    expect(page.locator("[data-progress]")).not_to_be_empty()
    assert Conflict.objects.get(pk=item.pk).state == "open"

    page.keyboard.press("v")
    expect(page.locator("input[name=pick-phone][value=left]")).to_be_checked()
    shoot(page, "learn-followed")
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_be_visible(timeout=20_000)
    decision = Decision.objects.get(conflict=item)
    assert (decision.kind, decision.followed, decision.by) == ("left", True, reviewer)


@pytest.mark.parametrize(
    ("keys", "kind", "followed"), [("1", "left", False), ("v2", "right", False), ("v2v", "left", True)]
)
def test_only_what_takes_the_suggestion_follows_it(open_page, reviewer, habit, keys, kind, followed):
    item = a_conflict(habit, fields=empty(30))
    page: Page = open_page(reviewer)
    page.goto(f"/conflicts/{item.pk}/")
    for key in keys:
        page.keyboard.press(key)
    expect(page.locator(f"input[name=pick-phone][value={kind}]")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("[data-status]")).to_be_visible(timeout=20_000)
    decision = Decision.objects.get(conflict=item)
    assert (decision.kind, decision.followed) == (kind, followed)


def test_a_pattern_becomes_a_rule_by_a_click_and_an_approval(open_page, reviewer, integrator, habit, shoot):
    item = a_conflict(habit, fields=empty(30))
    page: Page = open_page(reviewer)
    page.goto(f"/conflicts/{item.pk}/")
    page.keyboard.press("?")
    expect(page.locator("[data-keys]")).to_contain_text("follow the suggestion")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Make it a rule").click()
    expect(page.locator(".sa-page-head h2")).to_have_text("Customers: Phone")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    assert Conflict.objects.get(pk=item.pk).state == "open"

    page.goto(f"/conflicts/{item.pk}/")
    expect(page.locator("[data-suggest]")).to_contain_text("proposed")

    boss: Page = open_page(integrator)
    boss.goto("/conflicts/rules/")
    boss.get_by_role("link", name="Phone").click()
    expect(boss.locator(".sa-rule-cases").first).to_contain_text("Grace Hopper")
    boss.get_by_label("Note").fill("as agreed with sales")
    boss.get_by_role("button", name="Approve").click()
    expect(boss.locator(".sa-page-head")).to_contain_text("in force")
    assert len(FieldMapping.objects.get(mapping=habit, name="phone").learned) == 1
    shoot(boss, "learn-approved", whole=True)


@every_look
def test_the_pages_of_rules_can_be_read_by_everybody(
    open_page: Callable[..., Page], reviewer, integrator, habit, shoot, size, scheme
):
    item = a_conflict(habit, fields=empty(30))
    a_conflict(habit, fields=empty(31))
    rule = rules.propose(item.pk, "phone", reviewer, timezone.now())
    other = LearnedRule.objects.create(
        mapping=habit, field="credit", pattern="left larger", changed="both", take="right",
        state="approved", uses=120, overruled=1, proposed_at=timezone.now(),
    )  # fmt: skip
    page = open_page(integrator, size, scheme)
    name = f"{'wide' if size == WIDE else 'narrow'}-{scheme}"
    found = {}
    for path, what in (("/conflicts/rules/", "rules"), (f"/conflicts/rules/{rule.pk}/", "rule")):
        page.goto(path)
        shoot(page, f"learn-{what}-{name}", whole=True)
        found[what] = grave_findings(page)
    rule.state, rule.uses, rule.overruled = "suspended", 41, 3
    rule.suspended_at = timezone.now()
    rule.save()
    Decision.objects.filter(pk__in=Decision.objects.values("pk")[:3]).update(
        rule=rule, by=None, overruled="edited"
    )
    page.goto(f"/conflicts/rules/{rule.pk}/")
    shoot(page, f"learn-suspended-{name}", whole=True)
    found["suspended"] = grave_findings(page)
    card = open_page(reviewer, size, scheme)
    card.goto(f"/conflicts/{item.pk}/")
    expect(card.locator("[data-suggest]")).to_be_visible()
    shoot(card, f"learn-card-{name}")
    found["card"] = grave_findings(card)
    assert not any(found.values()), found
    assert other.state == "approved"
