"""The REST connector's configuration: what is wrong is named, presets lie below, secrets hide."""

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import ChangeMode, Guarantee, Misconfigured
from connectors.rest import Resource, RestConnector, System

SECRET = "do-not-show-me"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"path": "x", "pth": "y"}, "Extra inputs are not permitted"),
        ({}, "path is missing"),
        ({"preset": "pocketbaes"}, "no preset 'pocketbaes'; there are: .*kinto"),
        ({"path": "x", "records": "items["}, "not a JMESPath expression: 'items\\['"),
        ({"path": "x", "records": 5}, "a selector is a text"),
        ({"path": "x", "paginator": {"type": "pages"}}, "'none', 'page', 'offset', 'cursor'"),
        ({"path": "x", "paginator": {"type": "offset", "cap": 9}}, "`cap` needs a filter"),
        ({"path": "x", "paginator": {"type": "cursor", "param": "a"}}, "needs `next` or `header`"),
        ({"path": "x", "paginator": {"type": "keyset"}}, "keyset needs a filter with `greater`"),
        ({"path": "x", "paginator": {"type": "cursor", "param": "after"}}, "next"),
        ({"path": "x", "changes": "cursor"}, "changes: cursor needs `modified` and `incremental`"),
        ({"path": "x", "modified": "at", "incremental": {}}, "incremental needs its `param`"),
        ({"path": "x", "version": {"type": "field"}}, "needs the name of the field"),
        ({"path": "x", "incremental": {"param": "since", "overlap": "long"}}, "overlap"),
    ],
)
def test_a_resource_that_cannot_work_says_why(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Resource.model_validate(config)


@pytest.mark.parametrize(
    "url", ["shop.example.com", "ftp://shop.example.com", "https://me:pw@shop.example.com", ""]
)
def test_a_base_url_is_http_without_credentials(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url begins with http:// or https://"):
        System.model_validate({"base_url": url})


def test_an_error_of_the_configuration_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(ValidationError) as caught:
        System.model_validate({"base_url": "https://x", "auth": {"type": "bearer", "tokn": SECRET}})
    assert SECRET not in str(caught.value)


def test_secrets_do_not_show() -> None:
    config = System.model_validate(
        {"base_url": "https://x", "auth": {"type": "basic", "password": SECRET}, "headers": {"X-Key": SECRET}}
    )
    connector = RestConnector(config, {}, system="shop")
    assert SECRET not in repr(config) + repr(connector) + config.model_dump_json()
    connector.close()


def test_ones_own_keys_lie_over_the_preset() -> None:
    told = Resource.model_validate(
        {"preset": "pocketbase", "key": "number", "incremental": {"overlap": "9s"}, "batch": None}
    )
    assert told.key == "number"
    assert told.batch is None
    assert told.incremental is not None
    assert (told.incremental.overlap.total_seconds(), told.incremental.format) == (9, "pocketbase")
    assert told.modified == "updated"


def test_another_type_replaces_what_the_preset_says() -> None:
    config = System.model_validate(
        {"preset": "pocketbase", "base_url": "https://x", "auth": {"type": "bearer", "token": SECRET}}
    )
    assert config.auth.type == "bearer"


def test_a_resource_is_named_like_its_collection_unless_told_otherwise() -> None:
    config = System.model_validate({"preset": "pocketbase", "base_url": "https://x"})
    told = {"customers": {}, "people": {"collection": "persons"}}
    resources = {
        name: Resource.model_validate({"preset": "pocketbase", **more}) for name, more in told.items()
    }
    connector = RestConnector(config, resources, system="shop")
    paths = [connector._shape(name).path for name in told]
    connector.close()
    assert paths == ["/api/collections/customers/records", "/api/collections/persons/records"]


def test_a_configuration_of_another_connector_is_refused() -> None:
    with pytest.raises(Misconfigured, match="REST system"):
        RestConnector(Resource(path="x"), {}, system="shop")


@pytest.mark.parametrize(
    ("config", "changes", "guarantee", "finds"),
    [
        ({"path": "x"}, ChangeMode.SCAN, Guarantee.CHECKED, False),
        ({"path": "x", "version": {"type": "etag"}}, ChangeMode.SCAN, Guarantee.ATOMIC, False),
        ({"preset": "pocketbase"}, ChangeMode.CURSOR, Guarantee.CHECKED, True),
        ({"preset": "pocketbase", "changes": "scan"}, ChangeMode.SCAN, Guarantee.CHECKED, True),
    ],
)
def test_what_is_promised_follows_from_the_configuration(
    config: dict[str, Any], changes: ChangeMode, guarantee: Guarantee, finds: bool
) -> None:
    connector = RestConnector(System(base_url="https://x"), {"things": Resource.model_validate(config)})
    told = connector.capabilities("things")
    connector.close()
    assert (told.changes, told.update, told.delete, told.finds) == (changes, guarantee, guarantee, finds)
