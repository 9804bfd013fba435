"""Who changed a record, where its system keeps that: told in the journal and the inbox, and nowhere else."""

import pytest

from conflicts import selectors
from conflicts.cards import card
from syncadmin.core.side import Side
from syncadmin.models import Resource

from .test_pass import ANNA, quiet


@pytest.fixture
def signed(world):
    """The world, with a CRM that keeps who changed a record last."""
    world.left.run("ALTER TABLE contacts ADD COLUMN changed_by text")
    Resource.objects.filter(pk=world.mapping.left_id).update(changed_by="changed_by")
    world.mapping.refresh_from_db()
    return world


def test_who_changed_a_value_is_on_its_card_and_in_the_journal(signed):
    left, right = signed.linked(**ANNA)
    signed.left.edit(left, phone="030 2", changed_by="  zoë\t")
    signed.right.edit(right, phone="030 3")
    signed.sync()

    (field,) = card(selectors.item(signed.open()[0].pk)).fields
    assert (field.left.who, field.right.who) == ("zoë", "")
    assert signed.history(kind="change", side="left", field="phone")[-1].actor == "zoë"
    assert signed.history(kind="disposition", side="left", field="phone")[-1].actor == ""


def test_who_changed_a_record_is_no_change_of_it(signed):
    left, right = signed.linked(**ANNA)
    signed.left.edit(left, changed_by="ben")
    done = signed.sync()

    assert "updated" not in done.counts
    assert "changed_by" not in signed.right.row(right)
    quiet(signed)


def test_the_card_of_a_deleted_record_shows_what_would_go_with_it_and_who_changed_that(signed):
    left, right = signed.linked(**ANNA)
    signed.right.delete(right)
    signed.left.edit(left, phone="030 5", changed_by="ben")
    signed.sync("reconcile")

    shown = card(selectors.item(signed.open()[0].pk))
    (field,) = shown.fields
    assert (field.name, field.base, field.left.value) == ("phone", "030 1", "030 5")
    assert (field.left.who, field.right.gone) == ("ben", True)
    assert field.left.moment is not None
    assert "goes with it" in next(option.effect for option in shown.options if option.danger)


def test_a_field_that_is_not_there_stops_the_pass_and_says_so(signed):
    Resource.objects.filter(pk=signed.mapping.resource(Side.LEFT).pk).update(changed_by="edited_by")
    done = signed.attempt()

    assert done.state == "failed"
    assert 'no field "edited_by"' in done.message
    assert "Correct `changed_by` of the resource" in done.message
