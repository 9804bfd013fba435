"""Every way of paging reads every record once, notices the end, and never turns in a circle."""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import Retry, Unreadable
from connectors.rest import Resource, RestConnector, System
from tests.connectors.odd_server import Asked, OddServer, Say

ROWS = [{"id": number, "at": f"2026-01-01T00:00:{number:02d}.000Z"} for number in range(1, 26)]


def part(start: int, size: int) -> list[dict[str, Any]]:
    return ROWS[start : start + size]


def by_page(asked: Asked) -> Say:
    size = min(int(asked.params["per_page"]), 10)
    return Say({"items": part((int(asked.params["page"]) - 1) * size, size), "total": len(ROWS)})


def by_offset(asked: Asked) -> Say:
    return Say({"items": part(int(asked.params["offset"]), min(int(asked.params["limit"]), 10))})


def by_cursor(asked: Asked) -> Say:
    start = int(asked.params.get("after", "0"))
    return Say(
        {"items": part(start, 10), "meta": {"next": str(start + 10) if start + 10 < len(ROWS) else None}}
    )


def by_link(place: str) -> Callable[[Asked], Say]:
    def answer(asked: Asked) -> Say:
        start = int(asked.params.get("start", "0"))
        following = f"/v1/things?start={start + 10}" if start + 10 < len(ROWS) else None
        body: dict[str, Any] = {"items": part(start, 10)}
        headers = {}
        if place == "body":
            body["next"] = following
        elif following and place == "Link":
            headers["Link"] = f'</v1/things?start=0>; rel="first", <{following}>; rel="next"'
        elif following:
            headers[place] = following
        return Say(body, headers=headers)

    return answer


def by_key(asked: Asked) -> Say:
    assert asked.params["sort"] == "id"
    behind = int(asked.params.get("filter", "id > 0").removeprefix("id > "))
    return Say({"items": [row for row in ROWS if row["id"] > behind][: min(int(asked.params["n"]), 10)]})


def by_index(asked: Asked) -> Say:
    start = int(asked.params["start"]) - 1
    return Say({"items": part(start, 10), "all": len(ROWS)})


def by_header(asked: Asked) -> Say:
    start = int(asked.params.get("after", "0"))
    more = {"X-Next": str(start + 10)} if start + 10 < len(ROWS) else {}
    return Say({"items": part(start, 10)}, headers=more)


def by_echo(asked: Asked) -> Say:
    start = int(asked.params.get("from", "0"))
    assert start == 0 or asked.params["token[x]"] == "a b"
    more = {"continue": {"from": start + 10, "token[x]": "a b"}} if start + 10 < len(ROWS) else {}
    return Say({"items": part(start, 10), **more})


def by_last(asked: Asked) -> Say:
    start = int(asked.params.get("starting_after", "0"))
    return Say({"items": part(start, 10), "has_more": start + 10 < len(ROWS)})


def by_flag(asked: Asked) -> Say:
    page = int(asked.params["page"])
    return Say({"items": part(page * 10, 10), "next": "x", "last": page == 2})


def capped(asked: Asked) -> Say:
    """A search that gives ten records of a question, four at a time, and refuses to go on behind them."""
    behind = int(asked.params.get("filter", "id > 0").removeprefix("id > "))
    skip = int(asked.params["offset"])
    if skip + int(asked.params["limit"]) > 10:
        return Say({"message": "only 10 records"}, 400)
    return Say(
        {"items": [row for row in ROWS if row["id"] > behind][skip : skip + int(asked.params["limit"])]}
    )


def by_page_of_ten(asked: Asked) -> Say:
    rows = part((int(asked.params["page"]) - 1) * 10, 10)
    if not rows:
        return Say({"message": "there is no such page"}, 400)
    return Say({"items": rows, "count": str(len(ROWS))}, headers={"X-All": str(len(ROWS))})


KEYSET = {
    "paginator": {"type": "keyset", "limit_param": "n", "max_limit": 10},
    "filter": {"param": "filter", "greater": "{field} > {value}"},
    "order": {"param": "sort", "key": "{key}"},
    "key_type": "integer",
}


@pytest.mark.parametrize(
    ("answer", "config", "requests"),
    [
        (by_page, {"paginator": {"type": "page", "limit_param": "per_page", "max_limit": 10}}, 3),
        (by_page, {"paginator": {"type": "page", "limit_param": "per_page"}}, 4),  # the size is not certain
        (by_page, {"paginator": {"type": "page", "limit_param": "per_page", "total": "total"}}, 3),
        (
            by_index,
            {"paginator": {"type": "offset", "param": "start", "first": 1, "total": "all"}},
            3,
        ),
        (by_header, {"paginator": {"type": "cursor", "header": "X-Next", "param": "after"}}, 3),
        (by_echo, {"paginator": {"type": "continuation", "next": "continue"}}, 3),
        (by_last, {"paginator": {"type": "after", "param": "starting_after", "has_more": "has_more"}}, 3),
        (by_last, {"paginator": {"type": "after", "param": "starting_after", "field": "id"}}, 4),
        (by_flag, {"paginator": {"type": "page", "first": 0, "has_more": "!last"}}, 3),
        (by_page_of_ten, {"paginator": {"type": "page", "total": "to_number(count)"}}, 3),
        (by_page_of_ten, {"paginator": {"type": "page", "total_header": "X-All"}}, 3),
        (
            capped,
            {
                "paginator": {"type": "offset", "max_limit": 4, "cap": 10},
                "filter": {"param": "filter", "greater": "{field} > {value}"},
                "order": {"param": "sort", "key": "{key}"},
                "key_type": "integer",
            },
            7,
        ),
        (by_offset, {"paginator": {"type": "offset"}}, 4),
        (by_offset, {"paginator": {"type": "offset", "max_limit": 10}}, 3),
        (by_cursor, {"paginator": {"type": "cursor", "next": "meta.next", "param": "after"}}, 3),
        (by_link("body"), {"paginator": {"type": "next_url", "next": "next"}}, 3),
        (by_link("Link"), {"paginator": {"type": "link_header"}}, 3),
        (by_link("Next-Page"), {"paginator": {"type": "header_next"}}, 3),
        (by_key, KEYSET, 3),
        (lambda asked: Say({"items": ROWS}), {"paginator": {"type": "none"}}, 1),
    ],
)
def test_every_record_comes_once(
    answer: Callable[[Asked], Say], config: dict[str, Any], requests: int
) -> None:
    keys, sizes, asked = scan(answer, config)
    assert keys == [str(row["id"]) for row in ROWS]
    assert max(sizes) <= 20
    assert asked == requests


def scan(answer: Callable[[Asked], Say], config: dict[str, Any]) -> tuple[list[str], list[int], int]:
    with OddServer(answer) as server:
        resource = Resource.model_validate({"path": "things", "records": "items", **config})
        connector = RestConnector(System(base_url=server.url + "/v1"), {"things": resource})
        try:
            pages = list(connector.scan("things", fields=["at"], limit=20))
        finally:
            connector.close()
    return (
        [record.key for page in pages for record in page.records],
        [len(p.records) for p in pages],
        len(server.asked),
    )


@pytest.mark.parametrize(
    ("say", "config"),
    [
        ({"items": ROWS}, {"paginator": {"type": "page"}}),
        ({"items": ROWS}, {"paginator": {"type": "offset"}}),
        ({"items": ROWS, "next": "x"}, {"paginator": {"type": "cursor", "next": "next", "param": "after"}}),
        ({"items": ROWS, "next": "/v1/things"}, {"paginator": {"type": "next_url", "next": "next"}}),
        ({"items": ROWS[:10]}, KEYSET),
        ({"items": ROWS}, {"paginator": {"type": "after", "param": "starting_after"}}),
        ({"items": ROWS, "go": {"a": 1}}, {"paginator": {"type": "continuation", "next": "go"}}),
    ],
)
def test_a_list_that_turns_in_a_circle_is_noticed(say: Any, config: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="things"):
        scan(lambda _: Say(say), config)


def test_f13_a_list_shorter_than_the_system_says_is_not_a_whole_one() -> None:
    config = {"paginator": {"type": "page", "limit_param": "n", "max_limit": 30, "total": "total"}}
    with pytest.raises(Retry, match="25 of 26"):
        scan(lambda asked: Say({"items": ROWS if asked.params["page"] == "1" else [], "total": 26}), config)


def test_f22_a_record_changed_while_pages_are_read_is_not_skipped() -> None:
    """Pages by number, by time: the first record is changed after the first page was sent, and all shift."""
    rows = [dict(row) for row in ROWS]
    served: list[int] = []

    def answer(asked: Asked) -> Say:
        since = asked.params.get("since", "")
        size, page = int(asked.params["n"]), int(asked.params["page"])
        matching = sorted((row for row in rows if row["at"] >= since), key=lambda row: (row["at"], row["id"]))
        found = [dict(row) for row in matching[(page - 1) * size : page * size]]
        if not served:
            rows[0]["at"] = "2026-01-01T00:01:00.000Z"
        served.append(page)
        return Say({"items": found})

    config = {
        "path": "things",
        "records": "items",
        "modified": "at",
        "paginator": {"type": "page", "limit_param": "n", "max_limit": 10},
        "order": {"param": "sort", "modified": "{modified},{key}"},
        "incremental": {"param": "since", "overlap": "0s"},
    }
    with OddServer(answer) as server:
        connector = RestConnector(System(base_url=server.url), {"things": Resource.model_validate(config)})
        pages = list(connector.changes("things", {"at": ROWS[0]["at"]}, fields=["at"], limit=10))
        connector.close()
    assert {record.key for page in pages for record in page.records} == {str(row["id"]) for row in ROWS}
    assert pages[-1].cursor == {"at": "2026-01-01T00:01:00.000Z"}


def test_a_cursor_never_runs_ahead_of_a_list_without_an_order() -> None:
    config = {
        "path": "things",
        "records": "items",
        "modified": "at",
        "paginator": {"type": "cursor", "next": "meta.next", "param": "after"},
        "incremental": {"param": "since"},
    }
    with OddServer(by_cursor) as server:
        connector = RestConnector(System(base_url=server.url), {"things": Resource.model_validate(config)})
        start = {"at": "2025-01-01T00:00:00.000Z"}
        pages = list(connector.changes("things", start, fields=["at"], limit=10))
        connector.close()
    assert [page.cursor for page in pages] == [start, start, start, {"at": ROWS[-1]["at"]}]


def test_an_order_that_the_system_ignores_is_noticed() -> None:
    config = {
        "path": "things",
        "records": "items",
        "modified": "at",
        "order": {"param": "sort", "modified": "{modified}"},
        "incremental": {"param": "since"},
    }
    with OddServer(lambda _: Say({"items": ROWS[::-1]})) as server:
        connector = RestConnector(System(base_url=server.url), {"things": Resource.model_validate(config)})
        with pytest.raises(Unreadable, match=r"order\.modified"):
            list(connector.changes("things", {"at": ROWS[0]["at"]}, fields=["at"], limit=10))
        connector.close()
