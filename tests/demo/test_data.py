"""The demo's data is the same everywhere, and out of step where it says so."""

from collections import Counter

import pytest

from syncadmin.demo.data import Data, Sizes, make_data

pytestmark = pytest.mark.runs_once


def test_the_same_sizes_make_the_same_rows():
    assert make_data(Sizes.small()) == make_data(Sizes.small())


def test_each_side_has_about_two_thousand_records():
    data = make_data()
    erp = len(data.companies) + len(data.customers) + len(data.products)
    shop = len(data.organisations) + len(data.shop_customers) + len(data.shop_products)
    assert 1900 <= erp <= 2100
    assert 1900 <= shop <= 2100


def test_an_email_is_there_twice_only_where_the_match_is_meant_to_be_ambiguous():
    data = make_data()
    ours = Counter(row["email"].lower() for row in data.customers)
    theirs = Counter(row["email"] for row in data.shop_customers)
    twice = {email for emails in (ours, theirs) for email, number in emails.items() if number > 1}
    assert twice == data.ambiguous
    assert len(twice) == 2 * Sizes().ambiguous


def test_records_on_one_side_only_are_on_that_side_only(data: Data):
    ours = {row["email"].lower() for row in data.customers} | {row["sku"] for row in data.products}
    theirs = {row["email"] for row in data.shop_customers} | {row["sku"] for row in data.shop_products}
    assert data.erp_only
    assert data.shop_only
    assert ours - theirs == data.erp_only
    assert theirs - ours == data.shop_only
