"""Two records that a person said are not the same: the pair is not proposed again, until it is taken back."""

from conflicts.services import take_back
from syncadmin.models import Distinct, Entry, Link

ANNA = {"email": "anna@x.de", "phone": "030 1", "city": "Bonn"}
FAMILY = [ANNA, {**ANNA, "phone": "030 2"}]


def asked(world, side, key):
    return next(c for c in world.open() if (c.side, c.key) == (side, str(key)))


def test_a_pair_that_is_said_to_be_different_is_never_proposed_again(world, staff):
    left, right = world.left.add(**ANNA), [world.right.add(**values) for values in FAMILY]
    world.sync()
    assert set(asked(world, "left", left).candidates) == {str(key) for key in right}

    world.choose(staff, asked(world, "left", left), "distinct", str(right[0]))
    world.sync()

    item = asked(world, "left", left)
    assert item.candidates == [str(right[1])]  # the last one is asked about, not taken
    world.sync("reconcile")
    assert asked(world, "left", left).candidates == [str(right[1])]
    assert Link.objects.count() == 0
    (entry,) = Entry.objects.filter(kind="decision")
    assert (entry.actor, entry.key) == (staff.username, str(left))


def test_with_no_candidate_left_both_records_get_a_partner_of_their_own(world, staff):
    left = world.left.add(**ANNA)
    right = [world.right.add(**values) for values in FAMILY]
    world.sync()
    for key in right:
        world.choose(staff, asked(world, "left", left), "distinct", str(key))
        world.sync()

    link = Link.objects.get(left_key=str(left))
    assert link.right_key not in {str(key) for key in right}
    assert len(world.right.rows()) == 3


def test_equal_records_that_are_said_to_be_different_are_not_linked_by_a_comparison(world, staff):
    left, right = world.left.add(**ANNA), world.right.add(**ANNA)
    Distinct.objects.create(
        mapping=world.mapping, left_key=str(left), right_key=str(right), by="x", at="2026-01-01T00:00Z"
    )
    world.sync("reconcile")
    assert not Link.objects.filter(left_key=str(left), right_key=str(right)).exists()


def test_what_was_said_can_be_taken_back(world, staff):
    left, right = world.left.add(**ANNA), [world.right.add(**values) for values in FAMILY]
    world.sync()
    item = asked(world, "left", left)
    world.choose(staff, item, "distinct", str(right[0]))
    world.sync()

    assert take_back(item, str(right[0]), staff)
    assert not take_back(item, str(right[0]), staff)
    world.sync()

    assert set(asked(world, "left", left).candidates) == {str(key) for key in right}


def test_what_was_said_of_a_record_goes_with_it(world, staff):
    left, right = world.left.add(**ANNA), [world.right.add(**values) for values in FAMILY]
    world.sync()
    world.choose(staff, asked(world, "left", left), "distinct", str(right[0]))
    world.sync()
    world.left.delete(left)
    world.sync("reconcile")
    assert not Distinct.objects.exists()
