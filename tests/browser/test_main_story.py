"""The main story, with nothing played: a whole hub, two live systems, and a person with a browser.

Somebody logs in, sees a conflict arrive, resolves it, sees both systems agree and finds it in the history.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from syncadmin.embedded import PocketBaseServer
from syncadmin.supervisor import manage
from tests.conftest import server_directory, unique
from tests.ops.family import wait_for
from tests.ops.hub import Hub

PASSWORD = "a-password-for-tests"
CONFIGURATION = """
version: 1
systems:
  erp:
    label: ERP
    connector: sql
    url: ${{ERP_URL}}
    resources:
      customers: {{table: customers, modified: updated_at, changes: cursor}}
  shop:
    label: Web shop
    connector: rest
    preset: pocketbase
    base_url: {shop}
    auth: {{username: {user}, password: "${{SHOP_PASSWORD}}"}}
    resources:
      customers: {{preset: pocketbase, collection: {collection}}}
mappings:
  customers:
    label: Customers
    left: {{system: erp, resource: customers}}
    right: {{system: shop, resource: customers}}
    match: [email]
    schedule: 1s
    fields:
      email: {{left: email, right: mail, type: text, owner: left}}
      phone: {{left: phone, right: telephone, type: text, merge: review}}
"""


class Shop:
    """The shop's customers, edited as by its staff."""

    def __init__(self, client: httpx.Client, collection: str) -> None:
        self.client, self.path = client, f"/api/collections/{collection}/records"

    def customer(self) -> dict[str, str] | None:
        found = self.client.get(self.path).raise_for_status().json()["items"]
        return found[0] if found else None

    def edit(self, **values: str) -> None:
        customer = self.customer()
        assert customer is not None
        self.client.patch(f"{self.path}/{customer['id']}", json=values).raise_for_status()


class Erp:
    """The ERP's customers, edited as by its staff."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute(
            "CREATE TABLE customers (id serial PRIMARY KEY, email text NOT NULL, phone text, "
            "updated_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )

    def phone(self) -> str | None:
        row = self.connection.execute("SELECT phone FROM customers").fetchone()
        return row[0] if row else None

    def edit(self, phone: str) -> None:
        self.connection.execute("UPDATE customers SET phone = %s, updated_at = clock_timestamp()", [phone])


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A whole installation, up: web, ticker, queue and worker, each in its process."""
    with server_directory() as directory:
        hub = Hub(directory / "var")
        hub.up(SYNCADMIN_ADMIN_PASSWORD=PASSWORD)
        yield hub
        hub.down()


@pytest.fixture
def erp(postgres_database: str) -> Iterator[tuple[Erp, str]]:
    made = Erp(postgres_database)
    yield made, postgres_database
    made.connection.close()


@pytest.fixture
def shop(pocketbase_server: PocketBaseServer) -> Iterator[tuple[Shop, str]]:
    name = unique("customers")
    fields = [{"name": "mail", "type": "text"}, {"name": "telephone", "type": "text"}]
    pocketbase_server.create_collection(name, fields)
    with pocketbase_server.client() as client:
        yield Shop(client, name), name


def configure(hub: Hub, erp: str, shop: PocketBaseServer, collection: str) -> None:
    """By file, as an integrator would."""
    file = hub.var / "hub.yaml"
    file.write_text(CONFIGURATION.format(shop=shop.url, user=shop.email, collection=collection))
    environment = hub.environment(ERP_URL=erp, SHOP_PASSWORD=shop.password)
    done = subprocess.run(
        manage("apply", str(file)), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def window(browser: Browser, hub: Hub) -> Iterator[Page]:
    context = browser.new_context(base_url=hub.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def test_a_conflict_arrives_is_resolved_and_both_systems_agree(browser, hub, erp, shop, pocketbase_server):
    (erp, erp_url), (shop, collection) = erp, shop
    configure(hub, erp_url, pocketbase_server, collection)
    erp.connection.execute("INSERT INTO customers (email, phone) VALUES ('ada@example.com', '+49 30 1')")
    wait_for(lambda: (shop.customer() or {}).get("telephone") == "+49 30 1", "the shop knows the customer")

    with window(browser, hub) as page:
        page.goto("/conflicts/")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nothing waits for a person.").first).to_be_visible()

        with erp.connection.transaction():
            erp.edit("+49 30 2")
            shop.edit(telephone="+49 30 3")
        expect(page.get_by_text("ada@example.com").first).to_be_visible(timeout=30_000)

        page.keyboard.press("j")
        expect(page.locator("#card-title")).to_have_text("ada@example.com")
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        wait_for(lambda: erp.phone() == "+49 30 3", "the ERP holds the shop's number")
        expect(page.locator("[data-status=closed]")).to_contain_text("resolved")
        assert shop.customer()["telephone"] == "+49 30 3"

        page.goto("/history/?field=phone")
        events = page.get_by_role("listitem")
        expect(events.filter(has_text="propagated").filter(has_text="by admin")).to_be_visible()
        expect(events.filter(has_text="overridden").filter(has_text="+49 30 2")).to_be_visible()
