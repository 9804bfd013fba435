"""Probes of PostgreSQL and PocketBase: what they do to values, and that every record is as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from psycopg.rows import dict_row

from connectors.base import Retry
from connectors.sql.connector import SqlConnector
from syncadmin import probes, ticker
from syncadmin.core.side import Side
from syncadmin.embedded import PocketBaseServer
from syncadmin.engine import lease
from syncadmin.models import Entry, FieldMapping, Link, Mapping, MappingState, Probe, Resource, System

from .conftest import Database, configured

pytestmark = pytest.mark.runs_once

TABLE = """
    CREATE TABLE goods (
        id integer PRIMARY KEY, name varchar(20), code char(12), price numeric(8,2), amount integer NOT NULL,
        since timestamp, active boolean
    );
    INSERT INTO goods VALUES (1, ' Lamp ', 'A1', 12.50, 3, '2024-02-03 10:11:12.345678', true)
"""
FIELDS = {"name": "text", "code": "text", "price": "decimal", "amount": "integer", "since": "datetime"}


@pytest.fixture
def goods(db: None, new_database: Callable[[], str]) -> Database:
    url = new_database()
    made = Database(url, configured("crm", url, "goods", {"table": "goods", "key": "id", "changes": "scan"}))
    made.run(TABLE)
    return made


@pytest.fixture
def shop(goods: Database, pocketbase_server: PocketBaseServer, unique_name: Callable[[], str]) -> Any:
    """A record of PocketBase: answers it as it is now."""
    name = unique_name()
    fields: list[dict[str, Any]] = [
        {"name": "name", "type": "text", "max": 40},
        {"name": "price", "type": "number"},
    ]
    pocketbase_server.create_collection(name, [*fields, {"name": "code", "type": "text"}])
    auth = {"type": "login", "username": pocketbase_server.email, "password": pocketbase_server.password}
    config = {"preset": "pocketbase", "base_url": pocketbase_server.url, "auth": auth}
    system = System.objects.create(name="shop", connector="rest", config=config)
    Resource.objects.create(system=system, name="goods", config={"preset": "pocketbase", "collection": name})
    path = f"/api/collections/{name}/records"
    with pocketbase_server.client() as client:
        made = client.post(path, json={"name": "Lamp", "price": 12.5, "code": "A1"}).json()
        yield lambda: client.get(f"{path}/{made['id']}").json()


@pytest.fixture
def mapping(goods: Database) -> Mapping:
    """The table beside itself, switched off."""
    return mapped(goods.resource, goods.resource, FIELDS)


def mapped(left: Resource, right: Resource, fields: dict[str, str]) -> Mapping:
    made = Mapping.objects.create(name="goods", left=left, right=right, match=["code"], enabled=False)
    for name, kind in fields.items():
        FieldMapping.objects.create(mapping=made, name=name, left=name, right=name, type=kind)
    return made


def row(goods: Database) -> dict[str, Any]:
    with psycopg.connect(goods.url, row_factory=dict_row) as connection:
        found = connection.execute("SELECT * FROM goods WHERE id = 1").fetchone()
    assert found is not None
    return found


def begin(mapping: Mapping, *fields: str, left: str = "1") -> Probe:
    return probes.start(mapping, {Side.LEFT: left}, fields, consent=True, actor="rita")


def effects(probe: Probe) -> dict[str, str]:
    assert probe.result is not None
    return {f"{f['field']} {f['probe']}": " ".join(f["effects"]) for f in probe.result["findings"]}


def test_postgresql_is_probed_and_every_value_is_as_before(goods, mapping):
    before = row(goods)
    made = probes.run(begin(mapping).pk)
    assert (made.state, made.message) == ("done", "")
    assert row(goods) == before
    found = effects(made)
    assert (found["name length 20"], found["name length 21"], found["name spaces"]) == (
        "same",
        "refused",
        "same",
    )
    assert found["code plain"] == "padded"
    assert (found["price digits"], found["price many"]) == ("rounded", "refused")
    assert (found["since plain"], found["name emoji"], found["amount negative"]) == ("same", "same", "same")
    assert "amount null" not in found
    proposals = made.result["proposals"]
    assert proposals["name"] == {"max_length": {"left": 20}}
    assert proposals["code"]["normalize"] == ["trim"]
    assert Entry.objects.filter(
        mapping=mapping, kind="note", rule__endswith="5 fields are as before"
    ).exists()


def test_pocketbase_is_probed_with_postgresql_and_both_are_as_before(goods, shop):
    fields = {"name": "text", "code": "text", "price": "decimal"}
    mapping = mapped(goods.resource, Resource.objects.get(system__name="shop"), fields)
    before, key = (row(goods), shop()), shop()["id"]
    out = StringIO()
    call_command("probe", "goods", "--left", "1", "--right", key, "--yes", "--json", stdout=out)
    told = json.loads(out.getvalue())[0]
    after = shop()
    assert (row(goods), {n: after[n] for n in fields}) == (before[0], {n: before[1][n] for n in fields})
    right = {f"{f['field']} {f['probe']}": f["effects"] for f in told["findings"] if f["side"] == "right"}
    assert (right["name length 41"], right["name null"]) == (["refused"], ["emptied"])
    assert right["price null"] == ["emptied"]
    assert told["proposals"]["name"]["max_length"] == {"left": 20, "right": 40}
    assert {how for *_place, how in told["holds"]} == {"restored"}
    assert probes.unclean(mapping) == []


@pytest.fixture
def beside(mapping: Mapping) -> Mapping:
    """Another mapping of the same table, switched on, that has not linked the record."""
    return Mapping.objects.create(name="beside", left=mapping.right, right=mapping.left, enabled=True)


def test_no_mapping_of_the_resource_reads_what_a_probe_left(goods, mapping, beside, monkeypatch):
    probe = begin(mapping, "name")
    dies_after(monkeypatch, 1)
    with pytest.raises(SystemExit):
        probes.run(probe.pk)
    monkeypatch.undo()
    assert lease.acquire(beside.pk, "a pass", timezone.now) is None
    probes.run(probe.pk)
    assert lease.acquire(beside.pk, "a pass", timezone.now) is not None


def test_a_probe_waits_for_a_pass_of_another_mapping_of_the_resource(goods, mapping, beside, monkeypatch):
    before, waited = row(goods), []
    held = lease.acquire(beside.pk, "a pass", timezone.now)

    def asleep(_seconds: float) -> None:
        assert row(goods) == before
        waited.append(1)
        if len(waited) == 2:
            held.release()

    monkeypatch.setattr("syncadmin.probes.time.sleep", asleep)
    made = probes.run(begin(mapping, "amount").pk)
    assert (made.state, len(waited)) == ("done", 2)


def test_a_pass_that_does_not_end_keeps_a_probe_from_writing(goods, mapping, beside, monkeypatch):
    before = row(goods)
    lease.acquire(beside.pk, "a pass", lambda: timezone.now() + timedelta(hours=1))
    monkeypatch.setattr("syncadmin.probes.time.sleep", lambda _seconds: None)
    made = probes.run(begin(mapping, "amount").pk)
    assert (made.state, made.result["holds"]) == ("interrupted", [])
    assert "at work" in made.message
    assert row(goods) == before


@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_worker_that_is_killed_after_a_write_is_cleaned_up_behind(goods, mapping, monkeypatch, after):
    before = row(goods)
    probe = begin(mapping)
    dies_after(monkeypatch, after)
    with pytest.raises(SystemExit):
        probes.run(probe.pk)
    monkeypatch.undo()
    assert row(goods) != before
    MappingState.objects.get_or_create(mapping=mapping)
    assert lease.acquire(mapping.pk, "a pass", timezone.now) is None
    with pytest.raises(probes.NotProbed):
        begin(mapping)
    call_command("probe", "goods", "--clean", stdout=StringIO())
    assert row(goods) == before
    probe.refresh_from_db()
    assert probe.state == "interrupted"
    assert lease.acquire(mapping.pk, "a pass", timezone.now) is not None


def test_the_ticker_has_what_was_left_behind_cleaned_up(goods, mapping, monkeypatch):
    probe = begin(mapping)
    dies_after(monkeypatch, 1)
    with pytest.raises(SystemExit):
        probes.run(probe.pk)
    monkeypatch.undo()
    asked: list[int] = []
    monkeypatch.setattr(ticker, "put_probe_in_queue", asked.append)
    monkeypatch.setattr(ticker.hooks, "keep_counts", lambda: None)  # no queue here
    ticker.Ticker(lambda: timezone.now() + timedelta(seconds=30)).tick()
    assert asked == []
    ticker.Ticker(lambda: timezone.now() + timedelta(minutes=3)).tick()
    assert asked == [probe.pk]


def dies_after(monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """The worker is killed when so many writes have reached the system, before it knows their answer."""
    write, made = SqlConnector.write, []

    def dying(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = write(self, *args, **kwargs)
        made.append(answer)
        if len(made) == writes:
            raise SystemExit
        return answer

    monkeypatch.setattr(SqlConnector, "write", dying)


def test_what_somebody_else_entered_meanwhile_stays_and_is_told(goods, mapping, monkeypatch):
    fetch = SqlConnector.fetch

    def edited(self: Any, *args: Any, **kwargs: Any) -> Any:
        if row(goods)["name"] == "Sa-Probe":
            goods.run("UPDATE goods SET name = 'Edited' WHERE id = 1")
        return fetch(self, *args, **kwargs)

    monkeypatch.setattr(SqlConnector, "fetch", edited)
    made = probes.run(begin(mapping, "name", "price").pk)
    assert (row(goods)["name"], row(goods)["price"]) == ("Edited", Decimal("12.50"))
    assert made.result["holds"] == [["left", "name", "1", "theirs"], ["left", "price", "1", "restored"]]


def test_an_edit_of_another_field_in_between_is_kept(goods, mapping, monkeypatch):
    write = SqlConnector.write

    def busy(self: Any, *args: Any, **kwargs: Any) -> Any:
        goods.run("UPDATE goods SET amount = amount + 1 WHERE id = 1")
        return write(self, *args, **kwargs)

    monkeypatch.setattr(SqlConnector, "write", busy)
    probes.run(begin(mapping, "name").pk)
    assert (row(goods)["name"], row(goods)["amount"] > 3) == (" Lamp ", True)


def test_a_system_that_goes_away_is_cleaned_up_when_it_is_back(goods, mapping, monkeypatch):
    before, write, made = row(goods), SqlConnector.write, []

    def away(self: Any, *args: Any, **kwargs: Any) -> Any:
        made.append(1)
        if len(made) > 2:
            raise Retry("away")
        return write(self, *args, **kwargs)

    monkeypatch.setattr(SqlConnector, "write", away)
    probe = probes.run(begin(mapping, "name").pk)
    assert probe.state == "interrupted"
    assert "away" in probe.message
    monkeypatch.undo()
    assert probes.unclean(mapping) == [probe]
    probes.run(probe.pk)
    assert row(goods) == before


def test_nothing_is_probed_that_was_not_asked_for(goods, mapping):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"left": "1"}, "--yes"),
        ({"yes": True}, "Name the record"),
        ({"left": "1", "yes": True, "fields": "nonsense"}, "nonsense"),
    ]
    for options, words in wrong:
        with pytest.raises(CommandError, match=words):
            call_command("probe", "goods", **options)
    Mapping.objects.update(enabled=True)
    with pytest.raises(probes.NotProbed, match="switched on"):
        begin(mapping)
    other = Mapping.objects.create(name="other", left=mapping.right, right=mapping.left, enabled=True)
    Mapping.objects.filter(pk=mapping.pk).update(enabled=False)
    Link.objects.create(mapping=other, left_key="9", right_key="1", left_shadow=b"\x80")
    with pytest.raises(probes.NotProbed, match="other"):
        begin(mapping)
    assert not Probe.objects.exists()


def test_the_owner_of_a_field_is_not_written_to(goods, mapping):
    mapping.fields.filter(name="name").update(owner="left")
    made = probes.run(begin(mapping, "name", "amount").pk)
    assert {f["field"] for f in made.result["findings"]} == {"amount"}


@pytest.mark.runs_once
def test_originals_are_kept_exactly():
    from syncadmin.probeholds import pack, unpack

    for value in (
        None,
        "",
        "a\x00\ud83d",
        1,
        True,
        1.5,
        Decimal("1.50"),
        datetime(2024, 1, 1, 2, tzinfo=UTC),
        [1, {"a": None}],
    ):
        assert repr(unpack(pack(value))) == repr(value)
