"""The pages of bulk runs and undo: each step is safe to repeat, and what comes from systems is harmless."""

from __future__ import annotations

import pytest
from django.urls import reverse

from conflicts.models import BulkRun, Conflict, Decision
from conflicts.services import FieldChoice, bulk, resolve
from conflicts.undoable import latest
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from tests.builders import a_conflict, a_mapping, a_user, an_ambiguous_match

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def bulk_reviewer(db, client):
    permissions = [
        f"conflicts.{name}" for name in ("view_conflict", "resolve_conflict", "bulk_resolve_conflict")
    ]
    client.force_login(a_user(*permissions, "syncadmin.view_entry", name="rita"))
    return client


def a_preview(client, rule="left", query=""):
    answer = client.post(reverse("conflicts:bulk-new") + query, {"rule": rule})
    assert answer.status_code == 302
    return BulkRun.objects.latest("pk")


def page(client, run):
    return client.get(reverse("conflicts:bulk", args=[run.pk])).content.decode()


def to(name, run, client, **data):
    return client.post(reverse(f"conflicts:bulk-{name}", args=[run.pk]), data)


def work(run):
    while bulk.step(run.pk).more:
        pass
    run.refresh_from_db()


def test_the_preview_says_what_is_written_and_what_is_left_out(bulk_reviewer):
    mapping = a_mapping()
    a_conflict(mapping)
    an_ambiguous_match(mapping)
    seen = page(bulk_reviewer, a_preview(bulk_reviewer))
    assert "CRM → Web shop" in seen
    assert "+49 30 9999" in seen
    assert "This kind of conflict needs a person." in seen
    assert "Decide 1" in seen


def test_a_run_without_a_rule_is_asked_again(bulk_reviewer):
    answer = bulk_reviewer.post(reverse("conflicts:bulk-new"), {"rule": "all of them"})
    assert answer.status_code == 422
    assert not BulkRun.objects.exists()


def test_ticked_items_are_decided_and_no_others(bulk_reviewer):
    mapping = a_mapping()
    ticked, other = a_conflict(mapping), a_conflict(mapping)
    form = bulk_reviewer.get(reverse("conflicts:bulk-new"), {"ticked": [ticked.pk]}).content.decode()
    assert f'name="ticked" value="{ticked.pk}"' in form
    bulk_reviewer.post(reverse("conflicts:bulk-new"), {"rule": "right", "ticked": [ticked.pk]})
    run = BulkRun.objects.get()
    to("confirm", run, bulk_reviewer)
    work(run)
    assert Conflict.objects.get(pk=ticked.pk).state == "decided"
    assert Conflict.objects.get(pk=other.pk).state == "open"


def test_confirming_twice_decides_once(bulk_reviewer):
    a_conflict(a_mapping())
    run = a_preview(bulk_reviewer)
    for _ in range(2):
        assert to("confirm", run, bulk_reviewer).status_code == 302
    work(run)
    to("confirm", run, bulk_reviewer)
    work(run)
    assert Decision.objects.count() == 1
    assert "decided" in page(bulk_reviewer, run)


def test_who_did_not_see_the_preview_cannot_confirm_it(bulk_reviewer):
    a_conflict(a_mapping())
    run = bulk.start(Rule.LEFT, a_user(name="otto"))
    bulk.prepare(run.pk)
    answer = to("confirm", run, bulk_reviewer).content.decode()
    assert "Only otto can confirm this run." in answer
    run.refresh_from_db()
    assert run.state == "ready"


def test_the_second_of_two_people_is_told_what_the_first_has_decided(bulk_reviewer):
    a_conflict(a_mapping())
    first, second = a_preview(bulk_reviewer), a_preview(bulk_reviewer, "right")
    for run in (first, second):
        to("confirm", run, bulk_reviewer)
        work(run)
    assert (first.decided, second.decided) == (1, 0)
    assert "It was decided or settled since the preview." in page(bulk_reviewer, second)


def test_a_page_polls_while_the_run_is_at_work_and_not_after(bulk_reviewer):
    a_conflict(a_mapping())
    run = a_preview(bulk_reviewer)
    assert "every 1s" not in page(bulk_reviewer, run)
    to("confirm", run, bulk_reviewer)
    assert "every 1s" in page(bulk_reviewer, run)
    assert "0 of 1 decided" in page(bulk_reviewer, run)
    work(run)
    assert "every 1s" not in page(bulk_reviewer, run)


def test_every_item_left_out_is_named_with_its_reason(bulk_reviewer):
    mapping = a_mapping()
    item = an_ambiguous_match(mapping, label="Grace Hopper")
    run = a_preview(bulk_reviewer)
    address = reverse("conflicts:bulk-items", args=[run.pk])
    shown = bulk_reviewer.get(address, {"state": "left out", "reason": "kind"}).content.decode()
    assert "Grace Hopper" in shown
    assert f"#{item.pk}" in shown
    assert "There are none." in bulk_reviewer.get(address, {"reason": "no such"}).content.decode()


def test_the_export_makes_formula_cells_harmless(bulk_reviewer):
    a_conflict(a_mapping(), label="=cmd|' /C calc'!A0")
    run = a_preview(bulk_reviewer)
    answer = bulk_reviewer.get(reverse("conflicts:bulk-export", args=[run.pk]))
    text = b"".join(answer.streaming_content).decode()
    assert "'=cmd|" in text
    assert ",=cmd|" not in text


def test_hostile_values_are_shown_as_text(bulk_reviewer):
    label = "<script>alert(1)</script>"
    a_conflict(a_mapping(), label=label, fields={"phone": (f"{label}\u202e", "0", "x" * 1_000_000)})
    run = a_preview(bulk_reviewer)
    seen = page(bulk_reviewer, run)
    assert label not in seen
    assert len(seen) < 300_000


def test_a_run_is_undone_by_a_run_of_its_own(bulk_reviewer):
    a_conflict(a_mapping())
    run = a_preview(bulk_reviewer)
    to("confirm", run, bulk_reviewer)
    work(run)
    assert to("undo", run, bulk_reviewer).status_code == 302
    made = BulkRun.objects.latest("pk")
    assert "Not written yet: it is withdrawn." in page(bulk_reviewer, made)
    to("confirm", made, bulk_reviewer)
    work(made)
    assert made.decided == 1
    assert Conflict.objects.get().state == "open"


# ---------------------------------------------------------------- undo of one decision


def decided(**picks):
    conflict = a_conflict(a_mapping())
    return resolve(conflict.pk, 1, picks or {"phone": FieldChoice(PickKind.LEFT)}, None, a_user())


def undo_now(client, conflict, **how):
    made = latest(conflict).first()
    at = f"{made.at.timestamp():.6f}" if made else "0"
    return client.post(reverse("conflicts:undo-now", args=[conflict.pk]), {"at": at, **how}, **HTMX)


def test_the_line_after_a_decision_offers_its_undo(reviewer):
    conflict = decided()
    line = reviewer.get(reverse("conflicts:status", args=[conflict.pk]), **HTMX).content.decode()
    made = latest(conflict).get()
    assert f'name="at" value="{made.at.timestamp():.6f}"' in line
    answer = undo_now(reviewer, conflict).content.decode()
    assert "undone; it is open again" in answer
    conflict.refresh_from_db()
    assert conflict.state == "open"


def test_an_undo_sent_twice_undoes_once_and_does_not_touch_a_newer_decision(reviewer):
    conflict = decided()
    at = f"{latest(conflict).get().at.timestamp():.6f}"
    undo_now(reviewer, conflict)
    again = resolve(conflict.pk, 3, {"phone": FieldChoice(PickKind.RIGHT)}, None, a_user())
    undo_now(reviewer, again, at=at)
    again.refresh_from_db()
    assert again.state == "decided"


def test_what_cannot_be_undone_says_why(reviewer):
    conflict = decided()
    Conflict.objects.update(state="closed")
    answer = undo_now(reviewer, conflict).content.decode()
    assert "It was never written" in answer
    closely = reviewer.get(reverse("conflicts:undo", args=[conflict.pk])).content.decode()
    assert "It was never written" in closely
    assert 'type="checkbox"' not in closely


def test_a_decision_can_be_undone_from_the_history(reviewer):
    conflict = decided()
    made = latest(conflict).get()
    history = reviewer.get(reverse("syncadmin:record", args=["customers", conflict.link_id])).content.decode()
    address = reverse("conflicts:undo-entry", args=["customers", made.seq])
    assert address in history
    assert "can be undone" in reviewer.get(address).content.decode()
    answer = reviewer.post(
        reverse("conflicts:undo", args=[conflict.pk]) + f"?decision={made.pk}",
        {"decision": made.pk, f"seen-{made.pk}": "[null, null]"},
    )
    assert answer.status_code == 302
    conflict.refresh_from_db()
    assert conflict.state == "open"


def test_nothing_ticked_undoes_nothing(reviewer):
    conflict = decided()
    answer = reviewer.post(reverse("conflicts:undo", args=[conflict.pk]), {})
    assert "Tick what is to be undone." in answer.content.decode()
    conflict.refresh_from_db()
    assert conflict.state == "decided"


def test_who_may_only_look_cannot_undo(auditor):
    conflict = decided()
    assert undo_now(auditor, conflict).status_code == 403
    address = reverse("conflicts:undo", args=[conflict.pk])
    assert "takes the right" in auditor.get(address).content.decode()
    assert auditor.post(address, {"decision": latest(conflict).get().pk}).status_code in (403, 404)
