"""No page keeps anybody out: axe finds nothing serious, wide and narrow, light and dark, in any state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone
from playwright.sync_api import Page, expect

from syncadmin.assessing import keep
from syncadmin.models import Channel, Mapping, Notice
from syncadmin.permissions import make_groups
from tests.browser.axe import grave_findings
from tests.browser.card_states import STATES, a_rich_mapping
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_conflict, a_guard_stop, a_pass, a_user
from tests.notify.conftest import a_channel
from tests.survey.built import a_survey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

every_look = pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (NARROW, "dark")],
    ids=["wide-light", "narrow-dark"],
)


@pytest.fixture
def chief(transactional_db: None) -> User:
    """Someone who may see and do everything."""
    make_groups(Group, Permission)
    user = a_user(name="clara")
    user.is_superuser = True
    user.save()
    return user


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Iterator[Callable[[Page, str], None]]:
    """`look(page, name)` notes what axe finds on a page as it is now; in the end nothing may be noted."""
    found: dict[str, list[str]] = {}

    def look_(page: Page, name: str) -> None:
        if findings := grave_findings(page):
            found[name] = findings

    yield look_
    assert not found, "\n".join(f"{name}: {line}" for name, lines in found.items() for line in lines)


@every_look
def test_every_card_and_what_opens_on_it(open_page, chief, look, size, scheme):
    mapping = a_rich_mapping()
    page = open_page(chief, size, scheme)
    for name, build in STATES.items():
        conflict = build(mapping)
        page.goto(f"/conflicts/{conflict.pk}/")
        expect(page.locator("[data-card]")).to_be_visible()
        open_all(page)
        look(page, f"card, {name}")
        page.keyboard.press("1")
        look(page, f"card, {name}, picked")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    look(page, "keys")


@every_look
def test_the_list_and_what_is_done_to_many(open_page, chief, look, size, scheme):
    page = open_page(chief, size, scheme)
    page.goto("/conflicts/")
    look(page, "inbox, empty")
    mapping = a_rich_mapping()
    for build in STATES.values():
        build(mapping)
    a_conflict(mapping, label="Mary Anning", hold_reason="asks the customer first")
    page.goto("/conflicts/")
    open_all(page)
    look(page, "inbox")
    page.keyboard.press("g")
    expect(page.locator("[data-group]").first).to_be_visible()
    look(page, "inbox, groups")
    for address in (
        "/conflicts/team/",
        "/conflicts/views/",
        "/conflicts/rules/",
        "/mappings/customers/risk/",
    ):
        page.goto(address)
        open_all(page)
        look(page, address)
    page.goto("/conflicts/bulk/")
    look(page, "bulk runs, none")
    page.goto("/conflicts/bulk/new/")
    open_all(page)
    look(page, "bulk, new")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("[data-bulk-run=ready]")).to_be_visible()
    open_all(page)
    look(page, "bulk, preview")
    page.goto("/conflicts/bulk/")
    look(page, "bulk runs")


@every_look
def test_what_happened_and_what_is_told(open_page, chief, look, size, scheme, settings):
    settings.NOTIFY_PRIVATE = True
    page = open_page(chief, size, scheme)
    for address in ("/", "/passes/", "/history/", "/notifications/"):
        page.goto(address)
        look(page, f"{address} with nothing in it")
    mapping = a_rich_mapping()
    conflict = STATES["simple"](mapping)
    done, failed, running = (a_pass(mapping, state) for state in ("done", "failed", "running"))
    stop = a_guard_stop(mapping)
    noticed(chief, mapping)
    for address in (
        "/",
        "/passes/",
        f"/passes/{done.pk}/",
        f"/passes/{failed.pk}/",
        f"/passes/{running.pk}/",
        f"/guard-stops/{stop.pk}/",
        "/history/",
        f"/history/{mapping.name}/{conflict.link_id}/",
        "/notifications/",
    ):
        page.goto(address)
        open_all(page)
        look(page, address)


@every_look
def test_surveys_and_who_owns_what(open_page, chief, look, size, scheme):
    mapping = a_rich_mapping()
    keep(mapping, "ines")
    ends = mapping.left, mapping.right
    running = a_survey(*ends, state="running", result=None, side="left", read=7, total=20)
    ended = a_survey(*ends, state="interrupted", result=None, side="left", message="no answer")
    page = open_page(chief, size, scheme)
    for address in (
        "/surveys/",
        f"/surveys/{running.pk}/",
        f"/surveys/{ended.pk}/",
        f"/surveys/{a_survey(*ends).pk}/",
        f"/mappings/{mapping.name}/assessment/",
        f"/mappings/{mapping.name}/sheets/1/",
        "/connect/",
        "/connect/new/postgresql/",
        "/connect/new/rest/?side=right",
        f"/connect/resources/?left={mapping.left.system.name}&right={mapping.right.system.name}",
        f"/mappings/{mapping.name}/setup/",
    ):
        page.goto(address)
        open_all(page)
        look(page, address)


@every_look
def test_the_admin(open_page, chief, look, size, scheme):
    mapping = a_rich_mapping()
    page = open_page(chief, size, scheme)
    system = mapping.left.system
    for address in (
        "/admin/",
        "/admin/syncadmin/system/",
        f"/admin/syncadmin/system/{system.pk}/change/",
        "/admin/syncadmin/system/add/",
        "/admin/syncadmin/mapping/",
        f"/admin/syncadmin/mapping/{mapping.pk}/change/",
        f"/admin/syncadmin/mapping/{mapping.pk}/history/",
        "/admin/auth/user/",
        f"/admin/auth/user/{chief.pk}/change/",
        "/admin/auth/group/",
        "/admin/password_change/",
    ):
        page.goto(address)
        look(page, address)


@every_look
def test_the_doors(open_page, tolerated, look, size, scheme):
    tolerated += ["403", "404"]
    page = open_page(a_user(name="stranger"), size, scheme)
    page.goto("/passes/")
    expect(page.get_by_role("heading", name="Not allowed", level=2)).to_be_visible()
    look(page, "not allowed")
    page.goto("/no/such/page/")
    expect(page.get_by_role("heading", name="Not there")).to_be_visible()
    look(page, "not there")
    page.context.clear_cookies()
    page.goto("/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    look(page, "sign in")


def open_all(page: Page) -> None:
    """Unfolds what is folded, so that it is looked at too."""
    page.evaluate("document.querySelectorAll('.sa details').forEach((one) => { one.open = true; })")


def noticed(user: User, mapping: Mapping) -> None:
    """A channel with notices: one told, one that failed."""
    now = timezone.now()
    team = a_channel(user, "slack://x", "Team room", mapping=mapping, rhythm="daily")
    Channel.objects.update(last_sent_at=now - timedelta(minutes=4))
    common = {"channel": team, "at": now, "ready_at": now}
    Notice.objects.create(**common, kind="opened", state="sent", sent_at=now)
    Notice.objects.create(**common, kind="guard", state="given up", error="Failed to send, error=403.")
