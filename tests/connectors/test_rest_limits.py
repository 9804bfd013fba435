"""How much a system is asked, where a connector may connect, and how much it takes: bounded, each of them."""

import itertools
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.base import Misconfigured, Op, Result, Retry, Spent, Unreadable, Write
from connectors.pacing import OwnPacer, Spending
from connectors.reach import anywhere_but_link_local, only_public, reach
from connectors.rest import Resource, RestConnector, System
from connectors.rest.waiting import retry_after
from connectors.surroundings import Purpose, Surroundings
from syncadmin.config.surroundings import QueuePacer
from tests.connectors.odd_server import Asked, OddServer, Say

UPDATE = Write(Op.UPDATE, "1", {"name": "new"})


@contextmanager
def connected(
    answer: Callable[[Asked], Say], surroundings: Surroundings | None = None, **system: Any
) -> Iterator[tuple[RestConnector, OddServer]]:
    with OddServer(answer) as server:
        config = System.model_validate({"base_url": server.url, "timeout": "2s", **system})
        resource = Resource.model_validate({"path": "things", "records": "items", "pace": {"concurrency": 1}})
        connector = RestConnector(config, {"things": resource}, system="shop")
        if surroundings is not None:
            connector.surround(surroundings)
        try:
            yield connector, server
        finally:
            connector.close()


def scanned(connector: RestConnector) -> int:
    return sum(len(page.records) for page in connector.scan("things", fields=["name"], limit=10))


def things(asked: Asked) -> Say:
    return Say({"items": [{"id": 1, "name": "a"}]})


# ---------------------------------------------------------------- where it may connect


@pytest.mark.parametrize(
    ("words", "allowed", "refused"),
    [
        ("allow", ["8.8.8.8", "127.0.0.1", "10.1.2.3", "::1"], ["169.254.169.254", "fe80::1%eth0", "x"]),
        ("refuse", ["8.8.8.8", "2606:4700::1111"], ["127.0.0.1", "10.1.2.3", "::1", "100.64.0.1"]),
        ("10.0.0.0/8, ::1", ["8.8.8.8", "10.1.2.3", "::1"], ["127.0.0.1", "192.168.0.1", "169.254.169.254"]),
        ("169.254.0.0/16", ["169.254.169.254"], ["10.1.2.3"]),
    ],
)
def test_an_operator_says_where_connectors_may_connect(
    words: str, allowed: list[str], refused: list[str]
) -> None:
    may = reach(words)
    assert [address for address in allowed if not may(address)] == []
    assert [address for address in refused if may(address)] == []
    assert not may("::ffff:169.254.169.254") or words.startswith("169")


def test_what_is_no_network_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="everything"):
        reach("everything")


def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    with connected(things, Surroundings(reach=only_public)) as (connector, server):
        with pytest.raises(Misconfigured, match=r"127\.0\.0\.1.*SYNCADMIN_PRIVATE_ADDRESSES"):
            scanned(connector)
        assert [line.ok for line in connector.check()] == [True, False]
        assert not server.asked


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers a public address first and a private one next gets nothing by it."""
    real, answers = socket.getaddrinfo, iter(["127.0.0.1", "169.254.169.254"])

    def rebinding(host: str, *args: Any, **kwargs: Any) -> Any:
        return real(next(answers) if host == "rebind.test" else host, *args, **kwargs)

    with OddServer(things) as server:
        url = server.url.replace("127.0.0.1", "rebind.test")
        connector = RestConnector(
            System(base_url=url), {"things": Resource.model_validate({"path": "things", "records": "items"})}
        )
        connector.surround(Surroundings(reach=anywhere_but_link_local))
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        assert scanned(connector) == 1
        connector.close()
    assert list(answers) == ["169.254.169.254"]  # it was looked up once


def test_tokens_from_a_secure_address_are_asked_for_securely() -> None:
    address = "https://id.example.com"
    auth = {"type": "oauth2_client_credentials", "access_token_url": address, "client_id": "x"}
    for told, verifies in ((auth, True), ({"type": "none"}, False)):
        connector = RestConnector(System.model_validate({"base_url": "http://shop", "auth": told}), {})
        context = connector._client._http._transport._pool._ssl_context  # type: ignore[attr-defined]
        connector.close()
        assert bool(context.check_hostname) is verifies


# ---------------------------------------------------------------- how much it takes


def test_an_answer_that_is_too_large_is_not_taken() -> None:
    with connected(lambda _: Say({"items": ["x" * 5000]}), max_answer=1000) as (connector, _):
        with pytest.raises(Unreadable, match="larger than 1,000 bytes"):
            scanned(connector)
        (outcome,) = connector.write("things", [UPDATE], fields=[])
    assert outcome.result is Result.UNKNOWN


def test_an_answer_nested_without_end_is_no_answer() -> None:
    with (
        connected(lambda _: Say(b"[" * 100_000)) as (connector, _),
        pytest.raises(Unreadable, match="did not answer JSON"),
    ):
        scanned(connector)


# ---------------------------------------------------------------- how much it asks

DATE = "Thu, 01 Jan 2032 00:00:00 GMT"
THEN = 1956528000  # seconds since 1970 at that date


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "Thu, 01 Jan 2032 00:01:30 GMT"}, 90),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(THEN + 40)}, 40),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{THEN + 40}000"}, 40),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "30"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, None),
        ({"Retry-After": "9" * 400}, 86_400),
        ({}, None),
    ],
)
def test_f26_how_long_to_wait_is_told_in_many_ways(headers: dict[str, str], seconds: int | None) -> None:
    found = retry_after(httpx.Headers({"Date": DATE, **headers}))
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_f26_a_403_of_a_system_that_has_no_request_left_is_no_matter_of_permission() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}
    with connected(lambda _: Say({"message": "slow down"}, 403, headers)) as (connector, server):
        (outcome,) = connector.write("things", [UPDATE], fields=[])
        assert (outcome.result, outcome.after) == (Result.RETRY, timedelta(seconds=60))
        with pytest.raises(Retry, match="no request is left"):
            scanned(connector)
        assert len(server.asked) == 1  # nothing is asked while it is known to be refused


@pytest.fixture(params=["own", "queue"])
def pacers(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Makes pacers that count together: two threads of a process, or two workers of a hub."""
    if request.param == "own":
        shared = OwnPacer(clock=lambda: 1000.0)
        return lambda: shared
    url = request.getfixturevalue("valkey_url")
    return lambda: QueuePacer(url)


def test_turns_are_handed_out_to_all_workers_together(pacers: Callable[[], Any]) -> None:
    one, other = pacers(), pacers()
    waits = [pacer.take("shop", 1000.0, 2, 5000.0) for pacer in (one, other, one, other)]
    assert waits == pytest.approx([0, 0, 1000, 2000], abs=20)
    assert one.take("shop", 1000.0, 2, 10.0) == pytest.approx(3000, abs=20)  # told, not taken
    assert other.take("shop", 1000.0, 2, 5000.0) == pytest.approx(3000, abs=20)
    assert one.take("crm", 1000.0, 1, 0.0) == 0


def test_what_may_be_asked_in_a_day_is_counted_by_all(pacers: Callable[[], Any]) -> None:
    one, other = pacers(), pacers()
    assert [one.spend("shop", 3), other.spend("shop", 3), one.spend("shop", 3)] == [2, 1, 0]
    assert other.spend("shop", 3) is None
    assert other.spend("crm", 1) == 0


def test_what_was_asked_is_told_by_purpose_and_hour(pacers: Callable[[], Any]) -> None:
    one, other = pacers(), pacers()
    for pacer, purpose in ((one, "live"), (other, "live"), (other, "verify"), (one, "backfill")):
        pacer.spend("told", 3, purpose)  # the last one finds none left
    told = one.spent("told")
    assert told is not None
    asked = Counter({purpose: sum(hours.values()) for purpose, hours in told.today.items()})
    assert asked == {"live": 2, "verify": 1}
    assert {hour for hours in told.today.values() for hour in hours} <= set(range(24))
    assert one.spent("another") == Spending({})


def test_the_last_hour_of_yesterday_is_told_apart() -> None:
    now = [23.5 * 3600]
    pacer = OwnPacer(clock=lambda: now[0])
    pacer.spend("shop", 5)
    now[0] = 24.1 * 3600
    pacer.spend("shop", 5)
    assert pacer.spent("shop") == Spending({"live": {0: 1}}, before=1)


def test_a_queue_server_that_is_away_leaves_each_to_count_for_itself() -> None:
    pacer = QueuePacer("redis://127.0.0.1:9")
    assert pacer.take("shop", 1000.0, 1, 5000.0) == 0
    assert pacer.take("shop", 1000.0, 1, 5000.0) == pytest.approx(1000, abs=20)
    assert [pacer.spend("shop", 1), pacer.spend("shop", 1)] == [0, None]


def test_a_new_day_begins_a_new_count() -> None:
    pacer = OwnPacer(clock=itertools.chain([0.0, 1.0], itertools.repeat(86_401.0)).__next__)
    assert [pacer.spend("shop", 1) for _ in range(3)] == [0, None, 0]


def test_f26_who_would_wait_too_long_comes_back_later_and_nothing_is_sent() -> None:
    limits = {"requests": 1, "per": "1h", "burst": 2, "wait": "1s"}
    with connected(things, limits=limits) as (connector, server):
        assert scanned(connector) == scanned(connector) == 1
        with pytest.raises(Retry, match="wait for their turn") as caught:
            scanned(connector)
        with pytest.raises(Retry):
            connector.write("things", [UPDATE], fields=[])
    assert caught.value.after is not None
    assert timedelta(minutes=59) < caught.value.after <= timedelta(hours=1)
    assert len(server.asked) == 2


def test_f26_the_days_requests_are_spent_and_come_back_tomorrow() -> None:
    with connected(things, limits={"per_day": 1}) as (connector, server):
        assert scanned(connector) == 1
        with pytest.raises(Retry, match="all 1 requests of today") as caught:
            scanned(connector)
    assert caught.value.after is not None
    assert timedelta() < caught.value.after <= timedelta(days=1)
    assert len(server.asked) == 1


def test_f26_of_a_days_requests_some_are_kept_for_what_is_more_urgent() -> None:
    pacer, done = OwnPacer(), []
    with connected(things, limits={"per_day": 10}) as (connector, server):
        for purpose in (Purpose.VERIFY, Purpose.BACKFILL, Purpose.LIVE):
            connector.surround(Surroundings(pacer=pacer, purpose=purpose))
            with pytest.raises(Retry) as caught:
                [scanned(connector) for _ in range(20)]
            done.append((len(server.asked), isinstance(caught.value, Spent)))
    assert done == [(5, True), (8, True), (10, False)]
