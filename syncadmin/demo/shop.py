"""The sample shop: a PocketBase with three collections, an account for the hub, and its first records.

Everything goes through PocketBase's own web interface. Seeding uses its batch endpoint (2,000 records in
a quarter of a second); the simulator edits as the shop's staff would, record by record.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import httpx

from syncadmin.demo.data import CATEGORIES, CHANNELS, CLASS_WORDS, STATUS_WORDS, Data, Row

COLLECTIONS = ("organisations", "customers", "products")
HUB_ACCOUNT = "syncadmin@example.com"
BATCH = 400
PAGE = 500


class ShopError(Exception):
    """The shop refused something; says what, in its own words."""


class Shop:
    """A kept connection to the shop's web interface, signed in as one of its superusers."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30)
        account = {"identity": email, "password": password}
        token = self.ask("POST", "/api/collections/_superusers/auth-with-password", account)["token"]
        self.client.headers["Authorization"] = token

    def __enter__(self) -> Shop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """One request; the answer's JSON (None if empty). Raises ShopError on a refusal."""
        answer = self.client.request(method, path, json=body, params=params or None)
        if answer.is_error:
            raise ShopError(f"{method} {path}: {answer.status_code} {answer.text.strip()}")
        return answer.json() if answer.content else None

    # ------------------------------------------------------------ records

    def read(self, collection: str, key: str) -> Row:
        """One record by its id."""
        row: Row = self.ask("GET", f"/api/collections/{collection}/records/{key}")
        return row

    def read_all(self, collection: str) -> Iterator[Row]:
        """All records, in the order of their ids."""
        last = ""
        while True:
            page = self.ask(
                "GET", f"/api/collections/{collection}/records",
                perPage=PAGE, sort="id", skipTotal=1, filter=f"id > '{last}'",
            )["items"]  # fmt: skip
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1]["id"]

    def find(self, collection: str, field: str, value: str) -> list[Row]:
        """Records whose field has this value (which holds no quotes)."""
        rows: list[Row] = self.ask(
            "GET", f"/api/collections/{collection}/records", filter=f"{field} = '{value}'", sort="created"
        )["items"]
        return rows

    def count(self, collection: str) -> int:
        return int(self.ask("GET", f"/api/collections/{collection}/records", perPage=1)["totalItems"])

    def create(self, collection: str, row: Row) -> Row:
        made: Row = self.ask("POST", f"/api/collections/{collection}/records", row)
        return made

    def update(self, collection: str, key: str, values: Row) -> Row:
        """Change some fields; `name+` and `name-` add and subtract at the server."""
        made: Row = self.ask("PATCH", f"/api/collections/{collection}/records/{key}", values)
        return made

    def delete(self, collection: str, key: str) -> None:
        self.ask("DELETE", f"/api/collections/{collection}/records/{key}")

    # ------------------------------------------------------------ making the shop

    def make_collections(self) -> None:
        """The three empty collections."""
        organisations = self.make_collection("organisations", ORGANISATION)
        relation = {"name": "organisation", "type": "relation", "collectionId": organisations, "maxSelect": 1}
        self.make_collection("customers", [*CUSTOMER, relation], "email")
        self.make_collection("products", PRODUCT, "sku")

    def make_collection(self, name: str, fields: list[dict[str, Any]], looked_up: str = "") -> str:
        times = [
            {"name": "created", "type": "autodate", "onCreate": True},
            {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        ]
        indexes = [f"CREATE INDEX {name}_updated ON {name} (updated, id)"]
        if looked_up:
            indexes.append(f"CREATE INDEX {name}_{looked_up} ON {name} ({looked_up})")
        definition = {"name": name, "type": "base", "fields": [*fields, *times], "indexes": indexes}
        return str(self.ask("POST", "/api/collections", definition)["id"])

    def make_account(self, email: str, password: str) -> None:
        """One more superuser: the hub's own, so that the shop's log tells it from staff."""
        account = {"email": email, "password": password, "passwordConfirm": password}
        self.ask("POST", "/api/collections/_superusers/records", account)

    def load(self, data: Data) -> None:
        """Fill the empty collections through the batch endpoint, which then stays on for the hub."""
        self.ask("PATCH", "/api/settings", {"batch": {"enabled": True, "maxRequests": BATCH, "timeout": 30}})
        filled = (data.organisations, data.shop_customers, data.shop_products)
        for collection, rows in zip(COLLECTIONS, filled, strict=True):
            create = {"method": "POST", "url": f"/api/collections/{collection}/records"}
            for start in range(0, len(rows), BATCH):
                requests = [{**create, "body": row} for row in rows[start : start + BATCH]]
                self.ask("POST", "/api/batch", {"requests": requests})


def text(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "text", **more}


def number(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "number", **more}


def chosen(name: str, values: tuple[str, ...], **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "select", "values": list(values), "maxSelect": 1, **more}


ORGANISATION = [
    text("name", required=True, presentable=True),
    *(text(name) for name in ("vat", "address", "postcode", "town", "country")),
    {"name": "website", "type": "url"},
]
CUSTOMER = [
    text("given_name"),
    text("family_name"),
    {"name": "email", "type": "email", "presentable": True},
    *(text(name) for name in ("phone", "address", "postcode", "town")),
    chosen("state", tuple(STATUS_WORDS.values()), required=True),
    chosen("kind", tuple(CLASS_WORDS.values()), required=True),
    number("credit"),
    number("payment_days", onlyInt=True),
    {"name": "labels", "type": "json"},
    text("born", pattern=r"^(\d{4}-\d{2}-\d{2})?$"),
    {"name": "newsletter", "type": "bool"},
    number("points", onlyInt=True),
    chosen("channel", CHANNELS, required=True),
    {"name": "last_seen", "type": "date"},
    text("remarks", max=20000),
]
PRODUCT = [
    text("sku", required=True, presentable=True),
    text("name", required=True),
    text("details", max=20000),
    number("price"),
    number("in_stock", onlyInt=True),
    number("reorder_at", onlyInt=True),
    chosen("categories", CATEGORIES, maxSelect=len(CATEGORIES)),
    number("delivery_days", onlyInt=True),
    number("stars"),
    text("available_from", pattern=r"^(\d{4}-\d{2}-\d{2})?$"),
    {"name": "retired", "type": "bool"},
]
