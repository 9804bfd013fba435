"""Rehearsals: the whole plan of the first pass, nothing written, and nothing begun that is not approved."""

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command

from syncadmin import rehearsals
from syncadmin.models import Cursor, Entry, Intent, Link, Mark, Pass, Rehearsal, RehearsalLine, Unlinked

from .test_pass import ANNA

BERT = {"email": "bert@example.com", "phone": "040 1", "city": "Hamburg", "points": 1, "credit": 0}
HUB = (Link, Mark, Entry, Cursor, Unlinked, Intent, Pass)


@pytest.fixture
def waiting(world):
    """A mapping whose first pass waits for an approval, with something of every kind on both sides."""
    world.set(rehearse="required")
    world.both(**ANNA)
    world.left.add(**BERT)
    world.right.add(**BERT | {"city": "Kiel", "status": "gold"})
    world.left.add(email="left@example.com", city="Bonn")
    world.right.add(email="right@example.com", city="Köln")
    for phone in ("1", "2"):
        world.right.add(email="twin@example.com", phone=phone)
    world.left.add(email="twin@example.com")
    return world


def rehearse(world) -> Rehearsal:
    made = rehearsals.run(rehearsals.start(world.mapping).pk)
    assert made.state == "done", made.message
    return made


def contents(world):
    return [p.rows() for p in (world.left, world.right)], [list(m.objects.values()) for m in HUB]


def lines(made) -> dict[str, RehearsalLine]:
    return {line.label + line.place[0]: line for line in made.lines.all()}


def test_the_plan_says_of_every_record_what_would_be_done_and_nothing_is_written(waiting):
    before = contents(waiting)
    made = rehearse(waiting)
    assert contents(waiting) == before
    told = made.result
    assert told["equal"] == 1
    assert told["standings"] == {"differs": 1, "left": 1, "right": 1, "ambiguous": 3}
    assert told["writes"]["right"] == {"create": 1, "update": 0, "delete": 0}
    assert told["writes"]["left"] == {"create": 1, "update": 1, "delete": 0}
    assert (told["columns"]["city"]["differ"], told["columns"]["city"]["held"]) == (1, 1)
    assert told["columns"]["status"]["to_left"] == 1
    assert told["columns"]["city"]["examples"] == [["bert@example.com", "Hamburg", "Kiel"]]
    assert told["held"] == 4
    found = lines(made)
    assert (found["bert@example.coml"].fate, found["bert@example.coml"].held) == ("change", True)
    assert found["left@example.coml"].fate == "create"


def test_without_an_approval_the_first_pass_reads_nothing_and_stops(waiting):
    before = contents(waiting)[0]
    done = waiting.attempt()
    assert (done.state, done.counts) == ("stopped", {})
    waiting.mapping.state.refresh_from_db()
    assert waiting.mapping.state.stopped == "rehearsal"
    assert contents(waiting)[0] == before
    assert not Link.objects.exists()


def test_an_approved_plan_is_carried_out_as_it_was_shown(waiting, staff):
    made = rehearse(waiting)
    waiting.attempt()
    rehearsals.approve(made.pk, staff)
    waiting.mapping.state.refresh_from_db()
    assert waiting.mapping.state.stopped == ""
    done = waiting.sync()
    assert (done.counts["linked"], done.counts["created"], done.counts["updated"]) == (2, 2, 1)
    made.refresh_from_db()
    assert made.closed_how == "carried out"
    waiting.sync()
    texts = [entry.rule for entry in waiting.history(kind="decision")]
    assert f"approved plan #{made.pk}" in texts


def test_if_the_systems_have_moved_the_pass_stops_and_the_difference_is_asked_for(waiting, staff):
    first = rehearse(waiting)
    rehearsals.approve(first.pk, staff)
    waiting.left.add(email="new@example.com")
    bert = next(r["id"] for r in waiting.right.rows() if r["email"] == BERT["email"])
    waiting.right.edit(bert, status="silver")
    waiting.right.delete(next(r["id"] for r in waiting.right.rows() if r["email"] == "right@example.com"))
    before = contents(waiting)[0]
    done = waiting.attempt()
    assert done.state == "stopped"
    assert "1 new, 1 changed, 1 gone" in done.message
    assert contents(waiting)[0] == before
    moved = Rehearsal.objects.first()
    assert (moved.moved_from, moved.difference) == (first, {"new": 1, "changed": 1, "gone": 1})
    with pytest.raises(rehearsals.NotApprovable):
        rehearsals.approve(first.pk, staff)
    rehearsals.approve(moved.pk, staff)
    assert waiting.sync().counts["created"] == 2


def test_a_few_differences_may_be_allowed_beforehand(waiting, staff):
    made = rehearse(waiting)
    rehearsals.approve(made.pk, staff, allowed=1)
    waiting.left.add(email="new@example.com")
    assert waiting.sync().counts["created"] == 3
    assert Rehearsal.objects.count() == 1


def test_a_mapping_that_was_changed_after_the_approval_has_to_be_rehearsed_again(waiting, staff):
    made = rehearse(waiting)
    rehearsals.approve(made.pk, staff)
    waiting.set(create="none")
    assert "rehearse it again" in waiting.attempt().message
    waiting.set(create="both", schedule=60)
    assert waiting.sync().counts["created"] == 2


def test_a_plan_can_be_made_of_a_version_of_the_mapping_that_is_not_stored(waiting):
    from syncadmin.engine.rehearse import rehearse as plan
    from syncadmin.engine.run import mapping_for_pass

    other = mapping_for_pass(waiting.mapping.pk)
    other.create = "none"
    found = []
    made = plan(other, found.extend, lambda *_: None)
    assert made.as_dict()["fates"].get("create", 0) == 0
    assert {line.fate for line in found if line.standing == "left"} == {"none"}


def test_references_are_named_by_keys_and_wait_for_their_target(waiting):
    from syncadmin.models import FieldMapping

    FieldMapping.objects.create(
        mapping=waiting.mapping, name="company", left="company_id", right="company_id", type="reference",
        target=waiting.companies, position=9,
    )  # fmt: skip
    company = waiting.left.add("companies", name="Acme"), waiting.right.add("companies", name="Acme")
    waiting.left.add(email="dora@example.com", company_id=company[0])
    assert lines(rehearse(waiting))["dora@example.coml"].fate == "wait"
    waiting.sync(mapping=waiting.companies)
    (write,) = _body(lines(rehearse(waiting))["dora@example.coml"])["writes"]
    assert write[2]["company"] == str(company[1])


def _body(line):
    from syncadmin.core.values import decode

    return decode(bytes(line.body))


def test_the_command_prints_the_plan_and_approves_it(waiting, staff, capsys):
    import json

    staff.user_permissions.add(Permission.objects.get(codename="approve_guardstop"))
    call_command("rehearse", "contacts", "--json", "--lines")
    told = json.loads(capsys.readouterr().out)
    assert (told["stage"], told["equal"], len(told["records"])) == ("waiting", 1, 6)
    call_command("rehearse", "contacts", "--approve", str(told["plan"]), "--user", "rita")
    assert "approved" in capsys.readouterr().out
    assert waiting.sync().counts["created"] == 2
