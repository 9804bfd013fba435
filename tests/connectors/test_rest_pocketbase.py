"""The REST connector and its preset against a real PocketBase."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import Guarantee, Misconfigured, Op, Result, Write
from connectors.rest import Resource, RestConnector, System
from connectors.rest.auth import Ticket
from syncadmin.embedded import PocketBaseServer

FIELDS = [
    {"name": "name", "type": "text", "required": True},
    {"name": "mail", "type": "email"},
    {"name": "credit", "type": "number"},
    {"name": "stock", "type": "number", "onlyInt": True},
    {"name": "active", "type": "bool"},
    {"name": "born", "type": "date"},
    {"name": "status", "type": "select", "maxSelect": 1, "values": ["open", "closed"]},
    {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b", "c"]},
    {"name": "extra", "type": "json"},
]


class Shop:
    """A fresh collection in the real PocketBase, a client for what its users do, and our connector."""

    def __init__(self, server: PocketBaseServer, name: str) -> None:
        server.create_collection(name, FIELDS)
        self.server, self.name = server, name
        self.path = f"/api/collections/{name}"
        self.http = server.client()
        self.connector = self.connect()

    def connect(self, **changed: Any) -> RestConnector:
        config = System.model_validate(
            {
                "preset": "pocketbase",
                "base_url": self.server.url,
                "auth": {"username": self.server.email, "password": self.server.password},
                **changed,
            }
        )
        resource = Resource.model_validate({"preset": "pocketbase", "collection": self.name})
        return RestConnector(config, {"customers": resource}, system="shop")

    def add(self, **values: Any) -> str:
        return str(self.http.post(f"{self.path}/records", json=values).raise_for_status().json()["id"])

    def edit(self, key: str, **values: Any) -> None:
        self.http.patch(f"{self.path}/records/{key}", json=values).raise_for_status()

    def see(self, key: str) -> dict[str, Any]:
        return dict(self.http.get(f"{self.path}/records/{key}").raise_for_status().json())

    def keys(self, limit: int = 1000) -> list[str]:
        pages = self.connector.scan("customers", fields=[], limit=limit)
        return [record.key for page in pages for record in page.records]

    def batches(self, enabled: bool) -> None:
        body = {"batch": {"enabled": enabled, "maxRequests": 50, "timeout": 3}}
        self.http.patch("/api/settings", json=body).raise_for_status()

    def rules(self, **rules: str | None) -> None:
        self.http.patch(self.path, json=rules).raise_for_status()

    def close(self) -> None:
        self.connector.close()
        self.http.close()


@pytest.fixture
def shop(pocketbase_server: PocketBaseServer, unique_name: Callable[[str], str]) -> Iterator[Shop]:
    shop = Shop(pocketbase_server, unique_name("customers"))
    yield shop
    shop.batches(enabled=False)
    shop.close()


@pytest.fixture(params=[False, True], ids=["one by one", "batches"])
def writable(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    shop.batches(enabled=request.param)
    return shop


# ---------------------------------------------------------------- describing


def test_it_describes_the_collection_as_pocketbase_has_it(shop: Shop) -> None:
    shop.add(name="Ada")
    info = shop.connector.describe("customers")
    assert (info.name, info.key, info.complete, info.count) == ("customers", "id", True, 1)
    assert {field.name: field.type for field in info.fields} == {
        "id": "text",
        "name": "text",
        "mail": "text",
        "credit": "decimal",
        "stock": "integer",
        "active": "boolean",
        "born": "datetime",
        "status": "choice",
        "tags": "set",
        "extra": "json",
        "created": "datetime",
        "updated": "datetime",
    }
    assert {field.name for field in info.fields if not field.writable} == {"id", "created", "updated"}
    assert {field.name for field in info.fields if not field.nullable} == {"id", "name"}
    assert [field.name for field in info.fields if field.needed] == ["name"]


def test_it_discovers_collections_and_passes_its_check(shop: Shop) -> None:
    assert shop.name in {info.name for info in shop.connector.discover()}
    lines = shop.connector.check()
    assert [line.name for line in lines if line.ok] == [
        "reachable",
        "authenticated",
        "clock",
        "limits",
        "resource customers",
        "customers: writable",
    ]


def test_it_promises_checked_writes(shop: Shop) -> None:
    told = shop.connector.capabilities("customers")
    assert (told.update, told.delete) == (Guarantee.CHECKED, Guarantee.CHECKED)
    assert (told.finds, told.tombstones, told.versions, told.idempotent) == (True, False, False, True)


def test_wrong_credentials_are_named_and_not_repeated(shop: Shop) -> None:
    connector = shop.connect(auth={"username": shop.server.email, "password": "not-the-password"})
    with pytest.raises(Misconfigured, match=r"login as .* was refused") as caught:
        connector.describe("customers")
    assert "not-the-password" not in str(caught.value)
    assert [line.name for line in connector.check() if not line.ok] == ["authenticated"]
    connector.close()


def test_a_collection_that_is_not_there_is_named(shop: Shop) -> None:
    shop.http.delete(shop.path).raise_for_status()
    with pytest.raises(Misconfigured, match=f"customers.*{shop.name}.*no such address"):
        shop.connector.describe("customers")
    with pytest.raises(Misconfigured):
        shop.keys()


# ---------------------------------------------------------------- reading


def test_a_scan_reads_everything_once_in_key_order_whatever_the_page(shop: Shop) -> None:
    shop.batches(enabled=True)
    added = sorted(shop.add(name=f"n{number}") for number in range(25))
    for limit in (3, 5, 25, 1000):
        assert shop.keys(limit) == added


def test_changes_come_from_the_cursor_on_also_where_times_are_equal(shop: Shop) -> None:
    shop.batches(enabled=True)
    (start,) = shop.connector.changes("customers", None, fields=["name"], limit=10)
    writes = [
        Write(Op.CREATE, None, {"name": f"n{number}"}, idempotency=f"i{number}") for number in range(40)
    ]
    created = {outcome.key for outcome in shop.connector.write("customers", writes, fields=["name"])}
    pages = list(shop.connector.changes("customers", start.cursor, fields=["name"], limit=7))
    stamps = [shop.see(str(key))["updated"] for key in created]
    assert len(set(stamps)) < len(stamps)  # written in one transaction: many at the same millisecond
    assert {record.key for page in pages for record in page.records} == created
    assert pages[-1].cursor == {"at": max(stamps)}
    edited = created.pop()
    shop.edit(str(edited), name="edited")
    later = shop.connector.changes("customers", pages[-1].cursor, fields=["name"], limit=100)
    assert "edited" in {record.values["name"] for page in later for record in page.records}


def test_f23_what_was_committed_late_is_within_the_overlap(shop: Shop) -> None:
    key = shop.add(name="Ada")
    (start,) = shop.connector.changes("customers", None, fields=["name"], limit=10)
    again = list(shop.connector.changes("customers", start.cursor, fields=["name"], limit=10))
    assert [record.key for page in again for record in page.records] == [key]
    assert again[-1].cursor == start.cursor


def test_reads_by_key_in_bulk_tell_found_from_absent(shop: Shop) -> None:
    keys = [shop.add(name=f"n{number}") for number in range(130)]
    gone = keys.pop()
    shop.http.delete(f"{shop.path}/records/{gone}").raise_for_status()
    fetched = shop.connector.fetch("customers", [*keys, gone, "no'such\\key"], fields=["name"])
    assert set(fetched.found) == set(keys)
    assert fetched.absent == {gone, "no'such\\key"}


def test_f13_a_session_that_ended_is_never_taken_for_an_empty_shop(shop: Shop) -> None:
    """PocketBase treats a token that is no longer valid as a guest, and a guest sees what the rules allow."""
    key = shop.add(name="Ada", status="closed")
    shop.rules(listRule='status = "open"', viewRule='status = "open"')
    assert shop.keys() == [key]
    login = shop.connector._client._auth
    login.source.refused_on = ()  # type: ignore[attr-defined]
    login._shown = Ticket({"Authorization": "no longer valid"})  # type: ignore[attr-defined]
    with pytest.raises(Misconfigured):
        shop.keys()
    with pytest.raises(Misconfigured):
        shop.connector.fetch("customers", [key], fields=["name"])


def test_a_search_finds_any_text_as_it_is(shop: Shop) -> None:
    names = [
        "it's",
        'say "hi"',
        "back\\slash",
        "end\\",
        "100 %",
        "a || b",
        "🎉 ünï",
        "@now",
        "null",
        "a\nb",
        "{x}",
    ]
    keys = {name: shop.add(name=name) for name in names}
    for name, key in keys.items():
        found = shop.connector.find("customers", "name", [name], fields=["name"])
        assert [record.key for record in found] == [key], name
    together = shop.connector.find("customers", "name", names, fields=["name"])
    assert {record.key for record in together} == set(keys.values())


def test_a_search_by_number_finds_the_exact_number(shop: Shop) -> None:
    key = shop.add(name="Ada", credit=19.99)
    shop.add(name="Bob", credit=20)
    (found,) = shop.connector.find("customers", "credit", [Decimal("19.99")], fields=["credit"])
    assert (found.key, found.values) == (key, {"credit": Decimal("19.99")})


# ---------------------------------------------------------------- writing


def test_f30_values_come_back_as_they_were_written(writable: Shop) -> None:
    values = {
        "name": "Zoë 🎉 \u2028 '\"\\",
        "credit": Decimal("1234567.89"),
        "stock": 12,
        "active": True,
        "born": datetime(2001, 2, 3, 4, 5, 6, 789000, tzinfo=UTC),
        "tags": ["c", "a"],
        "extra.depth.inner": "x",
    }
    outcomes = writable.connector.write(
        "customers", [Write(Op.CREATE, None, values), Write(Op.CREATE, None, values)], fields=list(values)
    )
    for outcome in outcomes:
        assert outcome.result is Result.APPLIED
        assert outcome.record is not None
        assert outcome.record.values == {**values, "born": "2001-02-03 04:05:06.789Z"}
        fetched = writable.connector.fetch("customers", [str(outcome.key)], fields=list(values))
        assert fetched.found[str(outcome.key)] == outcome.record


def test_only_the_written_fields_change(writable: Shop) -> None:
    keys = [writable.add(name=f"n{n}", credit=1, extra={"a": {"b": 1, "c": 2}, "d": 3}) for n in range(3)]
    writes = [Write(Op.UPDATE, key, {"extra.a.b": 9}, {"extra.a.b": 1}) for key in keys]
    outcomes = writable.connector.write("customers", writes, fields=["extra.a.b", "name"])
    assert [outcome.result for outcome in outcomes] == [Result.APPLIED] * 3
    for number, key in enumerate(keys):
        seen = writable.see(key)
        assert (seen["name"], seen["credit"]) == (f"n{number}", 1)
        assert seen["extra"] == {"a": {"b": 9, "c": 2}, "d": 3}


def test_f16_a_record_that_is_not_as_expected_is_not_written(writable: Shop) -> None:
    keys = [writable.add(name=f"n{number}", credit=number) for number in range(60)]
    writable.edit(keys[40], credit=1000)
    writable.http.delete(f"{writable.path}/records/{keys[50]}").raise_for_status()
    writes = [Write(Op.UPDATE, key, {"credit": 5}, {"credit": number}) for number, key in enumerate(keys)]
    outcomes = writable.connector.write("customers", writes, fields=["credit"])
    assert [outcome.key for outcome in outcomes] == keys
    assert outcomes[40].result is Result.STALE
    assert outcomes[50].result is Result.GONE
    assert {outcome.result for number, outcome in enumerate(outcomes) if number not in (40, 50)} == {
        Result.APPLIED
    }
    assert writable.see(keys[40])["credit"] == 1000
    windows = [outcome.window for outcome in outcomes if outcome.result is Result.APPLIED]
    assert all(window is not None and 0 < window < 5 for window in windows)


def test_expected_values_are_compared_by_meaning(shop: Shop) -> None:
    key = shop.add(name="Ada", credit=1.5, tags=["b", "a"], born="2001-02-03")
    expected = {
        "credit": Decimal("1.50"),
        "tags": ["a", "b"],
        "mail": None,
        "born": datetime(2001, 2, 3, tzinfo=UTC),
    }
    (first,) = shop.connector.write(
        "customers", [Write(Op.UPDATE, key, {"name": "x"}, expected)], fields=["name"]
    )
    expected = {"born": date(2001, 2, 3)}
    (second,) = shop.connector.write(
        "customers", [Write(Op.UPDATE, key, {"name": "y"}, expected)], fields=["name"]
    )
    assert [first.result, second.result] == [Result.APPLIED, Result.APPLIED]


def test_f26_a_refused_record_does_not_take_others_with_it(writable: Shop) -> None:
    keys = [writable.add(name=f"n{number}") for number in range(12)]
    writes = [
        Write(Op.UPDATE, key, {"status": "open"}, {"name": f"n{number}"}) for number, key in enumerate(keys)
    ]
    writes[5] = Write(Op.UPDATE, keys[5], {"status": "no such status"}, {"name": "n5"})
    outcomes = writable.connector.write("customers", writes, fields=["status"])
    assert [outcome.result is Result.APPLIED for outcome in outcomes] == [number != 5 for number in range(12)]
    assert outcomes[5].result is Result.REJECTED
    assert "status: Invalid value no such status." in outcomes[5].said
    assert [writable.see(key)["status"] for key in keys] == [
        "open" if number != 5 else "" for number in range(12)
    ]


def test_deletes_are_checked(writable: Shop) -> None:
    keys = [writable.add(name=f"n{number}") for number in range(4)]
    writable.edit(keys[1], name="edited")
    writable.http.delete(f"{writable.path}/records/{keys[2]}").raise_for_status()
    writes = [Write(Op.DELETE, key, expected={"name": f"n{number}"}) for number, key in enumerate(keys)]
    outcomes = writable.connector.write("customers", writes, fields=["name"])
    assert [outcome.result for outcome in outcomes] == [
        Result.APPLIED,
        Result.STALE,
        Result.GONE,
        Result.APPLIED,
    ]
    assert writable.keys() == [keys[1]]


def test_f03_a_create_repeated_with_its_idempotency_makes_no_twin(writable: Shop) -> None:
    creates = [
        Write(Op.CREATE, None, {"name": f"n{number}"}, idempotency=f"intent {number}") for number in range(5)
    ]
    first = writable.connector.write("customers", creates, fields=["name"])
    again = writable.connector.write("customers", creates, fields=["name"])
    assert [outcome.result for outcome in again] == [Result.APPLIED] * 5
    assert [outcome.record for outcome in again] == [outcome.record for outcome in first]
    assert len(writable.keys()) == 5
    writable.edit(str(first[0].key), name="edited by a person")
    (moved,) = writable.connector.write("customers", creates[:1], fields=["name"])
    assert (moved.result, moved.key) == (Result.STALE, first[0].key)
    assert writable.see(str(first[0].key))["name"] == "edited by a person"


def test_two_writes_to_one_record_are_carried_out_in_order(writable: Shop) -> None:
    key = writable.add(name="first")
    writes = [
        Write(Op.UPDATE, key, {"name": "second"}, {"name": "first"}),
        Write(Op.UPDATE, key, {"name": "third"}, {"name": "second"}),
    ]
    outcomes = writable.connector.write("customers", writes, fields=["name"])
    assert [outcome.result for outcome in outcomes] == [Result.APPLIED, Result.APPLIED]
    assert writable.see(key)["name"] == "third"
