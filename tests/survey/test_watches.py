"""Watches of real databases: who edits what is counted, nothing is written, and nothing is counted twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rq import Queue

from syncadmin import surveys, watches
from syncadmin.core.assess import Who
from syncadmin.core.side import SIDES
from syncadmin.engine import watching
from syncadmin.models import Mapping, MappingState, Probe, ProbeHold, Watch, WatchedRecord, WatchState
from syncadmin.selectors.assessment import Basis, assessment
from syncadmin.selectors.risk import standing
from syncadmin.selectors.watches import Seen, seen
from syncadmin.ticker import Ticker
from tests.ops.conftest import queue  # noqa: F401
from tests.ops.passes import work_off
from tests.servers.fault_proxy import TcpProxy

from .conftest import Database, configured, through

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]
LEFT, RIGHT = SIDES
BOTH = 'lower(trim("E_Mail_Adresse")) = %s'


def paired(crm: Database, erp: Database) -> Mapping:
    """A mapping of the two, as an integrator would write it; switched off."""
    made = Mapping.objects.create(
        name="customers", left=crm.resource, right=erp.resource, match=["email"], enabled=False
    )
    fields = {"email": "E_Mail_Adresse", "phone": "Telefon", "city": "Ort", "company": "Firma"}
    for position, (left, right) in enumerate(fields.items()):
        normalize = ["trim", "lower"] if left == "email" else []
        made.fields.create(position=position, name=left, left=left, right=right, normalize=normalize)
    promised = dict.fromkeys(("left", "right", "left delete", "right delete"), "checked")
    MappingState.objects.update_or_create(mapping=made, defaults={"guarantees": promised})
    return made


def looked(watch: Watch, clock: Callable[[], datetime] = timezone.now) -> Seen:
    assert watches.look(watch.pk, clock)
    watch.refresh_from_db()
    return seen(watch)


def edits(found: Seen) -> dict[str, tuple[int, int]]:
    return {one.name: (one.edits[LEFT], one.edits[RIGHT]) for one in found.fields if any(one.edits.values())}


def shared_emails(crm: Database, erp: Database, count: int) -> list[str]:
    """Addresses of people that both have."""
    found = []
    for database, statement in (
        (crm, "SELECT email FROM contacts"),
        (erp, 'SELECT trim("E_Mail_Adresse") FROM kunden'),
    ):
        found.append({value.lower() for (value,) in database.rows(statement)})
    return sorted(found[0] & found[1])[:count]


def edit(crm: Database, email: str, **values: str) -> None:
    for column, value in values.items():
        crm.run(
            f"UPDATE contacts SET {column} = %s, updated_at = now() WHERE lower(email) = %s", value, email
        )


def edit_right(erp: Database, email: str, column: str, value: str) -> None:
    statement = f"UPDATE kunden SET \"{column}\" = %s, geaendert_am = now() AT TIME ZONE 'UTC' WHERE {BOTH}"
    erp.run(statement, value, email)


def test_who_edits_what_is_counted_by_field_side_and_meeting_and_nothing_is_written(
    crm: Database, erp: Database
) -> None:
    mapping = paired(crm, erp)
    anna, bert, cem, dora = shared_emails(crm, erp, 4)
    watch = watches.of_mapping(mapping, actor="ines", every=10)
    assert edits(looked(watch)) == {}  # what was there before anybody looked is no edit
    edit(crm, anna, phone="1")
    edit(crm, bert, phone="2")
    edit_right(erp, cem, "Ort", "Zeven")
    looked(watch)
    edit_right(erp, anna, "Telefon", "9")
    edit_right(erp, bert, "Telefon", "2")  # the same
    edit(crm, cem, city="Xanten")
    edit(crm, dora, city="Xanten", company="Dora & Co")
    erp.run("DELETE FROM kunden WHERE " + BOTH, dora)
    crm.run("INSERT INTO contacts (id, email, updated_at) VALUES (9001, 'new@example.com', now())")
    Watch.objects.filter(pk=watch.pk).update(full_at=timezone.now())  # deletes are seen when all is read
    before = crm.rows("TABLE contacts ORDER BY id"), erp.rows("TABLE kunden ORDER BY kundennr")
    found = looked(watch)
    assert edits(found) == {"phone": (2, 2), "city": (2, 1), "company": (1, 0)}
    by_name = {one.name: one for one in found.fields}
    assert (by_name["phone"].met, by_name["phone"].equal) == (2, 1)
    assert (by_name["city"].met, by_name["city"].equal) == (1, 0)
    assert (found.created.edits[LEFT], found.deleted.edits[RIGHT]) == (1, 1)
    assert found.deleted.met == 0  # a complete reading finds it gone, and not since when
    assert found.both_edited == 4
    assert (crm.rows("TABLE contacts ORDER BY id"), erp.rows("TABLE kunden ORDER BY kundennr")) == before
    assert looked(watch).as_dict()["fields"] == found.as_dict()["fields"]  # another look counts nothing twice


def test_what_was_watched_tells_the_assessment_who_edits_and_the_risk_how_often(
    crm: Database, erp: Database
) -> None:
    mapping = paired(crm, erp)
    anna, bert = shared_emails(crm, erp, 2)
    watch = watches.of_mapping(mapping, every=300)
    begun = timezone.now() - timedelta(days=4)
    looked(watch, lambda: begun)
    edit(crm, anna, city="Zeven")
    looked(watch, lambda: begun + timedelta(hours=1))
    assert {line.basis for line in assessment(mapping).lines} == {Basis.TABLE}  # an hour says nothing yet
    edit(crm, anna, phone="1")
    edit(crm, bert, city="Xanten")
    edit_right(erp, bert, "Ort", "Zeven")
    found = looked(watch)
    assert 3.99 < found.days < 4.01
    basis = {line.row.name: (line.told, line.basis, dict(line.seen)) for line in assessment(mapping).lines}
    assert basis["phone"] == (Who.LEFT, Basis.WATCH, {LEFT: 1, RIGHT: 0})
    assert basis["city"][:2] == (Who.BOTH, Basis.WATCH)
    assert assessment(mapping).basis is Basis.ASSUMED  # so few edits say nothing of the whole table
    told = standing(mapping, timezone.now()).figures
    assert (told.ahead, told.live, told.meetings) == (True, False, 1)
    assert {side: told.sides[side].edits for side in SIDES} == {LEFT: 3, RIGHT: 1}
    assert told.lost is not None
    assert told.as_dict()["basis"] == "watched before"
    mapping.fields.create(name="born", left="born", right="Geburtstag", type="date", position=9)
    assert standing(mapping, timezone.now()).figures.ahead is False  # it was not watched


def test_a_table_that_tells_no_times_is_compared_and_edits_found_too_late_meet_nothing(
    crm: Database, erp: Database
) -> None:
    for one in (crm, erp):
        one.resource.config = {k: v for k, v in one.resource.config.items() if k != "modified"} | {
            "changes": "scan"
        }
        one.resource.save()
    (anna,) = shared_emails(crm, erp, 1)
    watch = watches.of_mapping(paired(crm, erp), every=60)
    start = timezone.now()
    looked(watch, lambda: start)
    edit(crm, anna, phone="1")
    edit_right(erp, anna, "Telefon", "2")
    found = looked(watch, lambda: start + timedelta(minutes=1))
    assert (edits(found), found.fields[1].met) == ({"phone": (1, 1)}, 1)
    edit(crm, anna, phone="3")
    edit_right(erp, anna, "Telefon", "4")
    found = looked(watch, lambda: start + timedelta(days=2))
    assert (edits(found), found.fields[1].met) == ({"phone": (2, 2)}, 1)


@pytest.mark.runs_once
def test_a_system_that_goes_away_is_waited_for_and_what_was_edited_meanwhile_is_found(
    crm: Database, erp: Database
) -> None:
    mapping = paired(crm, erp)
    (anna,) = shared_emails(crm, erp, 1)
    with TcpProxy(int(urlsplit(erp.url).port or 0)) as proxy:
        configured("erp", through(erp.url, proxy.port), "kunden", erp.resource.config)
        watch = watches.of_mapping(mapping, every=10)
        looked(watch)
        proxy.refusing = True
        proxy.cut_all()
        edit(crm, anna, phone="1")
        edit_right(erp, anna, "Telefon", "2")
        now = timezone.now()
        assert not watches.look(watch.pk, lambda: now)
        watch.refresh_from_db()
        assert watch.message
        assert watch.failed_since == now
        assert (watch.state, watch.next_at > now) == (WatchState.WATCHING, True)
        proxy.refusing = False
        assert edits(looked(watch)) == {"phone": (1, 1)}
    assert (watch.message, watch.failed_since) == ("", None)


def test_a_look_that_was_killed_in_the_middle_is_taken_up_again_and_counts_once(
    crm: Database, erp: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = paired(crm, erp)
    people = shared_emails(crm, erp, 3)
    watch = watches.of_mapping(mapping, every=10)
    looked(watch)
    for email in people:
        edit(crm, email, phone="1")
    monkeypatch.setattr(watching, "PAGE", 1)
    kept = watching.Look._keep
    calls: list[int] = []

    def dies(self: Any, *args: Any, **options: Any) -> None:
        kept(self, *args, **options)
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching.Look, "_keep", dies)
    with pytest.raises(KeyboardInterrupt):
        watches.look(watch.pk)
    now = timezone.now()
    assert watches.due(now) == []  # a dead worker still holds it
    monkeypatch.setattr(watching.Look, "_keep", kept)
    assert not watches.look(watch.pk, lambda: now)
    later = now + watching.TERM + timedelta(seconds=1)
    assert watches.due(later) == [watch.pk]
    assert edits(looked(watch, lambda: later)) == {"phone": (3, 0)}


def test_of_too_many_records_a_sample_is_kept_the_same_on_both_sides(
    crm: Database, erp: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST", 100)
    watch = watches.of_mapping(paired(crm, erp), every=10)
    looked(watch)
    left, right = (
        set(watch.records.filter(side=s).values_list("match", flat=True)) for s in ("left", "right")
    )
    assert 0 < len(left) <= 100
    assert len(left & right) > 0.7 * len(left)  # 250 of 300 belong together
    crm.run("UPDATE contacts SET phone = 'x', updated_at = now()")
    found = looked(watch)
    assert edits(found)["phone"][0] == len(left) * found.one_of
    assert found.one_of in (4, 8)


def test_the_ticker_has_looks_taken_until_the_time_is_up(
    crm: Database,
    erp: Database,
    queue: Queue,  # noqa: F811
) -> None:
    watch = watches.of_mapping(paired(crm, erp), days=1)
    Ticker().tick()
    Ticker().tick()
    assert len(queue) == 1  # asked for once
    work_off(queue)
    watch.refresh_from_db()
    assert watch.looks == 1
    assert watches.due(timezone.now()) == []
    assert watches.due(timezone.now() + timedelta(days=1, seconds=1)) == []
    watch.refresh_from_db()
    assert (watch.state, watch.ended_how) == (WatchState.OVER, watches.TIME_IS_UP)
    assert not WatchedRecord.objects.exists()


@pytest.mark.runs_once
def test_it_ends_when_the_mapping_is_switched_on_and_is_not_begun_beside_it(
    crm: Database, erp: Database
) -> None:
    mapping = paired(crm, erp)
    watch = watches.of_mapping(mapping)
    looked(watch)
    with pytest.raises(watches.NotWatched):
        watches.of_mapping(mapping)  # it is watched already
    now = timezone.now()
    probe = Probe.objects.create(mapping=mapping, actor="ines", created_at=now, beat_at=now)
    hold = {"probe": probe, "side": "left", "key": "1", "name": "phone", "source": "phone", "kind": "text"}
    ProbeHold.objects.create(resource=crm.resource, original="", **hold)
    assert not watches.look(watch.pk)  # a probe's values are no edits
    ProbeHold.objects.update(settled_at=now)
    looked(watch)
    Mapping.objects.update(enabled=True)
    assert not watches.look(watch.pk)
    watch.refresh_from_db()
    assert (watch.state, watch.ended_how) == (WatchState.OVER, watches.SWITCHED_ON)
    for begin in (lambda: watches.of_mapping(mapping), lambda: watches.resume(watch.pk)):
        with pytest.raises(watches.NotWatched):
            begin()


@pytest.mark.runs_once
def test_two_resources_are_watched_as_their_survey_pairs_them_by_command(
    crm: Database, erp: Database
) -> None:
    def told(*words: str) -> Any:
        out = StringIO()
        call_command("watch", *words, "--json", stdout=out)
        return json.loads(out.getvalue())

    names = ("crm.contacts", "erp.kunden")
    with pytest.raises(CommandError, match="survey"):
        call_command("watch", *names, "--start")
    survey = surveys.start(crm.resource, erp.resource, actor="ines")
    surveys.run(survey.pk)
    assert told(*names, "--start", "--every", "10s", "--days", "3")["days"] == 3
    assert told(*names, "--look")["looks"] == 1
    (anna,) = shared_emails(crm, erp, 1)
    edit(crm, anna, city="Xanten")
    assert told(*names, "--look")["fields"]["city"]["edits"] == {"left": 1, "right": 0}
    assert told(*names, "--stop")["state"] == "stopped"
    edit(crm, anna, city="Zeven")  # while nobody watches
    told(*names, "--start")
    assert told(*names, "--look")["fields"]["city"]["edits"] == {"left": 1, "right": 0}
    out = StringIO()
    call_command("watch", *names, stdout=out)
    assert "city = Ort" in out.getvalue()
