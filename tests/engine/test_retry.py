"""F09, F26: one bad record or one slow system holds nobody else; what can't be done goes to a person."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors import base
from connectors.sql import SqlConnector
from syncadmin.models import Health, MappingState, Mark
from syncadmin.ticker import due_states

from .test_pass import ANNA, quiet

BAD = "poison@example.com"


@pytest.fixture
def poison(monkeypatch):
    """The shop answers 'later' to every write to one record, for ever."""
    real = SqlConnector.write

    def write(self, resource, writes, *, fields):
        outcomes = real(self, resource, [w for w in writes if w.values.get("phone") != "bad"], fields=fields)
        rest = iter(outcomes)
        later = base.Outcome(base.Result.RETRY, said="busy", after=timedelta(seconds=0))
        return [later if w.values.get("phone") == "bad" else next(rest) for w in writes]

    monkeypatch.setattr(SqlConnector, "write", write)


def due_again() -> None:
    Mark.objects.update(not_before=timezone.now() - timedelta(seconds=1))


def test_f26_a_record_that_fails_is_put_off_and_the_rest_of_the_batch_goes_on(world, poison):
    bad, _ = world.linked(**ANNA | {"email": BAD})
    good_left, good_right = world.linked(**ANNA)
    world.left.edit(bad, phone="bad")
    world.left.edit(good_left, phone="good")
    world.sync()
    assert world.right.row(good_right)["phone"] == "good"
    assert Mark.objects.get().not_before > timezone.now()


def test_f09_a_record_that_fails_time_and_again_goes_to_the_inbox_with_the_systems_words(
    world, poison, staff
):
    bad_left, bad_right = world.linked(**ANNA | {"email": BAD})
    world.left.edit(bad_left, phone="bad")
    for _ in range(12):
        world.sync()
        due_again()
    (conflict,) = world.open()
    assert conflict.kind == "rejected"
    assert "busy" in conflict.said
    assert not Mark.objects.exists()
    world.sync("reconcile")
    assert len(world.open()) == 1
    world.pick(staff, conflict, phone=("value", "fine"))
    world.sync()
    assert world.right.row(bad_right)["phone"] == "fine"
    quiet(world)


def test_reading_a_record_again_does_not_make_it_more_urgent(world, poison):
    bad, _ = world.linked(**ANNA | {"email": BAD})
    world.left.edit(bad, phone="bad")
    world.sync()
    Mark.objects.update(not_before=timezone.now() + timedelta(hours=1))
    world.sync("reconcile")
    assert Mark.objects.get().not_before > timezone.now() + timedelta(minutes=50)


def test_a_system_that_is_away_is_left_alone_for_a_growing_while_and_tried_again(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    system = world.mapping.right.system
    good = system.config
    system.config = {"url": "postgresql://nobody:x@127.0.0.1:1/none"}
    system.save()
    world.attempt()
    first = Health.objects.get(system=system)
    assert first.failures == 1
    assert not due_states(timezone.now()).filter(mapping=world.mapping).exists()
    world.attempt()
    assert Health.objects.get(system=system).failures == 2
    assert due_states(timezone.now() + timedelta(minutes=5)).filter(mapping=world.mapping).exists()
    system.config = good
    system.save()
    world.sync()
    assert Health.objects.get(system=system).failures == 0
    assert world.right.row(right)["phone"] == "030 2"


def test_no_record_is_made_while_its_likely_partner_gives_no_answer(world, monkeypatch):
    """It was listed, it can't be asked for by its value, and a read by its key says nothing of it for now."""
    world.right.add(**ANNA | {"email": "other@example.com"})
    world.left.add(**ANNA)
    mute = str(world.right.add(**ANNA | {"phone": "9"}))
    real = SqlConnector.fetch

    def fetch(self, resource, keys, *, fields):
        return real(self, resource, [key for key in keys if key != mute], fields=fields)

    with monkeypatch.context() as patch:
        patch.setattr(SqlConnector, "fetch", fetch)
        patch.setattr(SqlConnector, "find", lambda *_, **__: [])
        world.sync()
    assert [row["email"] for row in world.right.rows()].count(ANNA["email"]) == 1

    due_again()
    world.sync()
    assert [row["email"] for row in world.right.rows()].count(ANNA["email"]) == 1
    assert [item.kind for item in world.open()] == ["field"]


def test_f26_a_comparison_that_has_spent_its_share_of_the_day_leaves_the_live_passes_alone(
    world, monkeypatch
):
    left, right = world.linked(**ANNA)

    def spent(self, resource, *_, **__):
        raise base.Spent("the 50 % for a verify are made", after=timedelta(hours=5), system="crm")

    with monkeypatch.context() as patch:
        patch.setattr(SqlConnector, "sums", spent)
        assert world.attempt("reconcile").state == "failed"
    assert not Health.objects.exclude(open_until=None).exists()
    state = MappingState.objects.get(mapping=world.mapping)
    assert state.next_reconcile > timezone.now() + timedelta(hours=4)
    world.left.edit(left, phone="7")
    assert world.sync().kind == "incremental"
    assert world.right.row(right)["phone"] == "7"
