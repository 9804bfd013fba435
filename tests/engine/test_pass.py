"""One pass: records link, edits travel, nothing is left over."""

from decimal import Decimal

from syncadmin.core.side import Side
from syncadmin.engine.preview import preview
from syncadmin.engine.prove import prove
from syncadmin.models import Entry, Intent, Link, Mark

from .world import World

ANNA = {"email": "anna@example.com", "phone": "030 1", "city": "Berlin", "tags": "", "points": 5}


def quiet(world: World) -> None:
    """A further pass finds nothing to do, and nothing is half done."""
    extra = world.sync("reconcile")
    assert not {"created", "updated", "deleted", "conflicts"} & extra.counts.keys(), extra.counts
    assert not Intent.objects.exists()
    assert not Mark.objects.exists()


def test_records_that_are_equal_on_both_sides_are_linked_without_a_write(world):
    world.both(**ANNA)
    done = world.sync()
    assert done.counts["linked"] == 1
    assert "updated" not in done.counts
    quiet(world)


def test_a_record_that_only_one_side_has_is_created_on_the_other(world):
    world.sync()
    world.left.add(**ANNA)
    world.right.add(email="bert@example.com", tags="a,b", credit=None)
    world.sync()
    assert [row["email"] for row in world.right.rows()] == ["bert@example.com", "anna@example.com"]
    assert [(row["email"], row["tags"]) for row in world.left.rows()] == [
        ("anna@example.com", ""),
        ("bert@example.com", "a;b"),
    ]
    assert Link.objects.count() == 2
    quiet(world)


def test_an_edit_on_one_side_arrives_on_the_other_and_its_echo_is_no_change(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, city="Bonn")
    assert world.sync().counts["updated"] == 2
    assert world.right.row(right)["phone"] == "030 2"
    assert world.left.row(left)["city"] == "Bonn"
    assert "updated" not in world.sync().counts
    quiet(world)


def test_edits_of_different_fields_of_one_record_on_both_sides_both_arrive(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, city="Bonn")
    world.sync()
    for side, key in ((Side.LEFT, left), (Side.RIGHT, right)):
        row = world.peer(side).row(key)
        assert (row["phone"], row["city"]) == ("030 2", "Bonn")


def test_shared_fields_with_a_strategy_are_merged(world):
    left, right = world.linked(**ANNA, notes="one\ntwo\nthree")
    world.left.edit(left, points=8, tags="vip", notes="ONE\ntwo\nthree")
    world.right.edit(right, points=4, tags="new", notes="one\ntwo\nTHREE")
    world.sync()
    for side, key in ((Side.LEFT, left), (Side.RIGHT, right)):
        row = world.peer(side).row(key)
        assert row["points"] == 7
        assert set(row["tags"].replace(",", ";").split(";")) == {"vip", "new"}
        assert row["notes"] == "ONE\ntwo\nTHREE"
    quiet(world)


def test_the_owner_of_a_field_wins_and_drift_is_written_back_and_journaled(world):
    _left, right = world.linked(**ANNA, credit=Decimal("100.00"))
    world.right.edit(right, credit=999)
    world.sync()
    assert Decimal(str(world.right.row(right)["credit"])) == Decimal("100.00")
    drift = world.history(kind="change", side="right", field="credit")[-1]
    assert drift.new == '"999.00"'
    assert world.history(of=drift.seq)[-1].disposition == "overridden"
    quiet(world)


def test_an_edit_on_both_sides_of_a_shared_field_waits_in_the_inbox_and_holds_only_itself(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2", city="Bonn")
    world.right.edit(right, phone="030 3")
    world.sync()
    (conflict,) = world.open()
    (field,) = conflict.fields.all()
    assert (field.field, field.left, field.right, field.base_left) == ("phone", "030 2", "030 3", "030 1")
    assert world.right.row(right)["city"] == "Bonn"
    assert world.right.row(right)["phone"] == "030 3"
    world.sync("reconcile")
    assert len(world.open()) == 1


def test_a_pick_is_written_to_the_other_side_and_closes_the_conflict(world, staff):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    world.pick(staff, world.open()[0], phone="right")
    world.sync()
    assert world.left.row(left)["phone"] == "030 3"
    assert world.open() == []
    loser = world.history(kind="change", side="left", field="phone")[-1]
    assert world.history(of=loser.seq)[-1].disposition == "overridden"
    assert world.history(kind="write", field="phone")[-1].actor == "rita"
    quiet(world)


def test_a_pick_on_a_record_that_moved_meanwhile_is_not_applied_and_comes_back(world, staff):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    world.pick(staff, world.open()[0], phone="right")
    world.right.edit(right, phone="030 4")
    world.sync()
    assert world.left.row(left)["phone"] == "030 2"
    (conflict,) = world.open()
    assert conflict.moved
    assert conflict.fields.get().right == "030 4"


def test_a_typed_value_is_written_to_both_sides(world, staff):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    world.pick(staff, world.open()[0], phone=("value", "030 9"))
    world.sync()
    assert world.left.row(left)["phone"] == world.right.row(right)["phone"] == "030 9"
    quiet(world)


def test_f06_two_records_with_the_same_match_value_wait_for_a_person(world, staff):
    world.sync()
    first, second = world.left.add(**ANNA), world.left.add(**ANNA | {"phone": "030 7"})
    right = world.right.add(**ANNA)
    world.sync()
    assert Link.objects.count() == 0
    assert {c.kind for c in world.open()} == {"ambiguous match"}
    assert len(world.left.rows()) == 2
    mine = next(c for c in world.open() if c.side == "left" and c.key == str(first))
    world.choose(staff, mine, "link", str(right))
    world.sync()
    assert Link.objects.get().left_key == str(first)
    assert second


def test_a_delete_waits_for_a_person_and_is_then_carried_out(world, staff):
    left, _right = world.linked(**ANNA)
    world.left.delete(left)
    world.sync("reconcile")
    (conflict,) = world.open()
    assert conflict.kind == "delete"
    assert world.right.rows()
    world.choose(staff, conflict, "delete")
    world.sync()
    assert world.right.rows() == []
    quiet(world)


def test_a_delete_is_propagated_where_the_policy_says_so(world):
    left, _right = world.linked(**ANNA)
    world.set(deletes="propagate")
    world.left.delete(left)
    world.sync("reconcile")
    assert world.right.rows() == []
    assert Link.objects.get().status == "closed"
    quiet(world)


def test_f02_an_edit_against_a_delete_is_a_conflict_and_can_be_restored(world, staff):
    left, right = world.linked(**ANNA)
    world.set(deletes="propagate")
    world.left.delete(left)
    world.right.edit(right, phone="030 5")
    world.sync("reconcile")
    (conflict,) = world.open()
    assert conflict.kind == "deleted / changed"
    world.choose(staff, conflict, "restore")
    world.sync()
    assert [row["phone"] for row in world.left.rows()] == ["030 5"]
    quiet(world)


def test_a_refused_write_waits_in_the_inbox_with_the_systems_words_and_is_not_repeated(world, staff):
    left, right = world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts ADD CONSTRAINT no_x CHECK (phone NOT LIKE 'x%')")
    world.right.edit(right, phone="x", city="Bonn")
    world.sync()
    (conflict,) = world.open()
    assert conflict.kind == "rejected"
    assert "no_x" in conflict.said
    again = world.sync("reconcile")
    assert "rejected" not in again.counts
    world.pick(staff, conflict, phone=("value", "030 8"))
    world.sync()
    assert world.left.row(left)["phone"] == world.right.row(right)["phone"] == "030 8"
    assert world.left.row(left)["city"] == "Bonn"
    quiet(world)


def test_a_field_that_a_person_leaves_as_it_is_has_its_end_though_another_is_refused(world, staff):
    left, right = world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts ADD CONSTRAINT no_x CHECK (phone NOT LIKE 'x%')")
    world.left.edit(left, phone="030 2", city="Bonn")
    world.right.edit(right, phone="x", city="Kiel")
    world.sync()
    world.pick(staff, world.open()[0], phone="right", city="leave")
    world.sync()
    (item,) = world.open()
    assert [f.field for f in item.fields.all()] == ["phone"]
    assert not prove(world.mapping, live=True).findings
    assert {e.rule for e in world.history(kind="disposition", field="city")} >= {"person: leave"}


def test_no_copy_is_made_beside_a_linked_record_that_has_just_got_the_same_match_value(world):
    _, right = world.linked(**ANNA)
    world.right.edit(right, email="bert@example.com")
    world.left.add(email="bert@example.com")
    foreseen = [preview(world.mapping, kind).counts for kind in ("incremental", "reconcile")]
    assert foreseen == [{"update left": 1, "conflict": 1}] * 2
    world.sync()
    assert len(world.right.rows()) == 1
    (item,) = world.open()
    assert (item.kind, item.candidates) == ("ambiguous match", [str(right)])
    quiet(world)


def test_f29_a_reference_waits_until_its_target_is_linked_and_is_then_translated(world):
    from syncadmin.models import FieldMapping

    FieldMapping.objects.create(
        mapping=world.mapping,
        name="company",
        left="company_id",
        right="company_id",
        type="reference",
        target=world.companies,
    )
    world.sync(mapping=world.companies)
    world.sync()
    world.right.add("companies", name="Filler")
    acme = world.left.add("companies", name="Acme")
    world.left.add(**ANNA, company_id=acme)
    world.sync()
    assert world.right.rows() == []
    world.sync(mapping=world.companies)
    Mark.objects.update(not_before="2020-01-01T00:00:00Z")
    world.sync()
    mine = next(row for row in world.right.rows("companies") if row["name"] == "Acme")
    assert world.right.rows()[0]["company_id"] == mine["id"] != acme
    quiet(world)


def test_a_decision_is_carried_out_once_while_another_field_waits_for_its_target(world, staff):
    from syncadmin.models import FieldMapping

    reference = {"left": "company_id", "right": "company_id", "type": "reference"}
    FieldMapping.objects.create(mapping=world.mapping, name="company", target=world.companies, **reference)
    world.sync(mapping=world.companies)
    left, right = world.linked(**ANNA)
    acme = world.left.add("companies", name="Acme")
    world.left.edit(left, company_id=acme, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    [item] = world.open()
    world.pick(staff, item, phone="leave")
    world.sync()
    world.sync(mapping=world.companies)
    Mark.objects.update(not_before="2020-01-01T00:00:00Z")
    world.sync()
    assert not world.open()
    assert not prove(world.mapping, live=True).findings
    quiet(world)


def test_our_own_write_does_not_make_a_value_the_newest(world):
    world.set_field("city", merge="newest")
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    # a trigger on the right has moved the time with our write; when its city was changed nobody knows
    world.right.run("UPDATE contacts SET city = 'Ulm' WHERE id = :id", id=right)
    world.right.run("UPDATE contacts SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now')")
    world.left.run("UPDATE contacts SET city = 'Bonn', updated_at = now() - interval '1 hour'")
    world.sync("reconcile")
    [item] = world.open()
    assert [f.field for f in item.fields.all()] == ["city"]


def test_the_result_does_not_depend_on_how_much_is_read_at_once(world, monkeypatch):
    from syncadmin.engine import collect, load, stage

    for module in (collect, stage):
        monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(load, "BATCH", 3)
    world.set(guard_floor=1000)
    for n in range(7):
        world.both(**ANNA | {"email": f"{n}@example.com"})
    world.sync()
    for n in range(7):
        world.left.edit(n + 1, phone=f"left {n}")
        if n % 2:
            world.right.edit(n + 1, city=f"right {n}")
    world.sync()
    strip = [{k: v for k, v in row.items() if k in ("email", "phone", "city")} for row in world.left.rows()]
    assert strip == [
        {k: v for k, v in row.items() if k in ("email", "phone", "city")} for row in world.right.rows()
    ]
    quiet(world)


def test_records_that_match_but_differ_are_linked_and_follow_first_contact(world):
    world.left.add(**ANNA | {"phone": ""})
    world.right.add(**ANNA | {"city": "Bonn"})
    world.sync()
    assert world.left.rows()[0]["phone"] == ANNA["phone"]
    (conflict,) = world.open()
    assert [f.field for f in conflict.fields.all()] == ["city"]
    assert not conflict.fields.get().has_base


def test_what_has_no_partner_is_looked_at_by_each_comparison_and_leaves_no_trace(world):
    world.set(create="none")
    world.linked(**ANNA)
    world.left.add(**ANNA | {"email": "bert@example.com"})
    world.sync("reconcile")
    before = list(Entry.objects.values_list("id", flat=True))

    extra = world.sync("reconcile")

    assert list(Entry.objects.values_list("id", flat=True)) == before
    assert world.open() == []
    assert len(world.right.rows()) == 1
    assert not {"created", "updated", "deleted", "conflicts"} & extra.counts.keys(), extra.counts
    assert not Mark.objects.exists()

    world.set(create="both")
    world.sync("reconcile")
    assert [row["email"] for row in world.right.rows()] == ["anna@example.com", "bert@example.com"]
