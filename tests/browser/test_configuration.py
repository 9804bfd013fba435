"""The configuration pages in a real browser: a mapping is extended, a secret is set, small screens hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from playwright.sync_api import Page, expect

from syncadmin.config import secrets
from syncadmin.config.apply import apply, read
from syncadmin.models import FieldMapping, Mapping, System
from syncadmin.permissions import make_groups
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_user
from tests.config.conftest import ENVIRONMENT, TWO_SYSTEMS


@pytest.fixture
def integrator(transactional_db: None) -> User:
    """Someone who configures, on a hub that has a configuration."""
    make_groups(Group, Permission)
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    apply(read(TWO_SYSTEMS, "sync.yaml", ENVIRONMENT))
    return user


def test_a_field_mapping_is_added_corrected_and_found_in_the_history(
    integrator: User, open_page: Callable[..., Page]
) -> None:
    customers = Mapping.objects.get(name="customers")
    page = open_page(integrator)
    page.goto(f"/admin/syncadmin/mapping/{customers.pk}/change/")
    page.get_by_role("link", name="Field mappings").click()
    page.get_by_text("Add another Field mapping").click()
    page.locator("[name=fields-1-name]").fill("phone")
    page.locator("[name=fields-1-left]").fill("tel")
    page.locator("[name=fields-1-right]").fill("phone")
    page.locator("[name=fields-1-merge]").select_option("counter")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text('"counter" is for type integer or decimal; the type is text')).to_be_visible()
    page.locator("[name=fields-1-merge]").select_option("newest")
    page.get_by_role("button", name="Save and continue editing").click()
    page.goto(f"/admin/syncadmin/mapping/{customers.pk}/history/")
    expect(page.get_by_text("created field mapping phone")).to_be_visible()
    assert FieldMapping.objects.get(name="phone").merge == "newest"


def test_a_secret_is_set_without_ever_being_shown(integrator: User, open_page: Callable[..., Page]) -> None:
    shop = System.objects.get(name="shop")
    page = open_page(integrator)
    page.goto(f"/admin/syncadmin/system/{shop.pk}/change/")
    page.locator("[name=secret_SHOP_PASSWORD]").fill("typed-once")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator("[name=secret_SHOP_PASSWORD]")).to_have_value("")
    assert "typed-once" not in page.content()
    shop.refresh_from_db()
    assert secrets.values_of(shop)["SHOP_PASSWORD"] == "typed-once"


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(
    integrator: User, open_page: Callable[..., Page], size: tuple[int, int], scheme: str
) -> None:
    page = open_page(integrator, size, scheme)
    crm, customers = System.objects.get(name="crm"), Mapping.objects.get(name="customers")
    for path in (
        f"system/{crm.pk}/change/",
        f"system/{crm.pk}/history/",
        f"system/{crm.pk}/test/",
        f"mapping/{customers.pk}/change/",
        f"mapping/{customers.pk}/check/",
    ):
        page.goto(f"/admin/syncadmin/{path}")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, path
