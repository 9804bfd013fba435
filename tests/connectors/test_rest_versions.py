"""Compare-and-set and creates without twins, in the ways that systems have for them."""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Guarantee, Op, Outcome, Result, Write
from connectors.rest import Resource, RestConnector, System
from tests.connectors.odd_server import Asked, OddServer, Say

HELD = {"id": 7, "name": "old", "rev": 3}
UPDATE = Write(Op.UPDATE, "7", {"name": "new"}, {"name": "old"})
CREATE = Write(Op.CREATE, None, {"name": "new", "mail": "a@x"}, idempotency="i-1")


def carried_out(
    resource: dict[str, Any], write: Write, answer: Callable[[Asked], Say]
) -> tuple[list[Asked], Outcome, Guarantee]:
    with OddServer(answer) as server:
        told = Resource.model_validate({"path": "things", "records": "items", **resource})
        connector = RestConnector(System(base_url=server.url), {"things": told}, system="shop")
        try:
            (outcome,) = connector.write("things", [write], fields=["name"])
            promised = connector.capabilities("things")
            return server.asked, outcome, promised.delete if write.op is Op.DELETE else promised.update
        finally:
            connector.close()


def held(say: Say, tag: str = 'W/"3"') -> Callable[[Asked], Say]:
    """The record to who reads it, and this to who writes."""
    return lambda asked: Say(HELD, headers={"ETag": tag}) if asked.method == "GET" else say


DONE = Say({**HELD, "name": "new", "rev": 4})
PLACED = {"type": "placed", "field": "rev"}


@pytest.mark.parametrize(
    ("resource", "write", "line", "condition"),
    [
        ({"version": {"type": "etag"}}, UPDATE, "PATCH /things/7", 'W/"3"'),
        ({"version": {"type": "etag", "weak": "strip"}}, UPDATE, "PATCH /things/7", '"3"'),
        (
            {"version": {"type": "etag", "header": "X-Version", "field": "rev", "format": "{version}"}},
            UPDATE,
            "PATCH /things/7",
            None,
        ),
        (
            {"version": PLACED, "update": {"path": "{path}/{key}/{version}"}},
            UPDATE,
            "PATCH /things/7/3",
            None,
        ),
        (
            {
                "version": PLACED,
                "update": {"path": "{path}", "params": {"id": "eq.{key}", "rev": "eq.{version}"}},
            },
            UPDATE,
            "PATCH /things?id=eq.7&rev=eq.3",
            None,
        ),
        (
            {"version": PLACED, "delete": {"params": {"rev": "{version}"}}},
            Write(Op.DELETE, "7", expected={"name": "old"}),
            "DELETE /things/7?rev=3",
            None,
        ),
        (
            {
                "version": {"type": "field", "field": "rev"},
                "delete": {"method": "POST", "body": {"at": "{version}"}},
            },
            Write(Op.DELETE, "7", version="3"),
            "POST /things/7",
            None,
        ),
    ],
)
def test_f16_the_version_goes_where_the_system_looks_for_it(
    resource: dict[str, Any], write: Write, line: str, condition: str | None
) -> None:
    asked, outcome, promised = carried_out(resource, write, held(DONE))
    assert (outcome.result, promised) == (Result.APPLIED, Guarantee.ATOMIC)
    assert f"{asked[-1].method} {asked[-1].line}" == line
    assert asked[-1].headers.get("If-Match") == condition
    if "X-Version" in str(resource):
        assert asked[-1].headers["X-Version"] == "3"
    if write.op is Op.DELETE and write.version:
        assert asked[-1].json == {"at": 3}


def test_a_delete_that_the_system_cannot_refuse_is_checked_and_says_so() -> None:
    version = {"version": {"type": "field", "field": "rev"}}
    asked, outcome, promised = carried_out(version, Write(Op.DELETE, "7", version="2"), held(Say(b"", 204)))
    assert (outcome.result, promised) == (Result.STALE, Guarantee.CHECKED)
    assert [one.method for one in asked] == ["GET"]


def test_an_etag_that_only_a_single_answer_tells_is_read_before_many_writes() -> None:
    """Where records are read in bulk for everything else, a write must not go without its condition."""
    resource = {"version": {"type": "etag"}, "fetch": {"many": {"param": "ids"}, "confirm": False}}
    asked, outcome, _ = carried_out(resource, UPDATE, held(DONE))
    assert outcome.result is Result.APPLIED
    assert [one.line for one in asked] == ["/things/7", "/things/7"]
    assert asked[1].headers["If-Match"] == 'W/"3"'


def test_a_system_that_wants_a_version_with_each_write_gets_one() -> None:
    resource = {"version": {"type": "etag", "mandatory": True}}
    asked, _, _ = carried_out(resource, Write(Op.UPDATE, "7", {"name": "new"}), held(DONE))
    assert asked[-1].headers["If-Match"] == 'W/"3"'


def test_a_weak_and_a_strong_tag_of_one_version_are_one_version() -> None:
    resource = {"version": {"type": "etag"}, "update": {"method": "PUT", "whole": True}}
    write = Write(Op.UPDATE, "7", {"name": "new"}, version='"3"')
    _, outcome, _ = carried_out(resource, write, held(DONE))
    assert outcome.result is Result.APPLIED


@pytest.mark.parametrize(
    ("said", "there", "result"),
    [
        ([], True, Result.STALE),
        ([], False, Result.GONE),
        ([{**HELD, "name": "new"}], True, Result.APPLIED),
    ],
)
def test_f16_a_conditional_update_that_meets_nothing_is_a_lost_race(
    said: list[Any], there: bool, result: Result
) -> None:
    def answer(asked: Asked) -> Say:
        if asked.method == "PATCH":
            return Say(said)
        return Say(HELD) if there else Say(None, 404)

    resource = {
        "version": PLACED,
        "update": {"path": "{path}", "params": {"rev": "eq.{version}"}, "affected": "@", "record": "[0]"},
    }
    write = Write(Op.UPDATE, "7", {"name": "new"}, version="3")
    assert carried_out(resource, write, answer)[1].result is result


@pytest.mark.parametrize("status", [409, 412, 422, 428])
def test_f16_a_lost_race_may_be_told_by_any_status(status: int) -> None:
    resource = {"version": {"type": "etag"}, "statuses": {422: "stale"}}
    _, outcome, _ = carried_out(resource, UPDATE, held(Say({"message": "changed"}, status)))
    assert outcome.result is Result.STALE


# ---------------------------------------------------------------- creates


def refusing(there: dict[str, Any], **more: Any) -> Callable[[Asked], Say]:
    """A system that has this record already, and says so."""

    def answer(asked: Asked) -> Say:
        if asked.method == "POST":
            return Say({"message": "duplicate", **more}, 409)
        wanted = dict(asked.params)
        fits = all(there.get(name) == value for name, value in wanted.items())
        return Say({"items": [there] if fits else []}) if asked.path == "/things" else Say(there)

    return answer


FIND = {"find": {"many": {"param": "{field}"}}}
TOLD = {"idempotency_header": "K", "there": "existing"}
OURS = {"id": 41, "name": "new", "mail": "a@x", "ref": "i-1"}


@pytest.mark.parametrize(
    ("create", "there", "more", "result", "key"),
    [
        ({"idempotency_field": "ref"}, OURS, {}, Result.APPLIED, "41"),
        ({"idempotency_field": "ref"}, {**OURS, "name": "edited since"}, {}, Result.STALE, "41"),
        ({"idempotency_field": "ref"}, {**OURS, "ref": "another's"}, {}, Result.REJECTED, None),
        ({"natural": "mail"}, OURS, {}, Result.APPLIED, "41"),
        ({"natural": "mail"}, {**OURS, "name": "somebody else"}, {}, Result.REJECTED, "41"),
        ({"idempotency_header": "K", "there": "existing"}, OURS, {"existing": 41}, Result.APPLIED, "41"),
        (
            {"idempotency_header": "K", "there": "existing"},
            {**OURS, "name": "x"},
            {"existing": 41},
            Result.STALE,
            "41",
        ),
        ({"idempotency_header": "K"}, OURS, {}, Result.REJECTED, None),
    ],
)
def test_f03_a_create_that_is_refused_as_a_duplicate_is_looked_up(
    create: dict[str, Any], there: dict[str, Any], more: dict[str, Any], result: Result, key: str | None
) -> None:
    asked, outcome, _ = carried_out({"create": create, **FIND}, CREATE, refusing(there, **more))
    assert (outcome.result, outcome.key) == (result, key)
    if "idempotency_field" in create:
        assert asked[0].json["ref"] == "i-1"


@pytest.mark.parametrize(
    ("create", "idempotent"),
    [
        ({}, False),
        ({"id": {"type": "uuid"}}, True),
        ({"idempotency_header": "K"}, True),
        ({"idempotency_field": "ref"}, True),
        ({"natural": "mail"}, True),
    ],
)
def test_whether_a_create_may_be_repeated_is_told(create: dict[str, Any], idempotent: bool) -> None:
    told = Resource.model_validate({"path": "things", "create": create})
    connector = RestConnector(System(base_url="https://x"), {"things": told})
    assert connector.capabilities("things").idempotent is idempotent
    connector.close()


def test_f25_an_address_for_one_single_create_is_kept_until_it_is_known_what_came_of_it() -> None:
    """The first answer is lost; the repeat goes to the same address, and is told that it was used."""
    rows: dict[str, Any] = {}
    given: list[str] = []
    used: set[str] = set()

    def answer(asked: Asked) -> Say:
        if asked.path == "/things/prepare":
            given.append(f"/things/put/{len(given)}")
            return Say(None, 201, {"Location": given[-1]})
        if asked.path == "/things/41":
            return Say(rows["41"])
        if asked.path in used:
            return Say({"id": 41}, 410)
        used.add(asked.path)
        rows["41"] = {"id": 41, **asked.json}
        return Say(lost=True)

    create = {"once": {"path": "{path}/prepare"}, "exists": [410], "there": "id"}
    with OddServer(answer) as server:
        told = Resource.model_validate({"path": "things", "create": create})
        connector = RestConnector(System(base_url=server.url), {"things": told}, system="shop")
        memory = connector._client.memory
        results = []
        for _ in range(2):
            (outcome,) = connector.write("things", [CREATE], fields=["name"])
            results.append((outcome.result, outcome.key, len(memory._kept)))  # type: ignore[attr-defined]
        connector.close()
    assert results == [(Result.UNKNOWN, None, 1), (Result.APPLIED, "41", 0)]
    assert given == ["/things/put/0"]
