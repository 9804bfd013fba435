"""Records that only one side has: how many, which, and why nothing is done about them."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from syncadmin.core.side import Side
from syncadmin.engine.stage import encode_match
from syncadmin.models import Intent, Mark, Unlinked
from syncadmin.selectors import one_sided
from tests.builders import a_conflict, a_mapping

pytestmark = pytest.mark.django_db


def alone(mapping, key="7", side="left", name="Ada", **more):
    return Unlinked.objects.create(
        mapping=mapping, side=side, key=key, match=encode_match((name,)), first_seen=timezone.now(), **more
    )


def why(row):
    (found,) = one_sided.explained(list(Unlinked.objects.filter(pk=row.pk)))
    return found.why


def put_off(mapping):
    later = timezone.now() + timedelta(hours=1)
    Mark.objects.create(mapping=mapping, side="left", key="7", attempts=1, not_before=later)


def on_its_way(mapping):
    Mark.objects.create(mapping=mapping, side="left", key="7")


def planned(mapping):
    Intent.objects.create(
        mapping=mapping, side="right", op="create", key="7", body=b"", token=1, created_at=timezone.now()
    )


def asked(mapping):
    a_conflict(mapping, "ambiguous match", side="left", key="7")


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (put_off, "tried again by itself"),
        (on_its_way, "A pass will handle it"),
        (planned, "being created in Web shop"),
        (asked, "The inbox asks"),
        (lambda mapping: None, "A rule keeps it here"),
    ],
)
def test_what_the_hub_is_doing_about_it_is_said(happened, words):
    mapping = a_mapping()
    row = alone(mapping)
    happened(mapping)
    assert words in why(row)


@pytest.mark.parametrize(
    ("options", "row", "words"),
    [
        ({"create": "left"}, {}, "creates no records in Web shop"),
        ({"create": "left"}, {"side": "right"}, "A rule keeps it here"),
        ({"owner": "right"}, {}, "Web shop owns the records"),
        ({}, {"ignored": True}, "never to be synced"),
        ({}, {"alone": b"x"}, "leave it as it is"),
    ],
)
def test_what_was_configured_or_decided_is_said(options, row, words):
    assert words in why(alone(a_mapping(**options), **row))


def test_the_page_shows_the_records_of_a_mapping_and_side_and_leads_to_the_question(viewer):
    customers, products = a_mapping("customers"), a_mapping("products")
    alone(customers, name="Ada <b>")
    alone(customers, "8", "right", name="Bob")
    alone(products, "9", name="Cid")
    conflict = a_conflict(customers, "ambiguous match", side="left", key="7")

    page = viewer.get(
        reverse("syncadmin:one-sided"), {"mapping": "customers", "side": "left"}
    ).content.decode()

    assert "Ada &lt;b&gt;" in page
    assert "Bob" not in page
    assert "Cid" not in page
    assert reverse("conflicts:detail", args=[conflict.pk]) in page


def test_a_hub_whose_records_all_have_partners_says_so(viewer):
    assert b"Every record has its partner." in viewer.get(reverse("syncadmin:one-sided")).content


def test_pages_follow_without_gaps_and_take_a_bounded_number_of_queries(
    viewer, django_assert_max_num_queries
):
    mapping = a_mapping()
    made = [alone(mapping, str(n)).pk for n in range(60)]
    with django_assert_max_num_queries(10):
        first = viewer.get(reverse("syncadmin:one-sided"))
    second = viewer.get(reverse("syncadmin:one-sided"), {"before": first.context["shown"].next})
    shown = [record.row.pk for page in (first, second) for record in page.context["records"]]
    assert shown == sorted(made, reverse=True)


def test_the_dashboard_counts_them_by_side_and_leads_to_them(viewer, monkeypatch):
    mapping, other = a_mapping(), a_mapping("products")
    for n in range(3):
        alone(mapping, str(n))
    alone(mapping, side="right")

    page = viewer.get(reverse("syncadmin:dashboard")).content.decode()

    assert one_sided.counts() == {
        mapping.pk: {Side.LEFT: 3, Side.RIGHT: 1},
        other.pk: {Side.LEFT: 0, Side.RIGHT: 0},
    }
    assert f"{reverse('syncadmin:one-sided')}?mapping=customers&amp;side=left" in page
    assert "Only in CRM" in page
    monkeypatch.setattr(one_sided, "MOST", 2)
    assert one_sided.counted(one_sided.counts()[mapping.pk][Side.LEFT]) == "2+"
