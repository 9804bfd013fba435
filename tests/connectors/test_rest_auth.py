"""Every way of being let in: the door opens to the right credentials, and what opens it is never told."""

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.base import Misconfigured, Op, Result, Retry, Write
from connectors.rest import Resource, RestConnector, System
from connectors.surroundings import OwnMemory, Surroundings
from tests.connectors.odd_server import Asked, OddServer, Say

SECRET = "pa55-word-of-the-account"
SHARED = "a shared secret of more than thirty-two letters"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
opened: list[RestConnector] = []
THINGS = Say({"items": [{"id": 1, "name": "a"}]})


def connector_to(server: OddServer, auth: dict[str, Any], **system: Any) -> RestConnector:
    config = System.model_validate({"base_url": server.url, "timeout": "5s", "auth": auth, **system})
    resource = Resource.model_validate({"path": "things", "records": "items"})
    opened.append(RestConnector(config, {"things": resource}, system="shop"))
    return opened[-1]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Connectors are closed after their test."""
    yield
    while opened:
        opened.pop().close()


def scanned(connector: RestConnector) -> list[str]:
    pages = connector.scan("things", fields=["name"], limit=10)
    return [record.key for page in pages for record in page.records]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def signed(key: Any, algorithm: str) -> Callable[[Asked], bool]:
    def right(asked: Asked) -> bool:
        word, token = asked.headers["Authorization"].split()
        claims = jwt.decode(token, key, [algorithm], audience="shop")
        head = jwt.get_unverified_header(token)
        return (
            word == "JWT" and claims["iss"] == "hub" and head["kid"] == "k1" and claims["exp"] > time.time()
        )

    return right


JWT = {"type": "jwt", "claims": {"iss": "hub", "aud": "shop"}, "key_id": "k1", "scheme": "JWT"}


@pytest.mark.parametrize(
    ("auth", "right"),
    [
        ({"type": "none"}, lambda asked: "Authorization" not in asked.headers),
        (
            {"type": "basic", "username": "Zoë", "password": SECRET},
            lambda asked: asked.headers["Authorization"] == basic("Zoë", SECRET),
        ),
        (
            {"type": "bearer", "token": SECRET},
            lambda asked: asked.headers["Authorization"] == f"Bearer {SECRET}",
        ),
        (
            {"type": "bearer", "token": SECRET, "scheme": "Token"},
            lambda asked: asked.headers["Authorization"] == f"Token {SECRET}",
        ),
        (
            {"type": "bearer", "token": SECRET, "scheme": ""},
            lambda asked: asked.headers["Authorization"] == SECRET,
        ),
        (
            {"type": "header", "headers": {"X-App": "hub", "X-Secret": SECRET}},
            lambda asked: (asked.headers["X-App"], asked.headers["X-Secret"]) == ("hub", SECRET),
        ),
        ({"type": "api_key", "api_key": SECRET}, lambda asked: asked.headers["X-API-Key"] == SECRET),
        (
            {"type": "api_key", "api_key": f"{SECRET} &=", "name": "api key", "location": "query"},
            lambda asked: asked.params["api key"] == f"{SECRET} &=",
        ),
        (
            {"type": "api_key", "api_key": SECRET, "name": "sid", "location": "cookie"},
            lambda asked: asked.headers["Cookie"] == f"sid={SECRET}",
        ),
        (
            {"type": "api_key", "api_key": SECRET, "location": "basic"},
            lambda asked: asked.headers["Authorization"] == basic(SECRET, ""),
        ),
        ({**JWT, "key": SHARED}, signed(SHARED, "HS256")),
        ({**JWT, "key": PEM, "algorithm": "ES256"}, signed(PRIVATE.public_key(), "ES256")),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_what_is_shown_opens_the_door(auth: dict[str, Any], right: Callable[[Asked], bool]) -> None:
    headers = {"X-Tenant": "north"}

    def door(asked: Asked) -> Say:
        return THINGS if right(asked) and asked.headers["X-Tenant"] == "north" else Say(None, 401)

    with OddServer(door) as server:
        connector = connector_to(server, auth, headers=headers)
        assert scanned(connector) == ["1"]
        server.answer = lambda asked: Say({"message": f"no {asked.headers} {asked.params}"}, 401)
        with pytest.raises(Misconfigured) as caught:
            scanned(connector)
        told = f"{caught.value}{caught.value.said}{connector.check()}{connector!r}"
    assert SECRET not in told
    assert basic(SECRET, "") not in told
    shown = server.asked[-1].headers.get("Authorization", "none at all").split()[-1]
    assert shown not in told or shown == "all"


def test_a_key_that_cannot_sign_is_for_a_person_to_correct() -> None:
    with OddServer(lambda _: THINGS) as server:
        connector = connector_to(server, {**JWT, "key": "no pem", "algorithm": "RS256"})
        with pytest.raises(Misconfigured, match=r"auth\.key.*RS256"):
            scanned(connector)
    assert not server.asked


# ---------------------------------------------------------------- logins that end


class Door:
    """A door that gives tickets for a login, and lets go of them when told to."""

    def __init__(self, give: Callable[[Asked, str], Say], shown: Callable[[Asked], str | None]) -> None:
        self._give, self._shown = give, shown
        self._numbers = itertools.count(1)
        self.good = ""

    def __call__(self, asked: Asked) -> Say:
        if asked.path == "/login":
            self.good = f"ticket-{next(self._numbers)}"
            return self._give(asked, self.good)
        return THINGS if self.good and self._shown(asked) == self.good else Say(None, 401)


def form(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.body.decode(), strict_parsing=True).items()}


def bearer(asked: Asked) -> str:
    return asked.headers.get("Authorization", "").removeprefix("Bearer ")


LOGIN = {"type": "login", "path": "/login", "username": "sync", "password": SECRET}
OAUTH = {"client_id": "hub", "client_secret": SECRET, "scope": "read write"}


def by_form(asked: Asked, ticket: str) -> Say:
    assert form(asked) == {"username": "sync", "password": SECRET}
    return Say({"token": ticket})


def by_cookie(asked: Asked, ticket: str) -> Say:
    return Say({}, headers={"Set-Cookie": f"sid={ticket}; Path=/; HttpOnly"})


def by_client(asked: Asked, ticket: str) -> Say:
    assert asked.headers["Authorization"] == basic("hub", SECRET)
    assert form(asked) == {"grant_type": "client_credentials", "scope": "read write", "audience": "shop"}
    return Say({"access_token": ticket, "token_type": "bearer"})


def by_client_in_body(asked: Asked, ticket: str) -> Say:
    assert "Authorization" not in asked.headers
    assert (form(asked)["client_id"], form(asked)["client_secret"]) == ("hub", SECRET)
    return Say({"access_token": ticket, "expires_in": 3600})


def cookie(asked: Asked) -> str:
    return asked.headers.get("Cookie", "").removeprefix("sid=")


@pytest.mark.parametrize(
    ("auth", "give", "shown"),
    [
        ({**LOGIN, "encoding": "form"}, by_form, bearer),
        (
            {**LOGIN, "header": "X-Auth", "scheme": ""},
            lambda _, t: Say({"token": t}),
            lambda a: a.headers.get("X-Auth"),
        ),
        ({**LOGIN, "session": "cookie"}, by_cookie, cookie),
        (
            {**OAUTH, "type": "oauth2_client_credentials", "access_token_request_data": {"audience": "shop"}},
            by_client,
            bearer,
        ),
        ({**OAUTH, "type": "oauth2_client_credentials", "client_in": "body"}, by_client_in_body, bearer),
        (
            {**OAUTH, "type": "oauth2_refresh_token", "refresh_token": "r0"},
            lambda _, t: Say({"access_token": t}),
            bearer,
        ),
        (
            {**OAUTH, "type": "oauth2_refresh_token", "refresh_token": "r0", "client_in": "body"},
            by_client_in_body,
            bearer,
        ),
    ],
    ids=["form", "own header", "cookie", "client", "client in body", "refresh", "refresh in body"],
)
def test_a_login_is_used_until_it_is_refused_and_then_renewed_once(
    auth: dict[str, Any], give: Callable[[Asked, str], Say], shown: Callable[[Asked], str | None]
) -> None:
    door = Door(give, shown)
    with OddServer(door) as server:
        if auth["type"].startswith("oauth2"):
            auth = {**auth, "access_token_url": f"{server.url}/login"}
        connector = connector_to(server, auth)
        gate: Any = connector._client._auth
        gate._clock = itertools.count(time.time(), 100).__next__
        assert scanned(connector) == scanned(connector) == ["1"]
        door.good = "another"
        assert scanned(connector) == ["1"]
        door.good, door._give = "yet another", lambda *_: Say({"token": "no", "access_token": "no"}, 200)
        with pytest.raises(Misconfigured):
            scanned(connector)
    paths = [asked.path for asked in server.asked]
    assert paths[:6] == ["/login", "/things", "/things", "/things", "/login", "/things"]
    assert len(paths) <= 9


@pytest.mark.parametrize(
    ("say", "error", "words"),
    [
        (Say({"error": "invalid_client", "error_description": SECRET}, 401), Misconfigured, "invalid_client"),
        (Say({"token": "x"}), Misconfigured, "no access token"),
        (Say(b"<html>", 200), Misconfigured, "no access token"),
        (Say(None, 503), Retry, "no access token now"),
        (Say(lost=True), Retry, "no answer to a login"),
    ],
)
def test_a_token_that_is_not_given_says_why_and_no_write_is_in_doubt(
    say: Say, error: type[Exception], words: str
) -> None:
    with OddServer(lambda _: say) as server:
        connector = connector_to(
            server, {**OAUTH, "type": "oauth2_client_credentials", "access_token_url": f"{server.url}/login"}
        )
        with pytest.raises(error, match=words) as caught:
            connector.write("things", [Write(Op.UPDATE, "1", {"name": "b"})], fields=[])
    assert SECRET not in str(caught.value)
    assert {asked.path for asked in server.asked} == {"/login"}


# ---------------------------------------------------------------- refresh tokens that rotate


class Rotating:
    """Gives a new refresh token each time; one that was used is dead."""

    def __init__(self) -> None:
        self.refresh, self.access, self.given = "r0", "", 0

    def __call__(self, asked: Asked) -> Say:
        if asked.path != "/login":
            return THINGS if self.access and bearer(asked) == self.access else Say(None, 401)
        if form(asked)["refresh_token"] != self.refresh:
            return Say({"error": "invalid_grant"}, 400)
        self.given += 1
        self.refresh, self.access = f"r{self.given}", f"a{self.given}"
        return Say({"access_token": self.access, "refresh_token": self.refresh, "expires_in": 3600})


def rotating(server: OddServer, memory: Any, first: str = "r0") -> RestConnector:
    told = {"access_token_url": f"{server.url}/login", "refresh_token": first}
    connector = connector_to(server, {**OAUTH, **told, "type": "oauth2_refresh_token"})
    connector.surround(Surroundings(memory=memory))
    return connector


def test_a_refresh_token_that_rotates_is_found_by_the_next_worker() -> None:
    memory = OwnMemory()
    with OddServer(Rotating()) as server:
        door: Any = server.answer
        first, second = rotating(server, memory), rotating(server, memory)
        assert scanned(first) == scanned(second) == ["1"]
        assert door.given == 1  # the second one found a token that is good
        door.access = "gone"
        gate: Any = second._client._auth
        gate._clock = itertools.count(time.time(), 100).__next__
        assert scanned(second) == ["1"]
        assert scanned(rotating(server, memory)) == ["1"]
        assert door.given == 2
        with pytest.raises(Misconfigured, match="invalid_grant"):
            scanned(rotating(server, OwnMemory()))  # who does not remember is lost
    assert "r2" in next(iter(memory._kept.values()))


def test_a_new_refresh_token_in_the_configuration_starts_all_over() -> None:
    memory = OwnMemory()
    with OddServer(Rotating()) as server:
        door: Any = server.answer
        scanned(rotating(server, memory))
        door.refresh, door.access = "by hand", ""
        assert scanned(rotating(server, memory, "by hand")) == ["1"]


# ---------------------------------------------------------------- tokens against forged requests


@pytest.mark.parametrize(
    ("csrf", "give"),
    [
        (
            {"from_header": "X-CSRF-Token"},
            lambda t: Say({}, headers={"X-CSRF-Token": t, "Set-Cookie": "sid=1"}),
        ),
        (
            {"from_cookie": "csrftoken", "header": "X-CSRF-Token"},
            lambda t: Say({}, headers={"Set-Cookie": f"csrftoken={t}"}),
        ),
        ({"from_body": "data.token"}, lambda t: Say({"data": {"token": t}}, headers={"Set-Cookie": "sid=1"})),
    ],
    ids=["header", "cookie", "body"],
)
def test_writes_carry_a_token_against_forgery_that_is_renewed_once(
    csrf: dict[str, str], give: Callable[[str], Say]
) -> None:
    good = iter(["one", "two"])
    now = ""

    def door(asked: Asked) -> Say:
        nonlocal now
        if asked.headers.get("Authorization") != basic("sync", SECRET):
            return Say(None, 401)
        if asked.path == "/csrf":
            now = next(good)
            return give(now)
        if asked.method == "GET":
            return THINGS
        right = asked.headers.get("X-CSRF-Token") == now and asked.headers.get("Cookie")
        return Say({"id": 1, "name": "b"}) if right else Say(None, 403)

    update = Write(Op.UPDATE, "1", {"name": "b"})
    auth = {"type": "basic", "username": "sync", "password": SECRET}
    with OddServer(door) as server:
        connector = connector_to(server, auth, csrf={"path": "/csrf", **csrf})
        gate: Any = connector._client._auth
        gate._clock = itertools.count(0, 100).__next__
        assert scanned(connector) == ["1"]
        assert "/csrf" not in [asked.path for asked in server.asked]
        results = [connector.write("things", [update], fields=[])[0].result for _ in range(2)]
        now = "forgotten by the server"
        results.append(connector.write("things", [update], fields=[])[0].result)
        assert connector._client.clean("it is two") == "it is ***"
    assert results == [Result.APPLIED] * 3
    assert [asked.path for asked in server.asked].count("/csrf") == 2


def test_what_is_remembered_is_json_without_surprise() -> None:
    memory = OwnMemory()
    with OddServer(Rotating()) as server:
        scanned(rotating(server, memory))
    (name,) = memory._kept
    assert name.startswith("oauth2:")
    assert json.loads(memory._kept[name]).keys() == {"access_token", "refresh_token", "until"}
