"""Undo by what decisions have in common: a time range, a person, a choice, a pass, a mapping."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from conflicts.models import BulkRun, Conflict, Decision, LearnedRule
from conflicts.services import FieldChoice, bulk, resolve
from conflicts.taken import Taken, taken_by
from syncadmin.core.plan import PickKind
from syncadmin.models import EntryKind, ledger
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

NOW = timezone.now()
HOUR = timedelta(hours=1)
TO = "/conflicts/bulk/undo/"


@pytest.fixture
def bulk_reviewer(client):
    names = ("view_conflict", "resolve_conflict", "bulk_resolve_conflict")
    client.force_login(a_user(*(f"conflicts.{name}" for name in names), name="rita"))
    return client


def decided(mapping, label, kind="left", by=None, ago=0.0):
    """A conflict that somebody has decided so many hours ago."""
    conflict = a_conflict(mapping, label=label)
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind(kind))}, None, by or a_user())
    at = NOW - ago * HOUR
    Decision.objects.filter(conflict=conflict).update(at=at)
    Conflict.objects.filter(pk=conflict.pk).update(decided_at=at)
    return conflict


@pytest.fixture
def four():
    """Decided by Anna and Bert, one of each choice, an hour apart."""
    anna, bert = a_user(name="anna"), a_user(name="bert")
    mapping, other = a_mapping(), a_mapping("orders")
    return [
        decided(mapping, "one", "left", anna, 4),
        decided(mapping, "two", "right", anna, 3),
        decided(mapping, "three", "right", bert, 2),
        decided(other, "four", "left", bert, 1),
    ]


def undone(*args):
    out = StringIO()
    call_command("undo", *args, "--yes", stdout=out)
    return set(Conflict.objects.waiting().values_list("label", flat=True))


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (["--since", (NOW - 3.5 * HOUR).isoformat()], {"two", "three", "four"}),
        (["--until", (NOW - 1.5 * HOUR).isoformat(), "--kind", "right"], {"two", "three"}),
        (["--since", (NOW - 3.5 * HOUR).isoformat(), "--until", (NOW - 2.5 * HOUR).isoformat()], {"two"}),
        (["--by", "bert"], {"three", "four"}),
        (["--mapping", "orders"], {"four"}),
        (["--kind", "left", "--by", "anna"], {"one"}),
    ],
)
def test_what_they_have_in_common_says_which(four, options, labels):
    assert undone(*options) == labels


def test_what_a_pass_has_written(four):
    conflict = four[1]
    row = ledger.Row(
        EntryKind.WRITE,
        "right",
        "R",
        "phone",
        new="x",
        rule="person: right",
        link_id=conflict.link_id,
        pass_id=77,
    )
    ledger.append(conflict.mapping_id, [row], NOW)

    assert [d.conflict for d in Taken.read({"carried": "77"}).decisions()] == [conflict]


@pytest.mark.parametrize("options", [[], ["1", "--by", "anna"], ["--since", "soon"], ["--kind", "best"]])
def test_what_is_unclear_undoes_nothing(four, options):
    with pytest.raises(CommandError):
        undone(*options)

    assert not Conflict.objects.waiting().exists()


def test_nothing_wanted_is_never_everything(four):
    assert not taken_by(bulk.start_undo(None, a_user())).exists()


def test_what_is_decided_after_the_preview_was_asked_for_is_no_part_of_it(four):
    run = bulk.start_undo(None, a_user(), query="kind=left")
    decided(four[0].mapping, "five", "left", ago=-1)

    bulk.prepare(run.pk)

    assert set(run.items.values_list("label", flat=True)) == {"one", "four"}


def test_in_the_browser_a_preview_comes_first(bulk_reviewer, four):
    address = reverse("conflicts:bulk-undo-many")
    page = bulk_reviewer.get(address).text
    assert "CRM" in page
    assert "Say which decisions" in bulk_reviewer.post(address, {}).text

    answer = bulk_reviewer.post(address, {"kind": "right", "by": "anna"})

    run = BulkRun.objects.get()
    assert answer["Location"] == reverse("conflicts:bulk", args=[run.pk])
    shown = bulk_reviewer.get(answer["Location"]).text
    assert "Undo of decisions" in shown
    assert "Not written yet: it is withdrawn." in shown
    assert not Conflict.objects.waiting().exists()
    bulk_reviewer.post(reverse("conflicts:bulk-confirm", args=[run.pk]))
    while bulk.step(run.pk).more:
        pass
    assert [c.label for c in Conflict.objects.waiting()] == ["two"]
    assert "Undo of decisions" in bulk_reviewer.get(reverse("conflicts:bulk-list")).text


def test_once_more_with_what_has_moved_it_is_the_same_decisions(bulk_reviewer, four):
    run = bulk.start_undo(None, a_user(), query="kind=left")
    bulk.prepare(run.pk)

    bulk_reviewer.post(reverse("conflicts:bulk-undo", args=[run.pk]), {"override": "1"})

    again = BulkRun.objects.latest("pk")
    assert (again.query, again.override, again.seen) == ("kind=left", True, 2)


def test_all_that_a_rule_has_decided_is_taken_back(four, bulk_reviewer):
    mapping = four[0].mapping
    rule = LearnedRule.objects.create(
        mapping=mapping, field="phone", pattern="case", take="left", proposed_at=timezone.now()
    )
    item = a_conflict(mapping, label="by rule")
    resolve(item.pk, 1, {"phone": FieldChoice(PickKind.LEFT, rule=rule.pk)}, None, None, "rules")
    assert f'name="rule" value="{rule.pk}"' in bulk_reviewer.get(f"{TO}?rule={rule.pk}").content.decode()
    assert undone("--rule", str(rule.pk)) == {"by rule"}
