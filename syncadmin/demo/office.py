"""Both sample systems, signed in as their staff: finding records there and editing them.

It edits in the systems' own ways (SQL, PocketBase's web interface), never through a connector of ours.
What staff do with it are the scenes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from syncadmin.demo.data import Row, phone_number
from syncadmin.demo.erp import KEYS
from syncadmin.demo.place import Addresses
from syncadmin.demo.shop import Shop

FIRST_NAMES = (
    "Ada",
    "Bruno",
    "Clara",
    "Deniz",
    "Emil",
    "Fatima",
    "Georg",
    "Hanna",
    "Ivo",
    "Jana",
    "Kofi",
    "Lena",
)
LAST_NAMES = (
    "Arnold",
    "Becker",
    "Costa",
    "Dubois",
    "Evans",
    "Fischer",
    "Grant",
    "Huber",
    "Ito",
    "Jansen",
    "Kaya",
)
TOWNS = (
    ("Harbour Road", "20457", "Hamburg"),
    ("Mill Lane", "80331", "Munich"),
    ("Station Street", "50667", "Cologne"),
)


class NobodyFound(Exception):
    """No record fits the scene just now; another scene will do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two records of one customer or product, as each system has them."""

    ours: Row
    theirs: Row


class Office:
    """Both systems, signed in as their staff; closed by leaving the context."""

    def __init__(self, addresses: Addresses, chance: random.Random) -> None:
        self.chance = chance
        self.shop = Shop(addresses.shop_url, addresses.shop_email, addresses.shop_password)
        self.erp: psycopg.Connection[Row] = psycopg.connect(
            addresses.erp_url, autocommit=True, row_factory=dict_row, connect_timeout=5
        )

    def __enter__(self) -> Office:
        return self

    def __exit__(self, *_: object) -> None:
        self.shop.client.close()
        self.erp.close()

    # ------------------------------------------------------------ finding

    def one(self, statement: str, *values: Any) -> Row:
        row = self.erp.execute(statement.encode(), values).fetchone()
        if row is None:
            raise NobodyFound(statement)
        return row

    def customer(self) -> Row:
        """Some customer of the ERP that only the staff's own edits decide (no key account)."""
        return self.one("SELECT * FROM customers WHERE class = 'S' AND email <> '' ORDER BY random() LIMIT 1")

    def product(self) -> Row:
        return self.one("SELECT * FROM products WHERE NOT discontinued ORDER BY random() LIMIT 1")

    def of_shop(self, collection: str) -> Row:
        """Some record of the shop."""
        found = self.shop.ask("GET", f"/api/collections/{collection}/records", sort="@random", perPage=1)[
            "items"
        ]
        if not found:
            raise NobodyFound(collection)
        row: Row = found[0]
        return row

    def known_customer(self) -> Pair:
        """A customer that each system has exactly once, by e-mail."""
        return self.pair(self.customer, "customers", "email")

    def known_product(self) -> Pair:
        return self.pair(self.product, "products", "sku")

    def pair(self, choose: Callable[[], Row], name: str, field: str) -> Pair:
        for _ in range(20):
            ours = choose()
            value = ours[field].lower() if field == "email" else ours[field]
            theirs = self.shop.find(name, field, value)
            twins = self.one(f"SELECT count(*) AS n FROM {name} WHERE lower({field}) = %s", value.lower())  # noqa: S608
            if len(theirs) == 1 and twins["n"] == 1:
                return Pair(ours, theirs[0])
        raise NobodyFound(name)

    # ------------------------------------------------------------ editing

    def edit_erp(self, table: str, row: Row, **values: Any) -> None:
        columns = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
        where = sql.Identifier(KEYS[table])
        statement = sql.SQL("UPDATE {} SET {} WHERE {} = %s").format(sql.Identifier(table), columns, where)
        self.erp.execute(statement, [*values.values(), row[KEYS[table]]])

    def edit_shop(self, collection: str, row: Row, **values: Any) -> None:
        self.shop.update(collection, row["id"], values)

    def another(self, choices: tuple[Any, ...], than: Any) -> Any:
        return self.chance.choice([choice for choice in choices if choice != than])

    def phone(self) -> str:
        return phone_number(self.chance)

    def address(self) -> tuple[str, str, str]:
        street, code, town = self.chance.choice(TOWNS)
        return f"{self.chance.randint(1, 199)} {street}", code, town

    def person(self) -> tuple[str, str, str]:
        first, last = self.chance.choice(FIRST_NAMES), self.chance.choice(LAST_NAMES)
        return first, last, f"{first}.{last}.{self.chance.randrange(10**6)}@example.org".lower()
