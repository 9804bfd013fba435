"""Working together: claims, assignment, snooze and hold, and what they keep others from."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from conflicts.models import Conflict, ConflictState
from conflicts.services import FieldChoice, Invalid, Moved, Refused, resolve, together
from syncadmin.core.plan import PickKind
from syncadmin.engine.prove import prove
from syncadmin.models import Entry, Event
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

LEFT = {"phone": FieldChoice(PickKind.LEFT)}
RESOLVE = "conflicts.resolve_conflict"


def notes() -> list[tuple[str, str]]:
    """What the journal says people did, oldest first."""
    rows = Entry.objects.filter(kind="note").order_by("seq")
    return [(row.actor, row.rule.partition(": ")[2]) for row in rows]


def test_a_claim_shows_its_holder_and_lapses_by_itself():
    conflict, anna, now = a_conflict(a_mapping()), a_user(name="anna"), timezone.now()

    claimed = together.claim(conflict.pk, anna, now)

    assert claimed.claimed_by == anna
    assert together.runs(claimed, now + settings.CLAIM_FOR - timedelta(seconds=1))
    assert not together.runs(claimed, now + settings.CLAIM_FOR)
    assert notes() == [("anna", "claimed")]


def test_a_claim_pressed_twice_is_one_claim():
    conflict, anna, now = a_conflict(a_mapping()), a_user(name="anna"), timezone.now()
    together.claim(conflict.pk, anna, now)

    again = together.claim(conflict.pk, anna, now + timedelta(minutes=1))

    assert again.claimed_until == now + timedelta(minutes=1) + settings.CLAIM_FOR
    assert notes() == [("anna", "claimed")]


def test_a_lapsed_claim_is_free_to_take():
    conflict, anna, bert, now = a_conflict(a_mapping()), a_user(), a_user(name="bert"), timezone.now()
    together.claim(conflict.pk, anna, now)

    taken = together.claim(conflict.pk, bert, now + settings.CLAIM_FOR)

    assert taken.claimed_by == bert
    assert notes()[-1] == ("bert", "claimed")


def test_a_running_claim_is_only_taken_over_from_the_holder_who_was_seen():
    conflict, now = a_conflict(a_mapping()), timezone.now()
    anna, bert, carl = (a_user(name=name) for name in ("anna", "bert", "carl"))
    together.claim(conflict.pk, anna, now)
    with pytest.raises(Refused, match="anna was first"):
        together.claim(conflict.pk, bert, now)

    together.claim(conflict.pk, bert, now, over=anna.pk)
    with pytest.raises(Refused, match="bert was first"):
        together.claim(conflict.pk, carl, now, over=anna.pk)

    assert Conflict.objects.get().claimed_by == bert
    assert notes() == [("anna", "claimed"), ("bert", "claim taken over from anna")]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_at_once_one_has_it():
    conflict = a_conflict(a_mapping())
    people = [a_user(name=f"p{number}") for number in range(6)]
    now = timezone.now()
    others = people[1:]
    together.claim(conflict.pk, people[0], now)

    def take_over(person):
        try:
            together.claim(conflict.pk, person, now, over=people[0].pk)
        except Refused:
            return None
        finally:
            connection.close()
        return person

    with ThreadPoolExecutor(5) as pool:
        winners = [person for person in pool.map(take_over, others) if person]

    assert len(winners) == 1
    assert Conflict.objects.get().claimed_by == winners[0]
    assert len(notes()) == 2


@pytest.mark.django_db(transaction=True)
def test_a_claim_and_a_decision_of_two_people_at_once_never_both_hold():
    conflict = a_conflict(a_mapping())
    anna, bert = a_user(name="anna"), a_user(name="bert")

    def claim():
        return together.claim(conflict.pk, anna, timezone.now())

    def decide():
        return resolve(conflict.pk, 1, LEFT, None, bert)

    def attempt(act):
        try:
            return act()
        except (Refused, Moved):
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        claimed, decided = pool.map(attempt, (claim, decide))

    assert (claimed is None) != (decided is None)
    stored = Conflict.objects.get()
    assert stored.state == (ConflictState.DECIDED if decided else ConflictState.OPEN)


def test_a_decision_on_an_item_that_another_works_on_is_refused_until_it_is_taken_over():
    conflict, anna, bert = a_conflict(a_mapping()), a_user(name="anna"), a_user(name="bert")
    together.claim(conflict.pk, anna, timezone.now())

    with pytest.raises(Refused, match="anna works on this"):
        resolve(conflict.pk, 1, LEFT, None, bert)
    together.claim(conflict.pk, bert, timezone.now(), over=anna.pk)
    decided = resolve(conflict.pk, 1, LEFT, None, bert)

    assert decided.state == ConflictState.DECIDED
    assert Conflict.objects.get().claimed_by is None


def test_nobody_signed_in_decides_over_a_claim_either():
    conflict = a_conflict(a_mapping())
    together.claim(conflict.pk, a_user(name="anna"), timezone.now())

    with pytest.raises(Refused):
        resolve(conflict.pk, 1, LEFT, None, None, "command line")


def test_a_holder_who_is_at_work_keeps_the_claim_and_nobody_elses():
    conflict, anna, bert, now = a_conflict(a_mapping()), a_user(), a_user(), timezone.now()
    together.claim(conflict.pk, anna, now)
    later = now + timedelta(minutes=5)

    together.renew(conflict.pk, bert, later)
    assert Conflict.objects.get().claimed_until == now + settings.CLAIM_FOR
    together.renew(conflict.pk, anna, later)

    assert Conflict.objects.get().claimed_until == later + settings.CLAIM_FOR
    assert len(notes()) == 1


def test_a_lapsed_claim_is_not_renewed():
    conflict, anna, now = a_conflict(a_mapping()), a_user(), timezone.now()
    together.claim(conflict.pk, anna, now)

    together.renew(conflict.pk, anna, now + settings.CLAIM_FOR)

    assert Conflict.objects.get().claimed_until == now + settings.CLAIM_FOR


def test_only_the_holder_gives_a_claim_up():
    conflict, anna, bert, now = a_conflict(a_mapping()), a_user(name="anna"), a_user(), timezone.now()
    together.claim(conflict.pk, anna, now)

    together.release(conflict.pk, bert, now)
    assert Conflict.objects.get().claimed_by == anna
    together.release(conflict.pk, anna, now)
    together.release(conflict.pk, anna, now)

    assert Conflict.objects.get().claimed_by is None
    assert notes() == [("anna", "claimed"), ("anna", "claim given up")]


def test_an_item_is_given_to_a_person_who_is_told_once():
    conflict, anna, bert = a_conflict(a_mapping()), a_user(name="anna"), a_user(RESOLVE, name="bert")

    for _ in range(2):
        together.assign(conflict.pk, bert, anna, timezone.now())

    assert Conflict.objects.get().assignee == bert
    assert notes() == [("anna", "assigned to bert")]
    assert [(event.kind, event.people) for event in Event.objects.all()] == [("assigned", [bert.pk])]


def test_who_takes_an_item_needs_not_be_told_and_it_can_be_nobodys_again():
    conflict, anna = a_conflict(a_mapping()), a_user(RESOLVE, name="anna")

    together.assign(conflict.pk, anna, anna, timezone.now())
    together.assign(conflict.pk, None, anna, timezone.now())

    assert Conflict.objects.get().assignee is None
    assert not Event.objects.exists()


@pytest.mark.parametrize("who", [{"staff": False}, {}])
def test_nobody_is_given_what_they_cannot_decide(who):
    conflict, anna = a_conflict(a_mapping()), a_user()
    other = a_user(*([RESOLVE] if who else []), **who)

    with pytest.raises(Invalid):
        together.assign(conflict.pk, other, anna, timezone.now())


def test_a_snoozed_item_is_away_and_comes_back_by_itself():
    conflict, anna, now = a_conflict(a_mapping()), a_user(name="anna"), timezone.now()
    until = now + timedelta(hours=2)

    together.snooze(conflict.pk, until, anna, now)

    assert not Conflict.objects.waiting().awake(until - timedelta(seconds=1)).exists()
    assert Conflict.objects.waiting().awake(until).get() == conflict


def test_a_snooze_can_be_ended_and_not_be_in_the_past():
    conflict, anna, now = a_conflict(a_mapping()), a_user(), timezone.now()
    together.snooze(conflict.pk, now + timedelta(hours=2), anna, now)

    together.snooze(conflict.pk, None, anna, now)

    assert Conflict.objects.awake(now).exists()
    for bad in (now, now - timedelta(days=1), now + timedelta(days=500)):
        with pytest.raises(Invalid):
            together.snooze(conflict.pk, bad, anna, now)


def test_nobody_puts_off_what_another_works_on():
    conflict, anna, bert, now = a_conflict(a_mapping()), a_user(name="anna"), a_user(), timezone.now()
    together.claim(conflict.pk, anna, now)

    with pytest.raises(Refused, match="anna works on this"):
        together.snooze(conflict.pk, now + timedelta(hours=1), bert, now)


def test_what_is_on_hold_is_decided_by_nobody_until_the_hold_is_lifted():
    conflict, anna, bert, now = (
        a_conflict(a_mapping()),
        a_user(name="anna"),
        a_user(name="bert"),
        timezone.now(),
    )
    together.hold(conflict.pk, " waits for the <b>lawyer</b> ", anna, now)

    for person in (anna, bert):
        with pytest.raises(Refused, match="On hold by anna: waits for the <b>lawyer</b>"):
            resolve(conflict.pk, 1, LEFT, None, person)
    together.lift(conflict.pk, bert, now)
    resolve(conflict.pk, 1, LEFT, None, bert)

    assert Conflict.objects.get().state == ConflictState.DECIDED
    assert notes() == [("anna", "put on hold"), ("bert", "hold of anna lifted")]


def test_a_hold_has_a_reason_and_is_not_written_over():
    conflict, anna, bert, now = a_conflict(a_mapping()), a_user(name="anna"), a_user(), timezone.now()
    with pytest.raises(Invalid):
        together.hold(conflict.pk, " \0 ", anna, now)
    together.hold(conflict.pk, "first", anna, now)
    together.hold(conflict.pk, "first", anna, now)

    with pytest.raises(Refused, match="anna holds it already: first"):
        together.hold(conflict.pk, "second", bert, now)

    assert Conflict.objects.get().hold_reason == "first"
    assert len(notes()) == 1


def test_nothing_is_done_together_on_what_is_settled():
    conflict, anna, now = a_conflict(a_mapping(), state="closed"), a_user(RESOLVE), timezone.now()

    for act in (
        lambda: together.claim(conflict.pk, anna, now),
        lambda: together.assign(conflict.pk, anna, anna, now),
        lambda: together.snooze(conflict.pk, now + timedelta(hours=1), anna, now),
        lambda: together.hold(conflict.pk, "why", anna, now),
    ):
        with pytest.raises(Moved):
            act()
    assert notes() == []


def test_the_journal_still_proves_itself_with_what_people_did():
    mapping = a_mapping()
    conflict, anna, now = a_conflict(mapping), a_user(RESOLVE, name="anna"), timezone.now()
    together.claim(conflict.pk, anna, now)
    together.assign(conflict.pk, anna, anna, now)
    together.hold(conflict.pk, "why", anna, now)
    together.lift(conflict.pk, anna, now)

    assert not prove(mapping).findings
