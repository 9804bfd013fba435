"""Questions that are a whole statement, or parts of a body; versions that are times in seconds."""

from typing import Any

import pytest

from connectors.base import Op, Write
from connectors.rest import Resource, RestConnector, System
from connectors.rest.asking import Listing
from tests.connectors.odd_server import Asked, OddServer, Say

SOQL = {
    "path": "query",
    "records": "records",
    "fields_param": "fields",
    "listing": {
        "statement": {
            "param": "q",
            "text": "SELECT {fields} FROM {collection}{where}{order}",
            "every": "SELECT ALL FROM {collection}{where}{order}",
            "parts": {"fields": "{value}", "where": " WHERE {value}", "order": " ORDER BY {value}"},
        }
    },
    "filter": {"param": "where", "both": "({left} AND {right})", "either": "({left} OR {right})"},
    "order": {"param": "order", "key": "{key} ASC"},
}
SEARCH = {
    "path": "search",
    "records": "records",
    "listing": {
        "method": "POST",
        "params_in": "body",
        "body": {"archived": False},
        "parts": {
            "since": {"filter": {"on": "edited", "edited": {"after": "{value}"}}},
            "order": {"sorts": [{"by": "{value}"}]},
        },
    },
    "modified": "edited",
    "incremental": {"param": "since"},
    "order": {"param": "order", "modified": "edited"},
    "paginator": {"type": "none", "limit_param": "size"},
}


def opened(url: str, resource: dict[str, Any]) -> RestConnector:
    told = {"Contact": Resource.model_validate(resource)}
    return RestConnector(System.model_validate({"base_url": url}), told, system="crm")


def asked_by(resource: dict[str, Any], act: Any) -> list[Asked]:
    """What a server without records was asked."""
    with OddServer(lambda _: Say({"records": []})) as server:
        connector = opened(server.url, resource)
        try:
            act(connector)
        finally:
            connector.close()
        return server.asked


@pytest.mark.parametrize(
    ("act", "statement"),
    [
        (
            lambda crm: list(crm.scan("Contact", fields=["name"], limit=9)),
            "SELECT id,name FROM Contact ORDER BY id ASC",
        ),
        (
            lambda crm: crm.find("Contact", "name", ["{order}", "it's"], fields=["name"]),
            "SELECT id,name FROM Contact WHERE (name = '{order}' OR name = 'it\\'s') ORDER BY id ASC",
        ),
        (lambda crm: crm.describe("Contact"), "SELECT ALL FROM Contact ORDER BY id ASC"),
    ],
)
def test_a_statement_takes_up_what_is_asked_for(act: Any, statement: str) -> None:
    (asked,) = asked_by(SOQL, act)
    assert asked.params == {"q": statement}


def test_a_part_of_a_body_stands_there_while_its_parameter_is_asked_for() -> None:
    changed = {"at": "2026-01-02T03:04:05.000Z"}
    asked = asked_by(SEARCH, lambda crm: list(crm.changes("Contact", changed, fields=[], limit=9)))
    sorted_by = {"archived": False, "size": 9, "sorts": [{"by": "edited"}]}
    since = {"on": "edited", "edited": {"after": "2026-01-02T03:04:00.000Z"}}
    assert [one.json for one in asked] == [{**sorted_by, "filter": since}]


def test_parts_are_of_a_body() -> None:
    with pytest.raises(ValueError, match="need `params_in: body`"):
        Listing(parts={"since": {}})


@pytest.mark.parametrize(
    ("edited", "shown"),
    [
        ("2026-01-02T03:04:05.001+0000", "Fri, 02 Jan 2026 03:04:06 GMT"),
        ("2026-01-02T03:04:05.000+0000", "Fri, 02 Jan 2026 03:04:05 GMT"),
    ],
)
def test_a_time_in_seconds_goes_with_updates_and_records_are_compared_all_the_same(
    edited: str, shown: str
) -> None:
    version = {"type": "etag", "field": "edited", "header": "If-Unmodified-Since", "seconds": True}
    resource = {
        "path": "contacts",
        "modified": "edited",
        "incremental": {"param": "since"},
        "version": version,
    }
    with OddServer(lambda _: Say({"id": "1", "name": "old", "edited": edited})) as server:
        connector = opened(server.url, resource)
        writes = [Write(Op.UPDATE, "1", {"name": "new"}, {"name": "old"}), Write(Op.DELETE, "1")]
        connector.write("Contact", writes, fields=["name"])
        record = connector.fetch("Contact", ["1"], fields=["name"]).found["1"]
        promised = connector.capabilities("Contact")
        connector.close()
    sent = [(one.method, one.headers.get("If-Unmodified-Since")) for one in server.asked]
    assert sent[:3] == [("GET", None), ("PATCH", shown), ("DELETE", None)]
    assert (promised.update, promised.versions, record.version) == ("checked", False, None)


def test_fixed_parts_of_a_body_complete_the_values_of_a_record() -> None:
    fixed = {"fields": {"project": {"key": "{project}"}, "kind": "task"}, "notify": False}
    resource = {"path": "issues", "create": {"body": fixed}, "blanks": {"project": "SALES"}}
    with OddServer(lambda _: Say({"id": "1"}, 201)) as server:
        connector = opened(server.url, resource)
        values = {"fields.summary": "new", "fields.project.lead": "anna", "fields.kind": "bug"}
        connector.write("Contact", [Write(Op.CREATE, None, values)], fields=[])
        connector.close()
    project = {"key": "SALES", "lead": "anna"}
    assert server.asked[0].json == {
        "fields": {"project": project, "kind": "bug", "summary": "new"}, "notify": False,
    }  # fmt: skip
