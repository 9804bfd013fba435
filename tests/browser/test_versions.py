"""A changed mapping in a real browser: what it would do is looked at, approved; the way out of service."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from syncadmin.models import MappingVersion
from tests.browser.axe import grave_findings
from tests.browser.conftest import NARROW, WIDE
from tests.views.test_versions import proposed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.runs_once]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_a_proposal_is_looked_at_and_approved_and_the_mapping_is_stopped(
    open_page: Any, shoot: Any, size: tuple[int, int], scheme: str
) -> None:
    boss = User.objects.create_superuser("boss", password="x")
    version = proposed()
    name = f"{size[0]}-{scheme}"
    page = open_page(boss, size, scheme)

    page.goto("/")
    page.get_by_role("link", name="Look at version 2").click()
    page.get_by_text("phone written to Web shop").click()
    expect(page.get_by_text("50 of 60")).to_be_visible()
    shoot(page, f"version-{name}", whole=True)
    assert grave_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Approve, and let it take effect").click()

    expect(page.get_by_text("It is in force")).to_be_visible()
    page.get_by_role("link", name="Versions of").click()
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()
    shoot(page, f"versions-{name}", whole=True)
    assert grave_findings(page) == []
    assert MappingVersion.objects.get(pk=version.pk).state == "active"

    page.goto("/mappings/customers/life/")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("on its way out")).to_be_visible()
    shoot(page, f"life-{name}", whole=True)
    assert grave_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
