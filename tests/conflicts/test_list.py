"""The list of the inbox: filters, pages, a bounded number of queries."""

import pytest
from django.urls import reverse

from conflicts import selectors
from conflicts.selectors import InboxFilter
from tests.builders import a_conflict, a_mapping, an_ambiguous_match

HTMX = {"HTTP_HX_REQUEST": "true"}


def names(response) -> list[str]:
    return [conflict.label for conflict in response.context["shown"].items]


@pytest.fixture
def inbox(db):
    customers, products = a_mapping("customers"), a_mapping("products")
    a_conflict(customers, label="Ada")
    a_conflict(products, label="Bolt", fields={"credit": ("1.00", "0.00", "2.00")})
    an_ambiguous_match(customers, label="Cleo", key="c-17")
    a_conflict(customers, label="Done", state="closed")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Ada", "Bolt", "Cleo"]),
        ("mapping=products", ["Bolt"]),
        ("kind=ambiguous+match", ["Cleo"]),
        ("field=credit", ["Bolt"]),
        ("state=closed", ["Done"]),
        ("state=all", ["Done", "Cleo", "Bolt", "Ada"]),
        ("search=cle", ["Cleo"]),
        ("search=c-17", ["Cleo"]),
        ("search=nobody", []),
        ("kind=nonsense&state=nonsense&after=x", ["Ada", "Bolt", "Cleo"]),
    ],
)
def test_the_list_is_filtered_by_its_address(inbox, reviewer, query, found):
    assert names(reviewer.get(f"{reverse('conflicts:list')}?{query}")) == found


def test_an_item_is_found_by_its_number(inbox, reviewer):
    wanted = selectors.page(InboxFilter()).items[1]

    response = reviewer.get(reverse("conflicts:list"), {"search": f"#{wanted.pk}"})

    assert names(response) == [wanted.label]


def test_a_number_too_large_for_the_database_finds_nothing(inbox, reviewer):
    assert names(reviewer.get(reverse("conflicts:list"), {"search": "9" * 40})) == []


def test_a_key_of_either_side_finds_a_linked_record(inbox, reviewer):
    linked = selectors.page(InboxFilter()).items[0]

    response = reviewer.get(reverse("conflicts:list"), {"search": linked.link.right_key})

    assert names(response) == ["Ada"]


def test_pages_follow_each_other_without_gaps_or_repeats(db):
    mapping = a_mapping()
    for number in range(7):
        a_conflict(mapping, label=str(number))

    first = selectors.page(InboxFilter(), size=3)
    second = selectors.page(InboxFilter(), after=first.next, size=3)
    third = selectors.page(InboxFilter(), after=second.next, size=3)

    pages = [[item.label for item in page.items] for page in (first, second, third)]
    assert pages == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert third.next is None


def test_htmx_gets_the_list_without_the_shell(inbox, reviewer):
    whole = reviewer.get(reverse("conflicts:list"))
    part = reviewer.get(reverse("conflicts:list"), **HTMX)

    assert b"<html" in whole.content
    assert b"<html" not in part.content
    assert b"Ada" in part.content
    assert "HX-Request" in part["Vary"]


def test_the_number_of_queries_does_not_grow_with_the_list(reviewer, django_assert_max_num_queries):
    mapping = a_mapping()
    for number in range(60):
        a_conflict(mapping, label=f"n{number}")

    with django_assert_max_num_queries(16):
        response = reviewer.get(reverse("conflicts:list"))

    assert len(names(response)) == selectors.PAGE


def test_an_empty_inbox_says_so(reviewer):
    assert b"Nothing waits for a person" in reviewer.get(reverse("conflicts:list")).content


def test_the_badge_counts_what_waits(db):
    mapping = a_mapping()
    assert selectors.waiting_label() == ""
    for _ in range(3):
        a_conflict(mapping)
    assert selectors.waiting_label() == "3"
