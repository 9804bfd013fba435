"""The front door: two systems that nobody has seen before are connected and picked from; wrong turns too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO
from urllib.parse import urlsplit

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client
from psycopg import sql

from connectors import registry
from syncadmin import connecting, surveys, typedform
from syncadmin.config import secrets
from syncadmin.config.systems import check_settings
from syncadmin.embedded import PocketBaseServer, PostgresServer
from syncadmin.models import Resource, Survey, SurveyState, System
from tests.builders import a_user
from tests.connectors.odd_server import Asked, OddServer, Say
from tests.servers.fault_proxy import TcpProxy
from tests.servers.kinto import KintoServer
from tests.survey.conftest import CRM, ERP, insert
from tests.survey.tables import contacts

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def integrator(db: None, client: Client) -> Client:
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    client.force_login(user)
    return client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The surveys that the queue was asked for."""
    numbers: list[int] = []
    monkeypatch.setattr("syncadmin.views.pick.enqueue_survey", numbers.append)
    return numbers


@pytest.fixture
def account(postgres_server: PostgresServer, unique_name: Callable[[str], str]) -> Iterator[str]:
    """A role of the database server that may sign in, and nothing else yet."""
    name = unique_name("reader")
    postgres_server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'see-only'")
    yield name
    for database in databases(postgres_server):
        postgres_server.execute(f"DROP OWNED BY {name}", database)
    postgres_server.execute(f"DROP ROLE {name}")


def databases(server: PostgresServer) -> list[str]:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate")
        return [name for (name,) in rows]


def typed(url: str, **changed: str) -> dict[str, str]:
    """What a person types in to connect the database at this address."""
    parts = urlsplit(url)
    return {
        "label": "Our CRM",
        "host": parts.hostname or "",
        "port": str(parts.port),
        "database": parts.path.strip("/"),
        "username": parts.username or "",
        "password": parts.password or "",
        **changed,
    }


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def connected(url: str, name: str) -> System:
    """A database that is connected already."""
    document = {"connector": "sql", "label": name.upper(), "url": "${URL}"}
    return connecting.connect(name, document, {"URL": url}, by="ines")[0]


# ---------------------------------------------------------------- connecting


def test_an_empty_hub_leads_to_the_first_connection(integrator: Client) -> None:
    assert 'href="/connect/"' in integrator.get("/").content.decode()
    page = integrator.get("/connect/").content.decode()
    for offer in ("postgresql", "mariadb", "sqlite", "pocketbase", "kinto", "couchdb", "rest"):
        assert f'href="/connect/new/{offer}/?side=left"' in page


def test_a_database_is_connected_tested_and_shown_with_its_tables(
    integrator: Client,
    postgres_database: str,
) -> None:
    url = postgres_database
    run(url, CRM, "CREATE TABLE notes (body text)")
    answer = integrator.post("/connect/new/postgresql/?side=left", typed(url))
    assert (answer.status_code, answer["Location"]) == (302, "/connect/systems/our_crm/?left=our_crm")
    system = System.objects.get(name="our_crm")
    assert system.config["password"] == "${OUR_CRM_PASSWORD}"
    assert secrets.values_of(system) == {"OUR_CRM_PASSWORD": urlsplit(url).password}
    page = integrator.get(answer["Location"]).content.decode()
    for words in ("Reachable", "Signed in", "Clock", "Limits", "contacts", "It has 2 resources"):
        assert words in page
    assert str(urlsplit(url).password) not in page
    assert "${OUR_CRM_PASSWORD}" in page  # as it stands in a file
    assert 'href="/connect/?left=our_crm"' in page
    assert "Our CRM is on the left" in integrator.get("/connect/?left=our_crm").content.decode()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("password", "wrong", "password authentication failed"),
        ("database", "nowhere", "does not exist"),
        ("port", "1", "Check host, port and firewall"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_stored(
    integrator: Client,
    postgres_database: str,
    setting: str,
    value: str,
    said: str,
) -> None:
    given = typed(postgres_database, **{setting: value})
    answer = integrator.post("/connect/new/postgresql/?side=left", given)
    assert answer.status_code == 422
    field = "host" if setting == "port" else setting
    assert said in " ".join(answer.context["form"].errors[field])
    assert not System.objects.exists()
    assert f'value="{given["password"]}"' not in answer.content.decode()


def test_what_the_model_refuses_is_told_at_its_field(integrator: Client) -> None:
    answer = integrator.post(
        "/connect/new/rest/?side=left", {"label": "x", "base_url": "crm.example.com", "auth__type": "none"}
    )
    assert "begins with http:// or https://" in " ".join(answer.context["form"].errors["base_url"])


def test_what_is_left_empty_is_told(integrator: Client) -> None:
    form = integrator.post("/connect/new/postgresql/", {}).context["form"]
    assert {"host", "database", "username"} <= set(form.errors)


def test_a_way_that_there_is_not_is_not_found(integrator: Client) -> None:
    assert integrator.get("/connect/new/oracle/").status_code == 404


@pytest.mark.parametrize(
    ("setting", "value"), [("auth__password", "wrong"), ("base_url", "http://127.0.0.1:1")]
)
def test_a_pocketbase_is_connected_and_its_wrong_turns_are_told(
    integrator: Client, pocketbase_server: PocketBaseServer, setting: str, value: str
) -> None:
    right = {
        "label": "Shop",
        "base_url": pocketbase_server.url,
        "auth__username": pocketbase_server.email,
        "auth__password": pocketbase_server.password,
    }
    refused = integrator.post("/connect/new/pocketbase/?side=right", {**right, setting: value})
    assert list(refused.context["form"].errors) == [setting]
    answer = integrator.post("/connect/new/pocketbase/?side=right&left=nobody", right)
    assert answer["Location"] == "/connect/systems/shop/?right=shop"
    assert System.objects.get().config["auth"]["password"] == "${SHOP_PASSWORD}"


def test_a_kinto_bucket_is_asked_for(integrator: Client, kinto_server: KintoServer) -> None:
    kinto_server.create_collection("leads", bucket="sales")
    user, password = kinto_server.auth
    given = {
        "label": "Kinto",
        "base_url": kinto_server.url,
        "blanks__bucket": "sales",
        "auth__username": user,
        "auth__password": password,
    }
    answer = integrator.post("/connect/new/kinto/?side=left", given)
    assert "leads" in integrator.get(answer["Location"]).content.decode()
    wrong = integrator.post("/connect/new/kinto/?side=left", {**given, "auth__password": "wrong"})
    assert "auth__password" in wrong.context["form"].errors


def test_any_other_api_is_described_by_a_person(integrator: Client) -> None:
    def answer(request: Asked) -> Say:
        if request.headers.get("Authorization") != "Bearer t0ken":
            return Say({"message": "who are you?"}, 401)
        return Say({"data": [{"id": 1, "name": "Ann"}]} if request.path == "/api/people" else None, 200)

    with OddServer(answer) as server:
        given = {
            "label": "CRM",
            "base_url": f"{server.url}/api/",
            "auth__type": "bearer",
            "auth__token": "t0ken",
        }
        assert integrator.post("/connect/new/rest/?side=left", given)["Location"].startswith(
            "/connect/systems/crm/"
        )
        assert System.objects.get().config["auth"] == {"type": "bearer", "token": "${CRM_TOKEN}"}
        described = "/connect/systems/crm/resource/?left=crm"
        asked = {"name": "", "path": "people", "key": "number", "records": "data", "modified": ""}
        wrong = integrator.post(described, asked)
        assert (wrong.status_code, Resource.objects.count()) == (422, 0)
        assert "records have no field" in wrong.content.decode()
        right = integrator.post(described, {**asked, "key": "id"})
        assert (right.status_code, str(Resource.objects.get())) == (302, "crm.people")


def test_a_connector_that_offers_nothing_by_itself_asks_for_what_it_needs(
    integrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain:
        Config = registry.get("rest").Config

    monkeypatch.setattr(registry, "kinds", lambda: ["plain"])
    monkeypatch.setattr(registry, "get", lambda kind: Plain)
    form = integrator.get("/connect/new/plain/").context["form"]
    assert list(form.fields) == ["base_url"]


# ---------------------------------------------------------------- correcting


def test_settings_are_corrected_and_a_secret_left_empty_is_kept(
    integrator: Client,
    postgres_database: str,
) -> None:
    url = postgres_database
    integrator.post("/connect/new/postgresql/", typed(url))
    page = "/connect/systems/our_crm/settings/?left=our_crm"
    assert "is set; leave empty to keep it" in integrator.get(page).content.decode()
    run(url, "CREATE SCHEMA sales")
    run(url, "CREATE TABLE people (id int PRIMARY KEY)")
    changed = {**typed(url), "password": "", "schema": "sales"}
    answer = integrator.post(page, changed)  # the password goes where it went before
    assert answer["Location"] == "/connect/systems/our_crm/?left=our_crm"
    assert System.objects.get().config["schema"] == "sales"
    assert (
        "tables are in other schemas too: public (1)" in integrator.get(answer["Location"]).content.decode()
    )
    elsewhere = integrator.post(page, {**changed, "host": "localhost"})
    assert "Type it again" in elsewhere.context["form"].errors["password"][0]
    assert System.objects.get().config["host"] == urlsplit(url).hostname
    assert "our_crm/?left=our_crm" in elsewhere.content.decode()  # the way back
    assert secrets.values_of(System.objects.get()) == {"OUR_CRM_PASSWORD": urlsplit(url).password}


def test_a_system_that_is_away_says_so_and_leads_nowhere(
    integrator: Client,
    postgres_database: str,
    postgres_server: PostgresServer,
) -> None:
    url = postgres_database
    run(url, CRM)
    with TcpProxy(postgres_server.port) as proxy:
        given = typed(url, port=str(proxy.port))
        assert integrator.post("/connect/new/postgresql/", given).status_code == 302
    System.objects.create(name="other", connector="sql", config={"url": "sqlite:////nowhere.db"})
    page = integrator.get("/connect/systems/our_crm/?left=our_crm").content.decode()
    assert "not reached" in page
    assert "check host, port and firewall" in page
    assert ">Go on<" not in page
    both = integrator.get("/connect/resources/?left=our_crm&right=other")
    assert both.status_code == 200
    assert both.content.decode().count("Test the connection") == 2


# ---------------------------------------------------------------- picking and looking


def test_two_tables_are_picked_looked_at_and_their_survey_is_started(
    integrator: Client,
    postgres_database: str,
    asked: list[int],
) -> None:
    for name, statement in (("crm", CRM), ("erp", ERP)):
        url = postgres_database
        run(url, statement, "CREATE TABLE IF NOT EXISTS log (said text)")
        connected(url, name)
    page = integrator.get("/connect/resources/?left=crm&right=erp").content.decode()
    assert page.count("no key: give it a primary key") == 2
    answer = integrator.post(
        "/connect/resources/?left=crm&right=erp", {"left": "contacts", "right": "kunden"}
    )
    look = "/connect/survey/?left=crm.contacts&right=erp.kunden"
    assert answer["Location"] == look
    left, right = Resource.objects.get(name="contacts"), Resource.objects.get(name="kunden")
    assert (left.config["modified"], right.config["modified"]) == ("updated_at", "geaendert_am")
    page = integrator.get(look).content.decode()
    assert "insert, update and delete granted" in page
    assert "atomic" in page
    integrator.post(
        f"/connect/resources/{left.pk}/changes/?left=crm.contacts&right=erp.kunden", {"modified": ""}
    )
    left.refresh_from_db()
    assert "modified" not in left.config
    started = integrator.post(look, {"sample": 20_000, "budget": 2_000})
    survey = Survey.objects.get()
    assert (started["Location"], asked) == (f"/surveys/{survey.pk}/", [survey.pk])
    again = integrator.post("/connect/resources/?left=crm&right=erp", {"left": "contacts", "right": "kunden"})
    assert (again["Location"], Resource.objects.count()) == (look, 2)


def test_a_table_without_a_key_can_not_be_picked(
    integrator: Client,
    postgres_database: str,
) -> None:
    url = postgres_database
    run(
        url,
        CRM,
        "CREATE TABLE log (said text)",
        "CREATE TABLE lines (doc int, pos int, PRIMARY KEY (doc, pos))",
    )
    connected(url, "crm")
    connected(url, "erp")
    page = integrator.get("/connect/resources/?left=crm&right=erp").content.decode()
    assert "its key has several columns (doc, pos)" in page
    answer = integrator.post("/connect/resources/?left=crm&right=erp", {"left": "log", "right": ""})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "It has no key by which a record can be told from the others." in page
    assert "Pick one." in page
    assert not Resource.objects.exists()


def test_one_table_can_not_be_both_sides(
    integrator: Client,
    postgres_database: str,
) -> None:
    url = postgres_database
    run(url, CRM)
    connected(url, "crm")
    answer = integrator.post(
        "/connect/resources/?left=crm&right=crm", {"left": "contacts", "right": "contacts"}
    )
    assert "This is the same resource as on the left." in answer.content.decode()


def test_an_account_that_may_only_read_is_told_what_it_lacks_and_may_survey(
    integrator: Client,
    postgres_database: str,
    account: str,
    asked: list[int],
) -> None:
    url = postgres_database
    run(url, CRM, ERP, f"GRANT SELECT ON contacts TO {account}")
    integrator.post("/connect/new/postgresql/", typed(url, username=account, password="see-only"))
    connected(url, "erp")
    integrator.post("/connect/resources/?left=our_crm&right=erp", {"left": "contacts", "right": "kunden"})
    page = integrator.get("/connect/survey/?left=our_crm.contacts&right=erp.kunden").content.decode()
    assert "no INSERT, UPDATE, DELETE" in page
    assert f"GRANT INSERT, UPDATE, DELETE ON contacts TO {account}" in page
    assert "Reading is enough for now." in page
    assert "Start the survey" in page


def test_a_table_that_may_not_even_be_read_is_told_with_the_remedy(
    integrator: Client,
    postgres_database: str,
    account: str,
) -> None:
    url = postgres_database
    run(url, CRM, ERP)
    integrator.post("/connect/new/postgresql/", typed(url, username=account, password="see-only"))
    connected(url, "erp")
    integrator.post("/connect/resources/?left=our_crm&right=erp", {"left": "contacts", "right": "kunden"})
    page = integrator.get("/connect/survey/?left=our_crm.contacts&right=erp.kunden").content.decode()
    assert "grant SELECT on the table" in page
    assert "Start the survey" not in page


def test_a_table_of_a_million_rows_is_sampled(
    integrator: Client,
    postgres_database: str,
    asked: list[int],
) -> None:
    url = postgres_database
    run(
        url,
        "CREATE UNLOGGED TABLE big (id integer PRIMARY KEY, mail text)",
        "INSERT INTO big SELECT n, 'm' || n || '@example.com' FROM generate_series(1, 1000000) n",
        "CREATE TABLE small (id integer PRIMARY KEY, mail text)",
        "INSERT INTO small VALUES (1, 'm1@example.com'), (2, 'm2@example.com')",
        "ANALYZE",
    )
    connected(url, "crm")
    connected(url, "erp")
    page = integrator.get("/connect/resources/?left=crm&right=erp").content.decode()
    assert "1,000,000 records" in page
    integrator.post("/connect/resources/?left=crm&right=erp", {"left": "big", "right": "small"})
    integrator.post("/connect/survey/?left=crm.big&right=erp.small", {"sample": 5_000, "budget": 20})
    surveys.run(asked.pop())
    survey = Survey.objects.get()
    assert survey.state == SurveyState.DONE
    assert (survey.result["left"]["records"], survey.requests <= 20) == (5_000, True)
    assert (
        "only the first 5,000 records were read" in integrator.get(f"/surveys/{survey.pk}/").content.decode()
    )


def test_names_of_other_systems_are_only_text(
    integrator: Client,
    postgres_database: str,
) -> None:
    url = postgres_database
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE TABLE {} (id integer PRIMARY KEY, {} text)").format(
                *[sql.Identifier(HOSTILE)] * 2
            )
        )
    connected(url, "crm")
    connected(url, "erp")
    picked = {"left": HOSTILE, "right": HOSTILE}
    answer = integrator.post("/connect/resources/?left=crm&right=erp", picked)
    assert answer.status_code == 302
    for page in ("/connect/systems/crm/", "/connect/resources/?left=crm&right=erp", answer["Location"]):
        assert HOSTILE not in integrator.get(page).content.decode()


def test_what_was_begun_is_offered_to_be_gone_on_with(
    integrator: Client,
    postgres_database: str,
) -> None:
    url = postgres_database
    run(url, CRM, ERP)
    insert(url, "contacts", contacts(5, shared=5)[0])
    connected(url, "crm")
    connected(url, "erp")
    integrator.post("/connect/resources/?left=crm&right=erp", {"left": "contacts", "right": "kunden"})
    survey = surveys.start(*Resource.objects.order_by("name"))
    page = integrator.get("/connect/").content.decode()
    assert f'href="/surveys/{survey.pk}/"' in page
    assert "Connected already" in page


def test_the_command_lists_what_a_system_has_and_takes_some_of_it(postgres_database: str) -> None:
    run(postgres_database, CRM, "CREATE TABLE log (said text)")
    connected(postgres_database, "crm")
    said = StringIO()
    call_command("resources", "crm", "--take", "contacts", "--json", stdout=said)
    listed = {one["name"]: one for one in json.loads(said.getvalue())["resources"]}
    assert listed["contacts"]["configured"] == "crm.contacts"
    assert listed["log"]["problem"] == "no key that tells records apart"
    assert Resource.objects.get().config == {"table": "contacts", "key": "id", "modified": "updated_at"}
    with pytest.raises(CommandError, match="unknown resource") as wrong:
        call_command("resources", "crm", "--take", "log")
    assert wrong.value.returncode == 2


@pytest.mark.parametrize(
    "way", [way for way in connecting.ways() if way.offer.settings.get("preset")], ids=lambda w: w.offer.name
)
def test_what_is_typed_for_a_preset_fits_its_connector_with_every_secret_apart(way: connecting.Way) -> None:
    empty = typedform.form_for(way.model, way.offer, None)
    form = typedform.form_for(way.model, way.offer, dict.fromkeys(empty.fields, "https://typed.example"))
    assert form.is_valid(), form.errors
    document, typed = form.document(dict(way.offer.settings), "crm")
    assert list(check_settings(way.model, document, typed)) == []
    assert typed
