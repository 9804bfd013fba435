"""Surveys of real systems: read as far as asked for, stored, stopped, carried on, made into mappings."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from psycopg import sql
from rq import Queue

from syncadmin import surveys
from syncadmin.config.problems import BadConfig
from syncadmin.config.verify import verify_live
from syncadmin.models import FieldMapping, Mapping, Resource, Survey, SurveyState
from syncadmin.survey.report import Report, read
from syncadmin.ticker import Ticker
from tests.ops.conftest import queue  # noqa: F401
from tests.ops.passes import work_off
from tests.servers.fault_proxy import HttpProxy, TcpProxy, Wrong

from .conftest import Database, configured, insert, through

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]


def carried_out(left: Resource, right: Resource, **asked: int) -> tuple[Survey, Report]:
    survey = surveys.start(left, right, actor="ines", **asked)
    surveys.run(survey.pk)
    survey.refresh_from_db()
    assert (survey.state, survey.message) == (SurveyState.DONE, "")
    return survey, read(survey.result)


def pairs(found: Report) -> set[tuple[str, str]]:
    return {(pair.left, pair.right) for pair in found.pairs if not pair.bookkeeping}


def test_two_databases_in_two_languages_are_paired_by_what_they_hold(crm: Database, erp: Database) -> None:
    _, found = carried_out(crm.resource, erp.resource)
    assert pairs(found) >= {
        ("email", "E_Mail_Adresse"),
        ("phone", "Telefon"),
        ("credit_limit", "Kreditlimit"),
        ("status", "Zustand"),
        ("born", "Geburtstag"),
        ("company", "Firma"),
        ("city", "Ort"),
    }
    key = found.keys[0]
    assert list(key.fields) == [("email", "E_Mail_Adresse")]
    assert (key.left.matched, key.left.alone, key.right.alone) == (250, 50, 50)
    assert (found.left.records, found.left.whole, found.right.whole) == (300, True, True)


def test_pocketbase_and_postgresql_are_paired(crm: Database, shop: Callable[..., Resource]) -> None:
    survey, found = carried_out(crm.resource, shop())
    assert pairs(found) == {
        ("company", "full_name"),
        ("email", "mail"),
        ("phone", "tel"),
        ("city", "town"),
        ("status", "state"),
    }
    assert (found.keys[0].right.matched, found.keys[0].left.alone) == (80, 220)
    assert survey.requests > 2


def test_the_suggested_mapping_fits_both_systems_and_waits_to_be_switched_on(
    crm: Database, erp: Database
) -> None:
    survey, _ = carried_out(crm.resource, erp.resource)
    mapping = surveys.make_mapping(survey, "customers", key=0, chosen=None, by="ines")
    assert verify_live(mapping) == []
    assert (mapping.enabled, mapping.match) == (False, ["email"])
    assert mapping.history.first().history_change_reason == f"made from survey #{survey.pk}"
    status = FieldMapping.objects.get(mapping=mapping, name="status")
    assert status.choices == {"new": "neu", "active": "aktiv", "closed": "geschlossen"}
    survey.refresh_from_db()
    assert survey.mapping == mapping


def test_a_mapping_that_is_there_is_not_changed(crm: Database, erp: Database) -> None:
    survey, _ = carried_out(crm.resource, erp.resource)
    surveys.make_mapping(survey, "customers", key=0, chosen=["city"], by="ines")
    with pytest.raises(BadConfig, match="there is a mapping of this name already"):
        surveys.make_mapping(survey, "customers", key=0, chosen=None, by="ines")
    with pytest.raises(BadConfig, match="pairs the same two resources already"):
        surveys.make_mapping(survey, "others", key=0, chosen=None, by="ines")
    assert Mapping.objects.get().fields.count() == 2


def test_a_resource_without_a_unique_field_gets_pairs_but_no_sure_key(
    erp: Database, new_database: Callable[[], str]
) -> None:
    url = new_database()
    log = Database(url, configured("log", url, "visits", {"table": "visits", "key": "no"}))
    log.run("CREATE TABLE visits (no serial PRIMARY KEY, ort text, zustand text)")
    insert(url, "visits", [{"ort": ("Kiel", "Bonn", "Essen")[n % 3], "zustand": "neu"} for n in range(90)])
    _, found = carried_out(log.resource, erp.resource)
    assert ("ort", "Ort") in pairs(found)
    assert all(key.score < 0.3 for key in found.keys)


def test_a_resource_with_a_great_many_rows_is_read_as_far_as_asked_for(
    crm: Database, new_database: Callable[[], str]
) -> None:
    url = new_database()
    big = Database(url, configured("big", url, "rows", {"table": "rows", "key": "id"}))
    big.run(
        "CREATE TABLE rows AS SELECT g AS id, 'user' || g || '@example.com' AS mail"
        " FROM generate_series(1, 200000) g"
    )
    big.run("ALTER TABLE rows ADD PRIMARY KEY (id)")
    survey, found = carried_out(crm.resource, big.resource, sample=2_500)
    assert (found.right.records, found.right.whole, found.left.whole) == (2_500, False, True)
    survey, found = carried_out(crm.resource, big.resource, sample=0, budget=12)
    assert (found.right.records, found.right.whole) == (5_000, False)
    assert survey.requests <= 12


def test_an_account_that_may_only_read_is_enough(
    crm: Database, erp: Database, unique_name: Callable[[str], str]
) -> None:
    role = unique_name("reader")
    crm.run(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pw'").format(sql.Identifier(role)))
    crm.run(sql.SQL("GRANT SELECT ON contacts TO {}").format(sql.Identifier(role)))
    parts = urlsplit(crm.url)
    url = f"postgresql://{role}:pw@{parts.hostname}:{parts.port}{parts.path}"
    resource = configured("crm", url, "contacts", crm.resource.config)
    try:
        _, found = carried_out(resource, erp.resource)
        assert found.left.records == 300
    finally:
        crm.run(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        crm.run(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_a_wrong_password_is_told_and_never_shown(crm: Database, erp: Database) -> None:
    parts = urlsplit(erp.url)
    url = f"postgresql://{parts.username}:hunter2secret@{parts.hostname}:{parts.port}{parts.path}_gone"
    wrong = configured("erp", url, "kunden", erp.resource.config)
    survey = surveys.start(crm.resource, wrong, actor="ines")
    surveys.run(survey.pk)
    survey.refresh_from_db()
    assert (survey.state, survey.side) == (SurveyState.INTERRUPTED, "right")
    assert "erp" in survey.message
    assert "hunter2secret" not in survey.message


def test_a_database_that_goes_away_in_the_middle_is_told_and_the_other_side_is_not_read_again(
    crm: Database, erp: Database
) -> None:
    """The connection is cut while the right side's pages come; later the survey is carried on."""
    with TcpProxy(int(urlsplit(erp.url).port or 0)) as proxy:
        away = configured("erp", through(erp.url, proxy.port), "kunden", erp.resource.config)
        survey = surveys.start(crm.resource, away, actor="ines")

        def cut(now: Survey) -> None:
            if now.side == "right" and now.total == 0 and now.requests > 1:
                proxy.refusing = True
                proxy.cut_all()

        surveys.run(survey.pk, progress=cut)
        survey.refresh_from_db()
        assert (survey.state, survey.side) == (SurveyState.INTERRUPTED, "right")
        assert survey.message
        assert survey.left_profile is not None
        crm.run("DROP TABLE contacts")  # what was read of it is kept
        proxy.refusing = False
        assert surveys.resume(survey.pk)
        surveys.run(survey.pk)
    survey.refresh_from_db()
    assert survey.state == SurveyState.DONE
    assert read(survey.result).left.records == 300
    assert survey.left_profile is None


def test_a_rest_system_that_fails_in_the_middle_is_told_in_its_own_words(
    crm: Database, shop: Callable[..., Resource], pocketbase_server: Any
) -> None:
    with HttpProxy(pocketbase_server.url) as proxy:
        resource = shop(proxy.url)
        proxy.fault = Wrong("GET", "/records", status=503, times=100)
        survey = surveys.start(crm.resource, resource, actor="ines")
        surveys.run(survey.pk)
        survey.refresh_from_db()
        assert survey.state == SurveyState.INTERRUPTED
        assert "503" in survey.message
        proxy.fault = None
        surveys.resume(survey.pk)
        surveys.run(survey.pk)
    survey.refresh_from_db()
    assert survey.state == SurveyState.DONE
    assert {method for method, path in proxy.asked if "records" in path} == {"GET"}  # nothing is written


def test_a_survey_that_is_stopped_stores_nothing_more(crm: Database, erp: Database) -> None:
    survey = surveys.start(crm.resource, erp.resource, actor="ines")

    def stop(now: Survey) -> None:
        if now.read:
            surveys.cancel(now.pk)

    assert surveys.run(survey.pk, progress=stop) is None
    survey.refresh_from_db()
    assert (survey.state, survey.result) == (SurveyState.CANCELLED, None)
    assert surveys.run(survey.pk) is None  # and waits for nobody
    assert surveys.resume(survey.pk)
    assert surveys.run(survey.pk) is not None


def test_a_worker_that_was_overtaken_stores_nothing(crm: Database, erp: Database) -> None:
    survey = surveys.start(crm.resource, erp.resource, actor="ines")
    overtaken = []

    def overtake(now: Survey) -> None:
        if now.read and not overtaken:
            overtaken.append(now.token)
            Survey.objects.filter(pk=now.pk).update(state=SurveyState.WAITING)
            surveys.run(now.pk)

    assert surveys.run(survey.pk, progress=overtake) is None
    survey.refresh_from_db()
    assert (survey.state, survey.token) == (SurveyState.DONE, 2)


def test_a_survey_whose_worker_died_is_found_by_the_ticker(
    crm: Database,
    erp: Database,
    queue: Queue,  # noqa: F811
) -> None:
    survey = surveys.start(crm.resource, erp.resource, actor="ines")
    Survey.objects.filter(pk=survey.pk).update(state=SurveyState.RUNNING, token=1)
    later = timezone.now() + surveys.STALLED + timedelta(seconds=1)
    ticker = Ticker(lambda: later)
    ticker.tick()
    ticker.tick()
    assert len(queue) == 1  # asked for once
    work_off(queue)
    survey.refresh_from_db()
    assert survey.state == SurveyState.DONE


def test_a_survey_that_kills_its_workers_is_given_up(crm: Database, erp: Database) -> None:
    survey = surveys.start(crm.resource, erp.resource, actor="ines")
    Survey.objects.filter(pk=survey.pk).update(state=SurveyState.RUNNING, token=surveys.MOST_STARTS)
    assert surveys.stalled(timezone.now() + surveys.STALLED * 2) == []
    survey.refresh_from_db()
    assert survey.state == SurveyState.INTERRUPTED


def test_a_failure_of_the_hub_itself_leaves_nobody_waiting(
    crm: Database, erp: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = surveys.start(crm.resource, erp.resource, actor="ines")
    monkeypatch.setattr("syncadmin.survey.report.report", lambda *_: 1 / 0)
    with suppress(ZeroDivisionError):
        surveys.run(survey.pk)
    survey.refresh_from_db()
    assert (survey.state, survey.message) == (
        SurveyState.INTERRUPTED,
        "the hub failed: ZeroDivisionError; its log tells more",
    )


def test_old_surveys_are_forgotten_but_not_those_at_work(crm: Database, erp: Database) -> None:
    for _ in range(surveys.KEPT + 3):
        last = surveys.start(crm.resource, erp.resource, actor="ines")
        surveys.cancel(last.pk)
    working = surveys.start(crm.resource, erp.resource, actor="ines")
    surveys.start(crm.resource, erp.resource, actor="ines")
    assert Survey.objects.filter(state=SurveyState.CANCELLED).count() == surveys.KEPT - 1
    assert Survey.objects.filter(pk=working.pk).exists()


def test_the_command_tells_what_was_found(crm: Database, erp: Database) -> None:
    out = StringIO()
    call_command("survey", "crm.contacts", "erp.kunden", stdout=out)
    told = out.getvalue()
    assert "email = E_Mail_Adresse: 250 match; left 0 for a person, 50 alone" in told
    out = StringIO()
    call_command("survey", "crm.contacts", "erp.kunden", "--json", "--sample", "100", stdout=out)
    document = json.loads(out.getvalue())
    assert (document["left"]["records"], document["left"]["whole"]) == (100, False)


def test_the_command_says_what_is_wrong_and_goes_on_where_it_was(crm: Database, erp: Database) -> None:
    with pytest.raises(CommandError, match="unknown resource") as caught:
        call_command("survey", "crm.contact", "erp.kunden")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="the same resource"):
        call_command("survey", "crm.contacts", "crm.contacts")
    erp.run("ALTER TABLE kunden RENAME TO kundschaft")
    with pytest.raises(CommandError, match="run it again with --resume") as caught:
        call_command("survey", "crm.contacts", "erp.kunden", stdout=StringIO())
    assert caught.value.returncode == 1
    erp.run("ALTER TABLE kundschaft RENAME TO kunden")
    call_command("survey", "crm.contacts", "erp.kunden", "--resume", stdout=StringIO())
    assert Survey.objects.get().state == SurveyState.DONE
