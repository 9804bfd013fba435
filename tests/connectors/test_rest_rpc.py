"""Systems of one address, whose questions, writes and secrets are all in bodies: Odoo's external API."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import Misconfigured, Op, Result, Write
from connectors.rest import Resource, RestConnector, System
from connectors.rest.bodies import keyed
from tests.connectors.odd_server import OddServer
from tests.presets.peers.odoo import KEY, MODEL, Odoo, OdooHarness

pytestmark = pytest.mark.runs_once
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KNOWN = {
    "n": "7",
    "fields": "id,name",
    "where": '["a", "=", "b,c"], "&"',
    "values": {"x": "{n}"},
    "none": None,
}


@pytest.mark.parametrize(
    ("template", "sparse", "made"),
    [
        ("{n}", False, "7"),
        ("{n:int}", False, 7),
        ("{fields:list}", False, ["id", "name"]),
        ("{where:items}", False, [["a", "=", "b,c"], "&"]),
        ({"a": ["{values}", "at {n}"]}, False, {"a": [{"x": "{n}"}, "at 7"]}),
        ({"{n}": "{unknown}"}, False, {"7": "{unknown}"}),
        ({"a": "{unknown}", "b": "{unknown:int}", "c": "{n}"}, True, {"c": "7"}),
        ({"a": "{none}"}, True, {"a": None}),
    ],
)
def test_a_body_is_filled_once_and_what_is_filled_in_is_not_filled_again(
    template: Any, sparse: bool, made: Any
) -> None:
    assert keyed(template, KNOWN, sparse=sparse) == made


@pytest.mark.parametrize("template", ["{unknown:int}", "{fields:int}", "{fields:items}"])
def test_what_can_not_be_filled_in_is_an_error(template: str) -> None:
    with pytest.raises(ValueError, match=r"stands for nothing|invalid|malformed"):
        keyed(template, KNOWN)


@pytest.fixture
def odoo() -> Odoo:
    return Odoo()


@pytest.fixture
def server(odoo: Odoo) -> Iterator[OddServer]:
    with OddServer(odoo) as made:
        yield made


@pytest.fixture
def harness(server: OddServer, odoo: Odoo) -> OdooHarness:
    return OdooHarness(server.url, odoo)


@pytest.fixture
def connector(harness: OdooHarness) -> Iterator[RestConnector]:
    made = harness.connector()
    yield made
    made.close()


def test_the_secret_goes_into_the_body_and_nowhere_else(
    connector: RestConnector, odoo: Odoo, server: OddServer
) -> None:
    with connector.watched() as seen:
        write = Write(Op.CREATE, None, {"name": "{secret} {uid:int}", "comment": "{secret}"})
        (made,) = connector.write("things", [write], fields=["name"])
        foreseen = connector.foresee("things", write)
    assert made.result is Result.APPLIED
    assert odoo.rows[1]["name"] == "{secret} {uid:int}"
    assert odoo.rows[1]["comment"] == "{secret}"
    assert all(asked.json["params"]["args"][2] == KEY for asked in server.asked)
    assert KEY not in f"{seen} {foreseen}"
    assert '"***"' in f"{foreseen}"


def test_a_record_is_made_changed_found_and_deleted(connector: RestConnector, odoo: Odoo) -> None:
    values = {"name": "Ada", "signed_at": NOON, "is_company": False, "date": None}
    (made,) = connector.write("things", [Write(Op.CREATE, None, values)], fields=["name"])
    assert odoo.rows[1]["signed_at"] == "2026-01-02 12:00:00"
    assert odoo.rows[1]["date"] is False
    assert made.key == "1"
    odoo.write([1], {"parent_id": odoo.create({"name": "Firm"}), "active": False})

    record = connector.fetch("things", ["1"], fields=[*values, "parent_id", "comment"]).found["1"]
    assert record.values == {**values, "parent_id": 2, "comment": None}
    assert [one.key for one in connector.find("things", "name", ["Ada"], fields=["name"])] == ["1"]

    stale = Write(Op.UPDATE, "1", {"name": "Grace"}, expected={"name": "Eve"})
    gone = Write(Op.DELETE, "9", expected={"name": "Eve"})
    done = Write(Op.DELETE, "1", expected={"name": "Ada"})
    outcomes = [connector.write("things", [one], fields=["name"])[0].result for one in (stale, gone, done)]
    assert outcomes == [Result.STALE, Result.GONE, Result.APPLIED]
    assert list(odoo.rows) == [2]


def test_a_refusal_inside_a_good_answer_is_told(connector: RestConnector, harness: OdooHarness) -> None:
    (refused,) = connector.write("things", [Write(Op.CREATE, None, {"comment": "x"})], fields=["name"])
    assert refused.result is Result.REJECTED
    assert "Missing required value" in refused.said
    stranger = harness.unauthorised()
    assert stranger is not None
    for ask in (stranger.discover, lambda: stranger.describe("things")):
        with pytest.raises(Exception, match="Access Denied"):
            ask()
    stranger.close()


def test_its_models_are_listed_and_a_number_that_is_none_is_told(harness: OdooHarness) -> None:
    told = harness.system(KEY)
    for uid, expected in (("2", [MODEL]), ("admin", None)):
        told["blanks"]["uid"] = uid
        resource = Resource.model_validate(harness.told())
        connector = RestConnector(System.model_validate(told), {"things": resource}, system="odoo")
        if expected is None:
            with pytest.raises(Misconfigured, match="can't be filled in"):
                connector.discover()
            with pytest.raises(Misconfigured, match="can't be filled in"):
                connector.fetch("things", ["1"], fields=["name"])
        else:
            assert [info.name for info in connector.discover()] == expected
        connector.close()
