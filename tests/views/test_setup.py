"""A mapping on its way to running: which step is next, and the switch at the end."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from connectors.base import CheckItem, Retry
from syncadmin.assessing import keep
from syncadmin.config.problems import Problem
from syncadmin.core.exposure import Unaccepted
from syncadmin.models import Mapping, MappingState, Resource, SurveyState, System
from syncadmin.selectors import flow
from tests.builders import a_mapping, a_user
from tests.survey.built import a_survey


@pytest.fixture
def integrator(db: None, client: Client) -> Client:
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    client.force_login(user)
    return client


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    """What the systems have against a mapping; a test puts in what it wants them to."""
    problems: list[Problem] = []
    monkeypatch.setattr("syncadmin.services.verify_live", lambda mapping: problems)
    monkeypatch.setattr("syncadmin.services.try_connection", lambda system: [])
    monkeypatch.setattr("syncadmin.views.setup.enqueue_pass", lambda mapping_id: None)
    return problems


def promised(mapping: Mapping, **sides: str) -> Mapping:
    """A mapping that is switched off and waits for a signature, with what the systems promise."""
    MappingState.objects.filter(mapping=mapping).update(guarantees=sides)
    Mapping.objects.filter(pk=mapping.pk).update(enabled=False, risk=Unaccepted.STOP.value)
    return Mapping.objects.get(pk=mapping.pk)


def states(way: flow.Way) -> dict[str, str]:
    return {step.name: step.state.value for step in flow.steps(way)}


def test_a_survey_that_is_done_leads_to_the_mapping(db: None) -> None:
    left, right = ends()
    survey = a_survey(left, right)
    found = flow.steps(flow.of_survey(survey))
    assert {step.name for step in found if step.state == "done"} >= {"survey"}
    now = flow.current(found)
    assert now is not None
    assert (now.name, now.address) == ("mapping", f"/surveys/{survey.pk}/#survey-make")


def test_a_survey_that_is_at_work_is_the_step_to_wait_for(db: None) -> None:
    survey = a_survey(*ends(), state=SurveyState.INTERRUPTED, result=None)
    assert states(flow.of_survey(survey))["survey"] == "now"


def test_the_risk_is_no_step_where_no_edit_can_be_lost(db: None) -> None:
    mapping = promised(a_mapping(), left="atomic", right="atomic")
    assert states(flow.of_mapping(mapping))["risk"] == "not needed"


def test_the_risk_is_a_step_where_writes_wait_for_its_signature(db: None) -> None:
    mapping = promised(a_mapping(), left="atomic", right="checked")
    assert states(flow.of_mapping(mapping))["assessment"] == "now"
    keep(mapping, "ines")
    assert states(flow.of_mapping(mapping))["risk"] == "now"


def test_the_page_of_a_mapping_leads_on_and_its_rail_is_on_the_pages_of_the_steps(integrator: Client) -> None:
    mapping = promised(a_mapping(), left="atomic", right="checked")
    page = integrator.get(f"/mappings/{mapping.name}/setup/").content.decode()
    assert f'href="/mappings/{mapping.name}/risk/"' in page
    assert (
        'aria-label="Steps to a running mapping"'
        in integrator.get("/mappings/customers/risk/").content.decode()
    )
    assert "/mappings/customers/setup/" in integrator.get("/").content.decode()


def test_the_page_of_a_step_that_is_done_leads_on_to_the_next(integrator: Client) -> None:
    mapping = promised(a_mapping(), left="atomic", right="checked")
    page = "/mappings/customers/assessment/"
    assert b"Go on:" not in integrator.get(page).content
    integrator.post(f"{page}save/", {"keep": "1"})
    assert "Go on: Risk" in integrator.get(page).content.decode()
    assert flow.of_mapping(mapping).mapping == mapping


def test_a_mapping_that_runs_shows_no_rail(integrator: Client) -> None:
    a_mapping()
    assert b"Steps to a running mapping" not in integrator.get("/mappings/customers/risk/").content


def test_it_is_switched_on_and_its_first_pass_is_due(integrator: Client, fits: list[Problem]) -> None:
    mapping = promised(a_mapping(), left="atomic", right="atomic")
    answer = integrator.post(f"/mappings/{mapping.name}/setup/on/", follow=True)
    mapping.refresh_from_db()
    assert mapping.enabled
    assert "It is switched on" in answer.content.decode()
    assert mapping.history.first().history_change_reason == "switched on by ines"
    assert states(flow.of_mapping(mapping))["on"] == "done"


def test_it_stays_off_while_the_systems_do_not_agree(integrator: Client, fits: list[Problem]) -> None:
    mapping = promised(a_mapping(), left="atomic", right="atomic")
    fits.append(Problem(("mappings", "customers", "left"), "there is no table <b>x</b>", "Make it"))
    answer = integrator.post(f"/mappings/{mapping.name}/setup/on/")
    mapping.refresh_from_db()
    assert (answer.status_code, mapping.enabled) == (409, False)
    assert "there is no table &lt;b&gt;x&lt;/b&gt;. Make it" in answer.content.decode()


def test_it_stays_off_while_a_system_is_away(
    integrator: Client, fits: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = promised(a_mapping(), left="atomic", right="atomic")

    def away(_mapping: Mapping) -> list[Problem]:
        raise Retry("cannot reach db.example.com", system="crm", said="connection refused")

    monkeypatch.setattr("syncadmin.services.verify_live", away)
    answer = integrator.post(f"/mappings/{mapping.name}/setup/on/")
    mapping.refresh_from_db()
    assert (answer.status_code, mapping.enabled) == (409, False)
    assert "cannot reach db.example.com" in answer.content.decode()


def test_it_stays_off_while_the_account_may_not_write_what_would_be_written(
    integrator: Client, fits: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = promised(a_mapping(), left="atomic", right="atomic")
    lacks = CheckItem("customers_r: writable", False, "no UPDATE", "GRANT UPDATE ON customers")
    monkeypatch.setattr("syncadmin.services.try_connection", lambda system: [lacks])
    answer = integrator.post("/mappings/customers/setup/on/")
    assert "GRANT UPDATE ON customers" in answer.content.decode()
    Mapping.objects.update(owner="right")  # nothing would be written there then
    integrator.post("/mappings/customers/setup/on/")
    mapping.refresh_from_db()
    assert mapping.enabled


def test_the_command_tells_the_steps_and_switches_on(db: None, fits: list[Problem]) -> None:
    mapping = promised(a_mapping(), left="atomic", right="checked")
    said = StringIO()
    call_command("setup", "customers", "--json", stdout=said)
    steps = {step["name"]: step["state"] for step in json.loads(said.getvalue())["steps"]}
    assert (steps["mapping"], steps["risk"], steps["on"]) == ("done", "open", "open")
    fits.append(Problem((), "there is no table x"))
    with pytest.raises(CommandError, match="there is no table x") as refused:
        call_command("setup", "customers", "--on", stdout=said)
    assert refused.value.returncode == 1
    fits.clear()
    call_command("setup", "customers", "--on", stdout=said)
    mapping.refresh_from_db()
    assert mapping.enabled


def ends() -> tuple[Resource, Resource]:
    """Two resources that nobody has paired."""
    made = [System.objects.create(name=name, connector="sql", config={}) for name in ("crm", "erp")]
    return (
        Resource.objects.create(system=made[0], name="contacts"),
        Resource.objects.create(system=made[1], name="kunden"),
    )
