"""From an empty hub and two systems nobody has seen before to a mapping that runs, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from urllib.parse import urlsplit

import psycopg
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from syncadmin import rehearsals, surveys
from syncadmin.embedded import PocketBaseServer
from syncadmin.models import Mapping, Survey
from syncadmin.permissions import make_groups
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_user
from tests.survey.conftest import CRM, insert, members
from tests.survey.tables import contacts


@pytest.fixture
def integrator(transactional_db: None) -> User:
    """Someone who may configure, run, and approve."""
    make_groups(Group, Permission)
    user = a_user(name="ines")
    user.groups.add(*Group.objects.filter(name__in=["Integrator", "Operator"]))
    return user


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the queue was asked for: the test plays the worker."""
    numbers: list[int] = []
    monkeypatch.setattr("syncadmin.views.pick.enqueue_survey", numbers.append)
    monkeypatch.setattr("syncadmin.views.rehearsal.enqueue_rehearsal", numbers.append)
    for view in ("setup", "risk", "rehearsal"):
        monkeypatch.setattr(f"syncadmin.views.{view}.enqueue_pass", lambda mapping_id: None)
    return numbers


def pictures(page: Page, shoot: Callable[..., None], name: str) -> None:
    """The whole page, wide and narrow, light and dark; none of it is wider than the window."""
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("light", "dark"):
            dark = str(scheme == "dark").lower()
            page.evaluate(f"document.documentElement.classList.toggle('dark', {dark})")
            shoot(page, f"flow-{name}-{width}-{scheme}", whole=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, width)
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def test_two_unknown_systems_become_a_running_mapping(
    open_page: Callable[..., Page],
    integrator: User,
    postgres_database: str,
    pocketbase_server: PocketBaseServer,
    unique_name: Callable[[str], str],
    asked: list[int],
    shoot: Callable[..., None],
    tolerated: list[str],
) -> None:
    tolerated.append("422")  # a form that was refused
    with psycopg.connect(postgres_database, autocommit=True) as database:
        database.execute(CRM)
        database.execute("CREATE TABLE import_log (said text)")
    insert(postgres_database, "contacts", contacts()[0])
    collection = unique_name("members")
    members(pocketbase_server, collection)
    page = open_page(integrator)

    page.goto("/")
    page.get_by_role("link", name="Connect your two systems").click()
    pictures(page, shoot, "start")
    page.get_by_role("link", name="PostgreSQL").click()
    parts = urlsplit(postgres_database)
    page.get_by_label("What do you call it?").fill("CRM")
    page.get_by_label("Host").fill(str(parts.hostname))
    page.get_by_label("Port").fill(str(parts.port))
    page.get_by_label("Name of the database").fill(parts.path.strip("/"))
    page.get_by_label("User", exact=True).fill(str(parts.username))
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Test and connect").click()
    expect(page.get_by_role("alert").filter(has_text="password authentication failed")).to_be_visible()
    pictures(page, shoot, "refused")
    page.get_by_label("Password").fill(str(parts.password))
    page.get_by_role("button", name="Test and connect").click()
    expect(page.get_by_text("It has 2 resources")).to_be_visible()
    pictures(page, shoot, "connected")
    page.get_by_role("link", name="Go on").click()

    expect(page.get_by_text("CRM is on the left")).to_be_visible()
    pictures(page, shoot, "right")
    page.get_by_role("link", name="PocketBase").click()
    page.get_by_label("What do you call it?").fill("Web shop")
    page.get_by_label("Address").fill(pocketbase_server.url)
    page.get_by_label("User", exact=True).fill(pocketbase_server.email)
    page.get_by_label("Password").fill(pocketbase_server.password)
    page.get_by_role("button", name="Test and connect").click()
    page.get_by_role("link", name="Go on").click()

    expect(page.get_by_text("no key: give it a primary key")).to_be_visible()
    page.get_by_role("radio", name="contacts").check()
    page.get_by_role("radio", name=collection).check()
    pictures(page, shoot, "resources")
    page.get_by_role("button", name="Take these two").click()
    expect(page.get_by_text("insert, update and delete granted")).to_be_visible()
    pictures(page, shoot, "look")
    page.get_by_role("button", name="Start the survey").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    surveys.run(asked.pop())

    expect(page.get_by_role("heading", name="Which fields are the same?")).to_be_visible()
    page.goto("/connect/")  # left in the middle, and come back
    page.get_by_role("link", name="crm.contacts ⇄").click()
    pictures(page, shoot, "survey")
    page.get_by_role("textbox", name="Name").fill("people")
    page.get_by_role("button", name="Make the mapping").click()
    page.wait_for_url("**/mappings/people/setup/")
    assert Mapping.objects.get().risk == "stop"
    pictures(page, shoot, "setup")
    page.get_by_role("link", name="Owners").click()
    page.get_by_role("button", name="Save and make a sheet").click()
    page.get_by_role("link", name="Go on: Rehearsal").click()
    page.get_by_role("button", name="Rehearse it now").click()
    expect(page.locator("#rehearsal[data-stage=running]")).to_be_visible()
    rehearsals.run(asked.pop())
    page.get_by_role("button", name="Approve exactly this plan").click()
    expect(page.get_by_text("Approved by ines")).to_be_visible()
    pictures(page, shoot, "rehearsed")
    page.get_by_role("link", name="Go on: Risk").click()
    page.get_by_label("Your role").fill("Head of sales")
    page.get_by_role("button", name="Accept as ines").click()
    expect(page.get_by_text("The risk is accepted, in your name.")).to_be_visible()
    page.get_by_role("link", name="Go on: Switch on").click()
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("switched on", exact=True)).to_be_visible()
    call_command("sync", "people", "--json", stdout=StringIO())
    page.goto("/")
    expect(page.locator("[data-mapping=people]")).to_be_visible()
    pictures(page, shoot, "dashboard")
    assert Survey.objects.get().mapping == Mapping.objects.get()
    with psycopg.connect(postgres_database) as database:
        assert database.execute("SELECT count(*) FROM contacts").fetchone() == (300,)
