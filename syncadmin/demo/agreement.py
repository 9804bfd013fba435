"""Do both live systems agree on everything that is not in the inbox? Read from the systems themselves.

This shares no code with the engine or the core: it has readers of its own for the demo's few dozen
fields, so that a mistake there cannot hide itself here. From the hub it takes only which records are
pairs, and which items wait for a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg

from conflicts.models import Conflict
from syncadmin.demo import erp
from syncadmin.demo.data import CLASS_WORDS, STATUS_WORDS, Row
from syncadmin.demo.place import Addresses
from syncadmin.demo.shop import COLLECTIONS, Shop
from syncadmin.models import Link, LinkStatus, Unlinked

MAPPINGS = ("companies", "customers", "products")
Reader = Callable[[Any], Any]
PAUSE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the systems do not agree; `field` is '' if a whole record is missing."""

    mapping: str
    left_key: str
    right_key: str
    field: str
    left: str
    right: str

    def __str__(self) -> str:
        where = f"{self.mapping} {self.left_key or '-'} = {self.right_key or '-'}"
        return f"{where}: {self.field or 'record'}: ERP {self.left}, shop {self.right}"


@dataclass
class Known:
    """What the hub says: pairs by mapping, and what waits for a person.

    `waiting` holds, for a pair, the fields an open item is about (None: the whole record); `alone` are
    single records (mapping, side, key) that an item is about, or that a person set aside.
    """

    pairs: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in MAPPINGS})
    waiting: dict[tuple[str, str, str], set[str] | None] = field(default_factory=dict)
    alone: set[tuple[str, str, str]] = field(default_factory=set)
    items: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """How many records are pairs, how many items wait, and on what the systems differ besides."""

    pairs: int
    items: int
    differences: frozenset[Difference]


# ---------------------------------------------------------------- what a value means


def plain(value: Any) -> str:
    return "" if value is None else str(value)


def trimmed(value: Any) -> str:
    return plain(value).strip()


def folded(value: Any) -> str:
    return trimmed(value).lower()


def digits(value: Any) -> str:
    return "".join(sign for sign in plain(value) if sign.isdigit())


def cents(value: Any) -> int:
    return round(Decimal(str(value)) * 100)


def day(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else plain(value)[:10]


def moment(value: Any) -> str:
    """To the millisecond, which is all that the shop keeps."""
    if not value:
        return ""
    when = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    when = when.astimezone(UTC)
    return when.replace(microsecond=when.microsecond // 1000 * 1000).isoformat()


def parts(separator: str) -> Reader:
    def read(value: Any) -> frozenset[str]:
        items = value.split(separator) if isinstance(value, str) else value or []
        return frozenset(item.strip() for item in items if item.strip())

    return read


def word(words: Mapping[str, str]) -> Reader:
    return lambda value: words.get(value, value)


# by mapping: name of the field mapping, the ERP's column, the shop's field, what both mean
FIELDS: dict[str, tuple[tuple[str, str, str, Reader], ...]] = {
    "companies": (
        ("name", "legal_name", "name", plain),
        ("vat_id", "vat_id", "vat", trimmed),
        ("street", "street", "address", plain),
        ("zip", "zip", "postcode", plain),
        ("city", "city", "town", plain),
        ("country", "country", "country", trimmed),
        ("website", "website", "website", plain),
    ),
    "customers": (
        ("email", "email", "email", folded),
        ("first_name", "first_name", "given_name", trimmed),
        ("last_name", "last_name", "family_name", trimmed),
        ("phone", "phone", "phone", digits),
        ("street", "street", "address", plain),
        ("zip", "zip", "postcode", trimmed),
        ("city", "city", "town", plain),
        ("grade", "class", "kind", word(CLASS_WORDS)),
        ("status", "status", "state", word(STATUS_WORDS)),
        ("credit", "credit_limit", "credit", cents),
        ("payment_days", "payment_days", "payment_days", int),
        ("tags", "tags", "labels", parts(";")),
        ("birthday", "birthday", "born", day),
        ("newsletter", "newsletter", "newsletter", bool),
        ("points", "bonus_points", "points", int),
        ("channel", "contact_by", "channel", plain),
        ("last_contact", "last_contact_at", "last_seen", moment),
        ("notes", "notes", "remarks", plain),
    ),
    "products": (
        ("sku", "sku", "sku", trimmed),
        ("name", "title", "name", plain),
        ("description", "description", "details", plain),
        ("price", "net_price", "price", cents),
        ("stock", "stock", "in_stock", int),
        ("reorder_level", "reorder_level", "reorder_at", int),
        ("categories", "categories", "categories", parts(",")),
        ("lead_time", "lead_time_days", "delivery_days", int),
        ("rating", "rating", "stars", cents),
        ("available_from", "available_from", "available_from", day),
        ("discontinued", "discontinued", "retired", bool),
    ),
}


# ---------------------------------------------------------------- reading


def read_erp(addresses: Addresses) -> dict[str, dict[str, Row]]:
    """All rows of the ERP, by mapping and key."""
    with psycopg.connect(addresses.erp_url) as connection:
        return {
            name: {str(row[erp.KEYS[name]]): row for row in erp.read_all(connection, name)}
            for name in MAPPINGS
        }


def read_shop(addresses: Addresses) -> dict[str, dict[str, Row]]:
    """All records of the shop, by mapping and key."""
    with Shop(addresses.shop_url, addresses.shop_email, addresses.shop_password) as shop:
        return {
            name: {row["id"]: row for row in shop.read_all(collection)}
            for name, collection in zip(MAPPINGS, COLLECTIONS, strict=True)
        }


def read_hub() -> Known:
    """Pairs and open items, from the hub's tables."""
    known = Known()
    links = Link.objects.exclude(status=LinkStatus.CLOSED).values_list(
        "mapping__name", "left_key", "right_key"
    )
    for name, left, right in links.iterator():
        known.pairs.setdefault(name, {})[left] = right
    for item in Conflict.objects.live().select_related("mapping", "link").prefetch_related("fields"):
        note_item(known, item)
    ignored = Unlinked.objects.filter(ignored=True).values_list("mapping__name", "side", "key")
    known.alone |= set(ignored)
    return known


def note_item(known: Known, item: Conflict) -> None:
    known.items += 1
    name, side = item.mapping.name, item.side
    if item.link is None:
        other = "right" if side == "left" else "left"
        known.alone |= {(name, side, key) for key in (item.key, *item.twins)}
        known.alone |= {(name, other, key) for key in item.candidates}
        return
    fields = {row.field for row in item.fields.all()}
    known.waiting[name, item.link.left_key, item.link.right_key] = fields or None


# ---------------------------------------------------------------- comparing


def compare(ours: Mapping[str, dict[str, Row]], theirs: Mapping[str, dict[str, Row]], known: Known) -> Report:
    """Every difference between the systems that no open item is about."""
    found: set[Difference] = set()
    for name in MAPPINGS:
        pairs = known.pairs[name]
        for left_key, right_key in pairs.items():
            found.update(compare_pair(name, left_key, right_key, ours[name], theirs[name], known))
        for key in ours[name].keys() - pairs.keys():
            if (name, "left", key) not in known.alone:
                found.add(Difference(name, key, "", "", "there", "missing"))
        for key in theirs[name].keys() - set(pairs.values()):
            if (name, "right", key) not in known.alone and not of_the_erp_alone(name, theirs[name][key]):
                found.add(Difference(name, "", key, "", "missing", "there"))
    return Report(sum(map(len, known.pairs.values())), known.items, frozenset(found))


def of_the_erp_alone(name: str, row: Row) -> bool:
    """Companies and key accounts are made in the ERP only: what the shop has of its own stays there."""
    return name == "companies" or row.get("kind") == CLASS_WORDS["K"]


def compare_pair(
    name: str, left_key: str, right_key: str, ours: dict[str, Row], theirs: dict[str, Row], known: Known
) -> Iterable[Difference]:
    waiting = known.waiting.get((name, left_key, right_key), set())
    if waiting is None:
        return
    left, right = ours.get(left_key), theirs.get(right_key)
    if left is None or right is None:
        if left is not right:
            words = ["missing" if row is None else "there" for row in (left, right)]
            yield Difference(name, left_key, right_key, "", words[0], words[1])
        return
    for field_name, column, shop_field, read in FIELDS[name]:
        values = read(left[column]), read(right[shop_field])
        if values[0] != values[1] and field_name not in waiting:
            yield Difference(name, left_key, right_key, field_name, shown(values[0]), shown(values[1]))
    if name == "customers" and "company" not in waiting:
        company = left["company_no"]
        wanted = "" if company is None else known.pairs["companies"].get(str(company), "?")
        if wanted != right["organisation"]:
            yield Difference(name, left_key, right_key, "company", wanted, right["organisation"])


def shown(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def look(addresses: Addresses) -> Report:
    """Read everything once and compare."""
    return compare(read_erp(addresses), read_shop(addresses), read_hub())


def lasting(addresses: Addresses, wait: float, pause: float = PAUSE_SECONDS) -> Report:
    """The differences that last: those that are the same in two looks, `pause` seconds apart.

    While staff are at work, something is always on its way. Looks again until nothing lasts, for at most
    `wait` seconds.
    """
    end = time.monotonic() + wait
    before = look(addresses)
    while before.differences:
        time.sleep(pause)
        now = look(addresses)
        same = before.differences & now.differences
        if not same or time.monotonic() > end:
            return Report(now.pairs, now.items, same)
        before = now
    return before
