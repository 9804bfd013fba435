"""Secrets go in and never come out: not in an export, a history, a message, a page or a repr."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from connectors.base import Misconfigured
from syncadmin.config import secrets
from syncadmin.config.apply import ObjectChange, apply, read
from syncadmin.config.connect import open_connector, resolved, try_connection
from syncadmin.config.export import export
from syncadmin.config.history import revisions
from syncadmin.config.problems import BadConfig
from syncadmin.models import System

from .conftest import ENVIRONMENT, TWO_SYSTEMS

Applied = Callable[..., list[ObjectChange]]
PASSWORD = ENVIRONMENT["SHOP_PASSWORD"]


@pytest.fixture
def shop(applied: Applied) -> System:
    applied()
    return System.objects.get(name="shop")


def test_a_secret_is_stored_encrypted_and_filled_in_for_the_connector_alone(shop: System) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets, config FROM syncadmin_system WHERE name = 'shop'")
        stored = cursor.fetchone()
    assert PASSWORD not in str(stored)
    config, _ = resolved(shop)
    assert config.auth.password.get_secret_value() == PASSWORD  # type: ignore[attr-defined]
    assert PASSWORD not in repr(config)
    assert PASSWORD not in repr(shop)


def test_export_and_history_have_names_only(shop: System) -> None:
    assert "${SHOP_PASSWORD}" in export()
    assert PASSWORD not in export()
    told = revisions(shop)
    assert PASSWORD not in str(told)
    assert any("secret set: SHOP_PASSWORD" in revision.reason for revision in told)


def test_what_is_stored_need_not_be_in_the_environment_again(shop: System) -> None:
    changes = apply(read(TWO_SYSTEMS, "sync.yaml", environment={}))
    assert {change.action.value for change in changes} == {"unchanged"}


def test_a_new_value_in_the_environment_is_stored_and_told_without_it(shop: System) -> None:
    changes = apply(read(TWO_SYSTEMS, "sync.yaml", {"SHOP_PASSWORD": "another-one"}))
    told = [change.line() for change in changes if change.action.value == "changed"]
    assert told == ["changed: system shop (secret SHOP_PASSWORD: set -> set anew)"]
    shop.refresh_from_db()
    assert secrets.values_of(shop)["SHOP_PASSWORD"] == "another-one"


def test_a_file_cannot_send_a_stored_secret_to_another_address(shop: System) -> None:
    moved = TWO_SYSTEMS.replace("https://shop.example.com", "https://elsewhere.example.com")
    assert moved != TWO_SYSTEMS
    with pytest.raises(BadConfig, match=r"base_url: this changes where stored secrets go.*SHOP_PASSWORD"):
        read(moved, "sync.yaml", environment={})
    apply(read(moved, "sync.yaml", environment={"SHOP_PASSWORD": "known-to-me"}))
    shop.refresh_from_db()
    assert secrets.values_of(shop)["SHOP_PASSWORD"] == "known-to-me"


def test_a_secret_that_is_not_set_says_where_to_set_it(shop: System) -> None:
    secrets.forget(shop, "SHOP_PASSWORD")
    shop.save()
    with pytest.raises(
        Misconfigured, match="the secret SHOP_PASSWORD is not set: set it on the page of the system"
    ):
        open_connector(shop)
    (item,) = try_connection(shop)
    assert not item.ok
    assert "SHOP_PASSWORD" in item.detail


def test_a_form_cannot_reach_into_the_servers_environment(
    shop: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_KEY", "the-hubs-own-key")
    shop.config["headers"] = {"X-Key": "${HUB_KEY}"}
    with pytest.raises(Misconfigured, match="the secret HUB_KEY is not set"):
        open_connector(shop)


def test_a_message_of_a_connector_is_scrubbed(applied: Applied, tmp_path: Path) -> None:
    applied()
    crm = System.objects.get(name="crm")
    missing = f"sqlite:///{tmp_path}/no/such/place.db"
    secrets.put(crm, "CRM_URL", missing)
    items = try_connection(crm)
    assert not all(item.ok for item in items)
    assert missing not in str(items)


def test_what_may_be_shown_of_a_secret_is_its_name_and_who_set_it_when(shop: System) -> None:
    secrets.put(shop, "SHOP_PASSWORD", "new", by="anna")
    (info,) = secrets.listed(shop)
    assert (info.name, info.is_set, info.needed, info.set_by) == ("SHOP_PASSWORD", True, True, "anna")
    assert info.set_at is not None
