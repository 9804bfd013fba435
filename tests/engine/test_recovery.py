"""A worker that dies between any two steps: the next pass finishes its work, and nothing is done twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.base import Op, Outcome
from connectors.sql.connector import SqlConnector
from syncadmin.core.asked import BACK, COUNTED, LATE, LATE_DELETE
from syncadmin.core.matching import IN_DOUBT, VANISHED
from syncadmin.embedded import wait_until
from syncadmin.engine import lease, run, store, write
from syncadmin.engine.prove import prove
from syncadmin.models import Intent, Link, MappingState, Mark
from tests.builders import a_mapping

from .test_pass import ANNA, quiet

BEN = {"email": "ben@example.com", "phone": "040 2", "city": "Hamburg", "tags": "", "points": 7}


class Died(BaseException):
    """The worker is gone: nothing more of it runs."""


def die(*_: object, **__: object) -> None:
    raise Died


def kill_at(world, monkeypatch, module, name: str) -> None:
    """One pass whose worker dies where `module.name` would be called; its lease runs out."""
    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        patch.setattr(lease.Lease, "release", lambda self: None)
        with pytest.raises(Died):
            run.run_pass(world.mapping.pk)
    MappingState.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


STEPS = {
    "before the plan is stored": (store, "store_plans"),
    "after the plan is stored, before anything is sent": (write, "send"),
    "after everything was sent, before an answer is stored": (run, "store_outcomes"),
}


@pytest.mark.parametrize("step", STEPS)
def test_an_update_survives_the_death_of_its_worker(world, monkeypatch, step):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    kill_at(world, monkeypatch, *STEPS[step])
    world.sync()
    assert world.right.row(right)["phone"] == "030 2"
    change = world.history(kind="change", field="phone")
    assert len(change) == 1
    final = [e.disposition for e in world.history(of=change[0].seq)]
    assert final == ["propagated"]
    quiet(world)


@pytest.mark.parametrize("step", STEPS)
def test_f03_a_create_is_not_repeated_after_the_death_of_its_worker(world, monkeypatch, step):
    world.sync()
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, *STEPS[step])
    world.sync()
    assert [row["email"] for row in world.right.rows()] == [ANNA["email"]]
    assert Link.objects.count() == 1
    quiet(world)


@pytest.mark.parametrize("step", STEPS)
def test_a_delete_survives_the_death_of_its_worker(world, monkeypatch, step):
    left, _right = world.linked(**ANNA)
    world.set(deletes="propagate")
    world.left.delete(left)
    world.mapping.state.next_reconcile = timezone.now()
    MappingState.objects.update(next_reconcile=timezone.now())
    kill_at(world, monkeypatch, *STEPS[step])
    world.sync("reconcile")
    assert world.right.rows() == []
    quiet(world)


def test_a_write_that_was_sent_before_the_death_and_then_edited_over_is_a_fresh_change(world, monkeypatch):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    kill_at(world, monkeypatch, run, "store_outcomes")
    world.right.edit(right, phone="030 9")
    world.sync()
    assert Intent.objects.count() == 0
    assert world.right.row(right)["phone"] == "030 9"
    assert world.left.row(left)["phone"] in ("030 2", "030 9")
    if world.left.row(left)["phone"] == "030 2":
        assert [f.field for f in world.open()[0].fields.all()] == ["phone"]


def test_a_write_that_arrived_and_was_edited_in_part_since_is_not_taken_for_a_change_of_its_own(
    world, monkeypatch
):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2", city="Bonn")
    kill_at(world, monkeypatch, run, "store_outcomes")
    world.right.edit(right, city="Ulm")
    world.left.edit(left, phone="030 3")
    world.sync()
    assert world.left.row(left)["phone"] == world.right.row(right)["phone"] == "030 3"
    assert [f.field for item in world.open() for f in item.fields.all()] == ["city"]


def test_a_count_that_somebody_else_has_added_to_as_much_is_not_taken_for_the_write_in_doubt(
    world, monkeypatch
):
    left, right = world.linked(**ANNA | {"points": 5})
    world.left.edit(left, phone="030 2", points=7)
    kill_at(world, monkeypatch, write, "send")
    world.right.edit(right, points=7)
    world.sync()
    assert {f.field: f.reason for item in world.open() for f in item.fields.all()}["points"] == COUNTED
    assert prove(world.mapping, live=True).findings == []


def test_a_record_that_was_found_its_partner_while_its_create_was_put_off_is_accounted_for_once(
    world, monkeypatch
):
    world.sync()
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, write, "send")
    world.right.add(**ANNA)
    world.sync("reconcile")
    assert Link.objects.count() == 1
    assert not prove(world.mapping, live=True).findings
    quiet(world)


def test_a_copy_that_was_deleted_before_anybody_knew_it_for_one_is_not_made_again_unasked(
    world, monkeypatch, staff
):
    world.sync()
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, run, "store_outcomes")
    copy = world.right.rows()[0]["id"]
    world.right.edit(copy, email="other@example.com", phone="030 9")
    world.sync()
    assert {item.reason for item in world.open()} == {IN_DOUBT}
    world.right.delete(copy)
    world.sync("reconcile")
    assert world.right.rows() == []
    (item,) = world.open()
    assert item.reason == VANISHED
    world.choose(staff, item, "create")
    world.sync()
    assert [row["email"] for row in world.right.rows()] == [ANNA["email"]]
    assert not world.open()
    quiet(world)


def test_a_record_that_a_create_may_have_made_waits_until_that_is_known(world, monkeypatch):
    world.sync()
    source = world.left.add(**ANNA)
    kill_at(world, monkeypatch, run, "store_outcomes")
    later = timezone.now() + timedelta(hours=1)
    mark = Mark.objects.filter(side="left", key=str(source))
    assert mark.update(not_before=later, attempts=1) == 1
    copy = world.right.rows()[0]["id"]
    world.right.edit(copy, email="other@example.com")
    world.sync()
    assert len(world.left.rows()) == len(world.right.rows()) == 1
    mark.update(not_before=timezone.now())
    Mark.objects.update(not_before=timezone.now())
    world.sync()
    assert len(world.left.rows()) == len(world.right.rows()) == 1


@pytest.fixture
def remembering(monkeypatch):
    """Systems that know idempotency keys: a create that they have done they answer from memory."""
    memory: dict[str, Outcome] = {}
    can, write_rows = SqlConnector.capabilities, SqlConnector.write

    def remembered(self, resource, writes, *, fields):
        for sent in writes:
            if sent.op is not Op.CREATE or sent.idempotency not in memory:
                (memory[sent.idempotency or str(sent.key)],) = write_rows(
                    self, resource, [sent], fields=fields
                )
        return [memory[sent.idempotency or str(sent.key)] for sent in writes]

    monkeypatch.setattr(SqlConnector, "capabilities", lambda *a: replace(can(*a), idempotent=True))
    monkeypatch.setattr(SqlConnector, "write", remembered)
    return memory


@pytest.mark.parametrize("order", [(ANNA, BEN), (BEN, ANNA)], ids=["old answer first", "old answer last"])
def test_of_two_creates_answered_with_one_key_the_older_record_is_gone(
    world, monkeypatch, remembering, order
):
    world.sync()
    world.set(deletes="review")
    ids = {values["email"]: world.left.add(**values) for values in order}
    kill_at(world, monkeypatch, run, "store_outcomes")
    anna = next(row["id"] for row in world.right.rows() if row["email"] == ANNA["email"])
    for row in world.right.rows():
        world.right.delete(row["id"])
    ben = next(key for key, told in remembering.items() if told.key != str(anna))
    del remembering[ben]  # it never arrived: done now, it is given the key that Anna's copy had
    world.right.run("DELETE FROM sqlite_sequence")
    world.right.run("INSERT INTO sqlite_sequence VALUES ('contacts', :last)", last=anna - 1)
    world.sync()
    world.sync("reconcile")
    assert [(row["id"], row["email"]) for row in world.right.rows()] == [(anna, BEN["email"])]
    assert Link.objects.get(left_key=ids[BEN["email"]]).right_key == str(anna)
    assert Link.objects.get(left_key=ids[ANNA["email"]]).right_key.startswith("gone:")
    assert [item.kind for item in world.open()] == ["delete"]
    assert not prove(world.mapping, live=True).findings


def test_a_worker_that_lost_its_lease_can_store_nothing(world, monkeypatch):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    real = write.send

    def paused(*args: object) -> None:
        """Another worker takes over and finishes while this one sleeps."""
        MappingState.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        monkeypatch.setattr(write, "send", real)
        world.sync()

    monkeypatch.setattr(write, "send", paused)
    lost = world.attempt()
    assert lost.state == "lost"
    assert world.right.row(right)["phone"] == "030 2"
    assert len(world.history(kind="write", field="phone")) == 1
    quiet(world)


def test_a_late_write_that_was_given_up_for_a_question_overrides_by_its_own_rule(world, monkeypatch):
    left, right = world.linked(**ANNA)
    world.set_field("phone", merge="prefer left")
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 9")
    real = write.send

    def slow(*args: object) -> None:
        """Taken for dead; the next worker asks, as the record was touched; then it writes after all."""
        MappingState.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        monkeypatch.setattr(write, "send", real)
        world.right.edit(right, city="Ulm")
        world.sync()
        assert [f.reason for item in world.open() for f in item.fields.all()] == [BACK]
        real(*args)

    monkeypatch.setattr(write, "send", slow)
    assert world.attempt().state == "lost"
    assert world.right.row(right)["phone"] == "030 2"
    world.sync()
    assert not world.open()
    replaced = world.history(kind="change", side="right", field="phone")[0]
    assert [e.disposition for e in world.history(of=replaced.seq)] == ["held", "overridden"]
    quiet(world)


def overtaken(world, monkeypatch, meanwhile) -> None:
    """One pass whose worker is taken for dead before it writes; it writes after all, after `meanwhile`."""
    real = write.send

    def slow(*args: object) -> None:
        MappingState.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        monkeypatch.setattr(write, "send", real)
        meanwhile()
        assert not world.open()
        real(*args)

    monkeypatch.setattr(write, "send", slow)
    assert world.attempt().state == "lost"


def picked(world, left, right, staff) -> None:
    """The next worker asks, as the record was touched, and a person keeps the former value."""
    world.right.edit(right, city="Ulm")
    world.sync()
    (item,) = world.open()
    assert [f.reason for f in item.fields.all()] == [BACK]
    world.pick(staff, item, phone="right")
    world.sync()


def reverted(world, left, right, staff) -> None:
    """A user takes the edit back, and the next worker has nothing more to write."""
    world.left.edit(left, phone=ANNA["phone"])
    world.sync()


@pytest.mark.parametrize("meanwhile", [picked, reverted])
def test_a_late_write_puts_nothing_back_that_was_replaced_meanwhile(world, monkeypatch, staff, meanwhile):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    overtaken(world, monkeypatch, lambda: meanwhile(world, left, right, staff))
    assert world.right.row(right)["phone"] == "030 2"
    assert world.left.row(left)["phone"] == ANNA["phone"]
    world.sync()
    world.sync()
    assert world.left.row(left)["phone"] == ANNA["phone"]
    (item,) = world.open()
    assert [f.reason for f in item.fields.all()] == [LATE]
    world.pick(staff, item, phone="left")
    world.sync()
    assert world.right.row(right)["phone"] == ANNA["phone"]
    arrival = world.history(kind="change", side="right", field="phone")[0]
    assert [e.disposition for e in world.history(of=arrival.seq)] == ["held", "", "overridden"]
    assert not prove(world.mapping, live=True).findings
    quiet(world)
    world.right.edit(right, phone="030 2")
    world.sync()
    assert world.left.row(left)["phone"] == "030 2"


@pytest.mark.parametrize("kind", ["delete", "restore"])
def test_a_late_delete_takes_nothing_along_that_is_there_again(world, monkeypatch, staff, kind):
    left, _right = world.linked(**ANNA)
    world.set(deletes="propagate")
    row = world.left.row(left)
    world.left.delete(left)
    MappingState.objects.update(next_reconcile=timezone.now())

    def restored() -> None:
        world.left.add(**row)
        world.sync("reconcile")

    overtaken(world, monkeypatch, restored)
    assert world.right.rows() == []
    for _ in range(2):
        world.sync("reconcile")
        assert [r["id"] for r in world.left.rows()] == [left]
        assert [item.reason for item in world.open()] == [LATE_DELETE]
    world.choose(staff, world.open()[0], kind)
    world.sync()
    assert len(world.left.rows()) == len(world.right.rows()) == (kind == "restore")
    assert not prove(world.mapping, live=True).findings
    quiet(world)


def test_a_second_pass_of_one_mapping_does_not_start_while_one_runs(world):
    held = lease.acquire(world.mapping.pk, "somebody", timezone.now)
    assert held is not None
    assert run.run_pass(world.mapping.pk) is None
    held.release()
    world.sync()


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_kept_while_its_worker_lives_and_no_longer(monkeypatch):
    mapping = a_mapping()
    monkeypatch.setattr(lease, "RENEW_AFTER", timedelta(milliseconds=20))
    held = lease.acquire(mapping.pk, "somebody", timezone.now)
    state = MappingState.objects.filter(mapping=mapping)
    with lease.kept_alive(held):
        state.update(expires_at=timezone.now())
        wait_until(lambda: state.get().expires_at > timezone.now(), timeout=10, what="the lease is renewed")
    state.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert lease.acquire(mapping.pk, "another", timezone.now) is not None
    with lease.kept_alive(held):
        assert state.get().holder == "another"
