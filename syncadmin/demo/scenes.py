"""What the staff of both sample systems do all day, one scene at a time.

Each scene makes the edit it is named after, in the systems' own ways (SQL, PocketBase's web interface),
and says in a sentence what was done. Scenes that both sides take part in edit within milliseconds of
each other, so that no sync can come between. Nothing here knows the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from syncadmin.demo.data import CATEGORIES, CHANNELS, NOTES, PAYMENT_DAYS, TAGS, Row
from syncadmin.demo.office import Office

NOT_ALLOWED_DAYS = (7, 21, 45, 90)
UNKNOWN_CATEGORIES = ("clearance", "seasonal", "b-stock")


def named(row: Row) -> str:
    """How staff call a record."""
    return str(row.get("email") or row.get("sku") or row.get("legal_name") or row.get("id"))


def toggled(tags: list[str], tag: str) -> list[str]:
    return sorted({*tags} ^ {tag})


def with_line(notes: str, line: str) -> str:
    return f"{notes}\n{line}".strip()


# ---------------------------------------------------------------- one side edits


def erp_sets_a_credit_limit(office: Office) -> str:
    row, limit = office.customer(), office.chance.randrange(500, 20000, 250)
    office.edit_erp("customers", row, credit_limit=limit)
    return f"ERP: credit limit of {named(row)} is {limit}"


def erp_moves_a_customer(office: Office) -> str:
    row = office.customer()
    street, code, town = office.address()
    office.edit_erp("customers", row, street=street, zip=code, city=town)
    return f"ERP: {named(row)} moved to {town}"


def erp_writes_a_note(office: Office) -> str:
    row = office.customer()
    office.edit_erp("customers", row, notes=with_line(row["notes"], office.chance.choice(NOTES)))
    return f"ERP: a note on {named(row)}"


def erp_changes_a_tag(office: Office) -> str:
    row, tag = office.customer(), office.chance.choice(TAGS)
    tags = toggled([part for part in row["tags"].split(";") if part], tag)
    office.edit_erp("customers", row, tags=";".join(tags))
    return f"ERP: tags of {named(row)} are {', '.join(tags) or 'none'}"


def erp_changes_a_status(office: Office) -> str:
    row = office.customer()
    status = office.another(("A", "I", "B"), row["status"])
    office.edit_erp("customers", row, status=status)
    return f"ERP: status of {named(row)} is {status}"


def erp_takes_a_delivery(office: Office) -> str:
    row, number = office.product(), office.chance.randrange(10, 60, 5)
    office.erp.execute(
        "UPDATE products SET stock = stock + %s WHERE product_no = %s", [number, row["product_no"]]
    )
    return f"ERP: {number} pieces of {named(row)} delivered"


def erp_sets_a_price(office: Office) -> str:
    row = office.product()
    price = row["net_price"] + office.chance.choice((-5, -1, 1, 2, 10)) if row["net_price"] > 10 else 12
    office.edit_erp("products", row, net_price=price)
    return f"ERP: {named(row)} costs {price}"


def erp_moves_a_company(office: Office) -> str:
    row = office.one("SELECT * FROM companies ORDER BY random() LIMIT 1")
    street, code, town = office.address()
    office.edit_erp("companies", row, street=street, zip=code, city=town)
    return f"ERP: {named(row)} moved to {town}"


def erp_gains_a_customer(office: Office) -> str:
    first, last, email = office.person()
    company = office.one("SELECT company_no FROM companies ORDER BY random() LIMIT 1")["company_no"]
    office.erp.execute(
        "INSERT INTO customers (company_no, first_name, last_name, email, phone, payment_days)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [company, first, last, email, office.phone(), office.chance.choice(PAYMENT_DAYS)],
    )
    return f"ERP: new customer {email}"


def erp_deletes_a_customer(office: Office) -> str:
    row = office.customer()
    office.erp.execute("DELETE FROM customers WHERE customer_no = %s", [row["customer_no"]])
    return f"ERP: {named(row)} deleted"


def shop_sells(office: Office) -> str:
    row, number = office.of_shop("products"), office.chance.randint(1, 4)
    office.edit_shop("products", row, **{"in_stock-": min(number, max(row["in_stock"], 0))})
    return f"Shop: {number} pieces of {named(row)} sold"


def shop_grants_points(office: Office) -> str:
    row = office.of_shop("customers")
    office.edit_shop("customers", row, **{"points+": 10})
    return f"Shop: 10 points for {named(row)}"


def shop_sees_a_customer(office: Office) -> str:
    row = office.of_shop("customers")
    seen = datetime.now(UTC).isoformat(" ", "milliseconds").replace("+00:00", "Z")
    office.edit_shop("customers", row, last_seen=seen, newsletter=not row["newsletter"])
    return f"Shop: {named(row)} was here and changed the newsletter"


def shop_changes_a_phone(office: Office) -> str:
    row = office.of_shop("customers")
    office.edit_shop("customers", row, phone=office.phone())
    return f"Shop: new phone of {named(row)}"


def shop_changes_a_label(office: Office) -> str:
    row, tag = office.of_shop("customers"), office.chance.choice(TAGS)
    office.edit_shop("customers", row, labels=toggled(row["labels"] or [], tag))
    return f"Shop: label {tag} of {named(row)}"


def shop_describes_a_product(office: Office) -> str:
    row = office.of_shop("products")
    line = f"Now with {office.chance.randint(2, 9)} years of guarantee."
    office.edit_shop("products", row, details=with_line(row["details"], line))
    return f"Shop: description of {named(row)}"


def shop_gains_a_customer(office: Office) -> str:
    first, last, email = office.person()
    office.shop.create("customers", registration(first, last, email, office))
    return f"Shop: {email} registered"


def registration(first: str, last: str, email: str, office: Office) -> Row:
    return {
        "given_name": first, "family_name": last, "email": email, "phone": office.phone(), "state": "active",
        "kind": "standard", "payment_days": 14, "labels": [], "channel": office.chance.choice(CHANNELS),
        "newsletter": True,
    }  # fmt: skip


def shop_deletes_a_product(office: Office) -> str:
    row = office.of_shop("products")
    office.shop.delete("products", row["id"])
    return f"Shop: {named(row)} removed"


# ---------------------------------------------------------------- both edit, and a merge settles it


def both_count_stock(office: Office) -> str:
    pair, number = office.known_product(), office.chance.randint(5, 30)
    office.edit_shop("products", pair.theirs, **{"in_stock-": 1})
    office.edit_erp("products", pair.ours, stock=pair.ours["stock"] + number)
    return f"Both: {number} pieces of {named(pair.ours)} delivered while one was sold"


def both_tag(office: Office) -> str:
    pair = office.known_customer()
    ours = [part for part in pair.ours["tags"].split(";") if part]
    one, other = office.chance.sample(TAGS, 2)
    office.edit_erp("customers", pair.ours, tags=";".join(toggled(ours, one)))
    office.edit_shop("customers", pair.theirs, labels=toggled(pair.theirs["labels"] or [], other))
    return f"Both: tags of {named(pair.ours)}"


def both_write_notes(office: Office) -> str:
    pair = office.known_customer()
    office.edit_erp("customers", pair.ours, notes=with_line(pair.ours["notes"], "ERP: pays in time."))
    office.edit_shop(
        "customers", pair.theirs, remarks=with_line("Shop: orders on phone.", pair.theirs["remarks"])
    )
    return f"Both: notes on {named(pair.ours)}"


# ---------------------------------------------------------------- what a person has to decide


def both_change_the_phone(office: Office) -> str:
    """A field that both sides changed, with no rule to decide it."""
    pair = office.known_customer()
    office.edit_erp("customers", pair.ours, phone=office.phone())
    office.edit_shop("customers", pair.theirs, phone=office.phone())
    return f"Both: another phone of {named(pair.ours)}"


def both_change_the_address(office: Office) -> str:
    """A group of fields that only makes sense together."""
    pair = office.known_customer()
    (street, code, town), theirs = office.address(), office.address()
    office.edit_erp("customers", pair.ours, street=street, zip=code, city=town)
    office.edit_shop("customers", pair.theirs, address=theirs[0], postcode=theirs[1], town=theirs[2])
    return f"Both: another address of {named(pair.ours)}"


def erp_deletes_whom_the_shop_changes(office: Office) -> str:
    """Deleted here, changed there."""
    pair = office.known_customer()
    office.erp.execute("DELETE FROM customers WHERE customer_no = %s", [pair.ours["customer_no"]])
    office.edit_shop(
        "customers", pair.theirs, phone=office.phone(), remarks="Called: wants to stay a customer."
    )
    return f"Both: {named(pair.ours)} deleted in the ERP, changed in the shop"


def shop_registers_someone_known(office: Office) -> str:
    """A new record whose e-mail belongs to somebody already: an ambiguous match."""
    pair = office.known_customer()
    row = registration(pair.ours["first_name"], pair.ours["last_name"], pair.ours["email"].lower(), office)
    office.shop.create("customers", row)
    return f"Shop: {named(pair.ours)} registered a second time"


def shop_grants_terms_the_erp_refuses(office: Office) -> str:
    """A value that a constraint of the ERP rejects."""
    pair, days = office.known_customer(), office.chance.choice(NOT_ALLOWED_DAYS)
    office.edit_shop("customers", pair.theirs, payment_days=days)
    return f"Shop: {named(pair.ours)} may pay within {days} days, which the ERP refuses"


def erp_uses_a_category_the_shop_refuses(office: Office) -> str:
    """A value that the shop's list of choices rejects."""
    pair, category = office.known_product(), office.chance.choice(UNKNOWN_CATEGORIES)
    known = [part for part in pair.ours["categories"].split(",") if part in CATEGORIES]
    office.edit_erp("products", pair.ours, categories=",".join([*known, category]))
    return f"ERP: {named(pair.ours)} is in the category {category}, which the shop refuses"


def shop_sells_what_is_not_there(office: Office) -> str:
    """Oversold: the ERP does not take a stock below zero."""
    pair = office.known_product()
    office.edit_shop("products", pair.theirs, **{"in_stock-": max(pair.theirs["in_stock"], 0) + 2})
    return f"Shop: {named(pair.ours)} is oversold by 2, which the ERP refuses"


def erp_changes_a_newsletter(office: Office) -> str:
    """Drift that goes to review: consent is the shop's to keep."""
    pair = office.known_customer()
    office.edit_erp("customers", pair.ours, newsletter=not pair.ours["newsletter"])
    return f"ERP: the newsletter of {named(pair.ours)}, which is the shop's to decide"


Scene = Callable[[Office], str]

EVERYDAY: dict[Scene, int] = {
    erp_sets_a_credit_limit: 6,
    erp_moves_a_customer: 4,
    erp_writes_a_note: 4,
    erp_changes_a_tag: 5,
    erp_changes_a_status: 2,
    erp_takes_a_delivery: 8,
    erp_sets_a_price: 4,
    erp_moves_a_company: 2,
    erp_gains_a_customer: 1,
    shop_sells: 12,
    shop_grants_points: 6,
    shop_sees_a_customer: 4,
    shop_changes_a_phone: 4,
    shop_changes_a_label: 4,
    shop_describes_a_product: 2,
    shop_gains_a_customer: 1,
    both_count_stock: 3,
    both_tag: 2,
    both_write_notes: 2,
}
TROUBLE: tuple[Scene, ...] = (
    both_change_the_phone,
    shop_registers_someone_known,
    shop_grants_terms_the_erp_refuses,
    erp_deletes_whom_the_shop_changes,
    both_change_the_address,
    erp_uses_a_category_the_shop_refuses,
    erp_deletes_a_customer,
    erp_changes_a_newsletter,
    shop_sells_what_is_not_there,
)
ODD: tuple[Scene, ...] = (shop_deletes_a_product,)
