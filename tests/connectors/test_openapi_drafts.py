"""A system drafted from an OpenAPI description: what is told, what is guessed and why, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.reach import reach
from connectors.rest.openapi import BadDescription, Draft, NoteKind, draft, fetched, read
from syncadmin.drafts import as_file, open_points
from tests.connectors.odd_server import OddServer, Say

SHOP = Path(__file__).with_name("shop.yaml").read_bytes()


@pytest.fixture(scope="module")
def shop() -> Draft:
    return draft(read(SHOP), source="shop.yaml")


def said(draft: Draft, place: str, kind: NoteKind) -> str:
    """All notes of a kind of a resource, or of the system."""
    part = draft.resources[place] if place else draft.system
    return " | ".join(f"{key}: {note.text}" for key, note in part.all_notes() if note.kind is kind)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("path", "customers"),
        ("key", "id"),
        ("key_type", "integer"),
        ("records", "data"),
        ("record", "customer"),
        ("modified", "updatedAt"),
        ("incremental", {"param": "updated_since"}),
        ("version", {"type": "etag", "mandatory": True}),
        ("create", {"method": "POST", "envelope": "customer", "idempotency_header": "Idempotency-Key"}),
        ("delete", {"method": "DELETE"}),
        (
            "paginator",
            {"type": "page", "param": "page", "first": 1, "total": "meta.total", "limit_param": "per_page",
             "max_limit": 50},
        ),
        (
            "update",
            {"method": "PUT", "envelope": "customer", "whole": True, "omit": ["id", "updatedAt"]},
        ),
        (
            "fields",
            {
                "email": {"type": "text", "max_length": 120}, "name": "text", "credit": "decimal",
                "tags": "set",
                "status": {"type": "choice", "choices": ["lead", "won"]},
                "address.city": "text", "address.zip": "text", "parent": "json",
                "id": {"type": "integer", "nullable": False, "writable": False},
                "updatedAt": {"type": "datetime", "nullable": False, "writable": False},
            },
        ),
    ],
)  # fmt: skip
def test_a_resource_is_drafted_from_what_is_described(shop: Draft, setting: str, expected: Any) -> None:
    assert shop.resources["customers"].settings[setting] == expected


def test_the_system_is_where_its_server_is_and_let_in_as_it_says(shop: Draft) -> None:
    assert shop.name == "shop"
    assert shop.system.settings == {
        "base_url": "https://demo.shop.example/api",
        "auth": {"type": "api_key", "name": "X-Token", "location": "header", "api_key": "${SHOP_KEY}"},
        "headers": {"X-Region": "eu"},
    }
    assert "'demo' stands for tenant" in said(shop, "", NoteKind.FILL_IN)
    assert "other ways too (basic)" in said(shop, "", NoteKind.NOTE)


@pytest.mark.parametrize(
    ("resource", "kind", "words"),
    [
        ("customers", NoteKind.GUESSED, "modified: its name looks like the time of the last change"),
        ("customers", NoteKind.GUESSED, "PUT usually empties what it is not given"),
        ("customers", NoteKind.GUESSED, "changes take the header If-Match; prove it with a probe"),
        ("customers", NoteKind.NOTE, "lists can be asked by email"),
        ("members", NoteKind.FILL_IN, "blanks: what stands for path_ in the path"),
        ("members", NoteKind.NOTE, "each pass reads all"),
        ("members", NoteKind.NOTE, "no paging is described"),
        ("members", NoteKind.NOTE, "no way to change or delete records is described"),
        ("members", NoteKind.GUESSED, "the key is taken from Location"),
    ],
)
def test_what_is_not_told_is_said_in_words(shop: Draft, resource: str, kind: NoteKind, words: str) -> None:
    assert words in said(shop, resource, kind)


def test_what_only_a_person_knows_is_left_blank(shop: Draft) -> None:
    told = shop.resources["members"].settings
    assert (told["path"], told["blanks"]) == ("teams/{path_}/members", {"path_": ""})
    assert ("members.blanks", "what stands for path_ in the path") in open_points(shop)


def test_what_can_t_be_kept_in_step_is_named_and_drafted_only_when_asked_for(shop: Draft) -> None:
    assert shop.left_out == [("/reports", "no address of one record is described")]
    assert list(draft(read(SHOP), only=["rep*"]).resources) == ["reports"]
    with pytest.raises(BadDescription, match=r"no list of records is named nothing; there are: /customers, "):
        draft(read(SHOP), only=["nothing"])


def test_the_file_is_read_by_the_same_reader_as_any_other(shop: Draft) -> None:
    text = as_file(shop)
    assert yaml.safe_load(text)["systems"]["shop"]["resources"].keys() == {"customers", "members"}
    assert "        # guessed: the parameter updated_since looks made for it\n" in text


def listing(record: Any, params: Any = (), more: Any = None, headers: Any = None) -> Any:
    """A description of one list, its answer, and its parameters by name."""
    answer = {"type": "array", "items": record}
    if more is not None:
        answer = {"type": "object", "properties": {"items": answer, **more}}
    parameters = [{"name": name, "in": "query", "schema": schema} for name, schema in dict(params).items()]
    said = {"content": {"application/json": {"schema": answer}}, "headers": headers or {}}
    get = {"parameters": parameters, "responses": {"200": said}}
    return {"openapi": "3.1.0", "info": {"title": "T"}, "paths": {"/things": {"get": get}}}


THING = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}


@pytest.mark.parametrize(
    ("params", "more", "expected"),
    [
        ({"cursor": TEXT}, {"nextCursor": TEXT}, {"type": "cursor", "next": "nextCursor", "param": "cursor"}),
        ({"pageToken": TEXT}, {"meta": {"properties": {"next-page-token": TEXT}}},
         {"type": "cursor", "next": 'meta."next-page-token"', "param": "pageToken"}),
        ({"starting_after": TEXT, "limit": {**NUMBER, "maximum": 100}}, {"has_more": FLAG},
         {"type": "after", "param": "starting_after", "has_more": "has_more", "limit_param": "limit",
          "max_limit": 100}),
        ({"startAt": NUMBER}, {"isLast": FLAG},
         {"type": "offset", "param": "startAt", "limit_param": None, "has_more": "!isLast"}),
        ({"page": {**NUMBER, "default": 0}}, {}, {"type": "page", "param": "page", "first": 0}),
        ({}, {"@odata.nextLink": {**TEXT, "format": "uri"}},
         {"type": "next_url", "next": '"@odata.nextLink"'}),
        ({}, {"links": {"properties": {"next": {**TEXT, "format": "uri"}}}},
         {"type": "next_url", "next": "links.next"}),
        ({"name": TEXT}, {}, None),
    ],
)  # fmt: skip
def test_paging_is_seen_by_what_parameters_and_answers_are_called(
    params: Any, more: Any, expected: Any
) -> None:
    found = draft(read(json.dumps(listing(THING, params, more)).encode()), only=["*"])
    assert found.resources["things"].settings.get("paginator") == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["integer", "null"], "minimum": 0}, {"type": "integer", "low": 0}),
        ({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, "date"),
        ({"type": "string", "description": "Timestamp, in RFC 3339 format."}, "datetime"),
        ({"type": "array", "items": THING}, "json"),
        ({"type": "string", "enum": ["a", None]}, {"type": "choice", "choices": ["a"]}),
        ({}, "unknown"),
    ],
)
def test_a_field_is_what_its_schema_says_it_is(schema: Any, expected: Any) -> None:
    record = {"type": "object", "properties": {"id": TEXT, "it": schema}}
    found = draft(read(json.dumps(listing(record)).encode()), only=["*"])
    assert found.resources["things"].settings["fields"]["it"] == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe", "is no text in UTF-8"),
        (b'{"openapi": "3.0.0",\n "paths": }', "line 2: is not JSON"),
        (b"openapi: 3.0.0\npaths: [a: b", "line 3: is not YAML"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"just words", "is no OpenAPI description"),
        (b'{"swagger": "2.0", "paths": {}}', r"swagger: is Swagger 2.0, .* convert it first"),
        (b'{"openapi": "4.0"}', "openapi: must be a version such as 3.0.3"),
        (b'{"openapi": "3.0.0", "info": {}}', "paths: has no paths"),
        (b'{"openapi": "3.0.0", "paths": {"/a": []}}', "paths > /a: must hold keys"),
        (b'{"openapi": "3.0.0", "paths": {"/a": {"get": {"parameters": 5}}}}',
         "paths > /a > get > parameters: must be a list"),
        (b'{"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/nowhere"}}}',
         "paths > /a > .ref: refers to '#/nowhere', which is not there"),
        (b'{"openapi": "3.0.0", "paths": {"/a": {"$ref": "other.yaml"}}}', "another file .* bundle"),
        (b'{"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}}', "paths > /a: refers to itself"),
        (json.dumps(listing(THING)).replace("/things", "/${ERP_PASSWORD}/things").encode(),
         "path: '.*' looks like one of our secrets"),
        (json.dumps(listing(THING)).replace("/things", "/a\u202e/things").encode(), "that can't be seen"),
    ],
)  # fmt: skip
def test_a_bad_description_is_refused_with_the_place(text: bytes, words: str) -> None:
    with pytest.raises(BadDescription, match=words):
        draft(read(text), only=["*"])


def test_hostile_words_stay_inside_of_their_comment() -> None:
    text = listing({"type": "object", "properties": {"id": TEXT, "x\nconnector: sql\u202e": TEXT}})
    text["info"]["title"] = "Shop\nsystems: {}\u202e"
    written = as_file(draft(read(json.dumps(text).encode()), only=["*"]))
    assert "\u202e" not in written
    assert list(yaml.safe_load(written)) == ["version", "systems"]


@pytest.mark.parametrize(
    ("answer", "allowed", "words"),
    [
        (Say(SHOP), "allow", ""),
        (
            Say(None, 302, {"Location": "http://elsewhere.example/"}),
            "allow",
            "redirects to 'http://elsewhere",
        ),
        (Say(None, 404), "allow", "answered with status 404"),
        (Say(SHOP), "refuse", "where the hub may not connect"),
    ],
)
def test_an_address_is_asked_within_reach_and_followed_nowhere(answer: Say, allowed: str, words: str) -> None:
    with OddServer(lambda _: answer) as server:
        if not words:
            assert fetched(f"{server.url}/openapi.yaml", reach(allowed)) == SHOP
            return
        with pytest.raises(BadDescription, match=words):
            fetched(f"{server.url}/openapi.yaml", reach(allowed))
