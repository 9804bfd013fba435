"""Sets written by our own statements are rows as the ORM writes them."""

from conflicts.models import Conflict
from syncadmin.models import Entry, bulk

from .test_pass import ANNA


def test_times_written_in_bulk_are_found_by_the_orm(world):
    world.linked(**ANNA)
    entry = world.history()[-1]
    assert Entry.objects.filter(pk=entry.pk, at=entry.at).exists()


def test_times_changed_in_bulk_are_found_by_the_orm(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    item = Conflict.objects.get()
    later = item.opened_at.replace(year=2030)
    bulk.update(Conflict, ("opened_at",), [(item.pk, later)])
    assert Conflict.objects.filter(opened_at=later).exists()
