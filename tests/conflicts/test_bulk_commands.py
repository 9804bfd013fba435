"""`resolve --filter` and `undo` on the command line."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from conflicts.models import BulkRun, Conflict, Decision
from conflicts.services import FieldChoice, resolve
from syncadmin.core.plan import PickKind
from syncadmin.models import Entry
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_a_dry_run_says_what_would_be_decided_and_decides_nothing():
    mapping = a_mapping()
    for _ in range(3):
        a_conflict(mapping)
    a_conflict(mapping, "deleted / changed", side="left")
    said = run("resolve", "--filter", "mapping=customers", "--rule", "left", "--dry-run")
    assert "3 of 4 would be decided" in said
    assert "customers Phone: CRM → Web shop" in said
    assert "left out: This kind of conflict needs a person." in said
    assert Conflict.objects.waiting().count() == 4


def test_a_filter_is_decided_by_a_rule_in_the_persons_name():
    a_user(name="anna")
    mapping = a_mapping()
    items = [a_conflict(mapping) for _ in range(3)]
    said = json.loads(
        run("resolve", "--filter", "field=phone", "--rule", "right", "--yes", "--user", "anna", "--json")
    )
    assert (said["ok"], said["decided"], said["left_out"]) == (True, 3, [])
    assert said["fields"] == [
        {"mapping": "customers", "field": "Phone", "what": "Web shop → CRM", "count": 3}
    ]
    assert set(Entry.objects.filter(kind="decision").values_list("actor", flat=True)) == {"anna"}
    assert Conflict.objects.filter(state="decided").count() == len(items)


@pytest.mark.parametrize(
    "args",
    [
        ("resolve", "--filter", "", "--rule", "left"),
        ("resolve", "--filter", "", "--yes"),
        ("resolve", "7", "--filter", "", "--rule", "left", "--yes"),
        ("resolve",),
        ("undo",),
        ("undo", "1", "--bulk", "2"),
        ("undo", "--bulk", "77", "--yes"),
    ],
)
def test_what_is_unclear_is_refused(args):
    with pytest.raises(CommandError):
        run(*args)


def test_a_decision_is_undone_by_the_number_of_its_conflict():
    conflict = a_conflict(a_mapping())
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, a_user())
    assert "would undo" in run("undo", str(conflict.pk), "--dry-run")
    assert Conflict.objects.get().state == "decided"
    assert "undone: #" in run("undo", str(conflict.pk))
    conflict.refresh_from_db()
    assert (conflict.state, conflict.revision) == ("open", 3)
    assert Entry.objects.filter(kind="decision").first().rule == f"undo of left, conflict #{conflict.pk}"
    with pytest.raises(CommandError, match="nothing to undo"):
        run("undo", str(conflict.pk))


def test_what_was_never_carried_out_says_so():
    conflict = a_conflict(a_mapping())
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, a_user())
    Conflict.objects.update(state="closed")
    out = StringIO()
    with pytest.raises(CommandError, match="1 not undone"):
        call_command("undo", str(conflict.pk), "--json", stdout=out)
    assert json.loads(out.getvalue())["left"][0]["fate"] == "never"


def test_a_bulk_run_is_undone_by_its_number():
    mapping = a_mapping()
    for _ in range(3):
        a_conflict(mapping)
    run("resolve", "--filter", "", "--rule", "left", "--yes")
    made = BulkRun.objects.get()
    said = json.loads(run("undo", "--bulk", str(made.pk), "--yes", "--json"))
    assert (said["decided"], said["left_out"]) == (3, [])
    assert Conflict.objects.waiting().count() == 3
    assert Decision.objects.filter(undone_at=None).count() == 0
    rules = set(Entry.objects.filter(rule__startswith="undo").values_list("rule", flat=True))
    assert all(rule.endswith(f"bulk run #{said['run']}") for rule in rules)
