"""Who owns what, in a real browser: answered by keyboard, judged at once, made a sheet, taken over."""

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from syncadmin.models import AssessmentVersion
from tests.browser.conftest import WIDE
from tests.builders import a_mapping, a_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.runs_once]


def test_an_integrator_answers_makes_a_sheet_and_takes_it_over(open_page, reviewer, shoot):
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    mapping = a_mapping(label="Customers", enabled=False)
    page = open_page(user, WIDE, "light")
    page.goto("/mappings/customers/assessment/")

    page.get_by_label("All fields: edited by").focus()
    page.keyboard.type("CRM")
    expect(page.get_by_text("One way, the whole table: it is edited in CRM")).to_be_visible()
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_label("credit: edited by").select_option("Web shop")
    expect(page.get_by_text("One way by column")).to_be_visible()
    page.get_by_label("Team that answers for CRM").fill("Sales")
    page.get_by_role("button", name="Save and make a sheet").click()

    expect(page.get_by_text("Sheet 1 is made.")).to_be_visible()
    shoot(page, "assessment", whole=True)
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_text("The mapping is configured as recommended.")).to_be_visible()
    assert mapping.fields.get(name="credit").owner == "right"
    page.get_by_role("link", name="Sheet 1").click()
    expect(page.get_by_text("Sales").first).to_be_visible()
    shoot(page, "sheet", whole=True)
    assert AssessmentVersion.objects.get().sheet["left"]["team"] == "Sales"
