"""A second pair of eyes: decisions that take two people, by the mapping's word or on request."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conflicts import intake
from conflicts.models import Answer, Conflict, ConflictState, SecondLook
from conflicts.services import FieldChoice, Invalid, Moved, RecordChoice, Refused, bulk, resolve, together
from conflicts.services.second_look import approve, ask, decline
from syncadmin.core import plan as core
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.models import Entry, Event, FieldMapping, Mapping
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

LEFT = {"phone": FieldChoice(PickKind.LEFT)}
RIGHT = {"phone": FieldChoice(PickKind.RIGHT)}


def guarded() -> Mapping:
    """A mapping whose phone takes two people."""
    mapping = a_mapping()
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(two_people=True)
    return mapping


def proposed(conflict: Conflict) -> SecondLook:
    """What waits for a second person."""
    return conflict.second_looks.get(answer="")


def test_a_decision_on_a_guarded_field_is_only_proposed():
    conflict, anna = a_conflict(guarded()), a_user(name="anna")

    resolve(conflict.pk, 1, LEFT, None, anna)

    conflict.refresh_from_db()
    assert (conflict.state, conflict.second_look, conflict.revision) == ("open", "proposed", 1)
    assert conflict.fields.get().pick is None
    assert not Entry.objects.filter(kind="decision").exists()
    assert Entry.objects.get().actor == "anna"
    assert Event.objects.get().kind == "second look"


def test_the_second_person_carries_it_out():
    conflict, anna, bert = a_conflict(guarded()), a_user(name="anna"), a_user(name="bert")
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.VALUE, "+49 1")}, None, anna)
    look = proposed(conflict)

    approve(conflict.pk, look.pk, bert, timezone.now(), "called them")

    conflict.refresh_from_db()
    look.refresh_from_db()
    assert (conflict.state, conflict.second_look) == ("decided", "")
    assert conflict.fields.get().pick["value"] == "+49 1"
    assert (look.answer, look.answered_by, look.comment) == (Answer.APPROVED, bert, "called them")
    assert Entry.objects.get(kind="decision").actor == "bert"
    assert Entry.objects.filter(rule__endswith="decision of anna approved").exists()
    assert Event.objects.get(kind="answered").people == [anna.pk]


def test_who_proposed_cannot_approve():
    conflict, anna = a_conflict(guarded()), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)

    with pytest.raises(Refused, match="another person"):
        approve(conflict.pk, proposed(conflict).pk, anna, timezone.now())

    assert Conflict.objects.get().state == ConflictState.OPEN


def test_a_proposal_sent_twice_is_one():
    conflict, anna = a_conflict(guarded()), a_user()

    for _ in range(2):
        resolve(conflict.pk, 1, LEFT, None, anna)

    assert SecondLook.objects.count() == Entry.objects.count() == Event.objects.count() == 1


def test_while_one_is_proposed_nobody_decides_otherwise():
    conflict, anna, bert = a_conflict(guarded()), a_user(), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)

    for person in (anna, bert):
        with pytest.raises(Refused, match="proposed already"):
            resolve(conflict.pk, 1, RIGHT, None, person)


def test_declining_takes_a_reason_and_frees_the_item():
    conflict, anna, bert = a_conflict(guarded()), a_user(name="anna"), a_user(name="bert")
    resolve(conflict.pk, 1, LEFT, None, anna)
    look = proposed(conflict)
    with pytest.raises(Invalid):
        decline(conflict.pk, look.pk, bert, timezone.now(), "  ")

    decline(conflict.pk, look.pk, bert, timezone.now(), "that is the old number")
    resolve(conflict.pk, 1, RIGHT, None, bert)

    look.refresh_from_db()
    assert (look.answer, look.comment) == (Answer.DECLINED, "that is the old number")
    assert proposed(conflict).asked_by == bert
    assert Event.objects.filter(kind="answered", people=[anna.pk]).exists()


def test_who_proposed_may_withdraw_without_a_word():
    conflict, anna = a_conflict(guarded()), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)

    decline(conflict.pk, proposed(conflict).pk, anna, timezone.now())

    assert Conflict.objects.get().second_look == ""
    assert not Event.objects.filter(kind="answered").exists()


def test_a_proposal_is_void_when_a_value_changes():
    conflict, anna, bert = a_conflict(guarded()), a_user(), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)
    look = proposed(conflict)
    now = timezone.now()
    live = intake.live_by_link([conflict.link_id])[conflict.link_id]
    fresh = core.Conflict(
        core.ConflictKind.FIELD,
        "both",
        fields=(core.FieldConflict("phone", "new on the left", "+49 30 9999", ("1", "1"), "both"),),
    )
    intake.receive(
        conflict.mapping_id,
        [intake.Report(fresh, conflict.link_id, None, "", "Ada", {}, live=live)],
        now,
    )

    with pytest.raises(Moved):
        approve(conflict.pk, look.pk, bert, now)

    look.refresh_from_db()
    conflict.refresh_from_db()
    assert (look.answer, conflict.second_look, conflict.revision) == (Answer.VOID, "", 2)
    assert not Entry.objects.filter(kind="decision").exists()


def test_a_proposal_on_an_item_put_on_hold_waits():
    conflict, anna, bert = a_conflict(guarded()), a_user(), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)
    together.hold(conflict.pk, "the lawyer", anna, timezone.now())

    with pytest.raises(Refused, match="the lawyer"):
        approve(conflict.pk, proposed(conflict).pk, bert, timezone.now())


@pytest.mark.django_db(transaction=True)
def test_of_approving_and_declining_at_once_one_counts():
    conflict = a_conflict(guarded())
    anna, bert, carl = a_user(), a_user(), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)
    look = proposed(conflict)

    def answer(who):
        try:
            if who == "bert":
                approve(conflict.pk, look.pk, bert, timezone.now())
            else:
                decline(conflict.pk, look.pk, carl, timezone.now(), "no")
        except Moved:
            return None
        finally:
            connection.close()
        return who

    with ThreadPoolExecutor(2) as pool:
        answers = [who for who in pool.map(answer, ("bert", "carl")) if who]

    assert len(answers) == 1
    stored = Conflict.objects.get()
    assert stored.state == (ConflictState.DECIDED if answers == ["bert"] else ConflictState.OPEN)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_approve_decides_once():
    conflict = a_conflict(guarded())
    anna, bert = a_user(), a_user()
    resolve(conflict.pk, 1, LEFT, None, anna)
    look = proposed(conflict)

    def click(_):
        try:
            approve(conflict.pk, look.pk, bert, timezone.now())
        except Moved:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(click, range(2))) == [False, True]

    assert Entry.objects.filter(kind="decision").count() == 1


@pytest.mark.parametrize(("pick", "waits"), [("delete", True), ("restore", True), ("leave", False)])
def test_making_or_ending_a_record_with_a_guarded_field_takes_two(pick, waits):
    conflict = a_conflict(guarded(), "deleted / changed", side="left", snapshot={"right": {"phone": "1"}})

    resolve(conflict.pk, 1, {}, RecordChoice(RecordPickKind(pick)), a_user())

    assert (Conflict.objects.get().state == ConflictState.OPEN) == waits


def test_on_request_any_item_takes_a_second_person():
    conflict, anna, bert = a_conflict(a_mapping()), a_user(name="anna"), a_user(name="bert")
    for _ in range(2):
        ask(conflict.pk, "is this the new number?", anna, timezone.now())

    resolve(conflict.pk, 1, LEFT, None, bert)

    look = SecondLook.objects.get()
    assert Conflict.objects.get().state == ConflictState.DECIDED
    assert (look.answer, look.answered_by) == (Answer.APPROVED, bert)
    assert Event.objects.filter(kind="second look").count() == 1


def test_who_asked_for_a_second_look_can_only_propose():
    conflict, anna, bert = a_conflict(a_mapping()), a_user(), a_user()
    ask(conflict.pk, "", anna, timezone.now())

    resolve(conflict.pk, 1, LEFT, None, anna)
    assert Conflict.objects.get().second_look == "proposed"
    approve(conflict.pk, proposed(conflict).pk, bert, timezone.now())

    assert Conflict.objects.get().state == ConflictState.DECIDED


def test_a_look_is_asked_for_by_one_at_a_time():
    conflict = a_conflict(a_mapping())
    ask(conflict.pk, "", a_user(name="anna"), timezone.now())

    with pytest.raises(Refused, match="anna has asked"):
        ask(conflict.pk, "", a_user(), timezone.now())


def test_proposing_ends_the_claim_so_that_another_can_answer():
    conflict, anna, bert = a_conflict(guarded()), a_user(), a_user()
    together.claim(conflict.pk, anna, timezone.now())
    resolve(conflict.pk, 1, LEFT, None, anna)

    approve(conflict.pk, proposed(conflict).pk, bert, timezone.now() + timedelta(seconds=1))

    assert Conflict.objects.get().state == ConflictState.DECIDED


def test_bulk_leaves_out_what_takes_two_people():
    conflict = a_conflict(guarded())
    run = bulk.start(bulk.Rule.LEFT, a_user(), ticked=[conflict.pk])

    bulk.prepare(run.pk)

    assert run.items.get().reason == bulk.Reason.TWO_PEOPLE
