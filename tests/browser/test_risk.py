"""The page on how much could be lost, in a real browser: the figures, the signature, its end."""

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from syncadmin.models import RiskAcceptance
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_mapping, a_user
from tests.views.test_risk import watched

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_a_manager_reads_and_signs(open_page, reviewer, shoot, size, scheme):
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    watched(a_mapping(label="Customers", risk="stop"))
    name = f"{size[0]}-{scheme}"
    page = open_page(user, size, scheme)

    page.goto("/")
    page.get_by_role("link", name="risk not accepted").click()
    expect(page.get_by_text("wait until somebody accepts the risk")).to_be_visible()
    shoot(page, f"risk-{name}", whole=True)
    page.get_by_label("Your role").fill("Head of sales")
    page.get_by_label("Remark").fill("We call these customers once a year anyway.")
    page.get_by_role("button", name="Accept as ines").click()

    expect(page.get_by_text("The risk is accepted, in your name.")).to_be_visible()
    expect(page.get_by_text("Head of sales").first).to_be_visible()
    shoot(page, f"risk-accepted-{name}", whole=True)
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("withdrawn by ines")).to_be_visible()
    signed = RiskAcceptance.objects.get()
    assert (signed.role, signed.figures["meetings"]) == ("Head of sales", 60)
