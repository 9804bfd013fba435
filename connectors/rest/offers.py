"""What the REST connector offers to people: each preset, and any other API."""

from __future__ import annotations

from typing import Any

from connectors.base import ResourceInfo
from connectors.offers import Offer
from connectors.offers import gettext_noop as _

OFFERS = (
    Offer(
        "pocketbase",
        "PocketBase",
        _(
            "Collections of a PocketBase server, as a superuser. It can't refuse a write over an edit "
            "that was not seen: the hub looks just before each write."
        ),
        ("base_url", "auth.username", "auth.password"),
        settings={"preset": "pocketbase"},
        examples={"base_url": "https://shop.example.com", "auth.username": "sync@example.com"},
    ),
    Offer(
        "kinto",
        "Kinto",
        _("Collections of a Kinto bucket. It refuses a write over an edit that was not seen."),
        ("base_url", "blanks.bucket", "auth.username", "auth.password"),
        settings={"preset": "kinto"},
        examples={"base_url": "https://kinto.example.com/v1", "blanks.bucket": "sales"},
    ),
    Offer(
        "couchdb",
        "CouchDB",
        _("Databases of a CouchDB or PouchDB server. It refuses a write over an edit that was not seen."),
        ("base_url", "auth.username", "auth.password"),
        settings={"preset": "couchdb"},
        examples={"base_url": "https://couch.example.com", "auth.username": "sync"},
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


def suggested(preset: str | None, info: ResourceInfo) -> dict[str, Any]:
    """The collection of a preset under its own name; without a preset, the path of this name."""
    if preset:
        return {"preset": preset, "collection": info.name}
    return {"path": info.name}
