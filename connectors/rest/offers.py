"""What the REST connector offers to people: each preset with what is proven of it, and any other API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import ResourceInfo
from connectors.offers import Offer
from connectors.offers import gettext_noop as _

from .presets import preset
from .proving import label


def _product(
    name: str,
    title: str,
    about: str,
    asks: Sequence[str],
    labels: Mapping[str, str] | None = None,
    **examples: str,
) -> Offer:
    """A preset. Examples are named by the setting, with `__` for its dots."""
    told = {setting.replace("__", "."): example for setting, example in examples.items()}
    return Offer(
        name,
        title,
        about,
        asks,
        settings={"preset": name},
        labels=labels or {},
        examples=told,
        proven=str(label(name)),
    )


OFFERS = (
    _product(
        "pocketbase",
        "PocketBase",
        _(
            "Collections of a PocketBase server, as a superuser. It can't refuse a write over an edit "
            "that was not seen: the hub looks just before each write."
        ),
        ("base_url", "auth.username", "auth.password"),
        base_url="https://shop.example.com",
        auth__username="sync@example.com",
    ),
    _product(
        "kinto",
        "Kinto",
        _("Collections of a Kinto bucket. It refuses a write over an edit that was not seen."),
        ("base_url", "blanks.bucket", "auth.username", "auth.password"),
        base_url="https://kinto.example.com/v1",
        blanks__bucket="sales",
    ),
    _product(
        "couchdb",
        "CouchDB",
        _("Databases of a CouchDB or PouchDB server. It refuses a write over an edit that was not seen."),
        ("base_url", "auth.username", "auth.password"),
        base_url="https://couch.example.com",
        auth__username="sync",
    ),
    _product(
        "parse-server",
        "Parse Server",
        _("Classes of a Parse Server, with its master key. The hub looks just before each write."),
        ("base_url", "auth.headers.X-Parse-Application-Id", "auth.headers.X-Parse-Master-Key"),
        {
            "auth.headers.X-Parse-Application-Id": _("Application"),
            "auth.headers.X-Parse-Master-Key": _("Master key"),
        },
        base_url="https://parse.example.com/parse",
    ),
    _product(
        "directus",
        "Directus",
        _("Collections of a Directus, as an administrator. The hub looks just before each write."),
        ("base_url", "auth.token"),
        base_url="https://directus.example.com",
    ),
    _product(
        "medusa",
        "Medusa",
        _(
            "Customers, customer groups and products of a Medusa shop, with a secret API key. The hub looks "
            "just before each write."
        ),
        ("base_url", "auth.api_key"),
        {"auth.api_key": _("Secret API key")},
        base_url="https://shop.example.com",
    ),
    _product(
        "strapi",
        "Strapi",
        _("Published entries of a Strapi, with an API token. The hub looks just before each write."),
        ("base_url", "auth.token"),
        {"auth.token": _("API token")},
        base_url="https://strapi.example.com/api",
    ),
    _product(
        "wordpress",
        "WordPress",
        _(
            "Posts, pages and more of a WordPress site, as an editor or administrator. Deletes go to its "
            "trash; the hub looks just before each write."
        ),
        ("base_url", "auth.username", "auth.password"),
        {"auth.password": _("Application password")},
        base_url="https://www.example.com/wp-json",
        auth__username="sync",
    ),
    _product(
        "square",
        "Square",
        _("Customers of a Square account. It refuses a write over an edit that was not seen."),
        ("auth.token",),
    ),
    _product(
        "stripe",
        "Stripe",
        _(
            "Customers, products and more of a Stripe account. It tells no changes, so everything is read "
            "each time; the hub looks just before each write."
        ),
        ("auth.token",),
        {"auth.token": _("Secret key")},
    ),
    _product(
        "xero",
        "Xero",
        _(
            "Contacts of an organisation in Xero. A delete archives. It can't refuse a write over an edit "
            "that was not seen: the hub looks just before each write."
        ),
        ("auth.client_id", "auth.client_secret", "auth.refresh_token", "headers.xero-tenant-id"),
        {"headers.xero-tenant-id": _("Tenant (the organisation's id)")},
    ),
    _product(
        "github-issues",
        _("GitHub issues"),
        _("Issues of one repository on GitHub. They can't be deleted; the hub looks just before each write."),
        ("blanks.owner", "blanks.repo", "auth.token"),
        blanks__owner="octo-org",
        blanks__repo="octo-repo",
    ),
    _product(
        "odoo",
        "Odoo",
        _(
            "Contacts, products and other models of Odoo 15 and later, by its external API. The hub looks "
            "just before each write."
        ),
        ("base_url", "blanks.database", "blanks.uid", "auth.secret"),
        {
            "blanks.database": _("Database"),
            "blanks.uid": _("Number of the user, as in the address of its page"),
            "auth.secret": _("API key of the user"),
        },
        base_url="https://my-company.odoo.com",
        blanks__database="my-company",
        blanks__uid="2",
    ),
    _product(
        "hubspot",
        "HubSpot",
        _("Contacts, companies, deals and more of HubSpot. Everything is read each time."),
        ("auth.token", "blanks.properties"),
        blanks__properties="email,firstname,lastname,phone",
    ),
    _product(
        "jira",
        "Jira",
        _("Issues of one project in Jira Cloud. The hub looks just before each write."),
        ("base_url", "blanks.project", "blanks.issuetype", "auth.username", "auth.password"),
        {"auth.password": _("API token")},
        base_url="https://my-company.atlassian.net",
        blanks__project="SALES",
        blanks__issuetype="Task",
        auth__username="anna@example.com",
    ),
    _product(
        "notion",
        "Notion",
        _("Pages of one data source (database) of Notion. The hub looks just before each write."),
        ("blanks.database", "blanks.data_source", "auth.token"),
        blanks__database="d9824bdc-8445-4327-be8b-5b47500af6ce",
        blanks__data_source="164b19c5-58e5-4a47-a3a9-c905d9519c65",
    ),
    _product(
        "salesforce",
        "Salesforce",
        _(
            "Contacts, accounts and other objects of Salesforce, by a connected app with client credentials. "
            "It refuses a write over an edit of a later second; the hub looks before each write, too."
        ),
        ("base_url", "auth.access_token_url", "auth.client_id", "auth.client_secret"),
        base_url="https://my-org.my.salesforce.com",
        auth__access_token_url="https://my-org.my.salesforce.com/services/oauth2/token",  # noqa: S106
    ),
    _product(
        "airtable",
        "Airtable",
        _("Tables of one Airtable base. Everything is read each time."),
        ("blanks.base", "auth.token"),
        blanks__base="appXXXXXXXXXXXXXX",
    ),
    _product(
        "shopify",
        "Shopify",
        _("Customers, products and orders of a Shopify shop, by its REST interface."),
        ("base_url", "auth.api_key"),
        {"auth.api_key": _("Access token")},
        base_url="https://my-shop.myshopify.com",
    ),
    _product(
        "zendesk",
        "Zendesk",
        _("Users, organisations and tickets of Zendesk. Everything is read each time."),
        ("base_url", "auth.username", "auth.password"),
        {"auth.password": _("API token")},
        base_url="https://my-company.zendesk.com",
        auth__username="anna@example.com/token",
    ),
    _product(
        "pipedrive",
        "Pipedrive",
        _("Persons, organisations, deals and more of Pipedrive."),
        ("base_url", "auth.api_key"),
        {"auth.api_key": _("API token")},
        base_url="https://my-company.pipedrive.com",
    ),
    _product(
        "dynamics365",
        "Dynamics 365",
        _(
            "Contacts, accounts and other tables of Dynamics 365, by OData 4. It refuses a write over an "
            "edit that was not seen."
        ),
        ("base_url", "auth.access_token_url", "auth.client_id", "auth.client_secret", "auth.scope"),
        base_url="https://my-org.crm.dynamics.com/api/data/v9.2",
        auth__access_token_url="https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",  # noqa: S106
        auth__scope="https://my-org.crm.dynamics.com/.default",
    ),
    _product(
        "odata",
        _("OData 4 (SAP and others)"),
        _("Entity sets of a service that speaks OData 4 with ETags, such as SAP's."),
        ("base_url", "auth.username", "auth.password"),
        base_url="https://erp.example.com/odata/v4/catalog",
    ),
    Offer(
        "rest",
        _("Another REST API"),
        _("Any system that lists and writes its records as JSON over HTTP. You say where its records are."),
        ("base_url", "auth", "verify_tls"),
        may=("verify_tls",),
        examples={"base_url": "https://crm.example.com/api/", "auth.path": "login", "path": "contacts"},
        resource=("path", "key", "modified", "records"),
    ),
)


def suggested(name: str | None, info: ResourceInfo) -> dict[str, Any]:
    """The collection of a preset under its own name; without a preset, the path of this name."""
    if name is None:
        return {"path": info.name}
    known = preset(name).get("system", {}).get("discover", {}).get("known", {})
    return {"preset": name, "collection": info.name, **known.get(info.name, {})}
