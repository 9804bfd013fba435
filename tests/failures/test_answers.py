"""F25, F26: an answer that never came is looked for, and one that says "later" is taken at its word."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from django.utils import timezone

from connectors.sql import SqlConnector
from syncadmin.models import Health, Link, Mark
from tests.engine.world import World

from .acts import ANNA, at_rest, in_time, same_everywhere, writes
from .door import Answer, Lost, Request, once

pytestmark = pytest.mark.runs_once

NAMES = [f"{n}@example.com" for n in range(6)]


def is_write(request: Request) -> bool:
    """Is it a write of a record (PocketBase refuses whole batches here)?"""
    return request.writes and "/batch" not in request.path


def settled_after_a_while(world: World) -> None:
    """Whatever is in doubt or was put off is looked at again, until both systems agree."""
    for _ in range(2):
        world.attempt("reconcile")
        in_time(world)
    assert same_everywhere(world)
    at_rest(world)


@pytest.fixture(params=["world", "with_kinto"])
def answered(request):
    """PocketBase, and then Kinto, on the right."""
    return request.getfixturevalue(request.param)


def test_f25_an_update_whose_answer_was_lost_is_read_back_and_not_repeated(answered, through_door):
    world = answered
    left, right = world.linked(**ANNA)
    door = through_door(world)
    door.rule = once(is_write, Lost())
    world.left.edit(left, phone="030 2")
    world.attempt()
    assert world.right.row(right)["phone"] == "030 2"
    settled_after_a_while(world)
    assert len([request for request in door.written if is_write(request)]) == 1
    assert [e.disposition for e in world.history(kind="write", field="phone")] == ["propagated"]


def test_f25_what_was_edited_after_a_lost_answer_is_kept(answered, through_door):
    world = answered
    left, right = world.linked(**ANNA)
    door = through_door(world)
    door.rule = once(is_write, Lost())
    world.left.edit(left, phone="030 2")
    world.attempt()
    world.right.edit(right, phone="030 9")
    for _ in range(3):
        in_time(world)
        world.attempt("reconcile")
    assert world.right.row(right)["phone"] == "030 9"
    if world.left.row(left)["phone"] != "030 9":
        (conflict,) = world.open()
        assert (conflict.fields.get().left, conflict.fields.get().right) == ("030 2", "030 9")
    at_rest(world)


def test_f25_a_create_whose_answer_was_lost_makes_no_second_record(answered, through_door):
    world = answered
    world.sync()
    door = through_door(world)
    door.rule = once(is_write, Lost())
    world.left.add(**ANNA)
    world.attempt()
    settled_after_a_while(world)
    assert len(world.right.rows()) == len(world.left.rows()) == 1
    assert Link.objects.filter(mapping=world.mapping, status="open").count() == 1
    assert world.open() == []


def test_f25_a_delete_whose_answer_was_lost_is_over(answered, through_door):
    world = answered
    left, _right = world.linked(**ANNA)
    world.set(deletes="propagate")
    door = through_door(world)
    door.rule = once(lambda request: request.method == "DELETE", Lost())
    world.left.delete(left)
    world.attempt("reconcile")
    settled_after_a_while(world)
    assert world.right.rows() == []
    assert len([request for request in door.written if request.method == "DELETE"]) == 1
    assert not Link.objects.filter(mapping=world.mapping, status="open").exists()


def test_f25_a_whole_batch_whose_answer_was_lost_is_read_back(with_kinto, through_door):
    world = with_kinto
    keys = [world.both(**ANNA | {"email": name}) for name in NAMES]
    world.sync()
    door = through_door(world)
    door.rule = once(lambda request: request.path.endswith("/batch"), Lost())
    for left, _ in keys:
        world.left.edit(left, phone="030 2")
    world.attempt()
    assert {row["phone"] for row in world.right.rows()} == {"030 2"}
    settled_after_a_while(world)
    assert len(door.written) == 1


def test_f25_a_commit_whose_answer_was_lost_is_read_back_in_postgresql_too(world, monkeypatch):
    _left, right = world.linked(**ANNA)
    world.right.edit(right, phone="030 2")
    world.right.add(**ANNA | {"email": NAMES[0]})
    real = SqlConnector.write
    cuts = [True]

    def write(self, *args, **kwargs):
        """The server commits, and the connection breaks before it can say so."""
        if cuts:
            cuts.pop()
            engine = self._opened()

            def cut(connection) -> None:
                connection.connection.driver_connection.commit()
                connection.connection.driver_connection.close()

            sa.event.listen(engine, "commit", cut, once=True)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(SqlConnector, "write", write)
    world.attempt()
    assert len(world.left.rows()) == 2
    before = world.left.rows()
    settled_after_a_while(world)
    assert world.left.rows() == before
    assert cuts == []


# ---------------------------------------------------------------- later


def test_f26_a_429_is_waited_for_as_long_as_it_says_and_then_each_record_is_written_once(world, through_door):
    keys = [world.both(**ANNA | {"email": name}) for name in NAMES]
    world.sync()
    door = through_door(world)
    told = Answer(429, {"message": "slow down"}, {"Retry-After": "3600"})
    patches = []

    def busy_from_the_third_on(request: Request) -> Answer | None:
        if request.method == "PATCH":
            patches.append(request.path)
            return told if len(patches) > 2 else None
        return None

    door.rule = busy_from_the_third_on
    for left, _ in keys:
        world.left.edit(left, phone="030 2")
    world.attempt()
    done = [row for row in world.right.rows() if row["phone"] == "030 2"]
    assert len(done) == 2
    assert len(patches) <= 2 + 4  # no storm: only what was under way already was still sent
    waiting = list(Mark.objects.filter(mapping=world.mapping))
    assert len(waiting) == 4
    assert min(mark.not_before for mark in waiting) > timezone.now() + timedelta(minutes=50)
    sent = len(patches)
    world.attempt()
    assert len(patches) == sent
    door.rule = lambda request: None
    in_time(world)
    world.sync()
    assert {row["phone"] for row in world.right.rows()} == {"030 2"}
    assert set(Counter(r.path for r in door.passed if r.method == "PATCH").values()) == {1}
    at_rest(world)


def test_f26_one_refused_record_in_a_batch_has_an_outcome_of_its_own_and_the_rest_goes_on(
    with_kinto, through_door
):
    """A 429 for one record inside the answer to a batch."""
    world = with_kinto
    keys = [world.both(**ANNA | {"email": name}) for name in NAMES]
    world.sync()
    door = through_door(world)
    refused = keys[3][1]

    def without_one(request: Request) -> Answer | None:
        if not request.path.endswith("/batch"):
            return None
        asked = request.json()["requests"]
        served = [part for part in asked if refused not in part["path"]]
        answer = door.client.post(request.path, json={"requests": served}, auth=world.right.server.auth)
        given = iter(answer.json()["responses"])
        later = {"status": 429, "path": "", "headers": {"Retry-After": "1800"}, "body": {"message": "later"}}
        return Answer(
            200, {"responses": [later if refused in part["path"] else next(given) for part in asked]}
        )

    door.rule = without_one
    for left, _ in keys:
        world.left.edit(left, phone="030 2")
    world.attempt()
    phones = {row["id"]: row["phone"] for row in world.right.rows()}
    assert phones.pop(refused) == ANNA["phone"]
    assert set(phones.values()) == {"030 2"}
    (mark,) = Mark.objects.filter(mapping=world.mapping)
    assert mark.not_before > timezone.now() + timedelta(minutes=25)
    door.rule = lambda request: None
    in_time(world)
    world.sync()
    assert world.right.row(refused)["phone"] == "030 2"
    at_rest(world)


@pytest.mark.parametrize("signs_in", [True, False])
def test_f26_a_system_that_refuses_every_request_is_left_alone_and_nothing_is_lost(
    world, through_door, signs_in
):
    left, right = world.linked(**ANNA)
    if signs_in:
        system = world.mapping.right.system
        system.config = {**system.config, "auth": world.right.login()}
        system.save()
    door = through_door(world)
    door.rule = lambda request: Answer(429, {"message": "slow down"}, {"Retry-After": "600"})
    world.left.edit(left, phone="030 2")
    failed = world.attempt()
    assert failed.state == "failed"
    assert "429" in failed.message
    health = Health.objects.get(system=world.mapping.right.system)
    assert health.open_until > timezone.now() + timedelta(minutes=9)
    door.rule = lambda request: None
    before = writes(world)
    world.sync()
    assert world.right.row(right)["phone"] == "030 2"
    assert writes(world) == before + 1
