"""What the REST connector makes of odd answers: it names the place and the remedy, and guesses nothing."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import (
    ConnectorError,
    Guarantee,
    Misconfigured,
    Op,
    Outcome,
    Result,
    Retry,
    Unreadable,
    Write,
)
from connectors.rest import Resource, RestConnector, System
from tests.connectors.odd_server import Asked, OddServer, Say

SECRET = "pa55-word-of-the-account"


@contextmanager
def connected(
    answer: Callable[[Asked], Say], *, auth: dict[str, Any] | None = None, **resource: Any
) -> Iterator[tuple[RestConnector, OddServer]]:
    with OddServer(answer) as server:
        config = System.model_validate(
            {
                "base_url": server.url,
                "timeout": "2s",
                "auth": auth or {"type": "bearer", "token": SECRET},
            }
        )
        told = Resource.model_validate({"path": "things", "records": "items", **resource})
        connector = RestConnector(config, {"things": told}, system="shop")
        try:
            yield connector, server
        finally:
            connector.close()


def scanned(connector: RestConnector) -> list[str]:
    return [
        record.key for page in connector.scan("things", fields=["name"], limit=10) for record in page.records
    ]


def always(say: Say) -> Callable[[Asked], Say]:
    return lambda _: say


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("say", "error", "words"),
    [
        (
            Say(b"<html>Please log in</html>"),
            Unreadable,
            ["did not answer JSON", "base_url", "Please log in"],
        ),
        (Say({"data": [{"id": 1}]}), Unreadable, ["things", "records: items", "an object with data"]),
        (Say({"items": "none"}), Unreadable, ["records: items", "str 'none'"]),
        (Say({"items": [1, 2]}), Unreadable, ["records: items", "int '1'"]),
        (Say({"items": [{"number": 7}]}), Unreadable, ["key: id", "an object with number"]),
        (Say({"message": "bad token"}, 401), Misconfigured, ["status 401", "auth", "bad token"]),
        (Say({"error": {"message": "no scope"}}, 403), Misconfigured, ["may not read", "no scope"]),
        (Say(None, 404), Misconfigured, ["no such address", "path"]),
        (
            Say(None, 302, {"Location": "https://evil.example.com/x"}),
            Misconfigured,
            ["evil.example.com", "redirects"],
        ),
        (Say({"detail": "unknown sort"}, 400), Misconfigured, ["does not fit", "unknown sort"]),
        (Say(None, 500), Retry, ["status 500"]),
        (Say(lost=True), Retry, ["connection was lost"]),
    ],
)
def test_a_read_that_fails_says_where_why_and_what_to_do(
    say: Say, error: type[ConnectorError], words: list[str]
) -> None:
    with connected(always(say)) as (connector, server), pytest.raises(error) as caught:
        scanned(connector)
    assert len(server.asked) == 1
    for word in ("shop", "things", *words):
        assert word in str(caught.value)


def test_f26_a_429_carries_how_long_to_wait() -> None:
    with (
        connected(always(Say(None, 429, {"Retry-After": "17"}))) as (connector, _),
        pytest.raises(Retry) as caught,
    ):
        scanned(connector)
    assert caught.value.after == timedelta(seconds=17)


def test_f26_a_503_with_a_date_is_waited_for_by_the_systems_clock() -> None:
    headers = {"Retry-After": "Thu, 01 Jan 2032 00:01:30 GMT", "Date": "Thu, 01 Jan 2032 00:00:00 GMT"}
    with OddServer(always(Say(None))) as server:
        server.answer = always(Say(None, 503, headers))
        connector = RestConnector(
            System(base_url=server.url), {"things": Resource(path="things")}, system="shop"
        )
        with pytest.raises(Retry) as caught:
            scanned(connector)
        connector.close()
    assert caught.value.after is not None
    assert caught.value.after > timedelta(seconds=0)


def test_an_unreachable_system_is_named() -> None:
    connector = RestConnector(
        System(base_url="http://127.0.0.1:9"), {"things": Resource(path="things")}, system="shop"
    )
    with pytest.raises(Retry, match=r"shop.*127\.0\.0\.1:9 cannot be reached"):
        scanned(connector)
    lines = connector.check()
    connector.close()
    assert [(line.name, line.ok) for line in lines] == [("reachable", False)]
    assert "base_url" in lines[0].remedy


def test_no_error_tells_a_secret_even_if_the_system_repeats_it() -> None:
    with connected(always(Say({"message": f"token {SECRET} is expired"}, 401))) as (connector, _):
        with pytest.raises(Misconfigured) as caught:
            scanned(connector)
        assert SECRET not in str(caught.value)
        assert "***" in caught.value.said
        assert SECRET not in repr(connector.check())
        assert SECRET not in repr(connector._config)


def test_f13_a_forbidden_record_is_neither_found_nor_absent() -> None:
    answers = {
        "/things/1": Say({"id": 1, "name": "a"}),
        "/things/2": Say(None, 403),
        "/things/3": Say(None, 404),
    }
    with connected(lambda asked: answers[asked.path]) as (connector, _):
        fetched = connector.fetch("things", ["1", "2", "3"], fields=["name"])
    assert set(fetched.found) == {"1"}
    assert fetched.absent == {"3"}


def test_f13_absence_is_not_believed_once_the_canary_is_silent() -> None:
    def answer(asked: Asked) -> Say:
        return Say(None, 403) if asked.path == "/admin" else Say({"items": []})

    with (
        connected(answer, canary="/admin") as (connector, _),
        pytest.raises(Misconfigured, match="status 403"),
    ):
        scanned(connector)


def test_f27_a_field_that_is_not_delivered_is_not_an_empty_value() -> None:
    with connected(always(Say({"items": [{"id": 1, "name": None}]}))) as (connector, _):
        (page,) = connector.scan("things", fields=["name", "phone"], limit=10)
    assert page.records[0].values == {"name": None}


def test_a_sparse_resource_leaves_out_what_is_empty() -> None:
    with connected(always(Say({"items": [{"id": 1}]})), sparse=True) as (connector, _):
        (page,) = connector.scan("things", fields=["phone"], limit=10)
    assert page.records[0].values == {"phone": None}


def test_describe_says_which_fields_there_are_if_the_key_is_not_among_them() -> None:
    with (
        connected(always(Say({"items": [{"number": 7, "name": "a"}]}))) as (connector, _),
        pytest.raises(Misconfigured, match=r"no field 'id' \(`key: id`\).*number, name"),
    ):
        connector.describe("things")


def test_check_has_a_line_for_each_thing_that_was_tested() -> None:
    with connected(always(Say({"items": [{"id": 7, "name": "a"}]}))) as (connector, _):
        lines = connector.check()
    assert [(line.name, line.ok) for line in lines] == [
        ("reachable", True),
        ("authenticated", True),
        ("clock", True),
        ("limits", True),
        ("resource things", True),
        ("things: writable", True),
    ]


def test_check_tells_how_much_the_system_bears() -> None:
    headers = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "598"}
    with connected(always(Say({"items": []}, headers=headers))) as (connector, _):
        told = {line.name: line.detail for line in connector.check()}
    assert told["limits"] == "at most 600 requests, 598 of them left"


def test_a_check_names_the_settings_that_a_person_should_look_at() -> None:
    with connected(always(Say({"message": "no"}, 401))) as (connector, _):
        refused = connector.check()[1]
    assert (refused.name, refused.ok) == ("authenticated", False)
    assert refused.settings[0] == "auth.password"


def test_a_search_drops_what_a_system_sends_that_ignores_the_filter() -> None:
    rows = [{"id": 1, "mail": "a@x"}, {"id": 2, "mail": "b@x"}]
    with connected(always(Say({"items": rows})), find={"many": {"param": "{field}"}}) as (connector, server):
        found = connector.find("things", "mail", ["b@x"], fields=["mail"])
    assert [record.key for record in found] == ["2"]
    assert server.asked[0].params == {"mail": "b@x"}


# ---------------------------------------------------------------- writing


def written(connector: RestConnector, *writes: Write) -> list[Outcome]:
    return connector.write("things", writes, fields=["name"])


UPDATE = Write(Op.UPDATE, "1", {"name": "new"})


@pytest.mark.parametrize(
    ("say", "result"),
    [
        (Say({"id": 1, "name": "new"}), Result.APPLIED),
        (Say(None, 409), Result.STALE),
        (Say(None, 412), Result.STALE),
        (Say(None, 428), Result.STALE),
        (Say({"errors": [{"message": "too long"}]}, 422), Result.REJECTED),
        (Say(None, 429), Result.RETRY),
        (Say(None, 503), Result.RETRY),
        (Say(None, 500), Result.UNKNOWN),
        (Say(None, 502), Result.UNKNOWN),
        (Say(lost=True), Result.UNKNOWN),
        (Say(b"<html>done</html>"), Result.UNKNOWN),
        (Say({"ok": True}), Result.UNKNOWN),
    ],
)
def test_f25_the_answer_to_a_write_is_never_guessed(say: Say, result: Result) -> None:
    with connected(always(say)) as (connector, server):
        (outcome,) = written(connector, UPDATE)
    assert outcome.result is result
    assert outcome.key == "1"
    assert len(server.asked) == 1  # nothing is ever sent twice
    if result is Result.REJECTED:
        assert "too long" in outcome.said


def test_a_write_that_is_answered_with_nothing_is_applied_without_a_record() -> None:
    with connected(always(Say(b"", 204))) as (connector, _):
        (outcome,) = written(connector, UPDATE)
    assert (outcome.result, outcome.record) == (Result.APPLIED, None)


def test_f26_after_a_429_the_rest_of_the_batch_is_not_sent() -> None:
    with connected(always(Say(None, 429, {"Retry-After": "5"})), pace={"concurrency": 1}) as (
        connector,
        server,
    ):
        outcomes = written(connector, *(Write(Op.UPDATE, str(key), {"name": "x"}) for key in range(50)))
    assert {(outcome.result, outcome.after) for outcome in outcomes} == {(Result.RETRY, timedelta(seconds=5))}
    assert [outcome.key for outcome in outcomes] == [str(key) for key in range(50)]
    assert len(server.asked) == 1


def test_f26_a_lone_bad_record_does_not_stop_the_rest() -> None:
    def answer(asked: Asked) -> Say:
        bad = asked.path.endswith("/7")
        return Say({"message": "no"}, 400) if bad else Say({"id": asked.path.rsplit("/", 1)[1], "name": "x"})

    with connected(answer) as (connector, _):
        outcomes = written(connector, *(Write(Op.UPDATE, str(key), {"name": "x"}) for key in range(60)))
    assert [outcome.key for outcome in outcomes if outcome.result is not Result.APPLIED] == ["7"]
    assert [outcome.key for outcome in outcomes] == [str(key) for key in range(60)]


def test_writes_that_are_all_refused_are_a_matter_of_configuration() -> None:
    with connected(always(Say({"message": "read only"}, 403))) as (connector, _):
        with pytest.raises(Misconfigured, match="permissions"):
            written(connector, UPDATE, Write(Op.UPDATE, "2", {"name": "x"}))
        (outcome,) = written(connector, UPDATE)
    assert outcome.result is Result.REJECTED


def test_an_unreachable_system_raises_only_if_nothing_was_written() -> None:
    connector = RestConnector(
        System(base_url="http://127.0.0.1:9"), {"things": Resource(path="things")}, system="shop"
    )
    with pytest.raises(Retry):
        written(connector, UPDATE, Write(Op.UPDATE, "2", {"name": "x"}))
    connector.close()


def test_a_write_answered_not_found_is_gone_only_if_the_record_is() -> None:
    def answer(asked: Asked) -> Say:
        return (
            Say({"id": 1, "name": "old"})
            if asked.method == "GET" and asked.path == "/things/1"
            else Say(None, 404)
        )

    with connected(answer) as (connector, _):
        forbidden, gone = written(connector, UPDATE, Write(Op.UPDATE, "2", {"name": "x"}))
    assert forbidden.result is Result.REJECTED
    assert "permission" in forbidden.said
    assert gone.result is Result.GONE


def test_a_value_that_json_cannot_hold_is_rejected_before_it_is_sent() -> None:
    with connected(always(Say({"id": 1}))) as (connector, server):
        outcomes = written(
            connector,
            Write(Op.UPDATE, "1", {"name": "half a pair \ud83d"}),
            Write(Op.UPDATE, "2", {"name": float("nan")}),
        )
    assert [outcome.result for outcome in outcomes] == [Result.REJECTED, Result.REJECTED]
    assert not server.asked


def test_f16_a_system_with_etags_only_is_asked_with_the_etag_it_gave() -> None:
    def answer(asked: Asked) -> Say:
        if asked.method == "GET":
            return Say({"id": 1, "name": "old"}, headers={"ETag": 'W/"abc"'})
        return Say({"id": 1, "name": "new"}, headers={"ETag": 'W/"def"'})

    with connected(answer, version={"type": "etag"}) as (connector, server):
        assert connector.capabilities("things").update is Guarantee.ATOMIC
        (outcome,) = written(connector, Write(Op.UPDATE, "1", {"name": "new"}, {"name": "old"}))
        (stale,) = written(connector, Write(Op.UPDATE, "1", {"name": "new"}, {"name": "other"}))
    assert server.asked[1].headers["If-Match"] == 'W/"abc"'
    assert outcome.record is not None
    assert outcome.record.version == 'W/"def"'
    assert stale.result is Result.STALE
    assert len(server.asked) == 3  # the stale one was never sent


def test_f16_a_version_in_the_body_is_sent_with_the_change() -> None:
    with connected(
        always(Say({"id": 1, "name": "new", "rev": 8})), version={"type": "field", "field": "rev"}
    ) as (connector, server):
        (outcome,) = written(connector, Write(Op.UPDATE, "1", {"name": "new"}, version="7"))
    assert server.asked[0].json == {"name": "new", "rev": 7}
    assert outcome.record is not None
    assert outcome.record.version == "8"


# ---------------------------------------------------------------- being let in


def test_a_login_is_renewed_once_when_its_token_is_refused() -> None:
    given = iter(["first", "second"])

    def answer(asked: Asked) -> Say:
        if asked.path == "/login":
            assert asked.json == {"user": "sync", "pass": SECRET}
            return Say({"data": {"token": next(given)}})
        if asked.headers["Authorization"] == "Bearer first":
            return Say(None, 401)
        return Say({"items": [{"id": 1}]})

    auth = {
        "type": "login",
        "path": "/login",
        "username": "sync",
        "password": SECRET,
        "body": {"user": "{username}", "pass": "{password}"},
        "token": "data.token",
    }
    with connected(answer, auth=auth) as (connector, server):
        login = connector._client._auth
        login._clock = iter(range(0, 10_000, 100)).__next__  # type: ignore[union-attr]
        assert scanned(connector) == ["1"]
    assert [asked.path for asked in server.asked] == ["/login", "/things", "/login", "/things"]


def test_a_token_near_its_end_is_replaced_before_it_is_used() -> None:
    def web_token(end: float) -> str:
        payload = base64.urlsafe_b64encode(json.dumps({"exp": end}).encode()).decode().rstrip("=")
        return f"head.{payload}.signature"

    given = iter([web_token(time.time() + 30), web_token(time.time() + 3600)])
    auth = {"type": "login", "path": "/login", "username": "sync", "password": SECRET}

    def answer(asked: Asked) -> Say:
        return Say({"token": next(given)}) if asked.path == "/login" else Say({"items": []})

    with connected(answer, auth=auth) as (connector, server):
        for _ in range(3):
            scanned(connector)
    paths = [asked.path for asked in server.asked]
    assert paths == ["/login", "/things", "/login", "/things", "/things"]


def test_a_refused_login_says_what_to_check() -> None:
    auth = {"type": "login", "path": "/login", "username": "sync", "password": SECRET}
    with connected(always(Say({"message": f"wrong {SECRET}"}, 400)), auth=auth) as (connector, _):
        with pytest.raises(Misconfigured, match=r"login as 'sync'.*check username, password") as caught:
            scanned(connector)
        assert SECRET not in str(caught.value)
        lines = connector.check()
    assert [(line.name, line.ok) for line in lines] == [("reachable", True), ("authenticated", False)]


def test_a_login_that_is_not_there_is_a_matter_of_the_address() -> None:
    auth = {"type": "login", "path": "/login", "username": "sync", "password": SECRET}
    with connected(always(Say("nothing here", 404)), auth=auth) as (connector, _):
        failed = next(line for line in connector.check() if not line.ok)
    assert "there is no login at /login (status 404): check the address" in failed.remedy
    assert failed.settings == ("base_url",)


def test_a_login_without_a_token_names_the_selector() -> None:
    auth = {"type": "login", "path": "/login", "username": "sync", "password": SECRET}
    with (
        connected(always(Say({"jwt": "x"})), auth=auth) as (connector, _),
        pytest.raises(Misconfigured, match="'token'"),
    ):
        scanned(connector)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "basic", "username": "a", "password": "b"}, "Authorization", "Basic YTpi"),
        ({"type": "bearer", "token": "t"}, "Authorization", "Bearer t"),
        ({"type": "bearer", "token": "t", "scheme": "Token"}, "Authorization", "Token t"),
        ({"type": "header", "headers": {"X-Key": "k"}}, "X-Key", "k"),
    ],
)
def test_credentials_are_sent_as_configured(auth: dict[str, Any], header: str, value: str) -> None:
    with connected(always(Say({"items": []})), auth=auth) as (connector, server):
        scanned(connector)
    assert server.asked[0].headers[header] == value


def test_credentials_do_not_follow_a_link_to_another_host() -> None:
    say = Say({"items": [{"id": 1}], "next": "http://127.0.0.2:1/things?page=2"})
    with (
        connected(always(say), paginator={"type": "next_url", "next": "next"}) as (connector, _),
        pytest.raises(Misconfigured, match=r"127\.0\.0\.2:1.*credentials"),
    ):
        scanned(connector)
