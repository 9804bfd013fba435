"""Each preset, with its blanks filled as a person would: it is whole, and says what operations guarantee."""

from functools import cache
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, SecretStr

from connectors.base import ChangeMode, Guarantee, ResourceInfo
from connectors.rest import Resource, RestConnector, System
from connectors.rest.offers import OFFERS, suggested
from connectors.rest.presets import lay_over, names, preset
from connectors.rest.proving import label

ATOMIC, CHECKED = Guarantee.ATOMIC, Guarantee.CHECKED
CURSOR, SCAN = ChangeMode.CURSOR, ChangeMode.SCAN
OFFERED = {offer.settings["preset"]: offer for offer in OFFERS if "preset" in offer.settings}
# changes found by, update, delete, whether a repeated create makes no twin
PROMISES = {
    "airtable": (SCAN, CHECKED, CHECKED, False),
    "couchdb": (CURSOR, ATOMIC, ATOMIC, True),
    "directus": (CURSOR, CHECKED, CHECKED, False),
    "dynamics365": (CURSOR, ATOMIC, ATOMIC, True),
    "github-issues": (CURSOR, CHECKED, CHECKED, False),
    "hubspot": (SCAN, CHECKED, CHECKED, False),
    "jira": (CURSOR, CHECKED, CHECKED, False),
    "kinto": (CURSOR, ATOMIC, ATOMIC, True),
    "medusa": (CURSOR, CHECKED, CHECKED, False),
    "notion": (CURSOR, CHECKED, CHECKED, False),
    "odata": (SCAN, ATOMIC, ATOMIC, False),
    "odoo": (CURSOR, CHECKED, CHECKED, False),
    "parse-server": (CURSOR, CHECKED, CHECKED, False),
    "pipedrive": (CURSOR, CHECKED, CHECKED, False),
    "pocketbase": (CURSOR, CHECKED, CHECKED, True),
    "salesforce": (CURSOR, CHECKED, CHECKED, False),
    "shopify": (CURSOR, CHECKED, CHECKED, False),
    "square": (CURSOR, ATOMIC, ATOMIC, True),
    "strapi": (CURSOR, CHECKED, CHECKED, False),
    "stripe": (SCAN, CHECKED, CHECKED, True),
    "wordpress": (CURSOR, CHECKED, CHECKED, False),
    "xero": (CURSOR, CHECKED, CHECKED, True),
    "zendesk": (SCAN, CHECKED, CHECKED, False),
}


def filled(name: str) -> dict[str, Any]:
    """What a person would type: all that the page asks for, and nothing else."""
    config: dict[str, Any] = {"preset": name}
    for place in OFFERED[name].asks:
        *way, last = place.split(".")
        inner = config
        for part in way:
            inner = inner.setdefault(part, {})
        inner[last] = "https://x.example" if last in ("base_url", "access_token_url") else "typed"
    return config


@pytest.mark.parametrize("name", names())
def test_a_preset_is_whole_and_says_what_it_guarantees(name: str) -> None:
    system = System.model_validate(filled(name))
    assert system.discover is not None, "people would have to know the names of its resources"
    for found in system.discover.known or ["things"]:
        resource = Resource.model_validate(suggested(name, _info(found)))
        connector = RestConnector(system, {found: resource})
        try:
            told = connector.capabilities(found)
            assert "{" not in connector._shape(found).item("1")
        finally:
            connector.close()
        assert (told.changes, told.update, told.delete, told.idempotent) == PROMISES[name]


def _info(name: str) -> ResourceInfo:
    return ResourceInfo(name=name, key="", complete=False)


@pytest.mark.parametrize("name", names())
def test_the_page_says_how_far_a_preset_is_proven(name: str) -> None:
    assert OFFERED[name].proven == label(name)


@pytest.mark.parametrize("name", names())
def test_a_preset_asks_for_every_secret_and_holds_none(name: str) -> None:
    auth = System.model_validate(filled(name)).auth
    secrets = [field for field, value in auth if isinstance(value, SecretStr)]
    assert {f"auth.{field}" for field in secrets if field != "client_secret"} <= set(OFFERED[name].asks)
    assert "secret" not in str(preset(name)["system"]).lower().replace("{secret}", "where it goes")


@pytest.mark.parametrize("name", names())
def test_every_preset_fits_the_published_schema(name: str) -> None:
    data = preset(name)
    assert list(published(System).iter_errors(lay_over(data["system"], filled(name)))) == []
    assert list(published(Resource).iter_errors(data["resource"])) == []


@cache
def published(model: type[BaseModel]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(model.model_json_schema())


def test_what_a_system_always_has_is_not_asked_for() -> None:
    system = System.model_validate(filled("shopify"))
    connector = RestConnector(system, {})
    found = connector.discover()
    connector.close()
    assert [one.name for one in found] == ["customers", "products", "orders"]
    assert suggested("shopify", found[2]) == {
        "preset": "shopify", "collection": "orders", "blanks": {"one": "order"}, "params": {"status": "any"},
    }  # fmt: skip
