"""A configured pair of systems, and someone of each group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from syncadmin.config.apply import apply, read
from syncadmin.models import Mapping, System
from syncadmin.permissions import ACTIONS, make_groups
from tests.config.conftest import TWO_SYSTEMS

SECRET = "open-sesame-7"
As = Callable[[str], Client]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Forms store what they are given by the ORM alone: another hub database would add nothing."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker("runs_once")


@pytest.fixture
def configured(db: None, tmp_path: Path) -> None:
    """TWO_SYSTEMS, with a CRM that is not there and a shop that nobody answers for."""
    environment = {"CRM_URL": f"sqlite:///{tmp_path}/no/such/crm.db", "SHOP_PASSWORD": SECRET}
    apply(
        read(
            TWO_SYSTEMS.replace("https://shop.example.com/v1/", "http://127.0.0.1:9/"),
            "sync.yaml",
            environment,
        )
    )


@pytest.fixture
def crm(configured: None) -> System:
    return System.objects.get(name="crm")


@pytest.fixture
def shop(configured: None) -> System:
    return System.objects.get(name="shop")


@pytest.fixture
def customers(configured: None) -> Mapping:
    return Mapping.objects.get(name="customers")


@pytest.fixture
def groups(db: None) -> None:
    """The groups, also after a test that emptied all tables."""
    make_groups(Group, Permission)


@pytest.fixture
def signed_in(groups: None) -> As:
    """A browser of someone who is staff and in the named group ('' for none; `root` for a superuser)."""

    def client(group: str) -> Client:
        user = User.objects.create_user(
            f"{group.lower()}-person", password="x", is_staff=True, is_superuser=group == "root"
        )
        if group in ACTIONS:
            user.groups.add(Group.objects.get(name=group))
        browser = Client()
        browser.force_login(user)
        return browser

    return client


def posted(page_context: object) -> dict[str, str]:
    """What a browser would send of a change form that nobody touched."""
    form = page_context["adminform"].form  # type: ignore[index]
    forms = [form, *(f for inline in page_context["inline_admin_formsets"] for f in inline.formset.forms)]  # type: ignore[index]
    forms += [inline.formset.management_form for inline in page_context["inline_admin_formsets"]]  # type: ignore[index]
    data: dict[str, str] = {}
    for one in forms:
        for bound in one:
            value = bound.value()
            if value is True:
                data[bound.html_name] = "on"
            elif isinstance(value, list):
                data[bound.html_name] = value  # type: ignore[assignment]
            elif value is not None and value is not False:
                data[bound.html_name] = str(value)
    return data
