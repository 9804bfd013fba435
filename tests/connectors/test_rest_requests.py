"""Every way of asking for an operation and of answering it: what is sent, and what is made of the answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from connectors.base import Misconfigured, Op, Outcome, Result, Retry, Write
from connectors.rest import Resource, RestConnector, System
from tests.connectors.odd_server import Asked, OddServer, Say

UPDATE = Write(Op.UPDATE, "it's", {"name": "new"})
CREATE = Write(Op.CREATE, None, {"name": "new", "address.city": "Ulm", "tags": ["a", "b"]})
DELETE = Write(Op.DELETE, "7")


def asked_and_told(
    resource: dict[str, Any], write: Write | list[Write], answer: Say | Callable[[Asked], Say]
) -> tuple[list[Asked], list[Outcome]]:
    """What a server was asked for these writes, and what came of them."""
    writes = write if isinstance(write, list) else [write]
    with OddServer(answer if callable(answer) else lambda _: answer) as server:
        connector = RestConnector(
            System.model_validate({"base_url": f"{server.url}/v1"}),
            {"things": Resource.model_validate({"path": "things", **resource})},
            system="shop",
        )
        try:
            return server.asked, connector.write("things", writes, fields=["name"])
        finally:
            connector.close()


@pytest.mark.parametrize(
    ("resource", "write", "request_line", "body"),
    [
        ({}, UPDATE, "PATCH /v1/things/it's", b'{"name":"new"}'),
        ({"update": {"method": "PUT"}}, UPDATE, "PUT /v1/things/it's", b'{"name":"new"}'),
        (
            {"update": {"method": "POST", "path": "{path}/update", "body": {"id": "{key}", "mode": "some"}}},
            UPDATE,
            "POST /v1/things/update",
            b'{"id":"it\'s","mode":"some","name":"new"}',
        ),
        (
            {"update": {"path": "{path}", "params": {"where[id]": "eq {key}"}}},
            UPDATE,
            "PATCH /v1/things?where[id]=eq%20it%27s",
            b'{"name":"new"}',
        ),
        (
            {"item": "{path}({key})", "key_quote": "doubled"},
            UPDATE,
            "PATCH /v1/things('it''s')",
            b'{"name":"new"}',
        ),
        (
            {"item": "{path}({key})", "key_quote": "doubled", "key_type": "integer"},
            DELETE,
            "DELETE /v1/things(7)",
            b"",
        ),
        (
            {
                "delete": {"method": "POST", "path": "{path}/delete", "body": {"ids": ["{key}"]}},
                "key_type": "integer",
            },
            DELETE,
            "POST /v1/things/delete",
            b'{"ids":[7]}',
        ),
        (
            {"create": {"envelope": "data[]", "body": {"notify": False}}},
            CREATE,
            "POST /v1/things",
            b'{"notify":false,"data":[{"name":"new","address":{"city":"Ulm"},"tags":["a","b"]}]}',
        ),
        (
            {"encoding": "form", "create": {"envelope": "thing"}},
            CREATE,
            "POST /v1/things",
            b"thing[name]=new&thing[address][city]=Ulm&thing[tags][]=a&thing[tags][]=b",
        ),
        (
            {"encoding": "form", "lists": "indexed"},
            Write(Op.CREATE, None, {"a": None, "on": True, "tags": ["x y", "&"]}),
            "POST /v1/things",
            b"a=&on=true&tags[0]=x%20y&tags[1]=%26",
        ),
        (
            {"written_as": {"name.raw": "name"}, "empty_as": {"name.raw": ""}},
            Write(Op.UPDATE, "7", {"name.raw": None, "at": None}),
            "PATCH /v1/things/7",
            b'{"name":"","at":null}',
        ),
    ],
)
def test_a_write_is_sent_as_the_system_wants_it(
    resource: dict[str, Any], write: Write, request_line: str, body: bytes
) -> None:
    ((asked, *_), _) = asked_and_told(resource, write, Say({"id": write.key or 1, "name": "new"}))
    assert f"{asked.method} {asked.line}" in (request_line, request_line.replace("'", "%27"))
    assert asked.body == body
    form = "application/x-www-form-urlencoded"
    assert (
        asked.headers.get("Content-Type", form) == (form if resource.get("encoding") else "application/json")
        or not body
    )


def test_a_record_that_is_replaced_as_a_whole_is_read_and_completed() -> None:
    held = {"id": 7, "name": "old", "phone": "1", "address": {"city": "Ulm", "zip": "89073"}, "links": []}
    asked, (outcome,) = asked_and_told(
        {"update": {"method": "PUT", "whole": True, "omit": ["links"]}},
        Write(Op.UPDATE, "7", {"name": "new", "address.city": "Bonn"}, {"name": "old"}),
        lambda asked: Say(held if asked.method == "GET" else {**held, **asked.json}),
    )
    assert outcome.result is Result.APPLIED
    assert [one.method for one in asked] == ["GET", "PUT"]
    assert asked[1].json == {
        "id": 7, "name": "new", "phone": "1", "address": {"city": "Bonn", "zip": "89073"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("create", "say"),
    [
        ({}, Say({"id": 41, "name": "new", "address": {"city": "Ulm"}, "tags": ["a", "b"]}, 201)),
        ({}, Say({"id": 41}, 201)),
        ({"record": "result"}, Say({"result": {"id": 41, "name": "new"}})),
        ({"key": {"type": "body", "select": "created.id"}}, Say({"created": {"id": 41}})),
        ({"key": {"type": "location"}}, Say(b"", 201, {"Location": "/v1/things/41"})),
        ({"key": {"type": "location"}}, Say(b"", 204, {"Location": "https://x/v1/Things('41')?a=b"})),
        (
            {"key": {"type": "location", "header": "OData-EntityId"}},
            Say(b"", 204, {"OData-EntityId": "Things(41)"}),
        ),
        ({"key": {"type": "link", "select": "links[0].href"}}, Say({"links": [{"href": "/v1/things/41/"}]})),
    ],
)
def test_the_key_of_a_new_record_is_found_wherever_it_is_told(create: dict[str, Any], say: Say) -> None:
    _, (outcome,) = asked_and_told({"create": create}, CREATE, say)
    assert (outcome.result, outcome.key) == (Result.APPLIED, "41")
    whole = isinstance(say.body, dict) and "tags" in say.body
    assert (outcome.record is not None) is whole  # an extract is no record: whoever needs it reads it


def test_a_create_whose_key_nobody_tells_is_not_guessed() -> None:
    _, (outcome,) = asked_and_told({}, CREATE, Say(b"", 204))
    assert outcome.result is Result.UNKNOWN
    assert "create.key" in outcome.said


ERRORS = {
    "when": "status == 'error'",
    "code": "code",
    "message": "text",
    "codes": {"STALE": "stale", "GONE": "gone", "BUSY": "retry", "HUH": "unknown"},
}


def failing(code: str) -> Say:
    return Say({"status": "error", "code": code, "text": f"it is {code}", "id": 7})


@pytest.mark.parametrize(
    ("resource", "say", "result"),
    [
        ({"errors": ERRORS}, failing("STALE"), Result.STALE),
        ({"errors": ERRORS}, failing("BUSY"), Result.RETRY),
        ({"errors": ERRORS}, failing("HUH"), Result.UNKNOWN),
        ({"errors": ERRORS}, failing("NAME_TOO_LONG"), Result.REJECTED),
        ({"errors": ERRORS}, Say({"status": "ok", "id": 7, "name": "new"}), Result.APPLIED),
        ({"errors": ERRORS}, Say({"status": "error", "code": "STALE", "text": "old"}, 400), Result.STALE),
        ({"errors": ERRORS}, Say({"status": "error", "code": "NO", "text": "no"}, 422), Result.REJECTED),
        ({"statuses": {422: "stale"}}, Say({"m": "old"}, 422), Result.STALE),
        ({"statuses": {409: "rejected"}}, Say({"m": "taken"}, 409), Result.REJECTED),
        ({"statuses": {500: "retry"}}, Say({"m": "busy"}, 500), Result.RETRY),
    ],
)
def test_an_answer_means_what_the_system_means_by_it(
    resource: dict[str, Any], say: Say, result: Result
) -> None:
    _, (outcome,) = asked_and_told(resource, Write(Op.UPDATE, "7", {"name": "new"}), say)
    assert outcome.result is result
    if isinstance(say.body, dict) and "text" in say.body:
        assert say.body["text"] in outcome.said


@pytest.mark.parametrize(
    ("resource", "say"),
    [
        ({}, Say(None, 404)),
        ({}, Say(None, 410)),
        ({"gone": [403]}, Say(None, 403)),
        ({"tombstone": "status == 'deleted'"}, Say({"id": 7, "status": "deleted"})),
        ({"errors": ERRORS}, failing("GONE")),
    ],
)
def test_gone_looks_as_the_system_makes_it_look(resource: dict[str, Any], say: Say) -> None:
    with OddServer(lambda _: say) as server:
        connector = RestConnector(
            System(base_url=server.url), {"things": Resource.model_validate({"path": "things", **resource})}
        )
        assert connector.fetch("things", ["7"], fields=["name"]).absent == {"7"}
        (outcome,) = connector.write(
            "things", [Write(Op.UPDATE, "7", {"name": "x"}, {"name": "y"})], fields=[]
        )
        connector.close()
    assert outcome.result is Result.GONE


@pytest.mark.parametrize(("code", "error"), [("BUSY", Retry), ("NO_LICENCE", Misconfigured)])
def test_an_error_inside_a_listing_is_no_empty_list(code: str, error: type[Exception]) -> None:
    with OddServer(lambda _: failing(code)) as server:
        told = {"path": "things", "records": "items || `[]`", "errors": ERRORS}
        connector = RestConnector(System(base_url=server.url), {"things": Resource.model_validate(told)})
        with pytest.raises(error, match=f"it is {code}"):
            list(connector.scan("things", fields=["name"], limit=10))
        connector.close()


# ---------------------------------------------------------------- many at once


def many(**told: Any) -> dict[str, Any]:
    return {"pace": {"chunk": 10}, "update": {"many": {"path": "{path}/bulk", "envelope": "items", **told}}}


UPDATES = [Write(Op.UPDATE, str(key), {"name": f"n{key}"}) for key in range(1, 5)]


def item(number: int, status: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "status": status, **more}


@pytest.mark.parametrize(
    ("told", "results", "expected"),
    [
        (
            {},
            [item(1, 200, name="n1"), item(2, 412), item(3, 422, message="too long"), item(4, 500)],
            [Result.APPLIED, Result.STALE, Result.REJECTED, Result.UNKNOWN],
        ),
        (
            {"match": "id", "status": "ok", "record": "record"},
            [{"id": 3, "ok": True, "record": {"id": 3, "name": "n3"}}, {"id": 1, "ok": False}],
            [Result.REJECTED, Result.UNKNOWN, Result.APPLIED, Result.UNKNOWN],
        ),
        (
            {"statuses": {"done": 200, "conflict": 409, "refused": 400}},
            [item(1, "done", name="n1"), item(2, "conflict"), item(3, "refused"), item(4, "huh")],
            [Result.APPLIED, Result.STALE, Result.REJECTED, Result.UNKNOWN],
        ),
        ({}, [item(1, 200)], [Result.UNKNOWN] * 4),
    ],
)
def test_what_became_of_each_of_many_is_told_one_by_one(
    told: dict[str, Any], results: list[Any], expected: list[Result]
) -> None:
    asked, outcomes = asked_and_told(many(**told), UPDATES, Say(results, 207))
    assert [outcome.result for outcome in outcomes] == expected
    assert [outcome.key for outcome in outcomes] == ["1", "2", "3", "4"]
    assert len(asked) == 1
    assert asked[0].json == {"items": [{"name": f"n{key}", "id": str(key)} for key in range(1, 5)]}


def test_deletes_go_as_a_list_of_keys_and_a_missing_address_is_done_without() -> None:
    deletes = [Write(Op.DELETE, str(key)) for key in range(1, 4)]
    told = {
        "delete": {"many": {"path": "{path}/gone", "method": "DELETE", "items": "keys"}},
        "key_type": "integer",
    }
    asked, outcomes = asked_and_told(told, deletes, Say([{"status": 204}] * 3))
    assert [outcome.result for outcome in outcomes] == [Result.APPLIED] * 3
    assert asked[0].json == [1, 2, 3]
    asked, outcomes = asked_and_told(
        told, deletes, lambda a: Say(b"", 404 if a.path.endswith("gone") else 204)
    )
    assert [outcome.result for outcome in outcomes] == [Result.APPLIED] * 3
    assert sorted(one.path for one in asked[1:]) == ["/v1/things/1", "/v1/things/2", "/v1/things/3"]


# ---------------------------------------------------------------- questions


def questions(resource: dict[str, Any], field: str, values: list[Any]) -> list[Asked]:
    with OddServer(lambda _: Say({"value": []})) as server:
        told = {"path": "Things", "records": "value", **resource}
        connector = RestConnector(System(base_url=server.url), {"things": Resource.model_validate(told)})
        assert connector.find("things", field, values, fields=["name"]) == []
        connector.close()
    return server.asked


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("name", "O'Neil & Söhne", "$filter=name eq 'O''Neil & Söhne'"),
        ("stock", 5, "$filter=stock eq 5"),
        ("active", True, "$filter=active eq true"),
        ("phone", None, "$filter=phone eq null"),
        ("guid", "0a-1b", "$filter=guid eq 0a-1b"),
        ("born", datetime(2026, 1, 2, tzinfo=UTC), "$filter=born eq datetime'2026-01-02T00:00:00.000Z'"),
    ],
)
def test_a_question_writes_each_value_as_its_type_is_written(field: str, value: Any, line: str) -> None:
    language = {
        "param": "$filter", "equals": "{field} eq {value}", "quote": "doubled", "moment": "datetime'{value}'",
        "bare": ["guid"],
    }  # fmt: skip
    (asked,) = questions({"filter": language}, field, [value])
    assert unquote(asked.line.partition("?")[2]) == line
    assert "+" not in asked.line


def test_a_list_can_be_asked_for_by_a_question_in_the_body() -> None:
    told = {
        "listing": {"method": "POST", "params_in": "body", "body": {"sort": "id"}},
        "path": "things/search",
        "find": {"many": {"param": "query.{field}"}},
        "paginator": {"type": "offset", "param": "page.from", "limit_param": "page.size"},
    }
    (asked,) = questions(told, "name", ["a"])
    assert asked.method == "POST"
    assert asked.json == {"sort": "id", "query": {"name": "a"}, "page": {"from": 0, "size": 1000}}


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            {"find": {"many": {"param": "filters[{field}][$in][{n}]"}}},
            "filters[name][$in][0]=a,b&filters[name][$in][1]=5 &",
        ),
        (
            {
                "filter": {
                    "param": "filters",
                    "brackets": True,
                    "equals": '{{"{field}": {{"$eq": {value}}}}}',
                    "either": '{{"$or": [{left}, {right}]}}',
                    "quote": "json",
                }
            },
            "filters[$or][0][name][$eq]=a,b&filters[$or][1][name][$eq]=5 &",
        ),
    ],
)
def test_values_and_filters_can_go_as_parameters_of_their_own(told: dict[str, Any], line: str) -> None:
    (asked,) = questions(told, "name", ["a,b", "5 &"])
    assert unquote(asked.line.partition("?")[2]) == line


def test_by_a_field_that_the_system_cannot_be_asked_for_all_is_looked_through() -> None:
    told = {"find": {"many": {"param": "{field}"}, "fields": ["slug"]}}
    assert [asked.line for asked in questions(told, "slug", ["a", "b"])] == ["/Things?slug=a%2Cb"]
    assert [asked.line for asked in questions(told, "name", ["a", "b"])] == ["/Things"]


def test_fields_told_by_name_are_described_with_the_parts_of_objects() -> None:
    title = {"type": "object", "properties": {"raw": {"type": "string"}, "shown": {"readonly": True}}}
    schema = {"id": {"type": "integer"}, "title": title, "meta": {"type": "object", "properties": []}}
    told = {
        "path": "things",
        "collection": "thing's",
        "fetch": {"params": {"context": "edit"}},
        "schema": {
            "path": "{path}",
            "method": "OPTIONS",
            "named": "types[?name == '{collection}'] | [0].properties",
            "fields": "[].{name: name, native: type, writable: !readonly}",
            "types": {"string": "text", "integer": "integer", "object": "json"},
        },
    }

    def answer(asked: Asked) -> Say:
        described = {"types": [{"name": "others"}, {"name": "thing's", "properties": schema}]}
        return Say(described if asked.method == "OPTIONS" else {"id": 1, "title": {"raw": "x"}, "meta": []})

    with OddServer(answer) as server:
        connector = RestConnector(System(base_url=server.url), {"things": Resource.model_validate(told)})
        found = {one.name: (one.type, one.writable) for one in connector.describe("things").fields}
        record = connector.fetch("things", ["1"], fields=["title.raw"]).found["1"]
        with pytest.raises(Misconfigured, match="there is no field title"):
            connector.fetch("things", ["1"], fields=["title.nonesuch"])
        connector.close()
    assert found == {
        "id": ("integer", False), "title.raw": ("text", True), "title.shown": ("unknown", False),
        "meta": ("json", True),
    }  # fmt: skip
    assert record.values == {"title.raw": "x"}
    assert "/things/1?context=edit" in [asked.line for asked in server.asked]


def test_characters_that_a_system_wants_as_they_are_stay_so() -> None:
    (asked,) = questions({"find": {"many": {"param": "ids"}}, "query_safe": ",:"}, "name", ["a:1", "b"])
    assert asked.line == "/Things?ids=a:1,b"


def test_what_cannot_be_deleted_is_not_asked_to_be() -> None:
    asked, (outcome,) = asked_and_told({"delete": {"possible": False}}, DELETE, Say({}))
    assert asked == []
    assert (outcome.result, outcome.said) == (Result.REJECTED, "records can't be deleted here by the hub")
