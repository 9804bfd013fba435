"""Values that are objects of their own kind: read as values, written as objects."""

from typing import Any

import pytest

from connectors.base import Misconfigured, Op, Write
from connectors.rest import Resource, RestConnector, System
from connectors.rest.forms import Forms
from tests.connectors.odd_server import Asked, OddServer, Say

FORMS = {
    "within": "properties",
    "kinds": {
        "text": {
            "read": "text[].plain | join('', @)",
            "item": {"content": "{value}"},
            "longest": 3,
            "write": {"text": "{value}"},
            "empty": {"text": []},
        },
        "number": {"read": "number", "write": {"number": "{value}"}},
        "names": {"read": "names[].name", "item": {"name": "{value}"}, "write": {"names": "{value}"}},
    },
}
KINDS = {"Note": "text", "Count": "number", "Tags": "names", "Sum": "formula"}
RECORD = {
    "id": "1",
    "properties": {
        "Note": {"type": "text", "text": [{"plain": "abc"}, {"plain": "de"}]},
        "Count": {"type": "number", "number": 5},
        "Tags": {"type": "names", "names": [{"name": "a"}]},
        "Sum": {"type": "formula", "formula": {"number": 7}},
        "Old": 1,
    },
}
RESOURCE = {
    "path": "pages",
    "forms": FORMS,
    "update": {"nested": "merge"},
    "fields": {"id": "text"},
    "schema": {
        "path": "kinds",
        "fields": "properties.*.{name: join('.', ['properties', name]), native: kind}",
    },
}


def serve(asked: Asked) -> Say:
    kinds = {name: {"name": name, "kind": kind} for name, kind in KINDS.items()}
    return Say({"properties": kinds} if asked.path == "/kinds" else RECORD)


def test_values_are_read_out_of_their_objects() -> None:
    plain = Forms.model_validate(FORMS).plain(RECORD)["properties"]
    formula = RECORD["properties"]["Sum"]  # type: ignore[index]
    assert plain == {"Note": "abcde", "Count": 5, "Tags": ["a"], "Sum": formula, "Old": 1}


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("Note", "abcdefg", {"text": [{"content": "abc"}, {"content": "def"}, {"content": "g"}]}),
        ("Note", "{value}", {"text": [{"content": "{va"}, {"content": "lue"}, {"content": "}"}]}),
        ("Note", "", {"text": []}),
        ("Note", None, {"text": []}),
        ("Count", 7, {"number": 7}),
        ("Count", None, {"number": None}),
        ("Tags", ["b", "c"], {"names": [{"name": "b"}, {"name": "c"}]}),
    ],
)
def test_values_are_written_as_objects_of_the_kind_that_the_system_tells(
    name: str, value: Any, written: dict[str, Any]
) -> None:
    with OddServer(serve) as server:
        crm = RestConnector(
            System.model_validate({"base_url": server.url}),
            {"pages": Resource.model_validate(RESOURCE)},
            system="crm",
        )
        field = f"properties.{name}"
        expected = {"properties.Count": 5, "properties.Note": "abcde"}
        (outcome,) = crm.write("pages", [Write(Op.UPDATE, "1", {field: value}, expected)], fields=[field])
        with pytest.raises(Misconfigured, match=r"properties\.Sum is of the kind formula"):
            crm.write("pages", [Write(Op.UPDATE, "1", {"properties.Sum": 1})], fields=[])
        crm.close()
    (sent,) = [one.json for one in server.asked if one.method == "PATCH"]
    assert sent == {"properties": {name: written}}
    assert outcome.result == "applied", outcome


def test_forms_want_to_know_kinds() -> None:
    with pytest.raises(ValueError, match="forms need a `schema`"):
        Resource.model_validate({**RESOURCE, "schema": None})
