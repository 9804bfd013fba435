"""The REST connector and its preset against a real Kinto."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.base import Guarantee, Misconfigured, Op, Result, Write
from connectors.rest import Resource, RestConnector, System
from tests.servers.kinto import KintoServer


class Crm:
    """A fresh collection in the real Kinto, a client for what its users do, and our connector."""

    def __init__(self, server: KintoServer, name: str, **resource: Any) -> None:
        self.server, self.name = server, name
        self.records = server.create_collection(name)
        self.http = httpx.Client(auth=server.auth)
        self.connector = self.connect(server.auth[1], **resource)

    def connect(self, password: str, **resource: Any) -> RestConnector:
        config = System.model_validate(
            {
                "preset": "kinto",
                "base_url": self.server.url,
                "blanks": {"bucket": "tests"},
                "auth": {"username": self.server.auth[0], "password": password},
            }
        )
        told = Resource.model_validate({"preset": "kinto", "collection": self.name, **resource})
        return RestConnector(config, {"contacts": told}, system="crm")

    def add(self, **values: Any) -> str:
        return str(
            self.http.post(self.records, json={"data": values}).raise_for_status().json()["data"]["id"]
        )

    def edit(self, key: str, **values: Any) -> None:
        self.http.patch(f"{self.records}/{key}", json={"data": values}).raise_for_status()

    def see(self, key: str) -> dict[str, Any]:
        return dict(self.http.get(f"{self.records}/{key}").raise_for_status().json()["data"])

    def remove(self, key: str) -> None:
        self.http.delete(f"{self.records}/{key}").raise_for_status()

    def close(self) -> None:
        self.connector.close()
        self.http.close()


@pytest.fixture(params=[False, True], ids=["one by one", "batches"])
def crm(
    request: pytest.FixtureRequest, kinto_server: KintoServer, unique_name: Callable[[str], str]
) -> Iterator[Crm]:
    crm = Crm(kinto_server, unique_name("contacts"), **({} if request.param else {"batch": None}))
    yield crm
    crm.close()


def test_it_promises_atomic_writes_and_tombstones(crm: Crm) -> None:
    told = crm.connector.capabilities("contacts")
    assert (told.update, told.delete, told.create) == (Guarantee.ATOMIC,) * 3
    assert (told.finds, told.tombstones, told.versions, told.idempotent) == (True, True, True, True)


def test_it_discovers_describes_and_passes_its_check(crm: Crm) -> None:
    crm.add(name="Ada", credit=1.5, address={"city": "Bern"})
    assert crm.name in {info.name for info in crm.connector.discover()}
    info = crm.connector.describe("contacts")
    assert (info.key, info.complete, info.count) == ("id", False, 1)
    types = {field.name: field.type for field in info.fields}
    assert types["name"] == types["address.city"] == "text"
    assert types["credit"] == "decimal"
    assert all(line.ok for line in crm.connector.check())


def test_wrong_credentials_are_named_and_not_repeated(crm: Crm) -> None:
    connector = crm.connect("not-the-password")
    with pytest.raises(Misconfigured, match="credentials are missing or wrong") as caught:
        connector.describe("contacts")
    assert "not-the-password" not in str(caught.value)
    connector.close()


def test_an_open_blank_is_named(crm: Crm) -> None:
    config = System.model_validate({"preset": "kinto", "base_url": crm.server.url})
    with pytest.raises(Misconfigured, match=r"\{bucket\}.*blanks"):
        RestConnector(config, {"contacts": Resource.model_validate({"preset": "kinto"})}, system="crm")


def test_changes_tell_edits_and_deletes_since_the_cursor(crm: Crm) -> None:
    keys = [crm.add(name=f"n{number}") for number in range(9)]
    (start,) = crm.connector.changes("contacts", None, fields=["name"], limit=4)
    crm.edit(keys[0], name="edited")
    crm.remove(keys[1])
    pages = list(crm.connector.changes("contacts", start.cursor, fields=["name"], limit=4))
    seen = {record.key: record.values["name"] for page in pages for record in page.records}
    assert seen[keys[0]] == "edited"
    assert [key for page in pages for key in page.gone] == [keys[1]]
    assert keys[1] not in seen
    assert max(len(page.records) + len(page.gone) for page in pages) <= 4


def test_a_scan_reads_everything_once_across_pages(crm: Crm) -> None:
    keys = sorted(crm.add(name=f"n{number}") for number in range(23))
    crm.remove(keys.pop())
    pages = list(crm.connector.scan("contacts", fields=["name"], limit=5))
    assert [record.key for page in pages for record in page.records] == keys


def test_f13_a_key_left_out_of_a_bulk_answer_is_asked_for_by_itself(crm: Crm) -> None:
    keys = [crm.add(name=f"n{number}") for number in range(60)]
    crm.remove(keys[7])
    fetched = crm.connector.fetch("contacts", [*keys, "12345"], fields=["name"])
    assert fetched.absent == {keys[7], "12345"}
    assert set(fetched.found) == {*keys} - {keys[7]}
    assert fetched.found[keys[0]].version == str(crm.see(keys[0])["last_modified"])


def test_a_search_finds_any_text_as_it_is(crm: Crm) -> None:
    names = [
        "it's",
        'say "hi"',
        "back\\slash",
        "a,b",
        "12",
        "true",
        "null",
        "🎉 ünï",
        "100 %",
        "&x=y",
        "a\nb",
        "no\x00query takes this",
    ]
    keys = {name: crm.add(name=name) for name in names}
    for name, key in keys.items():
        assert [r.key for r in crm.connector.find("contacts", "name", [name], fields=["name"])] == [key], name
    assert {r.key for r in crm.connector.find("contacts", "name", names, fields=[])} == set(keys.values())


def test_f30_values_come_back_as_they_were_written(crm: Crm) -> None:
    values = {
        "name": "Zoë 🎉 \u2028 '\"\\",
        "credit": Decimal("1234567.89"),
        "big": 2**53 + 1,
        "active": False,
        "empty": None,
        "tags": ["c", "a"],
        "address.city": "Bern",
    }
    creates = [Write(Op.CREATE, None, values, idempotency=f"i{number}") for number in range(3)]
    for outcome in crm.connector.write("contacts", creates, fields=list(values)):
        assert outcome.result is Result.APPLIED
        assert outcome.record is not None
        assert outcome.record.values == values
        assert crm.connector.fetch("contacts", [str(outcome.key)], fields=list(values)).found == {
            outcome.key: outcome.record
        }


def test_f16_a_stale_write_is_refused_by_the_system_itself(crm: Crm) -> None:
    keys = [crm.add(name=f"n{number}") for number in range(30)]
    read = crm.connector.fetch("contacts", keys, fields=["name"]).found
    crm.edit(keys[3], phone="+41")
    crm.remove(keys[4])
    writes = [Write(Op.UPDATE, key, {"name": "new"}, version=read[key].version) for key in keys]
    outcomes = crm.connector.write("contacts", writes, fields=["name"])
    assert [outcome.key for outcome in outcomes] == keys
    assert outcomes[3].result is Result.STALE
    assert outcomes[4].result is Result.GONE
    assert {o.result for number, o in enumerate(outcomes) if number not in (3, 4)} == {Result.APPLIED}
    assert (crm.see(keys[3])["name"], crm.see(keys[3])["phone"]) == ("n3", "+41")
    for outcome in outcomes[5:]:
        assert outcome.record is not None
        assert outcome.record.version == str(crm.see(str(outcome.key))["last_modified"])


def test_f16_expected_values_become_a_condition_too(crm: Crm) -> None:
    keys = [crm.add(name=f"n{number}", address={"city": "Bern", "zip": "3000"}) for number in range(3)]
    writes = [Write(Op.UPDATE, key, {"address.city": "Basel"}, {"address.city": "Bern"}) for key in keys]
    writes[1] = Write(Op.UPDATE, keys[1], {"address.city": "Basel"}, {"address.city": "Chur"})
    outcomes = crm.connector.write("contacts", writes, fields=["address.city"])
    assert [outcome.result for outcome in outcomes] == [Result.APPLIED, Result.STALE, Result.APPLIED]
    assert crm.see(keys[0])["address"] == {"city": "Basel", "zip": "3000"}


def test_deletes_are_conditional(crm: Crm) -> None:
    keys = [crm.add(name=f"n{number}") for number in range(3)]
    read = crm.connector.fetch("contacts", keys, fields=["name"]).found
    crm.edit(keys[1], name="edited")
    writes = [Write(Op.DELETE, key, version=read[key].version) for key in keys]
    outcomes = crm.connector.write("contacts", writes, fields=["name"])
    assert [outcome.result for outcome in outcomes] == [Result.APPLIED, Result.STALE, Result.APPLIED]
    assert crm.see(keys[1])["name"] == "edited"


def test_f03_a_create_repeated_with_its_idempotency_makes_no_twin(crm: Crm) -> None:
    creates = [
        Write(Op.CREATE, None, {"name": f"n{number}"}, idempotency=f"intent {number}") for number in range(4)
    ]
    first = crm.connector.write("contacts", creates, fields=["name"])
    assert [outcome.result for outcome in first] == [Result.APPLIED] * 4
    again = crm.connector.write("contacts", creates, fields=["name"])
    assert [outcome.record for outcome in again] == [outcome.record for outcome in first]
    crm.edit(str(first[0].key), name="edited by a person")
    (moved, *_) = crm.connector.write("contacts", creates, fields=["name"])
    assert (moved.result, moved.key) == (Result.STALE, first[0].key)
    assert crm.see(str(first[0].key))["name"] == "edited by a person"
    pages = crm.connector.scan("contacts", fields=[], limit=100)
    assert sum(len(page.records) for page in pages) == 4


def test_a_collection_that_is_not_there_is_named(crm: Crm) -> None:
    crm.http.delete(crm.records.removesuffix("/records")).raise_for_status()
    with pytest.raises(Misconfigured, match="contacts"):
        list(crm.connector.scan("contacts", fields=[], limit=10))
