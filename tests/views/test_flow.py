"""The whole way by forms alone: two databases with different schemas, from nothing to a mapping that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from urllib.parse import urlsplit

import psycopg
import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from syncadmin import rehearsals, surveys
from syncadmin.embedded import PostgresServer
from syncadmin.models import Mapping, Rehearsal, Survey
from syncadmin.permissions import make_groups
from syncadmin.selectors import flow
from tests.builders import a_user
from tests.survey.conftest import CRM, ERP, insert
from tests.survey.tables import contacts

KEYS = "CREATE SEQUENCE nr START 1000; ALTER TABLE kunden ALTER kundennr SET DEFAULT nextval('nr')"


@pytest.fixture
def client(transactional_db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A browser of someone who may configure and approve; the test plays the workers."""
    make_groups(Group, Permission)
    user = a_user(name="ines")
    user.groups.add(*Group.objects.filter(name__in=["Integrator", "Operator"]))
    client.force_login(user)
    for place in ("pick.enqueue_survey", "rehearsal.enqueue_rehearsal", "rehearsal.enqueue_pass"):
        monkeypatch.setattr(f"syncadmin.views.{place}", lambda number: None)
    monkeypatch.setattr("syncadmin.views.setup.enqueue_pass", lambda number: None)
    return client


@pytest.fixture
def databases(
    postgres_server: PostgresServer, unique_name: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """A CRM in English and an ERP in German, filled; most of their people are the same."""
    names = [unique_name("flow") for _side in range(2)]
    urls = [postgres_server.create_database(name) for name in names]
    tables = (("contacts", CRM), ("kunden", ERP))
    for url, (table, statement), rows in zip(urls, tables, contacts(60, shared=40), strict=True):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
        insert(url, table, rows)
    yield urls[0], urls[1]
    for name in names:
        postgres_server.drop_database(name)


def connect(client: Client, start: str, label: str, url: str) -> str:
    """Connect a database by its form; answers where that leads."""
    parts = urlsplit(url)
    given = {
        "label": label,
        "host": parts.hostname,
        "port": parts.port,
        "database": parts.path.strip("/"),
        "username": parts.username,
        "password": parts.password,
    }
    return str(client.post(start, given)["Location"])


def go_on(client: Client, page: str) -> str:
    """Where *Go on* leads from a page of the flow."""
    return str(client.get(page).context["next"])


def test_two_databases_with_different_schemas_come_to_run(client: Client, databases: tuple[str, str]) -> None:
    crm = connect(client, "/connect/new/postgresql/?side=left", "CRM", databases[0])
    start = go_on(client, crm)
    erp = connect(
        client, f"/connect/new/postgresql/{start.removeprefix('/connect/')}&side=right", "ERP", databases[1]
    )
    resources = go_on(client, erp)
    assert resources == "/connect/resources/?left=crm&right=erp"
    look = client.post(resources, {"left": "contacts", "right": "kunden"})["Location"]
    client.post(look, {"sample": 0, "budget": 100})
    survey = Survey.objects.get()
    surveys.run(survey.pk)
    found = client.get(f"/surveys/{survey.pk}/").context
    fields = [row.field.name for row in found["pairs"] if row.field is not None]
    made = client.post(f"/surveys/{survey.pk}/mapping/", {"name": "people", "key": "0", "field": fields})
    assert made["Location"] == "/mappings/people/setup/"

    mapping = Mapping.objects.get()
    states = {step.name: step.state.value for step in flow.steps(flow.of_mapping(mapping))}
    assert states["risk"] == "not needed"  # both databases refuse a stale write themselves
    assert (states["assessment"], states["rehearsal"], states["on"]) == ("now", "open", "open")
    client.post("/mappings/people/assessment/save/", {"keep": "1"})
    now = flow.current(flow.steps(flow.of_mapping(Mapping.objects.get())))
    assert now is not None
    assert now.name == "rehearsal"
    client.post("/mappings/people/rehearsal/start/")
    rehearsals.run(Rehearsal.objects.get().pk)
    page = client.get("/mappings/people/rehearsal/")
    assert page.context["stage"] == "waiting"
    assert "ERP makes no record without a value for kundennr" in page.content.decode()
    with psycopg.connect(databases[1], autocommit=True) as connection:
        connection.execute(KEYS)
    client.post("/mappings/people/rehearsal/start/")
    plan = Rehearsal.objects.latest("pk")
    rehearsals.run(plan.pk)
    assert "makes no record without" not in client.get("/mappings/people/rehearsal/").content.decode()
    client.post(f"/mappings/people/rehearsal/{plan.pk}/approve/", {"allowed": "0"})
    client.post("/mappings/people/setup/on/")
    call_command("sync", "people", "--json", stdout=StringIO())

    for url, table in zip(databases, ("contacts", "kunden"), strict=True):
        with psycopg.connect(url) as connection:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (80,)
    assert flow.current(flow.steps(flow.of_mapping(Mapping.objects.get()))) is None
    assert "in step" in client.get("/").content.decode()
