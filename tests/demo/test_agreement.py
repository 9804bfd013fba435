"""The check of agreement finds what differs, and excuses what waits in the inbox."""

from copy import deepcopy

import pytest

from syncadmin.demo.agreement import Known, compare
from syncadmin.demo.data import Data, Row

pytestmark = pytest.mark.runs_once

Rows = dict[str, dict[str, Row]]


@pytest.fixture
def known() -> Known:
    known = Known()
    known.pairs["products"]["501"] = "p1"
    return known


@pytest.fixture
def ours(data: Data) -> Rows:
    row = {**data.products[0], "product_no": 501}
    return {"companies": {}, "customers": {}, "products": {"501": row}}


@pytest.fixture
def theirs(ours: Rows) -> Rows:
    row = ours["products"]["501"]
    same = {
        "id": "p1", "sku": row["sku"], "name": row["title"], "details": row["description"],
        "price": float(row["net_price"]), "in_stock": row["stock"], "reorder_at": row["reorder_level"],
        "categories": row["categories"].split(","), "delivery_days": row["lead_time_days"],
        "stars": float(row["rating"]), "available_from": row["available_from"].isoformat(),
        "retired": row["discontinued"],
    }  # fmt: skip
    return {"companies": {}, "customers": {}, "products": {"p1": same}}


def test_values_that_are_only_written_differently_agree(ours: Rows, theirs: Rows, known: Known):
    theirs["products"]["p1"]["categories"].reverse()
    assert compare(ours, theirs, known).differences == frozenset()


def test_a_value_that_differs_is_named(ours: Rows, theirs: Rows, known: Known):
    theirs["products"]["p1"]["in_stock"] += 1
    (difference,) = compare(ours, theirs, known).differences
    assert (difference.mapping, difference.left_key, difference.field) == ("products", "501", "stock")


def test_a_field_that_waits_in_the_inbox_is_excused_and_no_other(ours: Rows, theirs: Rows, known: Known):
    theirs["products"]["p1"] |= {"in_stock": -5, "name": "Another"}
    known.waiting["products", "501", "p1"] = {"stock"}
    (difference,) = compare(ours, theirs, known).differences
    assert difference.field == "name"


def test_a_record_that_one_system_lost_is_named(ours: Rows, theirs: Rows, known: Known):
    gone = deepcopy(theirs)
    gone["products"].clear()
    (difference,) = compare(ours, gone, known).differences
    assert difference.right == "missing"
    known.waiting["products", "501", "p1"] = None
    assert compare(ours, gone, known).differences == frozenset()


def test_a_record_without_a_partner_is_named_unless_a_person_is_asked(ours: Rows, theirs: Rows, known: Known):
    theirs["products"]["p2"] = dict(theirs["products"]["p1"])
    (difference,) = compare(ours, theirs, known).differences
    assert (difference.right_key, difference.left) == ("p2", "missing")
    known.alone.add(("products", "right", "p2"))
    assert compare(ours, theirs, known).differences == frozenset()
