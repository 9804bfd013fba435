"""`prove`: clean worlds are proven, and what the systems hold is compared with what the hub believes."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from syncadmin.engine import run, write
from syncadmin.engine.prove import prove
from syncadmin.engine.prove_report import Finding, Proof
from syncadmin.models import MappingState

from .forging import BERT, findings, secretly
from .test_pass import ANNA
from .test_recovery import kill_at
from .world import World


def test_a_hub_that_never_worked_is_proven(world):
    assert findings(world) == []


@pytest.mark.parametrize("step", ["send", "store_outcomes"])
def test_changes_of_a_worker_that_died_are_on_their_way(world, monkeypatch, step):
    left, _right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")

    kill_at(world, monkeypatch, write if step == "send" else run, step)
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.waiting == {"on its way": 1}
    world.sync()
    assert prove(world.mapping, live=True).waiting == {}


def test_a_refused_write_is_proven_to_wait(world):
    left, right = world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts ADD CONSTRAINT no_x CHECK (phone NOT LIKE 'x%')")
    world.right.edit(right, phone="x", city="Bonn")
    world.sync()
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.waiting == {"rejected": 1}
    assert left


def test_a_key_that_its_system_gave_to_another_record_is_no_failure(world):
    world.sync()
    left = world.left.add(**ANNA)
    world.sync()
    world.left.delete(left)
    world.left.add(id=left, **BERT)
    world.sync("reconcile")
    assert findings(world, live=True) == []


def test_an_edit_that_no_pass_has_read_yet_is_no_failure(world):
    left, _right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.live.explained == {"changed since it was last read": 1}


def settled(world: World, **values: Any) -> tuple[int, int]:
    """A linked pair that nobody has edited for long."""
    left, right = world.linked(**values)
    secretly(world, "left", left)
    secretly(world, "right", right)
    return left, right


@pytest.mark.parametrize("side", ["left", "right"])
def test_f19_a_live_value_changed_behind_the_hub_is_found_with_both_values(world, side):
    pair = dict(zip(("left", "right"), settled(world, **ANNA), strict=True))
    secretly(world, side, pair[side], phone="030 666")
    world.sync()
    assert findings(world) == []
    (found,) = findings(world, live=True)
    assert (found.check, found.side, found.key, found.field) == ("live", side, str(pair[side]), "phone")
    assert (found.expected, found.found) == ("030 1", "030 666")
    world.sync("reconcile")
    assert findings(world, live=True) == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_f19_a_record_deleted_behind_the_hub_is_found(world, side):
    pair = dict(zip(("left", "right"), settled(world, **ANNA), strict=True))
    getattr(world, side).delete(pair[side])
    world.sync()
    overdue(world)
    (found,) = findings(world, live=True)
    assert (found.check, found.side, found.key) == ("live", side, str(pair[side]))
    assert "no longer" in found.text


def overdue(world: World) -> None:
    """No pass has come for longer than anybody meant it to."""
    long_ago = timezone.now() - timedelta(hours=1)
    MappingState.objects.update(next_due=long_ago, next_reconcile=long_ago)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_delete_that_its_system_does_not_tell_is_no_failure_before_the_next_comparison(world, side):
    pair = dict(zip(("left", "right"), settled(world, **ANNA), strict=True))
    getattr(world, side).delete(pair[side])
    world.sync()
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.live.explained == {"gone since it was last compared": 1}
    world.sync("reconcile")
    assert prove(world.mapping, live=True).live.explained == {"waits in the inbox": 1}


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_a_system_that_is_only_compared_holds_is_no_failure_before_the_next_pass(world, side):
    """An edit, a delete and a new record of a side that tells no changes; overdue, each is a failure."""
    kept, gone = settled(world, **ANNA), settled(world, **BERT)
    resource = getattr(world.mapping, side)
    resource.config = {"table": "contacts"}
    resource.save()
    world.sync()
    which = ("left", "right").index(side)
    here = getattr(world, side)
    here.edit(kept[which], phone="030 2")
    here.delete(gone[which])
    here.add(**ANNA | {"email": "carl@example.com"})
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.live.explained == {
        "changed since it was last read": 2,
        "gone since it was last compared": 1,
    }
    overdue(world)
    assert len(findings(world, live=True)) == 3
    world.sync("reconcile")
    assert findings(world, live=True) == []


def test_a_record_that_a_dead_worker_has_made_is_on_its_way(world, monkeypatch):
    settled(world, **BERT)
    world.left.add(**ANNA)
    kill_at(world, monkeypatch, run, "store_outcomes")
    made = world.right.rows()[1]["id"]
    secretly(world, "right", made)  # its system does not tell of it
    assert findings(world, live=True) == []
    secretly(world, "right", world.right.add(**ANNA | {"email": "carl@example.com"}))
    assert [f.text for f in findings(world, live=True)] == ["the hub does not know this record"]


@pytest.mark.parametrize("side", ["left", "right"])
def test_f19_a_record_that_the_hub_has_never_seen_is_found(world, side):
    settled(world, **ANNA)
    key = getattr(world, side).add(**BERT)
    secretly(world, side, key)
    world.sync()
    (found,) = findings(world, live=True)
    assert (found.side, found.key) == (side, str(key))


def test_f19_a_held_record_is_not_an_excuse_for_its_other_fields(world):
    left, right = settled(world, **ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    secretly(world, "right", right, phone="030 3", city="Ulm")
    assert [(f.side, f.field, f.found) for f in findings(world, live=True)] == [("right", "city", "Ulm")]


def test_what_a_person_chose_to_leave_different_is_no_failure(world, staff):
    left, right = settled(world, **ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    world.pick(staff, world.open()[0], phone="leave")
    world.sync()
    secretly(world, "left", left, phone="030 2")
    secretly(world, "right", right, phone="030 3")
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.live.explained == {"left as it is": 2}


def test_a_system_that_is_away_proves_nothing(world):
    world.linked(**ANNA)
    system = world.mapping.right.system
    system.config = {"url": "postgresql://nobody:x@127.0.0.1:1/none"}
    system.save()
    (found,) = findings(world, live=True)
    assert "could not be compared" in found.text
    assert findings(world) == []


@pytest.mark.parametrize("words", [["contacts", "--seal", "x"], ["--seal", "1:ab"]])
def test_a_seal_needs_a_number_a_hash_and_one_mapping(world, words):
    with pytest.raises(CommandError, match="NUMBER:HASH") as error:
        call_command("prove", *words)
    assert error.value.returncode == 2


def test_an_unknown_mapping_is_a_usage_error(world):
    with pytest.raises(CommandError, match="contacts") as error:
        call_command("prove", "contcts")
    assert error.value.returncode == 2


def test_findings_are_counted_beyond_those_that_are_kept(monkeypatch):
    monkeypatch.setattr("syncadmin.engine.prove_report.MOST_FINDINGS", 1)
    proof = Proof("m")
    proof.found(Finding("chain", "one"))
    proof.found(Finding("chain", "two"))
    assert (proof.failed, len(proof.findings), proof.proven) == (2, 1, False)
