"""The page of a resource's change tracking: how it stands, the SQL, installing and removing it."""

import pytest
from django.contrib.auth.models import User

from syncadmin.models import Resource, System
from tests.builders import a_user
from tests.connectors.sql_harness import execute

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]


@pytest.fixture
def contacts(sqlite_database: str) -> Resource:
    """A table of a system, of which the hub finds changes by a column."""
    columns = "id integer primary key, name text, updated_at text"
    execute(sqlite_database, f"create table contacts ({columns})")
    system = System.objects.create(name="crm", label="CRM", connector="sql", config={"url": sqlite_database})
    config = {"table": "contacts", "modified": "updated_at"}
    return Resource.objects.create(system=system, name="contacts", config=config)


@pytest.fixture
def integrator(contacts: Resource) -> User:
    return a_user("syncadmin.view_system", "syncadmin.change_resource")


def test_it_is_installed_read_and_removed_by_buttons_each_confirmed(
    client, integrator, contacts, sqlite_database
):
    client.force_login(integrator)

    def page(act: str = "", **given: str) -> str:
        if act:
            assert client.post(f"/systems/crm/tracking/contacts/{act}/", given).status_code == 302
        return client.get("/systems/crm/tracking/contacts/").content.decode()

    assert "not installed" in page()
    assert "create trigger syncadmin_" in page()
    assert "it was not confirmed" in page("install")
    assert "not installed" in page()
    installed = page("install", sure="1")
    assert "installed, not read" in installed
    assert "Nobody yet" in installed
    page("use")
    contacts.refresh_from_db()
    assert contacts.config == {"table": "contacts", "modified": "updated_at", "changes": "tracking"}
    execute(sqlite_database, "insert into contacts values (1, 'Anna', '2026')")
    assert '<dd class="sa-tile-count">1</dd>' in page()
    execute(sqlite_database, "alter table contacts rename column name to called")
    broken = page()
    assert "broken" in broken
    assert "its column name is tracked, and is not there any more" in broken
    assert '<span class="sa-badge sa-ok">on</span>' in page("install", sure="1")
    assert "it was not confirmed" in page("remove")
    assert "Nothing of it is left" in page("remove", sure="1")
    contacts.refresh_from_db()
    assert contacts.config == {"table": "contacts", "modified": "updated_at"}


def test_where_it_is_not_possible_the_page_says_why(client, integrator):
    client.force_login(integrator)
    Resource.objects.update(config={"table": "nowhere"})
    answer = client.get("/systems/crm/tracking/contacts/").content.decode()
    assert "not possible" in answer
    assert "there is no table nowhere" in answer
    assert 'action="/systems/crm/tracking' not in answer
    System.objects.update(connector="rest", config={"base_url": "http://127.0.0.1:1"})
    assert "Nothing can be installed" in client.get("/systems/crm/tracking/").content.decode()
