"""What happens to items by themselves: they wake, come due, are escalated; each once."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from conflicts.due import due
from conflicts.models import Conflict
from conflicts.services import clock, together
from syncadmin.models import Entry, Event, Mapping
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

RESOLVE = "conflicts.resolve_conflict"
HOUR = timedelta(hours=1)


def told() -> list[tuple[str, list[int], list[int]]]:
    """What people are told, oldest first."""
    return [(event.kind, event.conflicts, event.people) for event in Event.objects.order_by("pk")]


def a_due_mapping(**more) -> Mapping:
    return a_mapping(due=4 * 3600.0, **more)


def test_a_snoozed_item_wakes_by_itself():
    conflict, anna, now = a_conflict(a_mapping()), a_user(), timezone.now()
    together.snooze(conflict.pk, now + HOUR, anna, now)

    clock.look(now + HOUR - timedelta(seconds=1))
    assert Conflict.objects.get().snoozed_until is not None
    clock.look(now + HOUR)

    assert Conflict.objects.get().snoozed_until is None


def test_an_item_is_due_soon_then_overdue_each_told_once():
    conflict = a_conflict(a_due_mapping())
    opened = conflict.opened_at

    for after in (2.9 * HOUR, 3 * HOUR, 3.5 * HOUR, 4 * HOUR, 9 * HOUR):
        clock.look(opened + after)

    assert told() == [("due soon", [conflict.pk], []), ("overdue", [conflict.pk], [])]


def test_an_item_that_is_somebodys_is_told_to_them():
    mapping, anna = a_due_mapping(), a_user(RESOLVE)
    mine, free = a_conflict(mapping), a_conflict(mapping)
    together.assign(mine.pk, anna, anna, timezone.now())

    clock.look(free.opened_at + 4 * HOUR)

    assert sorted(told()[-2:]) == [("overdue", [mine.pk], [anna.pk]), ("overdue", [free.pk], [])]


@pytest.mark.parametrize("field", [{"hold_reason": "x"}, {"state": "decided"}, {"state": "closed"}])
def test_what_waits_on_purpose_or_is_settled_is_not_overdue(field):
    conflict = a_conflict(a_due_mapping(), **field)

    clock.look(conflict.opened_at + 9 * HOUR)

    assert told() == []


def test_without_a_due_time_what_is_open_for_a_week_is_overdue_all_the_same():
    conflict = a_conflict(a_mapping())

    for days in (1, 6.9, 7, 45):
        clock.look(conflict.opened_at + timedelta(days=days))

    assert told() == [("overdue", [conflict.pk], [])]
    assert due(conflict, conflict.opened_at + timedelta(days=6.9)) is None
    assert due(conflict, conflict.opened_at + timedelta(days=7)).over


def test_a_look_that_finds_nothing_locks_nothing_and_asks_little_of_many_mappings(django_assert_num_queries):
    for name in ("a", "b", "c"):
        mapping = a_due_mapping(name=name, escalate_after=3600.0, escalate_person="anna")
        opened = [a_conflict(mapping).opened_at for _ in range(3)]

    with django_assert_num_queries(2):  # what is put off; the mappings with what is oldest there
        assert clock.look(min(opened) + HOUR) == 0


def test_what_stays_undecided_is_given_to_the_person_named_once():
    boss = a_user(RESOLVE, name="boss")
    conflict = a_conflict(a_due_mapping(escalate_after=7200.0, escalate_person="boss"))

    clock.look(conflict.opened_at + 6 * HOUR - timedelta(seconds=1))
    assert Conflict.objects.get().assignee is None
    for _ in range(2):
        clock.look(conflict.opened_at + 6 * HOUR)

    assert Conflict.objects.get().assignee == boss
    assert [kind for kind, _, _ in told()] == ["due soon", "overdue", "escalated"]
    assert told()[-1] == ("escalated", [conflict.pk], [boss.pk])
    entry = Entry.objects.get()
    assert (entry.actor, entry.rule) == ("due time", f"conflict #{conflict.pk}: overdue, given to boss")


def test_a_group_shares_what_is_overdue_evenly():
    leads = Group.objects.create(name="Leads")
    people = [a_user(RESOLVE), a_user(RESOLVE), a_user()]
    for person in people:
        person.groups.add(leads)
    mapping = a_due_mapping(escalate_after=0.0, escalate_group="Leads")
    a_conflict(a_mapping("others"), assignee=people[0])
    items = [a_conflict(mapping) for _ in range(3)]

    clock.look(items[-1].opened_at + 4 * HOUR)

    got = [Conflict.objects.filter(mapping=mapping, assignee=person).count() for person in people]
    assert got == [1, 2, 0]
    assert told()[-1][2] == sorted(person.pk for person in people[:2])


def test_a_name_that_is_nobodys_is_said_in_the_journal():
    conflict = a_conflict(a_due_mapping(escalate_after=0.0, escalate_person="gone"))

    clock.look(conflict.opened_at + 4 * HOUR)

    assert Conflict.objects.get().assignee is None
    assert "nobody to give it to: “gone”" in Entry.objects.get().rule


def test_more_than_a_batch_is_told_completely(monkeypatch):
    monkeypatch.setattr(clock, "BATCH", 2)
    mapping = a_due_mapping(escalate_after=0.0, escalate_person="boss")
    a_user(RESOLVE, name="boss")
    items = [a_conflict(mapping) for _ in range(5)]

    clock.look(items[-1].opened_at + 5 * HOUR)

    assert Conflict.objects.filter(told=3, assignee__username="boss").count() == 5
    overdue = [pk for kind, ids, _ in told() if kind == "overdue" for pk in ids]
    assert sorted(overdue) == [item.pk for item in items]
