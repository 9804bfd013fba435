"""Bulk runs: what a preview says, what a confirmation decides, and what is left out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from conflicts.models import BulkItem, BulkRun, Conflict, ConflictField, ConflictState, Decision
from conflicts.services import FieldChoice, bulk, bulk_preview, resolve
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from syncadmin.models import Entry, FieldMapping, Mark
from tests.builders import a_conflict, a_mapping, a_user, an_ambiguous_match

pytestmark = pytest.mark.django_db


def a_run(rule=Rule.LEFT, user=None, **what):
    run = bulk.start(rule, user or a_user(), **what)
    assert bulk.prepare(run.pk)
    run.refresh_from_db()
    return run


def carried_out(run):
    bulk.confirm(run.pk)
    while bulk.step(run.pk).more:
        pass
    run.refresh_from_db()
    return run


def left_out(run):
    return dict(run.items.filter(state="left out").values_list("conflict_id", "reason"))


def test_a_preview_counts_by_field_and_direction_and_decides_nothing():
    mapping = a_mapping()
    for _ in range(3):
        a_conflict(mapping)
    a_conflict(mapping, fields={"credit": ("1.00", "0.00", "2.00"), "phone": ("1", "0", "2")})
    run = a_run(Rule.RIGHT)
    assert run.state == "ready"
    assert run.counts["fields"] == {f"{mapping.pk}/phone/right": 4, f"{mapping.pk}/credit/right": 1}
    assert Conflict.objects.waiting().count() == 4
    assert not Entry.objects.exists()


def test_what_is_confirmed_is_decided_as_single_decisions_are():
    mapping = a_mapping()
    item = a_conflict(mapping)
    single = a_conflict(mapping)
    user = a_user(name="anna")
    resolve(single.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, user)
    run = carried_out(a_run(Rule.LEFT, user, ticked=[item.pk]))
    assert (run.state, run.decided) == ("done", 1)
    item.refresh_from_db()
    assert (item.state, item.decided_by, item.revision) == (ConflictState.DECIDED, user, 2)
    assert item.fields.get().pick == single.fields.get().pick
    one, many = Entry.objects.filter(kind="decision").order_by("seq")
    assert (many.actor, many.new, many.rule) == (
        "anna",
        one.new,
        f"left, conflict #{item.pk}, bulk run #{run.pk}",
    )
    assert Mark.objects.filter(key=item.link.left_key, reason="decision").exists()
    mapping.state.refresh_from_db()
    assert mapping.state.next_due <= timezone.now()
    assert Decision.objects.get(conflict=item).run == run


def test_what_moved_between_preview_and_confirmation_is_left_out_and_named():
    mapping = a_mapping()
    moved, decided, stays = (a_conflict(mapping) for _ in range(3))
    run = a_run()
    Conflict.objects.filter(pk=moved.pk).update(revision=2)
    resolve(decided.pk, 1, {"phone": FieldChoice(PickKind.RIGHT)}, None, a_user())
    late = a_conflict(mapping)
    carried_out(run)
    assert left_out(run) == {moved.pk: "changed", decided.pk: "over"}
    assert run.decided == 1
    states = dict(Conflict.objects.values_list("pk", "state"))
    assert states == {moved.pk: "open", decided.pk: "decided", stays.pk: "decided", late.pk: "open"}
    assert decided.fields.get().pick["kind"] == "right", "who was first has decided"


def test_what_needs_a_person_is_left_out_with_the_reason():
    mapping = a_mapping()
    ambiguous = an_ambiguous_match(mapping)
    deleted = a_conflict(mapping, "deleted / changed", side="left")
    held = a_conflict(mapping, hold_reason="ask the customer")
    other = a_user()
    claimed = a_conflict(mapping, claimed_by=other, claimed_until=timezone.now() + timedelta(minutes=5))
    lapsed = a_conflict(mapping, claimed_by=other, claimed_until=timezone.now() - timedelta(minutes=5))
    asked = a_conflict(mapping, second_look="asked")
    run = a_run()
    assert left_out(run) == {
        ambiguous.pk: "kind",
        deleted.pk: "kind",
        held.pk: "on hold",
        claimed.pk: "claimed",
        asked.pk: "second look",
    }
    assert list(run.items.filter(state="chosen").values_list("conflict", flat=True)) == [lapsed.pk]
    assert BulkItem.objects.get(conflict=held).detail == "ask the customer"


def test_what_takes_two_people_is_left_out_even_if_that_was_configured_after_the_preview():
    mapping = a_mapping()
    item = a_conflict(mapping)
    run = a_run()
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    carried_out(run)
    assert left_out(run) == {item.pk: "two people"}
    assert left_out(a_run()) == {item.pk: "two people"}
    assert Conflict.objects.waiting().count() == 1


def test_the_newest_is_left_out_where_the_times_cannot_tell():
    mapping = a_mapping(clock_tolerance=30.0)
    clear, close, unknown = (a_conflict(mapping) for _ in range(3))
    now = timezone.now()
    ConflictField.objects.filter(conflict=close).update(left_time=now, right_time=now - timedelta(seconds=20))
    ConflictField.objects.filter(conflict=unknown).update(right_time=None)
    run = a_run(Rule.NEWEST)
    assert left_out(run) == {close.pk: "too close", unknown.pk: "no time"}
    assert run.items.get(state="chosen").picks == {"phone": "left"}
    assert run.items.get(state="chosen").conflict == clear


def test_a_value_fills_an_empty_side_and_other_fields_stay_open():
    mapping = a_mapping()
    item = a_conflict(mapping, fields={"phone": ("", "0", "2"), "credit": ("1.00", "0.00", "2.00")})
    both = a_conflict(mapping, fields={"phone": ("1", "0", "2")})
    run = carried_out(a_run(Rule.NON_EMPTY))
    picks = dict(ConflictField.objects.filter(conflict=item).values_list("field", "pick"))
    assert picks["phone"]["kind"] == "right"
    assert picks["credit"] is None
    assert left_out(run) == {both.pk: "both filled"}
    assert run.counts["skipped"] == {"both filled": 1}


def test_a_filter_by_field_decides_that_field_and_its_group_only():
    mapping = a_mapping()
    FieldMapping.objects.filter(mapping=mapping, name__in=["phone", "name"]).update(group="contact")
    values = ("1", "0", "2")
    item = a_conflict(mapping, fields={"phone": values, "name": values, "status": values})
    elsewhere = a_conflict(mapping, fields={"credit": ("1.00", "0.00", "2.00")})
    run = a_run(Rule.LEFT, query="field=phone")
    assert run.items.get().conflict == item
    assert run.items.get().picks == {"phone": "left", "name": "left"}
    assert elsewhere.pk not in left_out(run)


def test_a_group_that_would_split_is_left_out():
    mapping = a_mapping()
    FieldMapping.objects.filter(mapping=mapping, name__in=["phone", "name"]).update(group="contact")
    item = a_conflict(mapping, fields={"phone": ("", "0", "2"), "name": ("1", "0", "")})
    assert left_out(a_run(Rule.NON_EMPTY)) == {item.pk: "split"}


def test_a_record_that_is_held_whole_is_decided_whole_or_left_out():
    mapping = a_mapping(whole_record=True)
    item = a_conflict(mapping, fields={"phone": ("", "0", "2"), "status": ("1", "0", "2")})
    assert left_out(a_run(Rule.NON_EMPTY)) == {item.pk: "both filled"}
    assert set(a_run(Rule.LEFT, query="field=phone").items.get().picks) == {"phone", "status"}


def test_a_run_is_confirmed_once_and_carried_out_once():
    for _ in range(3):
        a_conflict(a_mapping(f"m{_}"))
    run = a_run()
    assert bulk.confirm(run.pk)
    assert not bulk.confirm(run.pk)
    assert bulk.step(run.pk).more
    carried_out(run)
    carried_out(run)
    assert run.decided == 3
    assert Decision.objects.count() == 3
    assert Entry.objects.filter(kind="decision").count() == 3


def test_a_run_that_a_dead_worker_left_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 2)
    monkeypatch.setattr(bulk_preview, "BATCH", 2)
    mapping = a_mapping()
    for _ in range(7):
        a_conflict(mapping)
    run = bulk.start(Rule.LEFT, a_user())
    assert not bulk.prepare(run.pk, most=2)
    assert BulkRun.objects.get().seen == 2
    assert bulk.prepare(run.pk)
    bulk.confirm(run.pk)
    bulk.step(run.pk)
    run.refresh_from_db()
    assert run.decided == 2
    BulkRun.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    assert bulk.stalled(timezone.now()) == [run.pk]
    assert bulk.stalled(timezone.now()) == [], "it is told once in a while"
    while bulk.step(run.pk).more:
        pass
    run.refresh_from_db()
    assert (run.state, run.decided, Decision.objects.count()) == ("done", 7, 7)


def test_a_cancelled_run_says_what_it_did_not_come_to(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 2)
    mapping = a_mapping()
    for _ in range(5):
        a_conflict(mapping)
    run = a_run()
    bulk.confirm(run.pk)
    bulk.step(run.pk)
    assert bulk.cancel(run.pk)
    assert not bulk.step(run.pk).more
    assert not bulk.cancel(run.pk)
    assert set(left_out(run).values()) == {"cancelled"}
    assert Conflict.objects.waiting().count() == 3


def test_one_run_takes_a_bounded_number_of_items(monkeypatch):
    monkeypatch.setattr(bulk_preview, "LIMIT", 3)
    mapping = a_mapping()
    for _ in range(5):
        a_conflict(mapping)
    run = a_run()
    assert (run.seen, run.cut, run.state) == (3, True, "ready")


def test_a_discarded_preview_decides_nothing():
    a_conflict(a_mapping())
    run = a_run()
    bulk.cancel(run.pk)
    assert not bulk.confirm(run.pk)
    assert Conflict.objects.waiting().count() == 1


def test_a_batch_takes_a_bounded_number_of_queries(django_assert_max_num_queries):
    mapping = a_mapping()
    for _ in range(60):
        a_conflict(mapping)
    run = a_run()
    bulk.confirm(run.pk)
    with django_assert_max_num_queries(40):
        bulk.step(run.pk)
