"""Comparing by fingerprints: what cursors missed is found, and what is as it was is not read."""

import pytest

from connectors.base import Retry
from connectors.sql import SqlConnector
from syncadmin.core import ranges
from syncadmin.core.side import Side
from syncadmin.models import FieldMapping, KeyRanges, Link, Resource

from .test_pass import ANNA
from .world import build

MANY = 24


@pytest.fixture
def compared(request, db, postgres_database, monkeypatch):
    """A world of records that are linked and compared; its ranges are small. Left is PostgreSQL."""
    monkeypatch.setattr(ranges, "SIZE", 4)
    right = request.getfixturevalue(getattr(request, "param", "sqlite_database"))
    made = build(postgres_database, right)
    for n in range(MANY):
        made.both(email=f"p{n:02}@example.com", phone="030 1", points=5)
    made.set(deletes="propagate", guard_floor=1000)
    for row in Resource.objects.all():
        row.config |= {"overlap": 0}
        row.save()
    made.sync("reconcile")
    while made.sync().counts.get("read"):
        pass  # what the cursors tell once more
    yield made
    made.left.close()
    made.right.close()


def reading(done):
    """(records read, records confirmed by fingerprints)."""
    return done.counts.get("read", 0), done.counts.get("confirmed", 0)


def only(world, **counts):
    """A reconcile does this to records, and nothing else."""
    done = world.sync("reconcile")
    effects = {k: n for k, n in done.counts.items() if k in ("created", "updated", "deleted", "conflicts")}
    assert effects == counts, done.counts
    return done


@pytest.mark.runs_once
@pytest.mark.parametrize(
    ("side", "compared"),
    [("left", "sqlite_database"), ("right", "sqlite_database"), ("right", "mariadb_database")],
    indirect=["compared"],
)
def test_what_the_cursor_missed_is_found_and_little_else_is_read(compared, side):
    assert reading(only(compared)) == (0, 2 * MANY)
    here, there = getattr(compared, side), getattr(compared, Side(side).other.value)
    ids = [row["id"] for row in here.rows()]
    here.run("UPDATE contacts SET phone = '030 2' WHERE id = :id", id=ids[1])
    here.run("DELETE FROM contacts WHERE id = :id", id=ids[9])
    here.run(
        "INSERT INTO contacts (id, email, updated_at) VALUES (:id, 'new@example.com', '2020-01-01 00:00:00')",
        id=ids[-1] + 7,
    )
    assert not {"created", "updated", "deleted"} & compared.sync().counts.keys()
    read, confirmed = reading(only(compared, created=1, updated=1, deleted=1))
    assert 3 <= read <= 3 * 8
    assert confirmed + read == 2 * MANY
    assert {row["email"]: row["phone"] for row in here.rows()} == {
        row["email"]: row["phone"] for row in there.rows()
    }
    only(compared)
    assert reading(only(compared)) == (0, 2 * MANY)


def test_a_value_that_silently_goes_back_is_seen_though_the_system_is_as_it_was(compared):
    first = compared.left.rows()[0]["id"]
    compared.left.edit(first, phone="030 2")
    assert compared.sync().counts["updated"] == 1
    compared.left.run("UPDATE contacts SET phone = '030 1' WHERE id = :id", id=first)
    only(compared, updated=1)
    assert compared.right.rows()[0]["phone"] == "030 1"


@pytest.mark.runs_once
def test_what_differs_is_looked_at_each_time_until_it_is_settled(compared):
    left, right = (peer.rows()[0]["id"] for peer in (compared.left, compared.right))
    compared.left.edit(left, phone="030 2")
    compared.right.edit(right, phone="030 3")
    assert compared.sync().counts["conflicts"] == 1
    for _ in range(3):
        read, confirmed = reading(only(compared))
    assert 0 < read <= 16
    assert confirmed + read == 2 * MANY


@pytest.mark.runs_once
def test_all_is_read_where_more_than_records_may_have_changed(compared):
    FieldMapping.objects.filter(mapping=compared.mapping, name="city").update(normalize=["trim"])
    compared.mapping.refresh_from_db()
    assert reading(only(compared)) == (2 * MANY, 0)
    assert reading(only(compared)) == (0, 2 * MANY)
    Link.objects.filter(mapping=compared.mapping).update(left_version="5")
    assert reading(only(compared)) == (0, 2 * MANY)
    KeyRanges.objects.all().delete()
    assert reading(only(compared)) == (2 * MANY, 0)


@pytest.mark.runs_once
def test_a_table_that_takes_too_long_to_hash_is_read(compared, monkeypatch):
    def late(*_, **__):
        raise Retry("canceling statement due to statement timeout")

    with monkeypatch.context() as patch:
        patch.setattr(SqlConnector, "sums", late)
        assert reading(only(compared)) == (2 * MANY, 0)
    assert reading(only(compared)) == (0, 2 * MANY)


@pytest.mark.runs_once
def test_references_are_read_again_once_a_link_they_name_is_gone(world):
    FieldMapping.objects.create(
        mapping=world.mapping, name="company", left="company_id", right="company_id", type="reference",
        target=world.companies,
    )  # fmt: skip
    firms = world.left.add("companies", name="ACME"), world.right.add("companies", name="ACME")
    world.sync(mapping=world.companies)
    world.left.add(**ANNA, company_id=firms[0])
    world.right.add(**ANNA, company_id=firms[1])
    world.sync("reconcile")
    assert reading(world.sync("reconcile")) == (0, 2)
    for peer in (world.left, world.right):
        peer.add("companies", name="B")
    world.sync(mapping=world.companies)
    assert reading(world.sync("reconcile")) == (0, 2)
    Link.objects.filter(mapping=world.companies, left_key=str(firms[0])).update(status="closed")
    assert reading(world.sync("reconcile")) == (2, 0)


@pytest.mark.runs_once
def test_a_side_without_cursor_is_read_each_pass_only_where_it_changed(compared):
    row = Resource.objects.get(pk=compared.mapping.left_id)
    row.config = {"table": "contacts", "changes": "scan"}
    row.save()
    compared.mapping.refresh_from_db()
    compared.sync()
    compared.left.run("UPDATE contacts SET phone = '030 2' WHERE id = :id", id=compared.left.rows()[0]["id"])
    done = compared.sync()
    assert done.counts["updated"] == 1
    assert done.counts["confirmed"] > MANY // 2
    assert compared.right.rows()[0]["phone"] == "030 2"
