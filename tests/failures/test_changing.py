"""F28: a mapping in use is changed: it shows what it would do, waits for an approval, and empties nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from syncadmin import versions
from syncadmin.config import versions as stored
from syncadmin.models import Link, MappingVersion
from tests.engine.world import World

from .acts import ANNA, at_rest, writes

pytestmark = pytest.mark.runs_once

BERT = {"email": "bert@example.com", "phone": "040 2", "city": "Kiel", "points": 1, "credit": 0}


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss")


def proposed(world: World, **document: Any) -> MappingVersion:
    """A proposal that changes these keys of the mapping, compared; nothing has been changed by it."""
    before, links = writes(world), sorted(Link.objects.values_list("left_key", "right_key"))
    new = {**stored.document_of(world.mapping), **document}
    version = stored.propose(world.mapping, stored.spec_of(new))
    made = versions.work_out(version.pk)
    assert made is not None
    assert made.comparing == "done", made.message
    assert (writes(world), sorted(Link.objects.values_list("left_key", "right_key"))) == (before, links)
    return made


def with_fields(world: World, **fields: Any) -> dict[str, Any]:
    """The mapping's fields with these in place, or (None) without them."""
    now = stored.document_of(world.mapping)["fields"] | fields
    return {name: one for name, one in now.items() if one is not None}


def effects(version: MappingVersion) -> dict[tuple[str, str, str], int]:
    """What the new version would do that what runs would not: how many records, by kind."""
    rows = version.comparison["rows"]
    return {(r["what"], r["side"], r["field"]): r["gained"] for r in rows if r["gained"]}


def take_effect(world: World, version: MappingVersion, boss: User) -> None:
    """Approved as it was shown, and the first pass of it."""
    versions.approve(version.pk, version.digest, boss)
    world.mapping.refresh_from_db()
    world.mapping._prefetched_objects_cache = {}
    world.sync()


def both_rows(world: World, pair: tuple[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return world.left.row(pair[0]), world.right.row(pair[1])


def test_f28_a_narrower_filter_deletes_nothing_on_the_other_side_and_what_left_stays_linked(world, boss):
    anna, bert = world.linked(**ANNA), world.linked(**BERT)
    world.set(deletes="propagate", left_scope="delete")
    version = proposed(world, filter={"left": "record.city != 'Kiel'"})
    assert effects(version) == {("rests", "left", ""): 1}
    assert world.left.edit(bert[0], phone="040 3") is None
    world.sync()
    assert world.right.row(bert[1])["phone"] == "040 3"  # until it is approved, the old filter counts
    take_effect(world, version, boss)
    assert len(world.right.rows()) == 2
    world.left.edit(bert[0], phone="040 4")
    world.left.delete(bert[0])
    for kind in ("incremental", "reconcile"):
        world.sync(kind)
    assert world.right.row(bert[1])["phone"] == "040 3"
    world.left.edit(anna[0], city="Kiel")  # by its own edit it leaves, and that is another thing
    world.sync()
    assert [row["email"] for row in world.right.rows()] == ["bert@example.com"]
    assert world.open() == []


def test_f28_an_added_field_starts_at_first_contact_and_nothing_else_moves(world, boss):
    notes = with_fields(world)["notes"]
    world.mapping.fields.filter(name="notes").delete()
    same, empty, other = (
        world.linked(**ANNA | {"email": f"{n}@example.com"}) for n in ("same", "empty", "other")
    )
    for peer, side in ((world.left, 0), (world.right, 1)):
        peer.edit(same[side], notes="alike")
        peer.edit(other[side], notes=f"of side {side}")
    world.left.edit(empty[0], notes="only here")
    world.sync("reconcile")
    before = writes(world)
    version = proposed(world, fields=with_fields(world, notes=notes | {"merge": "review"}))
    assert effects(version) == {("update", "right", "notes"): 1, ("ask", "", "notes"): 1}
    take_effect(world, version, boss)
    assert world.right.row(empty[1])["notes"] == "only here"
    assert world.left.row(other[0])["notes"] == "of side 0"
    assert world.right.row(other[1])["notes"] == "of side 1"
    (asked,) = world.open()
    assert [f.field for f in asked.fields.all()] == ["notes"]
    assert writes(world) == before + 1
    at_rest(world)


def test_f28_a_field_taken_out_closes_its_questions_and_both_sides_keep_what_they_hold(world, boss):
    pair = world.linked(**ANNA)
    world.left.edit(pair[0], phone="left")
    world.right.edit(pair[1], phone="right")
    world.sync()
    assert len(world.open()) == 1
    version = proposed(world, fields=with_fields(world, phone=None))
    take_effect(world, version, boss)
    assert world.open() == []
    assert [row["phone"] for row in both_rows(world, pair)] == ["left", "right"]
    ended = world.history(kind="disposition", field="phone", disposition="overridden")
    assert {e.rule for e in ended} == {"the field is no longer synced"}
    assert len(ended) == 2
    at_rest(world)
    back = versions.back_to(MappingVersion.objects.get(number=1), name="test")
    assert versions.work_out(back.pk).comparing == "done"
    back.refresh_from_db()
    assert effects(back) == {("ask", "", "phone"): 1}  # what was agreed then is forgotten, not dug out
    take_effect(world, back, boss)
    assert [row["phone"] for row in both_rows(world, pair)] == ["left", "right"]
    assert len(world.open()) == 1


def test_f28_a_renamed_field_takes_along_what_was_agreed_and_what_is_asked(world, boss, staff):
    pair, other = world.linked(**ANNA), world.linked(**BERT)
    world.left.edit(pair[0], phone="left")
    world.right.edit(pair[1], phone="right")
    world.sync()
    phone = with_fields(world)["phone"]
    version = proposed(world, fields=with_fields(world, phone=None, telephone=phone))
    assert version.renamed == {"telephone": "phone"}
    assert effects(version) == {}
    before = writes(world)
    take_effect(world, version, boss)
    assert writes(world) == before
    (asked,) = world.open()
    assert [(f.field, f.base_left) for f in asked.fields.all()] == [("telephone", ANNA["phone"])]
    world.pick(staff, asked, telephone="right")
    world.left.edit(other[0], phone="040 9")
    world.sync()
    assert [row["phone"] for row in both_rows(world, pair)] == ["right", "right"]
    assert world.right.row(other[1])["phone"] == "040 9"
    at_rest(world)


def test_f28_a_renamed_column_keeps_the_fields_past(world, boss):
    pair = world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts RENAME COLUMN phone TO telephone")
    phone = with_fields(world)["phone"]
    assert world.attempt("reconcile").state == "failed"
    version = proposed(world, fields=with_fields(world, phone=phone | {"left": "telephone"}))
    assert "phone" in version.comparison["old"]["message"]  # what runs fits the system no more
    assert effects(version) == {}
    before = writes(world)
    take_effect(world, version, boss)
    assert writes(world) == before
    world.left.edit(pair[0], telephone="030 7")
    world.sync()
    assert world.right.row(pair[1])["phone"] == "030 7"
    at_rest(world)


def test_f28_another_owner_writes_nothing_that_it_did_not_announce(world, boss):
    pair = world.linked(**ANNA)
    world.left.edit(pair[0], phone="left")
    world.right.edit(pair[1], phone="right")
    world.sync()
    phone = with_fields(world)["phone"]
    world.left.edit(pair[0], city="Bonn")
    world.sync()
    version = proposed(world, fields=with_fields(world, phone=phone | {"owner": "right"}))
    assert effects(version) == {("update", "left", "phone"): 1}
    past = version.comparison["history"]
    told = [(row["field"], row["old"], row["new"], row["count"]) for row in past["rows"]]
    assert told == [
        ("phone", "ask", "left", 1)
    ]  # of the two fields that were changed, one comes out otherwise
    assert past["asked"] == [{"field": "phone", "old": 1, "new": 0}]
    assert len(world.open()) == 1
    take_effect(world, version, boss)
    assert [row["phone"] for row in both_rows(world, pair)] == ["right", "right"]
    assert world.open() == []
    at_rest(world)


def test_f28_other_match_keys_leave_links_alone_and_make_nothing_twice(world, boss):
    anna = world.linked(**ANNA)
    version = proposed(world, match=["phone"])
    assert effects(version) == {}
    take_effect(world, version, boss)
    assert Link.objects.filter(left_key=str(anna[0]), right_key=str(anna[1]), status="open").exists()
    twin = world.right.add(**BERT | {"phone": ANNA["phone"]})  # by the new key it may be her again
    world.sync()
    assert len(world.left.rows()) == 1
    (asked,) = world.open()
    assert (asked.kind, asked.key) == ("ambiguous match", str(twin))


def test_f28_a_guard_does_not_ask_again_for_the_plan_that_was_approved(world, boss):
    people = [world.both(**BERT | {"email": f"p{n}@example.com"}) for n in range(12)]
    world.mapping.fields.filter(name="notes").delete()
    for left, _ in people:
        world.left.edit(left, notes="of the left")
    world.sync("reconcile")
    notes = {"left": "notes", "right": "notes", "type": "text"}
    version = proposed(world, fields=with_fields(world, notes=notes))
    assert version.comparison["new"]["guard"]
    take_effect(world, version, boss)
    assert {row["notes"] for row in world.right.rows()} == {"of the left"}
