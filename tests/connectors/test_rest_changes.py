"""Every way of finding changes and deletes: nothing is missed, and no cursor runs ahead."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Page, Unreadable
from connectors.rest import Resource, RestConnector, System
from connectors.rest.asking import TimeFormat
from connectors.rest.moments import Moments
from connectors.rest.values import Unwritable, wire
from tests.connectors.odd_server import Asked, OddServer, Say

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

# ---------------------------------------------------------------- moments


@pytest.mark.parametrize(
    ("moments", "written"),
    [
        (Moments(), "2026-01-02T03:04:05.000Z"),
        (Moments(TimeFormat.SECONDS), 1767323045),
        (Moments(TimeFormat.MILLISECONDS), 1767323045000),
        (Moments(TimeFormat.MICROSECONDS), 1767323045000000),
        (Moments(TimeFormat.DOTNET), "/Date(1767323045000)/"),
        (Moments(TimeFormat.HTTP), "Fri, 02 Jan 2026 03:04:05 GMT"),
        (Moments(TimeFormat.LOCAL, zone="Europe/Berlin"), "2026-01-02T04:04:05"),
        (Moments(TimeFormat.CUSTOM, "%d.%m.%Y %H:%M:%S", "Europe/Berlin"), "02.01.2026 04:04:05"),
        (Moments(TimeFormat.CUSTOM, "%Y%m%d%H%M%S%z"), "20260102030405+0000"),
    ],
)
def test_a_moment_is_written_and_read_as_the_system_does(moments: Moments, written: Any) -> None:
    assert moments.write(AT) == written
    assert moments.read(written) == AT
    earlier = moments.read(moments.earlier(written, timedelta(seconds=2)))
    assert earlier == AT - timedelta(seconds=2)
    assert moments.rank(written) < moments.rank(moments.write(AT + timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("moments", "written"),
    [
        (Moments(), "0999-03-04T05:06:07.000Z"),
        (Moments(TimeFormat.POCKETBASE), "0999-03-04 05:06:07.000Z"),
        (Moments(TimeFormat.CUSTOM, "%d.%m.%Y %H:%M:%S (%%Y)"), "04.03.0999 05:06:07 (%Y)"),
    ],
)
def test_a_year_has_four_digits(moments: Moments, written: str) -> None:
    at = datetime(999, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert (moments.write(at), moments.read(written)) == (written, at)


def test_never_may_be_written_as_the_first_of_all_moments() -> None:
    never = "0001-01-01T00:00:00Z"
    for moments in (Moments(), Moments(TimeFormat.LOCAL, zone="America/New_York")):
        assert moments.earlier(never, timedelta(seconds=5)) == never
    with pytest.raises(Unwritable):
        wire(datetime(1, 1, 1, tzinfo=UTC), Moments(TimeFormat.LOCAL, zone="America/New_York"))


@pytest.mark.parametrize("raw", ["", None, "soon", True, "31.12.2026", {}])
def test_what_is_no_moment_is_none(raw: Any) -> None:
    assert Moments().read(raw) is None
    assert Moments(TimeFormat.SECONDS).read(raw) is None


def test_a_day_begins_in_its_own_zone() -> None:
    berlin = Moments(TimeFormat.DATE, zone="Europe/Berlin")
    assert berlin.write(datetime(2026, 1, 1, 23, 30, tzinfo=UTC)) == "2026-01-02"
    assert berlin.read("2026-01-02") == datetime(2026, 1, 1, 23, tzinfo=UTC)


def test_the_hour_that_is_there_twice_is_read_twice() -> None:
    """On 25 October clocks go from 03:00 back to 02:00: what is written 02:10 may come after 02:50."""
    berlin = Moments(TimeFormat.LOCAL, zone="Europe/Berlin")
    assert berlin.earlier("2026-10-25T02:50:00", timedelta(seconds=5)) <= "2026-10-25T02:00:00"
    assert berlin.earlier("2026-10-26T02:50:00", timedelta(seconds=5)) == "2026-10-26T02:49:55"


# ---------------------------------------------------------------- by a cursor


@contextmanager
def connected(answer: Callable[[Asked], Say], **resource: Any) -> Iterator[tuple[RestConnector, OddServer]]:
    with OddServer(answer) as server:
        told = Resource.model_validate({"path": "things", "records": "items", **resource})
        connector = RestConnector(System(base_url=server.url), {"things": told}, system="shop")
        try:
            yield connector, server
        finally:
            connector.close()


def read(connector: RestConnector, cursor: Any) -> tuple[list[str], list[str], Any]:
    """Keys changed, keys gone, and the cursor at the end."""
    pages: list[Page] = list(connector.changes("things", cursor, fields=["name"], limit=2))
    assert all(len(page.records) <= 2 for page in pages)
    return (
        [record.key for page in pages for record in page.records],
        [key for page in pages for key in page.gone],
        pages[-1].cursor if pages else cursor,
    )


def since_number(asked: Asked) -> Say:
    rows = [{"id": n, "rev": n * 10} for n in (1, 2, 3)]
    return Say({"items": [row for row in rows if row["rev"] >= int(asked.params.get("since", 0))]})


def since_local(asked: Asked) -> Say:
    rows = [{"id": 1, "at": "02.01.2026 04:00:00"}, {"id": 2, "at": "02.01.2026 04:00:00"}]
    assert asked.params["since"] == "02.01.2026 03:59:58"
    return Say({"items": rows})


LATE = "2026-01-02T03:00:09Z"


def in_order(asked: Asked) -> Say:
    assert asked.params["sort"] == "id", "pages without an order may overlap"
    return Say({"items": [{"id": 1, "rev": 30}, {"id": 2, "rev": 20}]})


def changed_meanwhile(asked: Asked) -> Say:
    """Two pages by key; the first record is changed once more, unseen, before the second page is sent."""
    row = {"id": 1, "at": "2026-01-02T02:00:00Z"} if asked.params["page"] == "1" else {"id": 2, "at": LATE}
    rows = [row] if asked.params["page"] != "3" else []
    return Say({"items": rows}, headers={"Date": "Fri, 02 Jan 2026 03:00:00 GMT"})


def later_than(asked: Asked) -> Say:
    """What is later than the time asked by, and nothing of that very second; two records a page."""
    rows = [{"id": n, "at": f"2026-01-02T03:00:0{second}"} for n, second in ((1, 1), (2, 2), (3, 2), (4, 2))]
    rows = [row for row in rows if str(row["at"]) + ".000Z" > asked.params["after"]]
    start = (int(asked.params["page"]) - 1) * 2
    return Say({"items": rows[start : start + 2]})


def empty_until_changed(asked: Asked) -> Say:
    assert (
        asked.params["filter"]
        == "changed >= '2026-01-02T03:00:00.000Z' or made >= '2026-01-02T03:00:00.000Z'"
    )
    rows = [
        {"id": 1, "made": "2026-01-01T00:00:00Z", "changed": "2026-01-02T03:00:00Z"},
        {"id": 2, "made": "2026-01-02T04:00:00Z", "changed": None},
    ]
    return Say({"items": rows})


def two_questions(asked: Asked) -> Say:
    row = {"id": 1, "changed": 50, "made": 1} if "since" in asked.params else {"id": 2, "made": 60}
    return Say({"items": [row]})


LANGUAGE = {"param": "filter", "at_least": "{field} >= {value}", "either": "{left} or {right}"}


@pytest.mark.parametrize(
    ("answer", "resource", "cursor", "keys", "after"),
    [
        (
            since_number,
            {"modified": "rev", "incremental": {"param": "since", "format": "integer"}},
            {"at": 20},
            ["2", "3"],
            {"at": 30},
        ),
        (
            since_local,
            {
                "modified": "at",
                "zone": "Europe/Berlin",
                "incremental": {
                    "param": "since", "format": "custom", "pattern": "%d.%m.%Y %H:%M:%S", "overlap": "2s",
                },
            },
            {"at": "02.01.2026 04:00:00"},
            ["1", "2"],
            {"at": "02.01.2026 04:00:00"},
        ),
        (
            in_order,
            {
                "modified": "rev",
                "order": {"param": "sort", "key": "{key}"},
                "incremental": {"param": "since", "format": "integer"},
            },
            {"at": 20},
            ["1", "2"],
            {"at": 30},
        ),
        (
            changed_meanwhile,
            {"modified": "at", "paginator": {"type": "page"}, "incremental": {"param": "since"}},
            {"at": "2026-01-02T01:00:00.000Z"},
            ["1", "2"],
            {"at": "2026-01-02T03:00:00.000Z"},
        ),
        (
            later_than,
            {
                "modified": "at",
                "order": {"param": "sort", "modified": "{modified}"},
                "paginator": {"type": "page"},
                "incremental": {"param": "after", "exclusive": "1s", "overlap": "0s"},
            },
            {"at": "2026-01-02T03:00:01"},
            ["1", "2", "2", "3", "4"],
            {"at": "2026-01-02T03:00:02"},
        ),
        (
            empty_until_changed,
            {
                "modified": "changed",
                "filter": LANGUAGE,
                "incremental": {"created": "made", "overlap": "0s"},
            },
            {"at": "2026-01-02T03:00:00Z"},
            ["1", "2"],
            {"at": "2026-01-02T04:00:00Z"},
        ),
        (
            two_questions,
            {
                "modified": "changed",
                "incremental": {
                    "param": "since", "format": "integer", "created": "made", "created_param": "made_since",
                },
            },
            {"at": 40},
            ["1", "2"],
            {"at": 60},
        ),
    ],
    ids=[
        "integer", "local", "by key alone", "changed meanwhile", "later than", "empty until changed",
        "two questions",
    ],
)  # fmt: skip
def test_what_changed_since_a_cursor_is_asked_for_in_the_systems_terms(
    answer: Callable[[Asked], Say], resource: dict[str, Any], cursor: Any, keys: list[str], after: Any
) -> None:
    with connected(answer, **resource) as (connector, _):
        assert read(connector, cursor) == (keys, [], after)


def test_a_cursor_that_the_system_tells_is_sent_back_as_it_is_and_only_at_the_end() -> None:
    def answer(asked: Asked) -> Say:
        begin, page = asked.params.get("since", "t0"), asked.params.get("page", "1")
        more = {"next": "2"} if page == "1" else {}
        told = f"t{int(begin[1:]) + 1}" if page == "1" else "too late"
        return Say({"items": [{"id": f"{begin}-{page}-{n}"} for n in range(3)], **more, "now": told})

    resource = {
        "incremental": {"param": "since", "told": "now"},
        "paginator": {"type": "cursor", "next": "next", "param": "page"},
    }
    with connected(answer, **resource) as (connector, server):
        assert read(connector, None) == ([], [], {"at": "t1"})
        pages = list(connector.changes("things", {"at": "t1"}, fields=["name"], limit=2))
        assert [page.cursor for page in pages] == [{"at": "t1"}] * 4 + [{"at": "t2"}]
        assert sum(len(page.records) for page in pages) == 6
    assert server.asked[-1].params == {"since": "t1", "page": "2"}


def test_a_list_is_only_sent_if_something_changed() -> None:
    tag = '"1"'

    def answer(asked: Asked) -> Say:
        if asked.headers.get("If-None-Match") == tag:
            return Say(b"", 304, {"ETag": tag})
        return Say({"items": [{"id": 1}]}, headers={"ETag": tag})

    resource = {"incremental": {"header": "If-None-Match", "told_header": "ETag"}}
    with connected(answer, **resource) as (connector, _):
        _, _, cursor = read(connector, None)
        assert read(connector, cursor) == ([], [], {"at": '"1"'})
        tag = '"2"'
        assert read(connector, cursor) == (["1"], [], {"at": '"2"'})


def test_records_modified_since_are_asked_for_by_a_header() -> None:
    def answer(asked: Asked) -> Say:
        unchanged = asked.headers["If-Modified-Since"] == "Fri, 02 Jan 2026 03:04:05 GMT"
        row = {"id": 1, "at": "Fri, 02 Jan 2026 03:04:05 GMT"}
        return Say(b"", 304) if unchanged else Say({"items": [row]})

    incremental = {"header": "If-Modified-Since", "format": "http", "overlap": "0s"}
    with connected(answer, modified="at", incremental=incremental) as (connector, _):
        found = read(connector, {"at": "Thu, 01 Jan 2026 03:04:05 GMT"})
        assert found == (["1"], [], {"at": "Fri, 02 Jan 2026 03:04:05 GMT"})
        assert read(connector, found[2]) == ([], [], found[2])


# ---------------------------------------------------------------- feeds


class FeedServer:
    """A feed by sequence number: every change and every delete has one."""

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self.rows: dict[str, Any] = {}
        self.oldest = 0

    def put(self, key: str, name: str | None) -> None:
        self.rows[key] = name
        self.log.append({"seq": len(self.log) + 1, "id": key, **({"deleted": True} if name is None else {})})

    def __call__(self, asked: Asked) -> Say:
        if asked.path == "/things":
            return Say({"items": [{"id": k, "name": n} for k, n in self.rows.items() if n]})
        if asked.path != "/changes":
            name = self.rows.get(asked.path.rpartition("/")[2])
            return Say({"id": asked.path[-1], "name": name}) if name else Say(None, 404)
        since = len(self.log) if asked.params.get("since") == "now" else int(asked.params.get("since", 0))
        if since < self.oldest:
            return Say({"error": "too old"}, 410)
        found = self.log[since : since + 2]
        return Say({"results": found, "last": found[-1]["seq"] if found else since})


FEED = {
    "path": "/changes",
    "records": "results",
    "token": "last",
    "deleted": "deleted",
    "start": {"since": "now"},
}


@pytest.mark.parametrize("start", [{"since": "now"}, {}])
def test_a_feed_tells_changes_and_deletes_until_nothing_comes(start: dict[str, str]) -> None:
    server = FeedServer()
    for key in "abc":
        server.put(key, key)
    with connected(server, feed={**FEED, "start": start}) as (connector, _):
        assert connector.capabilities("things").tombstones
        _, _, cursor = read(connector, None)
        assert cursor == {"token": 3}
        assert read(connector, cursor) == ([], [], {"token": 3})
        for key, name in (("a", "A"), ("b", None), ("d", "d"), ("a", "AA"), ("d", None)):
            server.put(key, name)
        keys, gone, after = read(connector, cursor)
        assert set(keys) == {"a"}
        assert set(gone) == {"b", "d"}
        assert after == {"token": 8}


def test_a_feed_that_brings_the_records_needs_no_other_request() -> None:
    change = {"id": "a", "seq": 1, "doc": {"id": "a", "name": "A"}}
    pages = {"0": [change], "1": []}
    feed = {**FEED, "record": "doc", "has_more": "more"}
    with connected(
        lambda asked: Say({"results": pages[asked.params["since"]], "last": 1, "more": False}), feed=feed
    ) as (connector, server):
        assert read(connector, {"token": 0}) == (["a"], [], {"token": 1})
    assert len(server.asked) == 1


def test_a_token_that_is_too_old_is_answered_by_reading_all() -> None:
    server = FeedServer()
    for key in "abc":
        server.put(key, key)
    server.oldest = 2
    with connected(server, feed=FEED) as (connector, _):
        assert read(connector, {"token": 1}) == (["a", "b", "c"], [], {"token": 3})


def test_a_feed_whose_token_stands_still_is_noticed() -> None:
    feed = {**FEED, "has_more": "more"}
    with (
        connected(lambda _: Say({"results": [], "last": 5, "more": True}), feed=feed) as (connector, _),
        pytest.raises(Unreadable, match="does not move on"),
    ):
        read(connector, {"token": 5})


# ---------------------------------------------------------------- deletes


def with_bin(asked: Asked) -> Say:
    if asked.path == "/bin":
        deleted = [
            {"id": "t1", "original_id": 4, "at": 45, "what": "delete"},
            {"id": "t2", "original_id": 5, "at": 50, "what": "edit"},
            {"id": "t3", "original_id": 6, "at": 10, "what": "delete"},
        ]
        return Say({"items": [one for one in deleted if one["at"] >= int(asked.params.get("since", 0))]})
    return Say({"items": [{"id": 1, "rev": 50}]})


@pytest.mark.parametrize("param", ["since", None])
def test_deletes_are_found_in_a_bin_or_an_audit_log_under_the_keys_that_records_had(
    param: str | None,
) -> None:
    resource = {
        "modified": "rev",
        "incremental": {"param": "since", "format": "integer"},
        "deletions": {
            "path": "/bin", "records": "items", "key": "original_id", "modified": "at",
            "when": "what == 'delete'", "param": param,
        },
    }  # fmt: skip
    with connected(with_bin, **resource) as (connector, _):
        assert connector.capabilities("things").tombstones
        assert read(connector, None)[2] == {"at": None, "deleted": None}
        keys, gone, cursor = read(connector, {"at": 50, "deleted": 40})
    assert (keys, gone, cursor) == (["1"], ["4"], {"at": 50, "deleted": 50})


def test_a_retired_record_is_readable_and_counts_as_deleted() -> None:
    def answer(asked: Asked) -> Say:
        row = {"id": 1, "rev": 5, "state": "retired"}
        return Say(row if asked.path == "/things/1" else {"items": [row]})

    resource = {
        "modified": "rev",
        "incremental": {"param": "since", "format": "integer"},
        "tombstone": "state == 'retired'",
    }
    with connected(answer, **resource) as (connector, _):
        assert read(connector, {"at": 1}) == ([], ["1"], {"at": 5})
        assert connector.fetch("things", ["1"], fields=["name"]).absent == {"1"}
        assert [page.records for page in connector.scan("things", fields=["name"], limit=5)] == [[]]


def test_moments_of_a_systems_own_making_are_given_as_moments() -> None:
    row = {"id": 1, "born": "/Date(1767323045000)/"}
    resource = {"datetimes": "dotnet", "fields": {"born": "datetime"}}
    with connected(lambda asked: Say(row if asked.path != "/things" else {"items": [row]}), **resource) as (
        c,
        _,
    ):
        (page,) = c.scan("things", fields=["born"], limit=5)
    assert page.records[0].values == {"born": AT}
