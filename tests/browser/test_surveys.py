"""From two databases never seen before to a mapping, in a real browser; wide, narrow, light, dark."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from playwright.sync_api import Page, expect

from syncadmin import surveys
from syncadmin.models import Mapping, Survey, SurveyState
from syncadmin.permissions import make_groups
from tests.browser.test_bulk_and_undo import looks
from tests.builders import a_user
from tests.survey.conftest import Database, crm, erp, new_database  # noqa: F401

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe" + "x" * 100_000


@pytest.fixture
def integrator(transactional_db: None) -> User:
    """Someone who may configure."""
    make_groups(Group, Permission)
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    return user


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The surveys that the queue was asked for: the tests play the worker."""
    numbers: list[int] = []
    monkeypatch.setattr("syncadmin.views.surveys.enqueue_survey", numbers.append)
    return numbers


def test_a_survey_is_started_watched_looked_at_and_made_into_a_mapping(
    open_page,
    integrator: User,
    crm: Database,  # noqa: F811
    erp: Database,  # noqa: F811
    asked: list[int],
    shoot,
) -> None:
    crm.run("UPDATE contacts SET company = %s WHERE id = 3", HOSTILE)
    page: Page = open_page(integrator)
    page.goto("/")
    page.get_by_role("link", name="Surveys").click()
    page.get_by_label("Left resource").select_option(label="crm.contacts")
    page.get_by_label("Right resource").select_option(label="erp.kunden")
    looks(page, shoot, "survey-start")
    page.get_by_role("button", name="Start the survey").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    survey = Survey.objects.get(pk=asked.pop())
    Survey.objects.filter(pk=survey.pk).update(
        state=SurveyState.RUNNING, side="left", read=12_300, total=20_000
    )
    expect(page.get_by_text("12,300 of 20,000 records")).to_be_visible()
    looks(page, shoot, "survey-progress")

    page.get_by_role("button", name="Stop here").click()
    expect(page.get_by_text("Somebody stopped it.")).to_be_visible()
    page.get_by_role("button", name="Carry on").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    surveys.run(asked.pop())

    key = page.get_by_role("radio", name="email = E_Mail_Adresse")
    expect(key).to_be_checked()
    expect(page.get_by_text("250 match").first).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    looks(page, shoot, "survey-found")
    page.locator(".sa-survey-more summary").first.click()
    for width, size in (("wide", (1440, 900)), ("narrow", (390, 844))):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("light", "dark"):
            dark = str(scheme == "dark").lower()
            page.evaluate(f"document.documentElement.classList.toggle('dark', {dark})")
            shoot(page, f"survey-whole-{width}-{scheme}", whole=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.set_viewport_size({"width": 1440, "height": 900})

    page.get_by_role("checkbox", name="city").uncheck()
    page.get_by_role("button", name="Show as a file").click()
    expect(page.get_by_label("The mapping as a file")).to_contain_text("enabled: false")
    expect(page.get_by_label("The mapping as a file")).not_to_contain_text("city")
    looks(page, shoot, "survey-file")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download").click()
    assert caught.value.suggested_filename == "contacts.yaml"
    page.get_by_role("textbox", name="Name").fill("kunden")
    page.get_by_role("button", name="Make the mapping").click()
    page.wait_for_url("**/mappings/kunden/setup/")
    mapping = Mapping.objects.get(name="kunden")
    assert not mapping.enabled
    assert set(mapping.fields.values_list("name", flat=True)) == {
        "email",
        "company",
        "phone",
        "credit_limit",
        "born",
        "status",
    }


def test_a_system_that_goes_away_is_told_with_what_to_do(
    open_page,
    integrator: User,
    crm: Database,  # noqa: F811
    erp: Database,  # noqa: F811
    asked: list[int],
    shoot,
) -> None:
    survey = surveys.start(crm.resource, erp.resource, user=integrator)
    erp.run("ALTER TABLE kunden RENAME TO weg")
    surveys.run(survey.pk)
    page: Page = open_page(integrator)
    page.goto(f"/surveys/{survey.pk}/")
    expect(page.get_by_role("alert").filter(has_text="Reading erp.kunden ended")).to_be_visible()
    looks(page, shoot, "survey-interrupted")
    erp.run("ALTER TABLE weg RENAME TO kunden")
    page.get_by_role("button", name="Carry on").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    surveys.run(survey.pk)
    expect(page.get_by_role("heading", name="Which fields are the same?")).to_be_visible()
