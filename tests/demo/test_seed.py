"""Both live systems hold what the data says, and staff and the hub can sign in."""

import psycopg
import pytest

from syncadmin.demo.agreement import Known, compare, read_erp, read_shop
from syncadmin.demo.data import Data
from syncadmin.demo.office import Office
from syncadmin.demo.place import Addresses, Busy, Place

pytestmark = [pytest.mark.slow, pytest.mark.runs_once]


def pairs_by_name(data: Data, ours: dict, theirs: dict) -> Known:
    """Pairs as a person would make them: by VAT number, e-mail and SKU."""
    known = Known()
    names = {"companies": ("vat_id", "vat"), "customers": ("email", "email"), "products": ("sku", "sku")}
    for mapping, (left, right) in names.items():
        there = {row[right].lower(): key for key, row in theirs[mapping].items()}
        for key, row in ours[mapping].items():
            if row[left].lower() in there and row[left].lower() not in data.ambiguous:
                known.pairs[mapping][key] = there[row[left].lower()]
    return known


def test_the_systems_agree_on_what_is_not_meant_to_differ(systems: Addresses, data: Data):
    ours, theirs = read_erp(systems), read_shop(systems)
    report = compare(ours, theirs, pairs_by_name(data, ours, theirs))
    differing, alone = set(), set()
    for difference in report.differences:
        rows = ours[difference.mapping] if difference.left_key else theirs[difference.mapping]
        row = rows[difference.left_key or difference.right_key]
        (differing if difference.field else alone).add((row.get("email") or row["sku"]).lower())
    assert differing <= {name.lower() for name in data.differing}
    assert len(differing) >= len(data.differing) // 2  # who had no phone, say, cannot lose it
    assert alone == {name.lower() for name in data.erp_only | data.shop_only | data.ambiguous}


def test_the_erp_stamps_who_changed_a_row_and_when(office: Office):
    before = office.customer()
    office.edit_erp("customers", before, notes="Stamped.")
    after = office.one("SELECT * FROM customers WHERE customer_no = %s", before["customer_no"])
    assert after["updated_at"] > before["updated_at"]
    assert after["updated_by"] == "staff"


def test_staff_of_the_erp_may_edit_rows_and_no_more(systems: Addresses):
    with psycopg.connect(systems.erp_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DROP TABLE customers")


def test_a_place_is_taken_by_one_demo_at_a_time(tmp_path):
    with Place(tmp_path), pytest.raises(Busy, match="already running"):
        Place(tmp_path).lock()
    Place(tmp_path).lock()


def test_a_port_that_is_taken_is_passed_over(systems: Addresses, tmp_path):
    taken = int(systems.shop_url.rpartition(":")[2])
    with Place(tmp_path) as place:
        assert place.choose_ports({"web": taken})["web"] > taken


def test_passwords_and_ports_are_kept_and_wiped(tmp_path):
    with Place(tmp_path) as place:
        password, ports = place.password("staff"), place.choose_ports({})
        assert Place(tmp_path).password("staff") == password
        assert Place(tmp_path).ports() == ports
        place.reach("seeded")
        place.wipe()
        assert not place.reached("seeded")
        assert place.password("staff") != password
