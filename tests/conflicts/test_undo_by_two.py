"""What took two people takes two to undo: it is proposed, and another person approves or declines it."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from conflicts import intake
from conflicts.models import Answer, BulkRun, Conflict, Decision, SecondLook
from conflicts.services import FieldChoice, Moved, Refused, bulk, resolve
from conflicts.services.second_look import approve, ask, decline, propose_undo
from conflicts.services.undo import undo
from conflicts.undoable import Fate, latest, look
from syncadmin.core import plan as core
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from syncadmin.models import Entry, Event, FieldMapping
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
LEFT = {"phone": FieldChoice(PickKind.LEFT)}


def guard(*names):
    FieldMapping.objects.filter(name__in=names or ["phone"]).update(two_people=True)


def by_two(anna, bert):
    """An item that Anna and Bert have decided together, not written yet."""
    conflict = a_conflict(a_mapping())
    guard()
    resolve(conflict.pk, 1, LEFT, None, anna)
    return approve(conflict.pk, conflict.second_looks.get().pk, bert, timezone.now())


def numbers(conflict):
    """Its last decision, as a person who saw nothing moved would propose to undo it."""
    return dict.fromkeys(latest(conflict).values_list("pk", flat=True))


@pytest.fixture
def people():
    return a_user(name="anna"), a_user(name="bert")


def test_one_person_alone_cannot_undo_it(people):
    anna, bert = people
    conflict = by_two(anna, bert)

    for person in people:
        left = undo(list(numbers(conflict)), person).left
        assert [each.fate for each in left] == [Fate.TWO_PEOPLE]

    conflict.refresh_from_db()
    assert conflict.state == "decided"
    assert not Entry.objects.filter(rule__startswith="undo of").exists()


def test_one_proposes_and_the_other_undoes_it(people):
    anna, bert = people
    conflict = by_two(anna, bert)

    propose_undo(conflict.pk, numbers(conflict), bert, timezone.now())
    proposal = conflict.second_looks.get(answer="")
    assert Conflict.objects.get().state == "decided"
    approve(conflict.pk, proposal.pk, anna, timezone.now(), "wrong customer")

    conflict.refresh_from_db()
    proposal.refresh_from_db()
    assert (conflict.state, conflict.second_look) == ("open", "")
    assert (proposal.answer, proposal.answered_by, proposal.comment) == ("approved", anna, "wrong customer")
    assert Entry.objects.get(rule__startswith="undo of").actor == "anna"
    told = Entry.objects.filter(kind="note").order_by("seq").values_list("actor", "rule")
    assert [(who, rule.partition(": ")[2]) for who, rule in told][-2:] == [
        ("bert", "undo proposed"),
        ("anna", "undo of bert approved"),
    ]
    assert Event.objects.filter(kind="answered", people=[bert.pk]).exists()


def test_who_proposed_the_undo_cannot_approve_it(people):
    anna, bert = people
    conflict = by_two(anna, bert)
    propose_undo(conflict.pk, numbers(conflict), anna, timezone.now())

    with pytest.raises(Refused, match="another person"):
        approve(conflict.pk, conflict.second_looks.get(answer="").pk, anna, timezone.now())

    assert Conflict.objects.get().state == "decided"


def test_proposed_twice_it_is_one_and_another_one_has_to_wait(people):
    anna, bert = people
    conflict = by_two(anna, bert)
    for _ in range(2):
        propose_undo(conflict.pk, numbers(conflict), anna, timezone.now())

    with pytest.raises(Refused, match="anna has proposed"):
        propose_undo(conflict.pk, numbers(conflict), bert, timezone.now())

    assert SecondLook.objects.filter(answer="").count() == 1
    assert Entry.objects.filter(rule__endswith="undo proposed").count() == 1


def test_declined_it_stays_as_it_was_decided(people):
    anna, bert = people
    conflict = by_two(anna, bert)
    propose_undo(conflict.pk, numbers(conflict), anna, timezone.now())

    decline(conflict.pk, conflict.second_looks.get(answer="").pk, bert, timezone.now(), "it is right")

    conflict.refresh_from_db()
    assert (conflict.state, conflict.second_look) == ("decided", "")
    propose_undo(conflict.pk, numbers(conflict), anna, timezone.now())


def test_a_decision_on_request_of_two_takes_two_as_well(people):
    anna, bert = people
    conflict = a_conflict(a_mapping())
    ask(conflict.pk, "", anna, timezone.now())
    resolve(conflict.pk, 1, LEFT, None, bert)

    assert [each.two_people for each in look(latest(conflict))] == [True]
    assert undo(list(numbers(conflict)), bert).left


def test_what_one_decided_takes_two_once_its_field_does(people):
    conflict = a_conflict(a_mapping())
    resolve(conflict.pk, 1, LEFT, None, people[0])
    assert [each.two_people for each in look(latest(conflict))] == [False]

    guard()

    assert undo(list(numbers(conflict)), people[0]).left


def test_the_undo_of_a_bulk_run_leaves_out_what_takes_two(people):
    conflict = a_conflict(a_mapping())
    run = bulk.start(Rule.LEFT, people[0], ticked=[conflict.pk])
    bulk.prepare(run.pk)
    bulk.confirm(run.pk)
    bulk.step(run.pk)
    before = bulk.start_undo(run, people[0])
    bulk.prepare(before.pk)
    guard()
    after = bulk.start_undo(run, people[0])
    bulk.prepare(after.pk)
    assert after.items.get().reason == Fate.TWO_PEOPLE

    bulk.confirm(before.pk)
    bulk.step(before.pk)

    assert before.items.get().reason == Fate.TWO_PEOPLE, "guarded after its preview"
    assert Conflict.objects.get().state == "decided"
    assert BulkRun.objects.get(pk=before.pk).decided == 0


def test_a_decision_that_comes_back_voids_the_undo_that_was_proposed(people):
    conflict = by_two(*people)
    propose_undo(conflict.pk, numbers(conflict), people[0], timezone.now())
    item = intake.live_by_link([conflict.link_id])[conflict.link_id]
    again = core.Conflict(
        core.ConflictKind.FIELD,
        "both",
        fields=(core.FieldConflict("phone", "new", "+49 30 9999", ("1", "1"), "both", moved=True),),
    )
    report = intake.Report(again, conflict.link_id, None, "", "Ada", {}, live=item)

    intake.receive(conflict.mapping_id, [report], timezone.now())

    conflict.refresh_from_db()
    assert (conflict.state, conflict.second_look) == ("open", "")
    assert conflict.second_looks.latest("pk").answer == Answer.VOID


def test_a_proposed_undo_outlives_the_writing_of_its_decision(people):
    conflict = by_two(*people)
    propose_undo(conflict.pk, numbers(conflict), people[0], timezone.now())

    intake.close({conflict.pk: "decided"}, timezone.now())

    conflict.refresh_from_db()
    assert (conflict.state, conflict.second_look) == ("closed", "proposed")
    assert conflict.second_looks.latest("pk").answer == ""


def test_a_proposal_for_an_item_that_closes_by_itself_is_void(people):
    conflict = a_conflict(a_mapping())
    guard()
    resolve(conflict.pk, 1, LEFT, None, people[0])

    intake.close({conflict.pk: "both sides agree"}, timezone.now())

    conflict.refresh_from_db()
    assert (conflict.second_look, conflict.second_looks.get().answer) == ("", Answer.VOID)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_approve_undoes_once(people):
    anna, bert = people
    conflict = by_two(anna, bert)
    propose_undo(conflict.pk, numbers(conflict), anna, timezone.now())
    proposal = conflict.second_looks.get(answer="")

    def click(_):
        try:
            approve(conflict.pk, proposal.pk, bert, timezone.now())
        except Moved:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(click, range(2))) == [False, True]

    assert Entry.objects.filter(rule__startswith="undo of").count() == 1


def test_on_the_command_line_it_is_proposed(people):
    conflict = by_two(*people)
    out = io.StringIO()

    call_command("undo", str(conflict.pk), user="anna", stdout=out)

    assert "its undo waits for another one to approve it" in out.getvalue()
    assert Conflict.objects.get().state == "decided"
    assert conflict.second_looks.get(answer="").asked_by == people[0]


# ---------------------------------------------------------------- in the browser


def undo_now(client, conflict):
    at = f"{latest(conflict).first().at.timestamp():.6f}"
    return client.post(reverse("conflicts:undo-now", args=[conflict.pk]), {"at": at}, **HTMX).text


def test_the_undo_of_a_toast_is_only_proposed_and_the_card_shows_it(reviewer, people):
    conflict = by_two(*people)

    assert "undo is proposed: it took two people" in undo_now(reviewer, conflict)

    assert Conflict.objects.get().state == "decided"
    card = reviewer.get(reverse("conflicts:detail", args=[conflict.pk])).text
    assert "You have proposed to undo:" in card
    assert "Phone: CRM" in card
    assert "undo/now/" not in card
    assert "has proposed to undo this" in reviewer.get(reverse("conflicts:undo", args=[conflict.pk])).text


def test_the_other_approves_it_on_the_card(client, reviewer, people):
    conflict = by_two(*people)
    propose_undo(conflict.pk, numbers(conflict), people[0], timezone.now())
    answer = reverse("conflicts:answer", args=[conflict.pk])
    proposal = conflict.second_looks.get(answer="")
    assert "anna has proposed to undo:" in reviewer.get(reverse("conflicts:detail", args=[conflict.pk])).text

    shown = reviewer.post(answer, {"look": proposal.pk, "answer": "approve"}, **HTMX)

    assert Conflict.objects.get().state == "open"
    assert 'name="revision"' in shown.text


def test_looked_at_closely_it_is_proposed_too(reviewer, people):
    conflict = by_two(*people)
    [number] = numbers(conflict)
    address = reverse("conflicts:undo", args=[conflict.pk])
    assert "Propose to undo what is ticked" in reviewer.get(address).text

    reviewer.post(address, {"decision": number, f"seen-{number}": "[null, null]"})

    assert Conflict.objects.get().state == "decided"
    assert conflict.second_looks.get(answer="").picks == {"undo": [number], "over": {}}


def test_who_may_only_look_can_neither_propose_nor_approve(auditor, people):
    conflict = by_two(*people)
    at = f"{latest(conflict).first().at.timestamp():.6f}"
    propose = reverse("conflicts:undo-now", args=[conflict.pk])
    assert auditor.post(propose, {"at": at}, **HTMX).status_code == 403
    propose_undo(conflict.pk, numbers(conflict), people[0], timezone.now())
    answer = reverse("conflicts:answer", args=[conflict.pk])
    proposal = conflict.second_looks.get(answer="")
    assert auditor.post(answer, {"look": proposal.pk, "answer": "approve"}, **HTMX).status_code == 403
    assert Decision.objects.filter(undone_at=None).exists()
