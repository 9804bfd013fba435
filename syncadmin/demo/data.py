"""What the two sample systems hold when the demo starts: the same on every machine.

Faker with a fixed seed makes about 2,000 records a side: most of them equal but differently written,
some differing, some only on one side, some ambiguous. Plain rows come out, by the systems' own
column names; nothing here talks to a system.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from faker import Faker

SEED = 20240229
LOCALES = ("de_DE", "en_GB", "fr_FR")
COUNTRIES = {"de_DE": "DE", "en_GB": "GB", "fr_FR": "FR"}
TAGS = ("retail", "wholesale", "events", "school", "export", "press", "partner", "samples", "vip", "late")
CATEGORIES = ("kitchen", "garden", "office", "lighting", "textile", "outdoor", "storage", "decor")
CHANNELS = ("email", "phone", "post")
PAYMENT_DAYS = (0, 14, 30, 60)
STATUS_WORDS = {"A": "active", "I": "inactive", "B": "blocked"}
CLASS_WORDS = {"K": "key account", "S": "standard"}
NOTES = (
    "Prefers delivery in the morning.",
    "Asked for a quote on larger quantities.",
    "Invoice by e-mail only.",
    "Met at the spring fair.",
    "Wants to be called before delivery.",
    "Gate code is at the front desk.",
    "Returns are collected on Fridays.",
    "Second contact is the assistant.",
    "Complained about packaging, now solved.",
    "Orders for three branches.",
)
MATERIALS = ("Oak", "Linen", "Steel", "Bamboo", "Glass", "Cotton", "Cork", "Copper", "Wool", "Ceramic")
THINGS = ("Lamp", "Chair", "Shelf", "Bowl", "Planter", "Desk Pad", "Cushion", "Tray", "Bench", "Mug", "Vase")
SAME_IN_THE_ERP = (
    *("customer_no", "company_no", "first_name", "last_name", "phone", "street", "zip", "city"),
    *("status", "class", "payment_days", "birthday", "newsletter", "notes"),
)
START = datetime(2024, 1, 1, 8, tzinfo=UTC)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many records the demo is made of, and how many of them are out of step."""

    companies: int = 150
    customers: int = 1500
    products: int = 350
    differing: int = 30
    erp_only: int = 40
    shop_only: int = 30
    ambiguous: int = 4

    @classmethod
    def small(cls) -> Sizes:
        """A small share of everything, for tests."""
        return cls(companies=12, customers=80, products=30, differing=6, erp_only=4, shop_only=4, ambiguous=2)


@dataclass(slots=True)
class Data:
    """Rows of both systems, by table and by collection; what is out of step is named by e-mail or SKU."""

    companies: list[Row] = field(default_factory=list)
    customers: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    organisations: list[Row] = field(default_factory=list)
    shop_customers: list[Row] = field(default_factory=list)
    shop_products: list[Row] = field(default_factory=list)
    differing: set[str] = field(default_factory=set)
    erp_only: set[str] = field(default_factory=set)
    shop_only: set[str] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)


def make_data(sizes: Sizes | None = None) -> Data:
    """Both systems' rows. Same sizes, same rows, whenever and wherever it runs."""
    return _Maker(sizes or Sizes()).make()


class _Maker:
    """Makes the truth first, then what each system has become of it."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.random = random.Random(SEED)
        self.fakers = {name: Faker(name, use_weighting=False) for name in LOCALES}
        for number, faker in enumerate(self.fakers.values()):
            faker.seed_instance(SEED + number)
        self.data = Data()

    def make(self) -> Data:
        for number in range(1001, 1001 + self.sizes.companies):
            self.add_company(number)
        customers = [self.customer(number) for number in range(20001, 20001 + self.sizes.customers)]
        products = [self.product(number) for number in range(501, 501 + self.sizes.products)]
        self.share_customers(customers)
        self.share_products(products)
        self.add_twins()
        return self.data

    # ------------------------------------------------------------ the truth

    def locale(self) -> str:
        return self.random.choices(LOCALES, weights=(5, 3, 2))[0]

    def shop_id(self) -> str:
        """An id as PocketBase makes them."""
        return "".join(self.random.choices(string.ascii_lowercase + string.digits, k=15))

    def moment(self) -> datetime:
        return START + timedelta(seconds=self.random.randrange(0, 500 * 86400))

    def phone(self) -> str:
        return phone_number(self.random)

    def some(self, of: tuple[str, ...], weights: tuple[int, ...]) -> list[str]:
        """None, one, two ... of them, by weight."""
        return self.random.sample(of, self.random.choices(range(len(weights)), weights=weights)[0])

    def add_company(self, number: int) -> None:
        """A company is the ERP's: the shop's copy is the same."""
        locale = self.locale()
        faker, country = self.fakers[locale], COUNTRIES[locale]
        company = {
            "company_no": number,
            "legal_name": faker.company(),
            "vat_id": f"{country}{self.random.randint(10**8, 10**9 - 1)}",
            "street": faker.street_address().replace("\n", ", "),
            "zip": faker.postcode(),
            "city": faker.city(),
            "country": country,
            "website": f"https://www.{faker.domain_name()}",
        }
        self.data.companies.append(company)
        self.data.organisations.append(
            {
                "id": self.shop_id(),
                "name": company["legal_name"],
                "vat": company["vat_id"],
                "address": company["street"],
                "postcode": company["zip"],
                "town": company["city"],
                "country": country,
                "website": company["website"],
            }
        )

    def customer(self, number: int) -> Row:
        locale = self.locale()
        faker = self.fakers[locale]
        first, last = faker.first_name(), faker.last_name()
        company = self.random.choice(self.data.companies) if self.random.random() < 0.7 else None
        host = company["website"].removeprefix("https://www.") if company else faker.free_email_domain()
        return {
            "customer_no": number,
            "company_no": company and company["company_no"],
            "first_name": first,
            "last_name": last,
            "email": f"{plain(first)}.{plain(last)}.{number % 1000}@{host}".lower(),
            "phone": self.phone(),
            "street": faker.street_address().replace("\n", ", "),
            "zip": faker.postcode(),
            "city": faker.city(),
            "status": self.random.choices("AIB", weights=(85, 12, 3))[0],
            "class": self.random.choices("KS", weights=(6, 94))[0],
            "credit_limit": self.random.choice((0, 500, 1000, 2500, 5000, 12500)),
            "payment_days": self.random.choice(PAYMENT_DAYS),
            "tags": sorted(self.some(TAGS, (4, 4, 2, 1))),
            "birthday": self.birthday() if self.random.random() < 0.6 else None,
            "newsletter": self.random.random() < 0.4,
            "points": self.random.randrange(0, 2000, 5),
            "channel": self.random.choice(CHANNELS),
            "last_contact": self.moment(),
            "notes": "\n".join(self.some(NOTES, (5, 3, 2, 1))),
        }

    def birthday(self) -> date:
        return date(1950, 1, 1) + timedelta(days=self.random.randrange(0, 50 * 365))

    def product(self, number: int) -> Row:
        material, thing = self.random.choice(MATERIALS), self.random.choice(THINGS)
        return {
            "product_no": number,
            "sku": f"{material[:2].upper()}-{thing[:3].upper()}-{number:05d}",
            "title": f"{material} {thing} No. {number}",
            "description": f"{thing} made of {material.lower()}.\nSolid, repairable, made to last.",
            "net_price": self.random.randrange(490, 24990, 10),  # in cents
            "stock": self.random.randrange(5, 400),
            "reorder_level": self.random.choice((5, 10, 20, 50)),
            "categories": sorted(self.random.sample(CATEGORIES, self.random.randint(1, 3))),
            "lead_time_days": self.random.choice((2, 5, 10, 21)),
            "rating": self.random.randrange(200, 501, 10),  # in hundredths
            "available_from": date(2023, 1, 1) + timedelta(days=self.random.randrange(0, 700)),
            "discontinued": self.random.random() < 0.05,
        }

    # ------------------------------------------------------------ what each system has of it

    def share(self, truth: list[Row], name: str, part: int) -> Iterator[tuple[Row | None, Row | None, bool]]:
        """(the ERP's, the shop's, differing) of each record; one in `part` of the sizes is out of step."""
        sizes, data = self.sizes, self.data
        kinds = ["erp"] * (sizes.erp_only // part) + ["shop"] * (sizes.shop_only // part)
        kinds += ["differs"] * (sizes.differing // part)
        kinds += ["equal"] * (len(truth) - len(kinds))
        self.random.shuffle(kinds)
        sets = {"erp": data.erp_only, "shop": data.shop_only, "differs": data.differing, "equal": set[str]()}
        for row, kind in zip(truth, kinds, strict=True):
            sets[kind].add(row[name])
            yield (None if kind == "shop" else row), (None if kind == "erp" else dict(row)), kind == "differs"

    def share_customers(self, truth: list[Row]) -> None:
        for ours, theirs, differs in self.share(truth, "email", 1):
            if differs and theirs:
                self.differ_customer(theirs)
            if ours is None and theirs:
                theirs["class"] = "S"  # key accounts are the ERP's: the shop has none of its own
            if ours:
                self.data.customers.append(self.erp_customer(ours))
            if theirs:
                self.data.shop_customers.append(self.shop_customer(theirs))

    def differ_customer(self, row: Row) -> None:
        """The same person, as the shop's staff have come to know them."""
        what = self.random.choice(("phone", "tags", "credit", "notes", "points", "address", "empty"))
        if what == "phone":
            row["phone"] = self.phone()
        elif what == "tags":
            row["tags"] = sorted({*row["tags"], self.random.choice(TAGS)})
        elif what == "credit":
            row["credit_limit"] += 750
        elif what == "notes":
            row["notes"] = f"{row['notes']}\nOrdered through the shop twice.".strip()
        elif what == "points":
            row["points"] += 25
        elif what == "address":
            row["street"] = f"{self.random.randint(1, 99)} Harbour Road"
            row["zip"] = str(self.random.randint(10000, 99999))
        else:
            row["phone"], row["birthday"] = "", None

    def erp_customer(self, row: Row) -> Row:
        """As the ERP writes it: letters for words, one text for all tags, names in the order of forms."""
        return {name: row[name] for name in SAME_IN_THE_ERP} | {
            "email": row["email"].title() if self.random.random() < 0.05 else row["email"],
            "credit_limit": f"{row['credit_limit']}.00",
            "tags": ";".join(row["tags"]),
            "bonus_points": row["points"],
            "contact_by": row["channel"],
            "last_contact_at": row["last_contact"],
        }

    def shop_customer(self, row: Row) -> Row:
        """As the shop writes it: words, lists, text dates, phone numbers with hyphens now and then."""
        company = row["company_no"]
        return {
            "id": self.shop_id(),
            "given_name": row["first_name"],
            "family_name": f" {row['last_name']}" if self.random.random() < 0.02 else row["last_name"],
            "email": row["email"],
            "organisation": self.data.organisations[company - 1001]["id"] if company else "",
            "phone": row["phone"].replace(" ", "-") if self.random.random() < 0.1 else row["phone"],
            "address": row["street"],
            "postcode": row["zip"],
            "town": row["city"],
            "state": STATUS_WORDS[row["status"]],
            "kind": CLASS_WORDS[row["class"]],
            "credit": float(row["credit_limit"]),
            "payment_days": row["payment_days"],
            "labels": row["tags"],
            "born": row["birthday"].isoformat() if row["birthday"] else "",
            "newsletter": row["newsletter"],
            "points": row["points"],
            "channel": row["channel"],
            "last_seen": row["last_contact"].strftime("%Y-%m-%d %H:%M:%S.000Z"),
            "remarks": row["notes"],
        }

    def share_products(self, truth: list[Row]) -> None:
        for ours, theirs, differs in self.share(truth, "sku", 4):
            if differs and theirs:
                what = self.random.choice(("net_price", "stock", "reorder_level"))
                theirs[what] += 10
            if ours:
                self.data.products.append(self.erp_product(ours))
            if theirs:
                self.data.shop_products.append(self.shop_product(theirs))

    def erp_product(self, row: Row) -> Row:
        return row | {
            "net_price": f"{row['net_price'] / 100:.2f}",
            "categories": ",".join(row["categories"]),
            "rating": f"{row['rating'] / 100:.2f}",
        }

    def shop_product(self, row: Row) -> Row:
        return {
            "id": self.shop_id(),
            "sku": row["sku"],
            "name": row["title"],
            "details": row["description"],
            "price": row["net_price"] / 100,
            "in_stock": row["stock"],
            "reorder_at": row["reorder_level"],
            "categories": row["categories"],
            "delivery_days": row["lead_time_days"],
            "stars": row["rating"] / 100,
            "available_from": row["available_from"].isoformat(),
            "retired": row["discontinued"],
        }

    def add_twins(self) -> None:
        """The same e-mail twice in one system: who belongs to whom is a person's decision."""
        clear = [row for row in self.data.customers if self.in_step(row["email"])]
        for number, row in enumerate(self.random.sample(clear, self.sizes.ambiguous)):
            self.data.customers.append(row | {"customer_no": 30001 + number, "phone": self.phone()})
            self.data.ambiguous.add(row["email"].lower())
        clear = [row for row in self.data.shop_customers if self.in_step(row["email"])]
        for row in self.random.sample(clear, self.sizes.ambiguous):
            self.data.shop_customers.append(row | {"id": self.shop_id(), "points": 0})
            self.data.ambiguous.add(row["email"])

    def in_step(self, email: str) -> bool:
        """Whether both systems have one equal record with this e-mail."""
        data = self.data
        return email.lower() not in data.erp_only | data.shop_only | data.differing | data.ambiguous


def phone_number(chance: random.Random) -> str:
    return f"+{chance.choice((49, 44, 33))} {chance.randint(20, 99)} {chance.randint(10**6, 10**7 - 1)}"


def plain(name: str) -> str:
    """A name as it stands in an e-mail address."""
    letters = name.lower().translate(str.maketrans("äöüéèêàâçôîïë", "aoueeeaacoiie"))
    return "".join(letter for letter in letters if letter in string.ascii_lowercase) or "mail"
