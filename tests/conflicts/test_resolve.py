"""The resolve service: what a decision stores, and when it is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from conflicts import services
from conflicts.models import Conflict, ConflictState
from conflicts.services import FieldChoice, Invalid, Moved, RecordChoice, resolve
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.models import Entry, FieldMapping, Mark
from tests.builders import a_conflict, a_mapping, a_user, an_ambiguous_match

pytestmark = pytest.mark.django_db

LEFT = FieldChoice(PickKind.LEFT)
RIGHT = FieldChoice(PickKind.RIGHT)


def typed(text: str) -> FieldChoice:
    return FieldChoice(PickKind.VALUE, text)


def test_a_pick_is_stored_with_the_values_that_were_seen():
    conflict = a_conflict(a_mapping())
    user = a_user()

    resolve(conflict.pk, conflict.revision, {"phone": LEFT}, None, user)

    conflict.refresh_from_db()
    assert conflict.state == ConflictState.DECIDED
    assert conflict.decided_by == user
    assert conflict.fields.get().pick == {
        "kind": "left",
        "value": None,
        "seen_left": "+49 30 1234",
        "seen_right": "+49 30 9999",
        "ancestor": None,
    }


def test_a_decision_marks_both_records_dirty_and_makes_the_mapping_due():
    mapping = a_mapping()
    conflict = a_conflict(mapping)
    already = Mark.objects.create(mapping=mapping, side="left", key=conflict.link.left_key, generation=7)

    resolve(conflict.pk, 1, {"phone": RIGHT}, None, a_user())

    already.refresh_from_db()
    assert already.generation == 8
    keys = set(Mark.objects.values_list("side", "key", "reason"))
    assert keys == {
        ("left", conflict.link.left_key, "decision"),
        ("right", conflict.link.right_key, "decision"),
    }
    mapping.state.refresh_from_db()
    assert mapping.state.next_due <= timezone.now()


def test_a_decision_on_an_unlinked_record_marks_that_record():
    conflict = an_ambiguous_match(a_mapping())

    resolve(conflict.pk, 1, {}, RecordChoice(RecordPickKind.LINK, "R-2"), a_user())

    assert list(Mark.objects.values_list("side", "key")) == [("left", conflict.key)]
    conflict.refresh_from_db()
    assert conflict.decision == {
        "kind": "link",
        "key": "R-2",
        "seen": {"left": {"name": "Ada Lovelace", "phone": "+49 30 1"}},
    }


def test_a_decision_is_in_the_journal_with_who_made_it():
    conflict = a_conflict(a_mapping())
    conflict.fields.update(left_seq=41)

    resolve(conflict.pk, 1, {"phone": LEFT}, None, a_user(name="anna"))

    entry = Entry.objects.get(kind="decision")
    assert (entry.actor, entry.field, entry.new, entry.of) == ("anna", "phone", '"+49 30 1234"', 41)
    assert entry.link_id == conflict.link_id
    assert "left" in entry.rule


def test_fields_without_a_pick_stay_open():
    fields = {"phone": ("1", "0", "2"), "credit": ("1.00", "0.00", "2.00")}
    conflict = a_conflict(a_mapping(), fields=fields)

    resolve(conflict.pk, 1, {"credit": RIGHT}, None, a_user())

    picks = dict(conflict.fields.values_list("field", "pick"))
    assert picks["phone"] is None
    assert picks["credit"]["kind"] == "right"


def test_a_pick_of_an_earlier_decision_does_not_stay_behind():
    conflict = a_conflict(a_mapping(), fields={"phone": ("1", "0", "2"), "credit": ("1.00", "0.00", "2.00")})
    conflict.fields.filter(field="phone").update(
        pick={"kind": "left", "seen_left": "old", "seen_right": "old"}
    )

    resolve(conflict.pk, 1, {"credit": RIGHT}, None, a_user())

    assert conflict.fields.get(field="phone").pick is None


def test_a_decision_on_another_revision_is_refused_with_the_item_as_it_is_now():
    conflict = a_conflict(a_mapping(), revision=3)

    with pytest.raises(Moved) as moved:
        resolve(conflict.pk, 2, {"phone": LEFT}, None, a_user())

    assert moved.value.conflict.revision == 3
    assert not Mark.objects.exists()
    assert not Entry.objects.exists()


@pytest.mark.parametrize("state", ["decided", "closed"])
def test_a_decision_on_an_item_that_is_no_longer_open_is_refused(state):
    conflict = a_conflict(a_mapping(), state=state)

    with pytest.raises(Moved):
        resolve(conflict.pk, 1, {"phone": LEFT}, None, a_user())


def test_a_double_submit_is_stored_once():
    conflict = a_conflict(a_mapping())
    user = a_user()

    resolve(conflict.pk, 1, {"phone": LEFT}, None, user)
    with pytest.raises(Moved):
        resolve(conflict.pk, 1, {"phone": RIGHT}, None, user)

    assert conflict.fields.get().pick["kind"] == "left"
    assert Entry.objects.filter(kind="decision").count() == 1


def test_nothing_picked_is_said():
    conflict = a_conflict(a_mapping())

    with pytest.raises(Invalid, match="Nothing is picked"):
        resolve(conflict.pk, 1, {}, None, a_user())


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("phone", "+49 30 5", "+49 30 5"),
        ("visits", " 42 ", 42),
        ("credit", "1250.5", "1250.50"),
        ("credit", "", None),
        ("active", "yes", True),
        ("active", "no", False),
        ("born", "1815-12-10", "1815-12-10"),
        ("seen", "2026-03-31 14:05", "2026-03-31T14:05:00.000000Z"),
        ("tags", "vip\n\nnews\nvip", ["news", "vip"]),
        ("tags", "", []),
        ("status", "shut", "shut"),
        ("status", "2", "shut"),
        ("extra", '{"b": 1, "a": [2]}', {"a": [2], "b": 1}),
    ],
)
def test_a_typed_value_is_stored_in_canonical_form(field, text, value):
    conflict = a_conflict(a_mapping(), fields={field: (None, None, None)})

    resolve(conflict.pk, 1, {field: typed(text)}, None, a_user())

    assert conflict.fields.get().pick["value"] == value


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("visits", "many", "a whole number"),
        ("credit", "12,50", "a number, such as 1250.00"),
        ("credit", "1.999", "2 digits after the point"),
        ("active", "perhaps", "yes or no"),
        ("born", "31.12.2024", "a date, such as"),
        ("born", "2024-02-30", "a date, such as"),
        ("seen", "yesterday", "a date and time"),
        ("status", "ajar", "not one of the choices: open, shut"),
        ("extra", "{", "not valid JSON"),
    ],
)
def test_a_typed_value_that_does_not_fit_is_refused_in_plain_words(field, text, message):
    conflict = a_conflict(a_mapping(), fields={field: (None, None, None)})

    with pytest.raises(Invalid) as invalid:
        resolve(conflict.pk, 1, {field: typed(text)}, None, a_user())

    assert message in invalid.value.errors[field]
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN


def test_a_reference_cannot_be_typed():
    mapping = a_mapping()
    FieldMapping.objects.filter(name="phone").update(type="reference")

    with pytest.raises(Invalid, match="cannot be typed"):
        resolve(a_conflict(mapping).pk, 1, {"phone": typed("17")}, None, a_user())


def test_the_value_last_agreed_cannot_be_picked_where_there_is_none():
    conflict = a_conflict(a_mapping(), fields={"phone": ("1", "2")})

    with pytest.raises(Invalid, match="no value last agreed"):
        resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.BASE)}, None, a_user())


def test_a_field_that_is_not_in_conflict_cannot_be_picked():
    with pytest.raises(Invalid, match="nothing to decide on field “credit”; open: phone"):
        resolve(a_conflict(a_mapping()).pk, 1, {"credit": LEFT}, None, a_user())


def test_fields_of_one_group_are_decided_together():
    mapping = a_mapping()
    FieldMapping.objects.filter(name__in=["phone", "credit"]).update(group="contact")
    conflict = a_conflict(mapping, fields={"phone": ("1", "0", "2"), "credit": ("1.00", "0.00", "2.00")})

    with pytest.raises(Invalid, match="Decided together: phone, credit"):
        resolve(conflict.pk, 1, {"phone": LEFT}, None, a_user())
    with pytest.raises(Invalid, match="from one side"):
        resolve(conflict.pk, 1, {"phone": LEFT, "credit": RIGHT}, None, a_user())
    resolve(conflict.pk, 1, {"phone": LEFT, "credit": LEFT}, None, a_user())


@pytest.mark.parametrize(
    ("kind", "choice"),
    [
        ("field", RecordPickKind.DELETE),
        ("ambiguous match", RecordPickKind.RESTORE),
        ("deleted / changed", RecordPickKind.CREATE),
        ("left scope", RecordPickKind.RETRY),
        ("rejected", RecordPickKind.IGNORE),
    ],
)
def test_a_record_level_choice_must_fit_the_kind(kind, choice):
    conflict = a_conflict(a_mapping(), kind, side="left", key="L1")

    with pytest.raises(Invalid, match="no choice for this kind"):
        resolve(conflict.pk, 1, {}, RecordChoice(choice), a_user())


def test_only_candidates_can_be_linked():
    conflict = an_ambiguous_match(a_mapping())

    with pytest.raises(Invalid, match="not among the candidates: R-1, R-2"):
        resolve(conflict.pk, 1, {}, RecordChoice(RecordPickKind.LINK, "R-9"), a_user())


def test_a_candidate_that_was_linked_meanwhile_cannot_be_linked():
    mapping = a_mapping()
    conflict = an_ambiguous_match(mapping)
    mapping.links.create(left_key="L-other", right_key="R-1", left_shadow=b"\x80")

    with pytest.raises(Invalid, match="linked to another record already"):
        resolve(conflict.pk, 1, {}, RecordChoice(RecordPickKind.LINK, "R-1"), a_user())


def test_the_mapping_is_locked_before_the_item(django_assert_max_num_queries):
    """The engine locks in this order; the other way round, both could wait for each other."""
    conflict = a_conflict(a_mapping())
    locked: list[str] = []

    def watch(execute, sql, params, many, context):
        if sql.startswith("SELECT") and ("FOR UPDATE" in sql or connection.vendor == "sqlite"):
            locked.extend(t for t in ("syncadmin_mappingstate", "conflicts_conflict") if f'FROM "{t}"' in sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch), django_assert_max_num_queries(25):
        resolve(conflict.pk, 1, {"phone": LEFT}, None, a_user())

    assert locked.index("syncadmin_mappingstate") < len(locked) - 1 - locked[::-1].index("conflicts_conflict")


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_decides_and_the_other_is_told():
    conflict = a_conflict(a_mapping())
    users = {"left": a_user(name="left"), "right": a_user(name="right")}

    def decide(side: str) -> str:
        try:
            services.resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind(side))}, None, users[side])
        except Moved:
            return "told"
        finally:
            connection.close()
        return side

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(decide, users))

    assert answers.count("told") == 1
    winner = next(answer for answer in answers if answer != "told")
    stored = Conflict.objects.get(pk=conflict.pk)
    assert stored.decided_by == users[winner]
    assert stored.fields.get().pick["kind"] == winner
    assert Entry.objects.filter(kind="decision").count() == 1
