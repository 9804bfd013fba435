"""The card of one item: each kind has its form, values are harmless and visible."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from syncadmin.models import FieldMapping, Mapping
from tests.builders import a_conflict, a_link, a_mapping, an_ambiguous_match, journal

HTMX = {"HTTP_HX_REQUEST": "true"}
HOSTILE = "<script>alert('x')</script>"


def card(client, conflict) -> str:
    return client.get(reverse("conflicts:detail", args=[conflict.pk]), **HTMX).content.decode()


def words(page: str) -> str:
    """The page's text, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", "", page).split())


def test_a_field_conflict_shows_both_values_and_the_one_last_agreed(reviewer):
    page = card(reviewer, a_conflict(a_mapping()))

    for text in ("+49 30 1234", "+49 30 1000", "+49 30 9999", "CRM", "Web shop", "anna", "4 min ago"):
        assert text in words(page)
    for choice in ("left", "right", "base", "value", "leave"):
        assert f'name="pick-phone" value="{choice}"' in page


def test_at_first_contact_there_is_no_value_last_agreed(reviewer):
    page = card(reviewer, a_conflict(a_mapping(), fields={"phone": ("1", "2")}))

    assert 'value="base"' not in page
    assert "never" in page


def test_an_ambiguous_match_offers_each_candidate_and_a_record_of_its_own(reviewer):
    page = card(reviewer, an_ambiguous_match(a_mapping(), twins=["L-9"]))

    for choice in ("link:R-1", "link:R-2", "distinct:R-1", "create", "ignore", "leave"):
        assert f'value="{choice}"' in page
    assert "+49 40 2" in words(page)
    assert "L-9" in page


def test_a_candidate_that_is_linked_already_cannot_be_chosen(reviewer):
    mapping = a_mapping()
    a_link(mapping, right="R-1")

    page = card(reviewer, an_ambiguous_match(mapping))

    assert "linked to another record" in page
    assert 'value="link:R-1" data-digit="2" disabled' in " ".join(page.split())  # and stands last


@pytest.mark.parametrize("kind", ["deleted / changed", "delete"])
def test_a_deleted_record_can_be_deleted_restored_or_left(reviewer, kind):
    conflict = a_conflict(a_mapping(), kind, snapshot={"right": {"name": "Ada", "phone": "12"}})

    page = card(reviewer, conflict)

    assert "Delete it in Web shop too" in page
    assert "Restore it in CRM" in page
    assert 'value="leave"' in page


def test_a_deleted_record_is_shown_with_what_would_go_with_it(reviewer):
    mapping = a_mapping()
    link = a_link(mapping, phone="+49 9131 1", status="open")
    edit = {"side": "right", "key": link.right_key, "field": "phone", "link_id": link.pk}
    at = timezone.now() - timedelta(minutes=9)
    (number,) = journal(mapping, {**edit, "old": "+49 9131 1", "new": "+49 9131 5", "changed_at": at})
    conflict = a_conflict(
        mapping,
        "deleted / changed",
        side="left",
        link=link,
        snapshot={"right": {"name": "Ada Lovelace", "phone": "+49 9131 5", "status": "open"}},
        seqs={"right/phone": [number, "+49 9131 5"]},
    )

    page = card(reviewer, conflict)

    assert "What changed in Web shop" in page
    assert page.count("data-field=") == 1  # the phone
    assert "+49 9131 1</bdi>" in page
    assert "goes with it" in page
    assert not conflict.fields.exists()


def test_a_record_that_left_the_filter_can_be_deleted_or_left(reviewer):
    page = card(reviewer, a_conflict(a_mapping(), "left scope", side="left"))

    assert "Delete it in Web shop" in page
    assert 'value="restore"' not in page


def test_a_refused_write_shows_the_systems_own_words_and_can_be_retried(reviewer):
    snapshot = {"refused": {"side": "right", "op": "update", "values": {"phone": "too long"}}}
    conflict = a_conflict(
        a_mapping(),
        "rejected",
        said="400: too many digits",
        snapshot=snapshot,
        fields={"phone": ("too long", "1")},
    )

    page = card(reviewer, conflict)

    assert "400: too many digits" in page
    assert "the words of Web shop" in page
    assert 'value="retry"' in page
    assert 'name="typed-phone"' in page


def test_hostile_values_are_shown_and_never_run(reviewer):
    mapping = a_mapping()
    hostile = {"phone": (HOSTILE, "<b>", "\u202egnp"), "extra": ({HOSTILE: [HOSTILE]}, None, None)}
    snapshot = {"left": {"name": HOSTILE}, "right": {"name": HOSTILE}}
    conflict = a_conflict(
        mapping,
        label=HOSTILE,
        reason=HOSTILE,
        fields=hostile,
        snapshot=snapshot,
        link=a_link(mapping, left=HOSTILE),
    )

    page = reviewer.get(reverse("conflicts:detail", args=[conflict.pk])).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "\u202e" not in page.replace('value="[', "").split('class="sa-triple"')[1].split("sa-else")[0]
    assert "U+202E" in page


def test_a_record_address_is_only_ever_a_web_address(reviewer):
    mapping = a_mapping()
    link = a_link(mapping, left='"><script>')
    system = mapping.left.system
    conflict = a_conflict(mapping, link=link)

    assert "https://crm.example/customers_l/%22%3E%3Cscript%3E" in card(reviewer, conflict)

    system.record_url = "javascript:alert(1)//{key}"
    system.save()
    assert "javascript:" not in card(reviewer, conflict)


def test_spaces_and_nothing_are_visible(reviewer):
    page = card(reviewer, a_conflict(a_mapping(), fields={"phone": ("1 ", None, "")}))

    assert 'title="space"' in page
    assert "empty text" in page
    assert ">empty<" in page


def test_a_long_value_is_cut_and_says_how_long_it_is(reviewer):
    page = card(reviewer, a_conflict(a_mapping(), fields={"name": ("x" * 1_000_000, "a", "b")}))

    assert "1000000 characters" in page
    assert len(page) < 150_000


def test_a_long_member_of_a_set_can_be_switched_as_a_whole(reviewer):
    long = f"<b>{'x' * 300}</b>"
    page = card(reviewer, a_conflict(a_mapping(), fields={"tags": (["a"], ["a", long], ["a"])}))

    assert f'data-member="{escape(long)}"' in page
    assert f"{escape(long[:79])}…" in words(page)


@pytest.mark.parametrize("member", ["two\nlines", " spaced"])
def test_members_that_would_not_come_back_from_a_line_as_they_are_cannot_be_switched(reviewer, member):
    page = card(reviewer, a_conflict(a_mapping(), fields={"tags": (["a"], ["a", member], ["a"])}))

    assert "data-typed" in page
    assert "data-member" not in page


def test_references_are_shown_by_name(reviewer):
    mapping = a_mapping()
    company = a_link(a_mapping("companies"), name="Acme GmbH")
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(
        type="reference", target=Mapping.objects.get(name="companies")
    )

    page = card(reviewer, a_conflict(mapping, fields={"phone": (str(company.pk), None, None)}))

    assert "Acme GmbH" in page
    assert 'name="typed-phone"' not in page


def test_a_decided_item_can_be_seen_and_not_decided_again(reviewer):
    conflict = a_conflict(a_mapping(), state="decided")

    page = card(reviewer, conflict)

    assert "being written" in page
    assert reverse("conflicts:status", args=[conflict.pk]) in page
    assert "sa-decide-bar" not in page


def test_an_item_that_came_back_says_what_changed_since(reviewer):
    conflict = a_conflict(a_mapping(), moved=True)
    conflict.fields.update(
        pick={"kind": "left", "value": None, "seen_left": "+49 30 1234", "seen_right": "old"}
    )

    page = card(reviewer, conflict)

    assert "changed after it was looked at" in page
    assert "old" in page
    assert page.count("when you looked") == 1


def test_an_auditor_sees_the_card_without_any_way_to_decide(auditor):
    page = card(auditor, a_conflict(a_mapping()))

    assert "+49 30 1234" in page
    assert "sa-decide-bar" not in page
    assert "disabled" in page


def test_a_missing_item_is_not_found(reviewer):
    assert reviewer.get(reverse("conflicts:detail", args=[4711])).status_code == 404


def test_a_card_takes_a_bounded_number_of_queries(reviewer, django_assert_max_num_queries):
    fields = dict.fromkeys(("phone", "tags", "credit", "visits", "active", "born"), (None, None, None))
    conflict = a_conflict(a_mapping(), fields=fields)

    with django_assert_max_num_queries(12):
        card(reviewer, conflict)


def test_a_field_that_a_system_did_not_deliver_is_not_shown_as_empty(reviewer):
    snapshot = {"left": {"name": "Ada", "born": None}, "right": {"name": "Ada"}}

    page = words(card(reviewer, a_conflict(a_mapping(), snapshot=snapshot)))

    assert "2 other fields of the record · 1 differs" in page
    assert "Born empty not delivered" in page
