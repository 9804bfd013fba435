"""What the engine tells the inbox: items are refreshed, and never overrule a person who was faster."""

from __future__ import annotations

import pytest
from django.utils import timezone

from conflicts import intake
from conflicts.intake import Report
from conflicts.models import Conflict, ConflictState
from conflicts.services import FieldChoice, resolve
from syncadmin.core.plan import Conflict as Question
from syncadmin.core.plan import ConflictKind, FieldConflict, PickKind
from syncadmin.core.side import Side
from tests.builders import a_conflict, a_link, a_mapping, a_user

pytestmark = pytest.mark.django_db


def report(live: Conflict | None, right: str, *, moved: bool = False, **more) -> Report:
    field = FieldConflict(
        "phone", "+49 30 1234", right, ("+49 30 1000", "+49 30 1000"), "both changed", moved
    )
    question = Question(ConflictKind.FIELD, "both changed", fields=(field,), moved=moved)
    values = {"conflict": question, "link_id": live and live.link_id, "side": None, "key": "", "label": "Ada"}
    return Report(**{**values, "snapshot": {}, "live": live, **more})


def test_new_values_refresh_the_item_and_void_what_was_seen_before():
    conflict = a_conflict(a_mapping())

    intake.receive(conflict.mapping_id, [report(conflict, "+49 30 5555")], timezone.now())

    conflict.refresh_from_db()
    assert (conflict.revision, conflict.state) == (2, ConflictState.OPEN)
    assert conflict.fields.get().right == "+49 30 5555"


def test_an_item_that_comes_back_keeps_what_the_person_saw():
    conflict = a_conflict(a_mapping())
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, a_user())
    decided = Conflict.objects.get(pk=conflict.pk)

    intake.receive(conflict.mapping_id, [report(decided, "+49 30 5555", moved=True)], timezone.now())

    conflict.refresh_from_db()
    assert (conflict.state, conflict.moved) == (ConflictState.OPEN, True)
    assert conflict.fields.get().pick["seen_right"] == "+49 30 9999"


def test_a_decision_made_while_the_engine_was_reading_is_kept():
    conflict = a_conflict(a_mapping())
    as_read = Conflict.objects.get(pk=conflict.pk)
    resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.LEFT)}, None, a_user())

    intake.receive(conflict.mapping_id, [report(as_read, "+49 30 5555")], timezone.now())

    conflict.refresh_from_db()
    assert conflict.state == ConflictState.DECIDED
    assert conflict.fields.get().pick["kind"] == "left"


def test_a_linked_item_knows_the_side_it_is_about():
    mapping = a_mapping()
    question = Question(ConflictKind.DELETE_REVIEW, "the left side deleted it", Side.LEFT)
    link = a_link(mapping)

    intake.receive(
        mapping.pk, [report(None, "", conflict=question, link_id=link.pk, label="x" * 500)], timezone.now()
    )

    conflict = Conflict.objects.get()
    assert conflict.side == "left"
    assert len(conflict.label) == intake.LABEL
