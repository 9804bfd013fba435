"""History: filters, the chain of causes, one record's timeline."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from syncadmin.models import Entry, EntryKind
from tests.builders import a_conflict, a_link, a_mapping, a_pass, journal

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def story():
    """A change in the CRM that a person decided on and that was written to the shop."""
    mapping, other = a_mapping(), a_mapping("products")
    link = a_link(mapping, left="c-1", right="s-1")
    seen = a_pass(mapping)
    on = {"link_id": link.pk, "field": "phone"}
    (change,) = journal(
        mapping,
        {"side": "left", "key": "c-1", "old": "1", "new": "2", "actor": "anna", "pass_id": seen.pk, **on},
        at=datetime(2026, 1, 5, 12, tzinfo=UTC),
    )
    (decision,) = journal(
        mapping, {"kind": EntryKind.DECISION, "of": change, "actor": "rita", "new": "2", **on}
    )
    write = {
        "kind": EntryKind.WRITE,
        "side": "right",
        "key": "s-1",
        "of": decision,
        "old": "1",
        "new": "2",
        **on,
    }
    done = {"kind": EntryKind.DISPOSITION, "side": "left", "key": "c-1", "disposition": "propagated", **on}
    journal(mapping, write, {**done, "of": change})
    journal(other, {"side": "left", "key": "p-1", "new": {"name": HOSTILE}})
    return link


def kinds(response) -> list[str]:
    return [event.entry.kind for event in response.context["events"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["change", "disposition", "write", "decision", "change"]),
        ("mapping=products", ["change"]),
        ("key=s-1", ["write"]),
        ("side=right", ["write"]),
        ("field=phone&kind=change", ["change"]),
        ("disposition=propagated", ["disposition"]),
        ("actor=rita", ["decision"]),
        ("until=2026-01-05", ["change"]),
        ("since=2026-01-05&until=2026-01-05", ["change"]),
        ("until=2026-01-04", []),
        ("kind=nonsense&since=never&pass_id=x&link=99999999999999999999", None),
    ],
)
def test_the_journal_is_filtered_by_its_address(viewer, story, query, found):
    response = viewer.get(f"{reverse('syncadmin:history')}?{query}")

    assert response.status_code == 200
    assert found is None or kinds(response) == found


def test_days_are_those_of_the_readers_zone(viewer, settings):
    journal(a_mapping(), {"new": "late"}, at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    viewer.cookies[settings.TIME_ZONE_COOKIE_NAME] = "Asia/Tokyo"

    assert kinds(viewer.get(reverse("syncadmin:history"), {"since": "2026-07-02"})) == ["change"]
    assert kinds(viewer.get(reverse("syncadmin:history"), {"until": "2026-07-01"})) == []


def test_what_a_pass_did_can_be_asked_for(viewer, story):
    pass_id = Entry.objects.exclude(pass_id=None).get().pass_id

    assert kinds(viewer.get(reverse("syncadmin:history"), {"pass_id": pass_id})) == ["change"]


def test_a_record_has_one_timeline_of_both_sides_and_what_people_did(viewer, story):
    response = viewer.get(reverse("syncadmin:record", args=["customers", story.pk]))

    assert kinds(response) == ["disposition", "write", "decision", "change"]
    page = response.content.decode()
    for text in ("Ada Lovelace", "c-1", "s-1", "CRM", "Web shop", "rita", "anna"):
        assert text in page


def test_a_write_tells_the_chain_of_its_causes(viewer, story):
    response = viewer.get(reverse("syncadmin:history"), {"kind": "write"})

    causes = [(cause.kind, cause.actor) for cause in response.context["events"][0].causes]
    assert causes == [("decision", "rita"), ("change", "anna")]


def test_a_record_that_waits_leads_to_its_conflict(viewer, story):
    conflict = a_conflict(story.mapping, link=story)

    page = viewer.get(reverse("syncadmin:record", args=["customers", story.pk])).content.decode()

    assert reverse("conflicts:detail", args=[conflict.pk]) in page


def test_a_link_of_another_mapping_is_not_found(viewer, story):
    assert viewer.get(reverse("syncadmin:record", args=["products", story.pk])).status_code == 404


def test_hostile_values_are_shown_and_never_run(viewer, story):
    page = viewer.get(reverse("syncadmin:history")).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_pages_follow_each_other_without_gaps_or_repeats(viewer):
    mapping = a_mapping()
    numbers = journal(mapping, *({"side": "left", "key": str(n), "new": n} for n in range(70)))

    first = viewer.get(reverse("syncadmin:history"))
    second = viewer.get(reverse("syncadmin:history"), {"before": first.context["shown"].next})

    shown = [event.entry.seq for page in (first, second) for event in page.context["events"]]
    assert shown == sorted(numbers, reverse=True)


def test_the_number_of_queries_does_not_grow_with_the_entries(viewer, django_assert_max_num_queries):
    mapping = a_mapping()
    for number in range(50):
        (change,) = journal(mapping, {"side": "left", "key": str(number), "new": 1})
        journal(mapping, {"kind": EntryKind.DISPOSITION, "of": change, "disposition": "held"})

    with django_assert_max_num_queries(9):
        viewer.get(reverse("syncadmin:history"), **HTMX)


@pytest.mark.parametrize("place", ["left:c-1", "right:s-1", "crm.customers_l:c-1", "shop.customers_r:s-1"])
def test_the_journal_command_shows_a_records_whole_timeline(capsys, story, place):
    call_command("journal", "--record", place, "--mapping", "customers")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[2] for line in lines] == ["change", "decision", "write", "disposition"]
    assert "1 -> 2" in lines[0]


@pytest.mark.parametrize("place", ["nothing", "left:", "crm.nowhere:1"])
def test_a_record_that_cannot_be_named_is_said(story, place):
    with pytest.raises(CommandError, match="names no record") as error:
        call_command("journal", "--record", place)

    assert error.value.returncode == 1


def test_a_day_that_is_none_is_a_usage_error(story):
    with pytest.raises(CommandError, match="write YYYY-MM-DD") as error:
        call_command("journal", "--since", "yesterday")

    assert error.value.returncode == 2
